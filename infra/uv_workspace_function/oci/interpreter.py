"""The Python that compiles: one of this machine, of the target's minor version."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.store import Store, key_of
from uv_workspace_function.uv import pythons

_TELL = (
    "import sys, json, importlib.util as u; print(json.dumps([list(sys.version_info[:3]), sys.version_info.releaselevel, "
    "sys.implementation.name, u.MAGIC_NUMBER.hex(), sys.version, sys.abiflags, sys.executable]))"
)
# By uv's own name for it: https://docs.astral.sh/uv/concepts/python-versions/#disabling-automatic-python-downloads
_NO_DOWNLOADS = {"never", "manual", "false", "0"}
# What decides which one uv finds.
_DECISIVE = ("PATH", "HOME", "XDG_DATA_HOME", "UV_PYTHON_INSTALL_DIR", "UV_PYTHON_PREFERENCE", "UV_PYTHON_DOWNLOADS")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python of this machine."""

    program: Path
    version: str
    """With its patch release."""
    exactly: str
    """What tells it from any other one: its build and the format of its bytecode."""


def find(store: Store, wanted: str, *, uv: Path, given: Path | None = None) -> Interpreter:
    """The Python to compile with; which one that is, is remembered for as long as its program and `PATH` stay.

    Args:
        store: where.
        wanted: the minor version, such as `3.14`.
        uv: uv's program, which finds it, or installs it where UV_PYTHON_DOWNLOADS does not keep it from that.
        given: which one to take.

    Raises:
        WorkspaceError: when there is none, or the given one is of another version.
    """
    given = None if given is None else _named(given)
    key = key_of(wanted, str(given), {name: os.environ.get(name) for name in _DECISIVE})
    kept = store.record("interpreters", key)
    if kept is not None and kept["state"] == _state(Path(kept["program"])):
        return Interpreter(program=Path(kept["program"]), version=kept["version"], exactly=kept["exactly"])
    program = given or _found(wanted, uv) or _installed(wanted, uv)
    found = _checked(program, wanted)
    if found.program == program:  # a script that starts another one may start a third one tomorrow
        kept = {"program": str(program), "version": found.version, "exactly": found.exactly, "state": _state(program)}
        store.keep("interpreters", key, kept)
    return found


def _named(given: Path) -> Path:
    """A program by its path, or by its name on `PATH`: steps run in a folder of their own."""
    found = None if given.exists() else shutil.which(given)
    return Path(found or given).absolute()


def _state(program: Path) -> list[int] | None:
    try:
        status = program.stat()
    except OSError:
        return None
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _checked(program: Path, wanted: str) -> Interpreter:
    answer = _ask(program)
    if answer is None:
        raise WorkspaceError(f"{program} does not answer as a Python does", f"give another Python {wanted}")
    numbers, level, implementation, magic, version, flags, executable = answer
    own = ".".join(map(str, numbers[:2]))
    if own != wanted or implementation != "cpython" or level != "final" or flags:
        found = f"{implementation} {'.'.join(map(str, numbers))}{'' if level == 'final' else f' ({level})'}{flags}"
        raise WorkspaceError(
            f"{program} is {found}, but bytecode is needed from CPython {wanted}",
            f"run `uv python install {wanted}`, or give another Python",
        )
    # What is given may be a script that starts one, as pyenv's are: it would find neither its variables nor its home in a step.
    return Interpreter(
        program=Path(executable or program), version=".".join(map(str, numbers)), exactly=f"{version} {magic}"
    )


def _found(wanted: str, uv: Path) -> Path | None:
    # Not the one of a virtual environment, nor of the workspace: they may go at any time.
    answer = pythons(uv, "find", "--system", "--no-project", "--no-python-downloads", f"cpython@{wanted}")
    return Path(answer.output.strip()) if answer is not None and answer.code == 0 else None


def _installed(wanted: str, uv: Path) -> Path:
    reason = "uv may not download one (UV_PYTHON_DOWNLOADS)"
    if os.environ.get("UV_PYTHON_DOWNLOADS", "").lower() not in _NO_DOWNLOADS:
        answer = pythons(uv, "install", wanted)
        found = _found(wanted, uv) if answer is not None and answer.code == 0 else None
        if found is not None:
            return found
        said = answer.text.strip().splitlines() if answer is not None else []
        reason = f"uv could not install one ({said[-1].strip() if said else 'it said nothing'})"
    raise WorkspaceError(
        f"only Python {wanted} compiles bytecode for Python {wanted}; this machine has none, and {reason}",
        f"run `uv python install {wanted}`, name one with --interpreter (CDK_DOCKER: UV_WORKSPACE_DOCKER_INTERPRETER), or build an image with the engine",
    )


def _ask(program: Path) -> list[Any] | None:
    try:
        done = subprocess.run(
            [program, "-I", "-S", "-c", _TELL], check=True, capture_output=True, text=True, timeout=60
        )
        answer: list[Any] = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return answer
