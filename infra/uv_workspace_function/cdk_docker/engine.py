"""The container engine that calls go to which are not about an image of ours: as they came, and to nobody else."""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import NoReturn

from uv_workspace_function.cdk_docker.calls import Call
from uv_workspace_function.cdk_docker.settings import ENGINE, Settings
from uv_workspace_function.errors import WorkspaceError

# What Python ignores from its start, and a program that takes its place would ignore as well.
_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")
_CALLED = "UV_WORKSPACE_DOCKER_CALLED"
"""Tells that this program called itself: what it calls may be a script that calls it."""


def program(settings: Settings) -> str | None:
    """The engine's program; None where there is none.

    Raises:
        WorkspaceError: when it is this very program.
    """
    found = shutil.which(settings.engine)
    if found is not None and (_CALLED in os.environ or Path(found).resolve() == Path(sys.argv[0]).resolve()):
        raise WorkspaceError(
            f"{settings.engine} leads to this program itself, which has no engine to pass a call on to",
            f"name the engine's own program with {ENGINE}",
        )
    return found


def pass_on(call: Call, found: str) -> NoReturn:
    """Become the engine's program: with the same arguments, streams and process, so that exit code and signals are its own.

    Raises:
        WorkspaceError: when it cannot be started.
    """
    for name in _IGNORED_BY_PYTHON:
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    try:
        variables = {**os.environ, _CALLED: "1"}
        os.execve(found, [found, *call.arguments], variables)  # noqa: S606 - nothing is for a shell to read
    except OSError as error:
        raise WorkspaceError(
            f"{found} cannot be started: {(error.strerror or str(error)).lower()}", f"name another one with {ENGINE}"
        ) from error


def refused(call: Call, settings: Settings) -> WorkspaceError:
    """What is said of a call that needs an engine where there is none."""
    return WorkspaceError(
        f"`{call.shown}` is not about an image of a uv workspace, so it needs a container engine, and there is no program "
        f"{settings.engine}",
        f"install one, or name its program with {ENGINE}",
    )
