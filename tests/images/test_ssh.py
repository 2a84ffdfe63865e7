"""The agent that `build_ssh` names reaches what installs packages: uv, git and backends."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import made
import pytest
from images.engine import BuildFailedError, Engine
from uv_workspace_function import BuildContext, Workspace

# A build backend that fails unless an agent answers.
BACKEND = """
import os, socket

with socket.socket(socket.AF_UNIX) as agent:
    agent.connect(os.environ["SSH_AUTH_SOCK"])
    agent.sendall(b"\\0\\0\\0\\1\\x0b")  # which keys are there
    print("the agent answers", agent.recv(5))
raise SystemExit("as far as this goes")
"""


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Path]:
    """A socket of an agent without keys."""
    path = Path(f"/tmp/uv-workspace-function-{os.getpid()}.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=converse, args=(client,), daemon=True).start()

        def converse(client: socket.socket) -> None:
            with client:
                while client.recv(1024):
                    client.sendall(b"\0\0\0\5\x0c\0\0\0\0")

        threading.Thread(target=answer, daemon=True).start()
        yield path
    path.unlink()


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """A build context whose service is built by that backend."""
    root = made.workspace(tmp_path / "w", ["shop"])
    made.handler(root / "shop")
    workspace = made.lock(root)
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    definition = (root / "shop/pyproject.toml").read_text().partition("[build-system]")[0]
    (root / "shop/pyproject.toml").write_text(definition + system)
    (root / "shop/backend.py").write_text(BACKEND)
    BuildContext.of(Workspace.load(workspace), "shop").write(tmp_path / "context")
    return tmp_path / "context"


def said(engine: Engine, context: Path, *options: str) -> str:
    """What the build says; it fails in any case."""
    with pytest.raises(BuildFailedError) as raised:
        engine.build(context, {"SERVICE_NAME": "shop"}, *options, platform=engine.native)
    return str(raised.value)


def test_the_agent_answers_where_packages_are_installed(engine: Engine, context: Path, agent: Path) -> None:
    report = said(engine, context, f"--ssh=default={agent}")
    assert "the agent answers" in report
    assert "as far as this goes" in report


def test_without_it_there_is_none(engine: Engine, context: Path) -> None:
    """And a build that needs none is not asked for one."""
    report = said(engine, context, "--progress=plain")
    assert "the agent answers" not in report
    assert (
        "FileNotFoundError: [Errno 2] No such file or directory" in report
    )  # BuildKit names a socket that there is not
