"""uv is started in one place, and a question passes on what it names: no other variable or configuration reaches uv.

Covers also: user_cache.py.
"""

import ast
import json
import os
import shutil
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest
from made import lock, member, workspace
from uv_workspace_function import uv as asked
from uv_workspace_function.uv import UvAnswer
from wheelhouse import uv

Said = Callable[[], dict[str, dict[str, str]]]
PACKAGE = Path(asked.__file__).parent
# Each makes uv answer for another project, by other rules, or of another lock; as a shell, a CI or a builder image sets them.
HOSTILE = {
    "UV_PROJECT": "/elsewhere",
    "UV_WORKING_DIR": "/elsewhere",
    "UV_WORKING_DIRECTORY": "/elsewhere",
    "UV_CONFIG_FILE": "/elsewhere/uv.toml",
    "UV_NO_CONFIG": "1",
    "UV_NO_INSTALL_LOCAL": "1",
    "UV_NO_INSTALL_PROJECT": "1",
    "UV_NO_INSTALL_WORKSPACE": "1",
    "UV_NO_SOURCES": "1",
    "UV_NO_SOURCES_PACKAGE": "orders",
    "UV_NO_SYNC": "1",
    "UV_NO_EDITABLE": "0",
    "UV_NO_BUILD": "1",
    "UV_NO_BINARY": "1",
    "UV_NO_BUILD_ISOLATION": "1",
    "UV_EXCLUDE_NEWER": "2020-01-01T00:00:00Z",
    "UV_RESOLUTION": "lowest",
    "UV_PRERELEASE": "allow",
    "UV_FORK_STRATEGY": "fewest",
    "UV_CONSTRAINT": "/elsewhere/constraints.txt",
    "UV_OVERRIDE": "/elsewhere/overrides.txt",
    "UV_BUILD_CONSTRAINT": "/elsewhere/constraints.txt",
    "UV_FROZEN": "1",
    "UV_LOCKED": "1",
    "UV_ISOLATED": "1",
    "UV_DEV": "1",
    "UV_NO_DEV": "1",
    "UV_NO_GROUP": "test",
    "UV_TORCH_BACKEND": "cpu",
    "UV_SHOW_RESOLUTION": "1",
    "UV_PROJECT_ENVIRONMENT": "/elsewhere/environment",
    "UV_SYSTEM_PYTHON": "1",
    "UV_PREVIEW": "1",
    "VIRTUAL_ENV": "/elsewhere/environment",
    "CONDA_PREFIX": "/elsewhere/conda",
    "PYTHONPATH": "/elsewhere",
    "PYTHONHOME": "/elsewhere",
    "GIT_DIR": "/elsewhere/.git",
    "RUST_LOG": "trace",
}
INDEXES = {
    "UV_DEFAULT_INDEX": "https://mirror.example/simple",
    "UV_INDEX": "https://more.example/simple",
    "UV_INDEX_URL": "https://mirror.example/simple",
    "UV_EXTRA_INDEX_URL": "https://more.example/simple",
    "UV_FIND_LINKS": "/elsewhere/wheels",
    "UV_INDEX_OURS_USERNAME": "ci",
    "UV_INDEX_OURS_PASSWORD": "secret",
    "UV_INDEX_THEIRS_PASSWORD": "secret",
}
GENERAL = {
    "NETRC": "/home/ci/netrc",
    "SSL_CERT_FILE": "/etc/certificates.pem",
    "HTTPS_PROXY": "http://proxy.example",
    "UV_CACHE_DIR": "/var/cache/uv",
    "UV_NO_CACHE": "0",
    "UV_PYTHON_INSTALL_DIR": "/opt/pythons",
    "UV_HTTP_TIMEOUT": "9",
}
_ECHO = """#!{python}
import json, os, sys
with open({said!r}, "w") as stream:
    json.dump({{"arguments": sys.argv[1:], "variables": dict(os.environ), "folder": os.getcwd()}}, stream)
"""


