"""Faults of this program itself: one line that says so, and a file with the details."""

import errno
import os
import signal

from uv_workspace_function.errors import WorkspaceError, nested_too_deeply, unreadable
from uv_workspace_function.processes.signals import Ended

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h: none of the codes that say something of a workspace."""

# What the system says of itself, and not of this program.
_OF_THE_SYSTEM = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.ETXTBSY, errno.ESTALE),
)


def told(error: Exception | Ended) -> tuple[list[str], int]:
    """The lines that tell why a program ends, and its exit code: 2 for what the request or the system is to blame for."""
    if isinstance(error, Ended):
        return [f"ended by {signal.Signals(error.number).name}"], error.exit_code
    if isinstance(error, RecursionError):
        error = nested_too_deeply()
    elif isinstance(error, PermissionError) and error.filename is not None:
        error = unreadable(error)
    if isinstance(error, WorkspaceError):
        return f"error: {error}".split("\n"), 2
    refused = _of_the_system(error)
    return [f"error: {refused or report(error)}"], 2 if refused else EXIT_CODE


def _of_the_system(error: Exception) -> str | None:
    """What the system refuses, in one line; None where the fault is not the system's."""
    if not isinstance(error, OSError) or error.errno not in _OF_THE_SYSTEM:
        return None
    where = "" if error.filename is None else f" at {os.fsdecode(error.filename)}"
    return f"the system refuses: {(error.strerror or str(error)).lower()}{where}"


def lacks_extra(what: str, error: ModuleNotFoundError, *, where: str = "") -> WorkspaceError:
    """What to say where a module of the extra `oci` is not there.

    Args:
        what: who needs it.
        error: which one it is.
        where: which machine or job is meant, in words that follow.
    """
    remedy = " ".join(filter(None, ("install uv-workspace-function[oci]", where)))
    return WorkspaceError(f"{what} needs {error.name}, which is not installed", remedy)


def report(error: Exception) -> str:
    """Write down what is known of a fault, and tell in one line where."""
    import platform  # noqa: PLC0415 - what tells of a fault takes its time
    import tempfile  # noqa: PLC0415
    import traceback  # noqa: PLC0415
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415

    kind = type(error).__name__
    try:
        release = version("uv-workspace-function")
    except PackageNotFoundError:
        release = "of unknown version"
    text = f"uv-workspace-function {release}, Python {platform.python_version()}, {platform.platform()}\n\n"
    text += "".join(traceback.format_exception(error))
    try:
        descriptor, path = tempfile.mkstemp(prefix="uv-workspace-function-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as stream:
            stream.write(text)
    except OSError:
        return f"this is a fault of uv-workspace-function itself ({kind}); no file could be written with its details"
    return f"this is a fault of uv-workspace-function itself ({kind}); its details are in {path}: please report them"
