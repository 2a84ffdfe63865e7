"""The workspace as the builder finds it in the build context: a `uv.lock` and folders."""

import os
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from . import markers
from .definitions import read_lock, read_toml
from .errors import BuildError
from .files import copy_file

LOCK_NAME, PYPROJECT = "uv.lock", "pyproject.toml"
_DEFINITIONS = frozenset({LOCK_NAME, "uv.toml", PYPROJECT})
_BUILD_PROGRAMS = frozenset({"setup.py", "hatch_build.py", "pdm_build.py", "build.py"})
_LOCAL_SOURCES = ("editable", "virtual", "directory")
_NAME = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?"
)  # https://packaging.python.org/specifications/name-normalization
BUILDER_FOLDER = ".uv-workspace-function"
"""The folder of a staged context that holds what the build itself needs."""

# `version` in a table [project], and in a [[package]] of a lock that has a local source.
_PROJECT_VERSION = re.compile(
    r"(^\[project\]\n(?:(?!\[).*\n)*?version[ \t]*=[ \t]*)(?:\"[^\"\n]*\"|'[^'\n]*')", re.MULTILINE
)
_LOCKED_VERSION = re.compile(
    r'(^\[\[package\]\]\nname = "(?P<name>[^"]*)"\n)version = "[^"]*"\n(?=source = \{ (?:editable|virtual|directory) = )',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPackage:
    """A package whose source is in the workspace."""

    name: str
    folder: PurePosixPath
    """Relative to the build context."""
    virtual: bool
    """Not a package for uv: no build backend makes a wheel of it."""


@dataclass(frozen=True, kw_only=True)
class Workspace:
    """A build context: a folder with one project in it."""

    root: Path
    project: PurePosixPath
    """The folder of `uv.lock`, relative to the root."""
    lock: Mapping[str, Any]
    service: LocalPackage

    @classmethod
    def read(cls, root: Path, service: str) -> "Workspace":
        """Find the project below `root` and its service in the lock, by any spelling of the service's name."""
        if not service:
            raise BuildError("SERVICE_NAME is empty; give the service's name with --build-arg SERVICE_NAME=NAME")
        if not _NAME.fullmatch(service):
            raise BuildError(
                f"SERVICE_NAME is {service!r}, which no package can be named; give the service's package name"
            )
        project = _project(root, normalized(service))
        lock = read_lock(root / project / LOCK_NAME, shown=project / LOCK_NAME)
        known = {package.name: package for package in _local_packages(lock, project)}
        if normalized(service) not in known:
            raise BuildError(
                f"{project / LOCK_NAME} has no local package {service!r}; it has: {', '.join(sorted(known))}"
            )
        return cls(root=root, project=project, lock=lock, service=known[normalized(service)])

    @cached_property
    def local(self) -> Mapping[str, LocalPackage]:
        """Every local package of the lock, by name."""
        return {package.name: package for package in _local_packages(self.lock, self.project)}

    @cached_property
    def third_party(self) -> frozenset[str]:
        """The names of all other packages of the lock."""
        return frozenset(package["name"] for package in self.lock.get("package", ())) - frozenset(self.local)

    @cached_property
    def archives(self) -> frozenset[PurePosixPath]:
        """Wheels and source archives of the workspace that the lock names by path: third-party packages kept in the repository."""
        sources = (package.get("source", {}) for package in self.lock.get("package", ()))
        paths = (self.project / source["path"] for source in sources if "path" in source)
        return frozenset(PurePosixPath(os.path.normpath(path)) for path in paths)

    def closure(self, extras: Iterable[str], machine: str, *, certain: bool = False) -> frozenset[str]:
        """The names the service leads to on a machine of that processor.

        Args:
            extras: the service's.
            machine: the image's `platform_machine`.
            certain: whether an edge whose marker cannot be evaluated here is left out, not followed.
        """
        packages: dict[str, list[Mapping[str, Any]]] = {}
        for package in self.lock.get("package", ()):
            packages.setdefault(package["name"], []).append(package)
        seen: set[tuple[str, str | None]] = set()
        pending: list[tuple[str, str | None]] = [(self.service.name, None), *((self.service.name, e) for e in extras)]
        while pending:
            name, extra = step = pending.pop()
            if step in seen:
                continue
            seen.add(step)
            for package in packages.get(name, ()):
                edges = (
                    package.get("dependencies", ())
                    if extra is None
                    else package.get("optional-dependencies", {}).get(extra, ())
                )
                for edge in edges:
                    if "marker" in edge and not markers.holds(edge["marker"], machine, unknown=not certain):
                        continue
                    pending += [(edge["name"], None), *((edge["name"], asked) for asked in edge.get("extra", ()))]
        return frozenset(name for name, _ in seen)

    def split(self, *, definitions: Path, libraries: Path) -> None:
        """Copy what the third-party layers depend on, and what the local packages but the service depend on.

        A branch of the build that reads its part alone is run again only when that part changed: BuildKit compares contents.
        """
        kept = self.archives | set(_flat_indexes(self.lock, self.project))
        for path in _files(self.root):
            if self._is_definition(path):
                _copy(self.root / path, libraries / path)
                _write(definitions / path, self._without_versions(_read(self.root / path), path.name))
            elif not kept.isdisjoint((path, *path.parents)):
                _copy(self.root / path, definitions / path)
                _copy(self.root / path, libraries / path)
            elif not self._is_code(path):
                _copy(self.root / path, libraries / path)

    def importable_files(self, package: LocalPackage) -> Iterator[tuple[PurePosixPath, Path]]:
        """What of a virtual package goes to the image: where each file goes, and where it is.

        The content of `src/` where there is one, else of the package's folder. A staged context holds what was included beside
        `src/` and nothing else, so all of it goes too.
        """
        folder = self.root / package.folder
        own = [
            path
            for path in self._own_files(package)
            if path.parts[0] not in {BUILDER_FOLDER, "Dockerfile", *_DEFINITIONS}
        ]
        has_source = any(path.parts[0] == "src" for path in own)
        is_staged = (self.root / BUILDER_FOLDER).is_dir()
        for path in own:
            if has_source and path.parts[0] == "src":
                yield path.relative_to("src"), folder / path
            elif not has_source or is_staged:
                yield path, folder / path

    def modules(self, package: LocalPackage) -> frozenset[PurePosixPath]:
        """The modules among its sources, relative to its folder, without those that are only for its development."""
        return frozenset(
            path
            for path in self._own_files(package)
            if path.suffix == ".py"
            and path.name not in _BUILD_PROGRAMS
            and path.parts[0] not in {"test", "tests", "docs"}
        )

    def requires_python(self, package: LocalPackage) -> str:
        """The Pythons that it says it takes; empty where it takes any."""
        path = self.root / package.folder / PYPROJECT
        document = read_toml(path, shown=package.folder / PYPROJECT) if path.is_file() else {}
        return str(document.get("project", {}).get("requires-python", ""))

    def _own_files(self, package: LocalPackage) -> Iterator[PurePosixPath]:
        """The files of its folder, relative to that, without those of local packages nested in it."""
        for path in _files(self.root / package.folder):
            if self._owner(package.folder / path) == package:
                yield path

    def _without_versions(self, text: str, name: str) -> str:
        """Definitions in which the local packages have one version for ever: it matters to no third-party package."""
        if name == PYPROJECT:
            return _PROJECT_VERSION.sub(r'\g<1>"0"', text)
        if name == LOCK_NAME:
            return _LOCKED_VERSION.sub(
                lambda block: block[0] if _is_told_apart(self.lock, block["name"]) else block[1], text
            )
        return text

    def _is_definition(self, path: PurePosixPath) -> bool:
        # A module's data can have these names, too.
        return path.name in _DEFINITIONS and path.parent in {PurePosixPath(), self.project, *self._folders}

    def _is_code(self, path: PurePosixPath) -> bool:
        if path.parts[0] == BUILDER_FOLDER:
            return path.name != "build-env.json"
        return self._owner(path) == self.service

    def _owner(self, path: PurePosixPath) -> LocalPackage | None:
        """The local package in whose folder a file lies, the innermost one."""
        return next((self._folders[folder] for folder in path.parents if folder in self._folders), None)

    @cached_property
    def _folders(self) -> Mapping[PurePosixPath, LocalPackage]:
        return {package.folder: package for package in self.local.values()}


def normalized(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _project(root: Path, service: str) -> PurePosixPath:
    if (root / LOCK_NAME).is_file():
        return PurePosixPath()
    found = [path.parent for path in _files(root) if path.name == LOCK_NAME]
    if len(found) > 1:
        # The others are data of a package, such as an example project.
        found = [folder for folder in found if _is_project_of(service, root / folder)] or found
    if len(found) != 1:
        places = ", ".join(sorted(str(path / LOCK_NAME) for path in found)) or "none"
        raise BuildError(f"the build context needs one {LOCK_NAME}, at its root or below; found: {places}")
    return found[0]


def _is_project_of(service: str, folder: Path) -> bool:
    """Whether a lock has the service at its own place, as that of a standalone project has."""
    try:
        lock = tomllib.loads((folder / LOCK_NAME).read_text(encoding="utf-8"))
    except ValueError:
        return False
    return any(
        package.name == service and package.folder == PurePosixPath()
        for package in _local_packages(lock, PurePosixPath())
    )


def _local_packages(lock: Mapping[str, Any], project: PurePosixPath) -> Iterator[LocalPackage]:
    for package in lock.get("package", ()):
        for kind in _LOCAL_SOURCES:
            if kind in package.get("source", {}):
                folder = PurePosixPath(os.path.normpath(project / package["source"][kind]))
                yield LocalPackage(name=package["name"], folder=folder, virtual=kind == "virtual")


def _flat_indexes(lock: Mapping[str, Any], project: PurePosixPath) -> Iterator[PurePosixPath]:
    for package in lock.get("package", ()):
        location = package.get("source", {}).get("registry", "://")
        if "://" not in location:
            yield PurePosixPath(os.path.normpath(project / location))


def _is_told_apart(lock: Mapping[str, Any], name: str) -> bool:
    """Whether the lock has several packages of this name, so that the version says which one is meant."""
    return [package["name"] for package in lock.get("package", ())].count(name) > 1


def _files(root: Path) -> Iterator[PurePosixPath]:
    for folder, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            yield PurePosixPath(os.path.relpath(folder, root), name)


def _read(path: Path) -> str:
    # A data file may have the name of a definition, and any content.
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8", errors="surrogateescape")


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    copy_file(source, target)
