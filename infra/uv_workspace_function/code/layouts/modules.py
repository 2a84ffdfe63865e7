"""Finding modules in folders, and paths as the backends write them."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from uv_workspace_function.code.layouts.layout import Module
from uv_workspace_function.globs import translate

SKIPPED = frozenset({"__pycache__", "node_modules", "__pypackages__"})
WILDCARDS = re.compile(r"[*?\[]")


def top_level(folder: Path, root: str, *, declared: bool, with_data_folders: bool = False) -> Iterator[Module]:
    """The modules directly in one folder: `.py` files, and folders that one can import something from."""
    try:
        with os.scandir(folder / root) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        stem = entry.name.removesuffix("-stubs")
        if entry.name.endswith(".py") and entry.name[:-3].isidentifier() and entry.is_file():
            yield module_at(entry.name[:-3], join(root, entry.name), declared=declared)
        elif (
            stem.isidentifier()
            and entry.name not in SKIPPED
            and entry.is_dir()
            and (with_data_folders or holds_python(entry.path))
        ):
            yield module_at(entry.name, join(root, entry.name), declared=declared)


def holds_python(folder: str) -> bool:
    """Whether a `.py` file lies in the folder or below it, in folders that are packages or namespaces themselves."""
    with os.scandir(folder) as entries:
        listed = list(entries)
    if any(entry.name.endswith((".py", ".pyi", ".so")) for entry in listed):
        return True
    return any(
        entry.name.isidentifier()
        and entry.name not in SKIPPED
        and entry.is_dir(follow_symlinks=False)
        and holds_python(entry.path)
        for entry in listed
    )


def distributed(folder: Path, source: str, target: str) -> Iterator[Module]:
    """The modules of one path that goes into the wheel as `target`; of a whole folder's content where that is empty."""
    path = folder / source
    if path.is_dir() and target:
        parts = target.split("/")
        if all(part.removesuffix("-stubs").isidentifier() for part in parts):
            yield module_at(".".join(parts), source)
    elif path.is_dir():
        yield from top_level(folder, source, declared=True)
    elif target.endswith(".py"):
        yield module_at(target[:-3].removesuffix("/__init__").replace("/", "."), source)


def outermost(modules: Iterable[Module], *, merged: bool = False) -> tuple[Module, ...]:
    """The modules without those that lie in another one's folder at the place their name says.

    Args:
        modules: all of them.
        merged: whether folders of one name become one, as in a wheel; else the first one hides the others, as on a path.
    """
    found = sorted(modules, key=lambda m: (m.name, str(m.path)), reverse=True)
    by_place = {(m.name, str(m.path) if merged and m.path.suffix != ".py" else ""): m for m in found}
    kept: list[Module] = []
    for module in sorted(by_place.values(), key=lambda m: (m.name.count("."), m.name, str(m.path))):
        name = module.name
        above = (other for other in kept if name.startswith(other.name + "."))
        if not any(module.path == other.path / name[len(other.name) + 1 :].replace(".", "/") for other in above):
            kept.append(module)
    return tuple(sorted(kept, key=lambda m: m.name))


def module_at(name: str, path: str, *, declared: bool = True) -> Module:
    """A module by its dotted name and its path as a string."""
    return Module(name=name, path=PurePosixPath(path), declared=declared)


def is_importable(path: Path) -> bool:
    """Whether a path is a module, or a folder with one in it."""
    return holds_python(str(path)) if path.is_dir() else path.suffix == ".py"


def is_package(folder: Path) -> bool:
    """Whether a folder is a regular package, or the stubs of one."""
    return (folder / "__init__.py").is_file() or (folder / "__init__.pyi").is_file()


def folders_in(folder: Path) -> list[Path]:
    """The folders directly in one, sorted; none where that one is missing."""
    try:
        with os.scandir(folder) as entries:
            return [Path(path) for path in sorted(entry.path for entry in entries if entry.is_dir())]
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: no path has a NUL
        return []


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a name matches one of the patterns of `fnmatch`."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def exclusion(pattern: str, *, anchored: bool) -> re.Pattern[str]:
    """What a glob excludes: from the package's folder on where it is anchored, else at any depth.

    Raises:
        ValueError: the glob is malformed.
    """
    anywhere = "" if anchored else "(?:.*/)?"
    return re.compile(anywhere + translate(os.path.normpath(pattern.lstrip("/"))) + r"\Z", re.DOTALL)


def exclusions(patterns: Iterable[str], is_anchored: Callable[[str], bool]) -> tuple[re.Pattern[str], ...]:
    """The same of several globs; a malformed one is the backend's to refuse."""
    found = []
    for pattern in patterns:
        with contextlib.suppress(ValueError):
            found.append(exclusion(pattern, anchored=is_anchored(pattern)))
    return tuple(found)


def normal(path: str) -> str:
    """A path as the backends normalize it: no leading, trailing or doubled slash, no `.` segment."""
    return os.path.normpath(path).strip("/").removeprefix("./").removesuffix("/.") if path not in ("", ".") else ""


def join(*parts: str) -> str:
    """The parts as one path, normalized."""
    return "/".join(part for part in map(normal, parts) if part)


def literal_prefix(pattern: str) -> str:
    """The folder (or the file) that holds all a glob can match."""
    segments: list[str] = []
    for segment in pattern.strip("/").split("/"):
        if WILDCARDS.search(segment):
            break
        segments.append(segment)
    return "/".join(segments)


def items(value: Any) -> list[Any]:
    """The items of a list; none of what is no list."""
    return value if isinstance(value, list) else []


def pairs(value: Any) -> list[tuple[str, str]]:
    """The entries of a table whose values are strings."""
    return [(key, item) for key, item in value.items() if isinstance(item, str)] if isinstance(value, Mapping) else []