@pytest.fixture
def said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Said:
    """A uv that only writes down how it was asked, in a shell full of variables; what it wrote."""
    program = tmp_path / "bin" / "uv"
    program.parent.mkdir()
    program.write_text(_ECHO.format(python=sys.executable, said=str(tmp_path / "said.json")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    for key, value in {**HOSTILE, **INDEXES, **GENERAL, "AWS_SECRET_ACCESS_KEY": "secret"}.items():
        if key != "PYTHONHOME":  # the stand-in is a Python itself
            monkeypatch.setenv(key, value)
    return lambda: json.loads((tmp_path / "said.json").read_text())


def passed(said: Said) -> set[str]:
    """The variables of the shell above that reached uv with their values."""
    variables = said()["variables"]
    ours = {**HOSTILE, **INDEXES, **GENERAL, "AWS_SECRET_ACCESS_KEY": "secret"}
    return {key for key, value in ours.items() if variables.get(key) == value}


def test_uv_is_started_in_one_module() -> None:
    """And by the builder, which cannot import it; a build without an engine (`oci`) runs that, with the uv that the Dockerfile pins."""
    starting = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.parent.name != "oci"
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Constant) and node.value in ("uv", "/opt/uv/uv")
        if "subprocess" in path.read_text() or "posix_spawn" in path.read_text()
    }
    assert starting == {"uv.py", "builder/install.py"}


def test_the_offline_question_sees_no_index_and_no_credential(tmp_path: Path, said: Said) -> None:
    """A mirror in UV_DEFAULT_INDEX would make a good lock stale."""
    asked.ask_offline(tmp_path, requires_python=">=3.11")
    assert passed(said) == set()


def test_the_online_question_sees_the_credentials_of_named_indexes(tmp_path: Path, said: Said) -> None:
    """Not where those indexes are, and no other index's."""
    asked.ask_online(tmp_path, requires_python=">=3.11", indexes=["ours"], locked=True)
    assert passed(said) == {*GENERAL, "UV_INDEX_OURS_USERNAME", "UV_INDEX_OURS_PASSWORD"}


def test_an_installation_sees_every_index(tmp_path: Path, said: Said) -> None:
    """Whose names a frozen lock does not decide."""
    asked.sync(tmp_path, tmp_path / "environment", variables={"OWN": "1"}, python=None, offline=True)
    assert passed(said) == {*GENERAL, *INDEXES, "AWS_SECRET_ACCESS_KEY"}


@pytest.mark.parametrize(
    "question",
    [
        lambda folder: asked.ask_offline(folder, requires_python=">=3.11"),
        lambda folder: asked.ask_online(folder, requires_python=">=3.11", indexes=(), locked=True),
        lambda folder: asked.export(folder, "orders", requires_python=">=3.11"),
    ],
    ids=["offline", "online", "export"],
)
def test_a_shell_full_of_variables_changes_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, question: Callable[[Path], UvAnswer | None]
) -> None:
    """uv itself is asked, once in a plain shell, and once with every variable and a configuration of the user's."""
    root = lock(workspace(tmp_path / "shop", ["orders"]))
    for key in os.environ:
        if key.startswith("UV_"):
            monkeypatch.delenv(key)
    plain = question(root)
    assert plain is not None
    assert (plain.code, plain.output) == (0, "")
    for key, value in {**HOSTILE, **INDEXES}.items():
        monkeypatch.setenv(key, value)
    (tmp_path / "config/uv").mkdir(parents=True)
    (tmp_path / "config/uv/uv.toml").write_text('exclude-newer = "2020-01-01T00:00:00Z"\nresolution = "lowest"\n')
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "config"))
    hostile = question(root)
    assert hostile is not None
    assert (hostile.code, hostile.output) == (0, "")


