"""What third-party packages provide, from their installed metadata: the workspace's environment, else uv's cache.

A distribution's `RECORD` lists its files (https://packaging.python.org/specifications/recording-installed-packages),
and so its modules. Nothing is imported or installed, and no name is guessed: what has no metadata here is missing.
"""

import csv
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import EntryPoint, PathDistribution
from pathlib import Path

from packaging.utils import canonicalize_name

from uv_workspace_function.definitions.pyproject import requirement_name
from uv_workspace_function.uv import cache_folder
from uv_workspace_function.workspace.lock import Lock


@dataclass(frozen=True, kw_only=True, eq=False)
class InstalledDistribution:
    """One distribution's metadata, as it lies in an environment or in uv's cache."""

    name: str
    """Normalized."""
    version: str
    metadata: Path
    """Its `.dist-info` folder."""

    @cached_property
    def modules(self) -> Mapping[str, bool]:
        """Every module it has, dotted, and whether it is a namespace: a folder without `__init__.py`."""
        found: dict[str, bool] = {}
        for path in _recorded(self.metadata):
            folder, _, name = path.rpartition("/")
            stem, dot, suffix = name.partition(".")
            if not dot or suffix.rpartition(".")[2] not in _MODULE_SUFFIXES or not stem.isidentifier():
                continue
            parents = folder.split("/") if folder else []
            if not all(part.removesuffix("-stubs").isidentifier() for part in parents):
                continue
            _enter(found, parents, None if stem == "__init__" else stem)
        return found

    @cached_property
    def scripts(self) -> frozenset[str]:
        """The commands it installs."""
        return frozenset(entry.name for entry in self._entry_points if entry.group in _SCRIPTS)

    @cached_property
    def plugin_groups(self) -> frozenset[str]:
        """The groups of entry points by which others find it."""
        return frozenset(entry.group for entry in self._entry_points) - _SCRIPTS

    @cached_property
    def requires(self) -> frozenset[str]:
        """The names of all it may need, extras included."""
        with suppress(OSError, ValueError):
            found = PathDistribution(self.metadata).requires or ()
            return frozenset(name for text in found if (name := requirement_name(text)))
        return frozenset()

    @cached_property
    def _entry_points(self) -> tuple[EntryPoint, ...]:
        with suppress(OSError, ValueError, TypeError):  # the last one of a line without "="
            return tuple(PathDistribution(self.metadata).entry_points)
        return ()


_SCRIPTS = frozenset({"console_scripts", "gui_scripts"})
_MODULE_SUFFIXES = frozenset({"py", "pyi", "so", "pyd"})


def _enter(found: dict[str, bool], parents: list[str], stem: str | None) -> None:
    """Note a module and the packages above it; `stem` is None for the `__init__` of the innermost."""
    dotted = ""
    for part in parents:
        dotted = f"{dotted}.{part}" if dotted else part
        found.setdefault(dotted, True)
    if stem is None:
        if dotted:
            found[dotted] = False
    else:
        found[f"{dotted}.{stem}" if dotted else stem] = False


def _recorded(metadata: Path) -> Iterator[str]:
    """The files it lists; `PathDistribution.files` takes four times as long, which a check of 200 members feels."""
    try:
        text = (metadata / "RECORD").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        with suppress(OSError, UnicodeDecodeError):
            yield from (f"{name}/__init__.py" for name in (metadata / "top_level.txt").read_text().split())
        return
    for line in text.splitlines():
        if line.startswith('"'):
            yield next(csv.reader([line]), [""])[0]
        else:
            yield line.partition(",")[0]


@dataclass(kw_only=True)
class Installed:
    """The distributions of one lock that have metadata on this machine."""

    by_name: Mapping[str, InstalledDistribution]

    @classmethod
    def of(cls, lock: Lock, environments: Iterable[Path]) -> "Installed":
        """Find the metadata of a lock's third-party packages, each in one of the versions the lock has.

        Args:
            lock: the lock.
            environments: virtual environments, the first that has a package counts; what none has may be in uv's cache.
        """
        wanted: dict[str, set[str]] = {}
        for package in lock.packages:
            if package.folder is None:
                wanted.setdefault(package.name, set()).add(package.version or "")
        found: dict[str, InstalledDistribution] = {}
        for environment in environments:
            for site in sorted(environment.glob("lib*/python3*/site-packages")):
                _collect(site, wanted, found)
        if missing := wanted.keys() - found.keys():
            for archive in _archives():
                _collect(archive, {name: wanted[name] for name in missing}, found)
        return cls(by_name=found)


def _collect(folder: Path, wanted: Mapping[str, Collection[str]], found: dict[str, InstalledDistribution]) -> None:
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if entry.name.endswith(".dist-info")]
    except OSError:
        return
    for entry in names:
        name, _, version = entry.removesuffix(".dist-info").rpartition("-")
        normalized = canonicalize_name(name)
        versions = wanted.get(normalized)
        if versions is not None and normalized not in found and _same_version(version, versions):
            found[normalized] = InstalledDistribution(name=normalized, version=version, metadata=folder / entry)


def has_any(environment: Path, names: Collection[str]) -> bool:
    """Whether some package of these normalized names is installed in an environment."""
    infos = environment.glob("lib/python*/site-packages/*.dist-info")
    return any(canonicalize_name(info.name.partition("-")[0]) in names for info in infos)


def _same_version(version: str, locked: Collection[str]) -> bool:
    # a git or path dependency can be locked without a version; a local label is written with `_` in a folder's name
    return "" in locked or version in locked or version.replace("_", "+", 1) in locked


def _archives() -> list[Path]:
    """The unpacked wheels in uv's cache."""
    cache = cache_folder()
    return [] if cache is None else sorted(cache.glob("archive-v*/*"))
