"""Where this package keeps things in the user's cache: never in a workspace, and safe to delete at any time."""

import os
import tempfile
from pathlib import Path


def user_cache() -> Path:
    """Where caches go: below `$XDG_CACHE_HOME`, by default `~/.cache`. A relative one is none.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    folder = given if given.is_absolute() else Path(os.path.expanduser("~/.cache"))  # noqa: PTH111 - a Path's raises
    if not folder.is_absolute():  # nobody knows a home for this user
        folder = Path(os.devnull)
    return folder / "uv-workspace-function"


def keep(path: Path, content: bytes) -> None:
    """Write a file of it whole or not at all, whoever writes it at the same time.

    Raises:
        OSError: when it cannot be written; nothing is left of it then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
