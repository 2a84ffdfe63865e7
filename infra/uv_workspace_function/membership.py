"""Which folders are members of a uv workspace: uv's rules for `members`, `exclude` and `managed`.

Source: uv's documentation, "Using workspaces", and what `uv workspace list --paths` prints; the tests compare with it.
"""

import glob
import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

PYPROJECT = "pyproject.toml"


def folders(root: Path, patterns: Iterable[str], *, exclude: Iterable[str] = ()) -> Iterator[PurePosixPath]:
    """The folders with a `pyproject.toml` that a workspace's globs name, relative to its root, in order.

    Args:
        root: the workspace's root.
        patterns: globs, `tool.uv.workspace.members`; `*` stays in one path component, `**` crosses them.
        exclude: globs, `tool.uv.workspace.exclude`; here `*` crosses components, as in uv.
    """
    excluded = [_exclusion(pattern) for pattern in exclude]
    found = set()
    for pattern in patterns:
        normal = posixpath.normpath(pattern)
        # Path.glob has no include_hidden
        for match in glob.iglob(normal, root_dir=root, recursive=True, include_hidden=True):  # noqa: PTH207
            folder = PurePosixPath(os.path.relpath(root / match, root))
            if not any(rule.fullmatch(folder.as_posix()) for rule in excluded) and (root / match / PYPROJECT).is_file():
                found.add(folder)
    yield from sorted(found)


def _exclusion(pattern: str) -> re.Pattern[str]:
    """A glob as uv matches `exclude` with it: against the whole path, wildcards not stopping at separators."""
    rest = posixpath.normpath(pattern)
    parts: list[str] = []
    while rest:
        if rest.startswith("**/"):
            parts, rest = [*parts, "(?:.*/)?"], rest[3:]
        elif rest == "**" or rest[0] == "*":
            parts, rest = [*parts, ".*"], rest.lstrip("*")
        elif rest[0] == "?":
            parts, rest = [*parts, "."], rest[1:]
        elif (chosen := re.match(r"\[(!?)(\]?[^]]*)\]", rest)) is not None:
            parts.append(f"[{'^' if chosen[1] else ''}{chosen[2].replace(chr(92), chr(92) * 2)}]")
            rest = rest[chosen.end() :]
        else:
            parts, rest = [*parts, re.escape(rest[0])], rest[1:]
    return re.compile("".join(parts), re.DOTALL)