def test_a_stale_lock_is_stale_whatever_another_project_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With UV_PROJECT of a project with a good lock, the stale one was clean."""
    good = lock(workspace(tmp_path / "good", ["orders"]))
    stale = lock(workspace(tmp_path / "stale", ["orders"]))
    member(stale / "orders", 'dependencies = ["requests"]')
    monkeypatch.setenv("UV_PROJECT", str(good))
    monkeypatch.setenv("UV_WORKING_DIR", str(good))
    answer = asked.ask_offline(stale, requires_python=">=3.11")
    assert answer is not None
    assert answer.code == 1


def test_no_python_of_the_workspace_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the one of its environment nor the one that `.python-version` names; without the guard one does."""
    root = lock(workspace(tmp_path / "shop", ["orders"]))
    ran = tmp_path / "ran"
    python = root / ".venv/bin/python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\ntouch {ran}\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    (root / ".venv/pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\n")
    (root / ".python-version").write_text("./.venv/bin/python\n")
    offline = asked.ask_offline(root, requires_python=">=3.11")
    online = asked.ask_online(root, requires_python=">=3.11", indexes=(), locked=True)
    exported = asked.export(root, "orders", requires_python=">=3.11")
    codes = [answer.code for answer in (offline, online, exported) if answer is not None]
    assert ([0, 0, 0], False) == (codes, ran.exists())
    uv("lock", "--check", "--python", sys.executable, cwd=root, check=False)
    assert ran.exists()


def test_a_python_is_run_once_to_be_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What uv found out about it is kept for the next question, and nothing else of uv's cache; it is no harm when it is damaged."""
    root = lock(workspace(tmp_path / "shop", ["orders"]))
    ran = tmp_path / "ran"
    venv.create(tmp_path / "environment")
    (site,) = (tmp_path / "environment").glob("lib/python3.*/site-packages")
    (site / "told.pth").write_text(
        f"import os; os.write(os.open({str(ran)!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT), b'.')\n"
    )
    monkeypatch.setattr(sys, "executable", str(tmp_path / "environment/bin/python"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def runs() -> int:
        answer = asked.ask_offline(root, requires_python=">=3.11")
        assert answer is not None
        assert 0 == answer.code, answer.text
        return len(ran.read_text())

    first = runs()
    assert first == runs()
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert {".msgpack"} == {path.suffix for path in kept}
    for path in kept:
        path.write_bytes(b"damaged")
    second = runs()
    assert first < second == runs(), "what was damaged is kept anew"
    first = second
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "cache").write_text("no folder")
    assert first < runs()


def test_pythons_that_were_known_are_not_kept_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty are enough for anyone."""
    root = lock(workspace(tmp_path / "shop", ["orders"]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    asked.ask_offline(root, requires_python=">=3.11")
    (known,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    for number in range(60):
        known.with_name(f"{number:016}.msgpack").write_bytes(known.read_bytes())
    known.unlink()
    for _ in range(2):
        asked.ask_offline(root, requires_python=">=3.11")
    assert len([*known.parent.iterdir()]) < 60


def test_uv_is_found_beside_the_python_that_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As uv's own package is installed; else the one that `uv run` tells; None where there is none."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("UV", raising=False)
    python = tmp_path / "environment/bin/python"
    python.parent.mkdir(parents=True)
    monkeypatch.setattr(sys, "executable", str(python))
    assert asked.cache_folder() is None
    beside = python.with_name("uv")
    beside.write_text("#!/bin/sh\necho /beside\n")
    beside.chmod(0o755)
    assert asked.cache_folder() == Path("/beside")


def test_the_line_that_says_what_is_wrong() -> None:
    """uv's own, without what goes before it."""
    text = "Using CPython 3.11.7\nwarning: something\nerror: the lock is broken\n  cause: line 3\n"
    assert UvAnswer(code=2, text=text).reason == "the lock is broken"
    assert UvAnswer(code=2, text="").reason == "it said nothing"
