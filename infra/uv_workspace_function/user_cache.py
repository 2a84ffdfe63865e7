"""Where this package keeps things in the user's cache: never in a workspace, and safe to delete at any time."""

import os
from pathlib import Path


def user_cache() -> Path:
    """Where caches go: below `$XDG_CACHE_HOME`, by default `~/.cache`. A relative one is none.

    Source: https://specifications.freedesktop.org/basedir-spec/latest/.
    """
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        folder = given if given.is_absolute() else Path.home() / ".cache"
    except RuntimeError:  # nobody knows a home for this user
        folder = Path(os.devnull)
    return folder / "uv-workspace-function"
