"""Which folders are members of a uv workspace: uv's rules for `members`, `exclude` and `managed`.

Source: uv's documentation, "Using workspaces", and what `uv workspace list --paths` prints; the tests compare with it.
"""

import fnmatch
import glob
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from uv_workspace_function.definitions.pyproject import PYPROJECT

_MALFORMED = re.compile(r"\*{3}|[^/]\*\*|\*\*[^/]|\[(?!(?:!.|[^!])[^]]*\])", re.DOTALL)


def folders(
    root: Path, patterns: Iterable[str], *, exclude: Iterable[str] = (), lenient: bool = False
) -> Iterator[PurePosixPath]:
    """The folders with a `pyproject.toml` that a workspace's globs name, relative to its root, in order.

    Args:
        root: the workspace's root.
        patterns: globs, `tool.uv.workspace.members`; `*` stays in one path component, `**` crosses them.
        exclude: globs, `tool.uv.workspace.exclude`; here `*` crosses components, as in uv.
        lenient: whether what may not be read holds nothing: it does for globs that uv does not follow.

    Raises:
        OSError: when something may not be read.
    """
    excluded = [_exclusion(pattern) for pattern in exclude]
    found = set()
    for pattern in patterns:
        for match in _matches(str(root), tuple(posixpath.normpath(pattern).split("/")), lenient=lenient):
            folder = PurePosixPath(os.path.relpath(match, root))
            if not any(_covers(elements, folder.as_posix()) for elements in excluded) and is_file(
                root / folder / PYPROJECT, lenient=lenient
            ):
                found.add(folder)
    yield from sorted(found)


def is_malformed(pattern: str) -> bool:
    """Whether uv refuses such a glob: a bracket is not closed, or `**` is not a whole path component.

    Source: `Pattern::new` of the glob crate, https://docs.rs/glob/latest/glob/struct.Pattern.html.
    """
    return _MALFORMED.search(pattern) is not None


def is_file(path: Path, *, lenient: bool = False) -> bool:
    """Whether there is such a file. Where that may not be known, a Path's own says no from Python 3.14 on, and raises before.

    Args:
        path: the file.
        lenient: whether one that may not be looked at is none.

    Raises:
        PermissionError: when it may not be looked at.
    """
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        if lenient:
            return False
        raise
    except (OSError, ValueError):  # ValueError: no path has a NUL
        return False


def _matches(
    folder: str,
    segments: tuple[str, ...],
    above: frozenset[str] = frozenset(),
    *,
    lenient: bool,
    seen: set[tuple[str, int]] | None = None,
) -> Iterator[str]:
    """The folders that a glob's segments lead to; a link back to where `**` has been, `above`, leads nowhere.

    What several `**` lead to is looked at once: `seen` holds folders, each with how many segments were left there.
    """
    seen = set() if seen is None else seen
    if (folder, len(segments)) in seen:
        return
    seen.add((folder, len(segments)))
    if not segments:
        yield folder
        return
    segment, rest = segments[0], segments[1:]
    if segment == "**":
        yield from _matches(folder, rest, lenient=lenient, seen=seen)
        above |= {os.path.realpath(folder)}
        for inner in _folders(folder, lenient=lenient):
            if os.path.realpath(inner) not in above:
                yield from _matches(inner, segments, above, lenient=lenient, seen=seen)
    elif glob.has_magic(segment):
        for inner in fnmatch.filter(map(posixpath.basename, _folders(folder, lenient=lenient)), segment):
            yield from _matches(f"{folder}/{inner}", rest, lenient=lenient, seen=seen)
    else:
        yield from _matches(f"{folder}/{segment}", rest, lenient=lenient, seen=seen)


def _folders(folder: str, *, lenient: bool) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            paths = [e.path for e in entries if not e.is_symlink() or not _leads_up(e.path)]
        # a DirEntry's own method raises for a link to itself
        return sorted(path for path in paths if os.path.isdir(path))  # noqa: PTH112
    except PermissionError:
        if lenient:
            return []
        raise
    except OSError:
        return []


def _leads_up(link: str) -> bool:
    real = os.path.realpath(link)
    return f"{os.path.realpath(posixpath.dirname(link))}/".startswith(f"{real}/")


_ANYTHING, _ANY_FOLDERS = "*", "**/"


def _exclusion(pattern: str) -> list[str]:
    """The elements of a glob as uv matches `exclude` with it, against the whole path: wildcards that do not stop at separators, and
    regular expressions of one character.
    """
    rest = posixpath.normpath(pattern)
    elements: list[str] = []
    while rest:
        if rest.startswith("**/"):
            elements, rest = [*elements, _ANY_FOLDERS], rest[3:]
        elif rest[0] == "*":
            elements, rest = [*elements, _ANYTHING], rest.lstrip("*")
        elif rest[0] == "?":
            elements, rest = [*elements, "."], rest[1:]
        elif (chosen := re.match(r"\[(!?)(\]?[^]]*)\]", rest)) is not None:
            elements.append(f"[{'^' if chosen[1] else ''}{chosen[2].replace(chr(92), chr(92) * 2)}]")
            rest = rest[chosen.end() :]
        else:
            elements, rest = [*elements, re.escape(rest[0])], rest[1:]
    return elements


def _covers(elements: Iterable[str], path: str) -> bool:
    """Whether a glob's elements match a whole path: all places that each can end at are followed at once, so no glob backtracks."""
    ends = {0}
    for element in elements:
        if not ends:
            return False
        first = min(ends)
        if element == _ANYTHING:
            ends = set(range(first, len(path) + 1))
        elif element == _ANY_FOLDERS:
            ends |= {at + 1 for at in range(first, len(path)) if path[at] == "/"}
        else:
            ends = {at + 1 for at in ends if at < len(path) and re.match(element, path[at], re.DOTALL)}
    return len(path) in ends
