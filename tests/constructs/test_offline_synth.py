"""Synth on a plane: app.py runs with no Docker, git, network or AWS account. uv may be asked one thing offline, and may be absent."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODE = Path(os.environ.get("JSII_NODE", "node"))
LOCKS = 2  # the workspace's, and that of the standalone project
PROGRAMS = ("docker", "finch", "podman", "uv", "uvx", "git", "aws", "pip")
# Each guard writes down what was tried before it refuses, so that nobody can swallow the refusal.
PROGRAM = '#!/bin/sh\necho "program $(basename "$0")" >> "{tried}"\nexit 97\n'
PYTHON_GUARD = """
import os, socket
def refuse(self, address, *rest):
    if self.family == socket.AF_UNIX:
        return connect(self, address, *rest)
    with open(os.environ["TRIED"], "a") as tried:
        tried.write(f"python {address}\\n")
    raise OSError("there is no network")
connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refuse
"""
NODE_GUARD = """
const fs = require("fs"), net = require("net"), dns = require("dns");
const refuse = what => { fs.appendFileSync(process.env.TRIED, `node ${what}\\n`); throw new Error("there is no network") };
net.Socket.prototype.connect = () => refuse("connect");
dns.lookup = dns.promises.lookup = () => refuse("lookup");
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the guards."""
    folder = tmp_path_factory.mktemp("plane")
    (folder / "bin").mkdir()
    for name in PROGRAMS:
        (folder / "bin" / name).write_text(PROGRAM.format(tried=folder / "tried"))
        (folder / "bin" / name).chmod(0o755)
    (folder / "sitecustomize.py").write_text(PYTHON_GUARD)
    (folder / "guard.js").write_text(NODE_GUARD)
    return folder


def run(plane: Path, *command: str, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run a command behind the guards; what it did, and what it tried."""
    tried = plane / "tried"
    tried.write_text("")
    environment = {
        "PATH": f"{plane / 'bin'}:/usr/bin:/bin",
        "HOME": str(plane),
        "JSII_NODE": str(NODE),
        "NODE_OPTIONS": f"--require={plane / 'guard.js'}",
        "PYTHONPATH": str(plane),
        "TRIED": str(tried),
        **variables,
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    return done, tried.read_text().splitlines()


@pytest.mark.parametrize(
    ("command", "tried"),
    [
        *((["sh", "-c", f"{name} version"], f"program {name}") for name in PROGRAMS),
        (
            [sys.executable, "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9')"],
            "python ('127.0.0.1', 9)",
        ),
        ([str(NODE), "-e", "require('http').get('http://127.0.0.1:9')"], "node connect"),
        ([str(NODE), "-e", "require('dns').lookup('example.com', () => 0)"], "node lookup"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_guards_notice(plane: Path, command: list[str], tried: str) -> None:
    """Each of them, when somebody does what synth must not."""
    done, noticed = run(plane, *command)
    assert done.returncode != 0
    assert [tried] == noticed


@pytest.fixture(scope="module")
def synthesized(plane: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The cloud assembly of app.py, made behind the guards, and what was tried."""
    out = tmp_path_factory.mktemp("cdk.out")
    done, tried = run(
        plane, sys.executable, "app.py", CDK_OUTDIR=str(out), CDK_CONTEXT_JSON=context(), CDK_VALIDATION="false"
    )
    assert (0, "") == (done.returncode, done.stdout), done.stderr
    return out, tried


def context() -> str:
    """What the CLI would hand over of cdk.json."""
    return json.dumps(json.loads((ROOT / "cdk.json").read_text())["context"])


def test_synth_asks_uv_once_for_each_lock_and_tries_nothing_else(synthesized: tuple[Path, list[str]]) -> None:
    """A uv that cannot tell stops nothing."""
    out, tried = synthesized
    assert ["program uv"] * LOCKS == tried
    assert (out / "ServiceStack.template.json").is_file()


def warnings_of_locks(out: Path) -> list[str]:
    """The warnings of an assembly about locks that nobody could judge."""
    metadata = json.loads((out / "ServiceStack.metadata.json").read_text())
    texts = [
        str(entry["data"]) for entries in metadata.values() for entry in entries if entry["type"] == "aws:cdk:warning"
    ]
    return [text for text in texts if "without checking that it is fresh" in text]


def test_each_lock_that_uv_cannot_judge_is_warned_of_once(synthesized: tuple[Path, list[str]]) -> None:
    """Three services share the workspace's."""
    assert LOCKS == len(warnings_of_locks(synthesized[0]))


def test_synth_is_the_same_with_uv_and_without(
    plane: Path, synthesized: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Without one there is a warning, with one that answers there is none; the template says nothing of it."""
    (plane / "bin/uv").rename(plane / "uv")
    try:
        absent = run_app(plane, tmp_path_factory.mktemp("absent"))
        (plane / "bin/uv").symlink_to(shutil.which("uv") or "uv is not on PATH")
        there = run_app(plane, tmp_path_factory.mktemp("there"))
    finally:
        (plane / "bin/uv").unlink(missing_ok=True)
        (plane / "uv").rename(plane / "bin/uv")
    assert (LOCKS, 0) == (len(warnings_of_locks(absent)), len(warnings_of_locks(there)))
    templates = {(out / "ServiceStack.template.json").read_bytes() for out in (synthesized[0], absent, there)}
    assert len(templates) == 1


def run_app(plane: Path, out: Path) -> Path:
    """The cloud assembly, for which nothing but uv was tried."""
    done, tried = run(
        plane, sys.executable, "app.py", CDK_OUTDIR=str(out), CDK_CONTEXT_JSON=context(), CDK_VALIDATION="false"
    )
    assert (0, []) == (done.returncode, tried), done.stderr
    return out


def test_synth_stages_one_build_context_for_each_service(synthesized: tuple[Path, list[str]]) -> None:
    out, _ = synthesized
    services = {"daily-report", "ingestion-worker", "legacy-export", "query-api"}
    assets = json.loads((out / "ServiceStack.assets.json").read_text())["dockerImages"].values()
    assert services == {asset["source"]["dockerBuildArgs"]["SERVICE_NAME"] for asset in assets}
    assert all(list((out / asset["source"]["directory"]).rglob("uv.lock")) for asset in assets)


def test_a_zip_function_needs_no_more(plane: Path, tmp_path: Path) -> None:
    """Its archive is made when it is published; synth asks uv once, and leaves a build context."""
    app = str(ROOT / "tests/deploy/zip_app.py")
    done, tried = run(plane, sys.executable, app, CDK_OUTDIR=str(tmp_path / "out"), CDK_CONTEXT_JSON=context())
    assert (0, ["program uv"]) == (done.returncode, tried), done.stderr
    assert ["query-api"] == [path.name.rpartition("-")[0] for path in (tmp_path / "out/zip-functions").iterdir()]
