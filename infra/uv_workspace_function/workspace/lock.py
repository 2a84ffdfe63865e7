"""uv.lock, read once: its packages, and the edges between them."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from uv_workspace_function.definitions import toml
from uv_workspace_function.definitions.toml import Table, read_toml
from uv_workspace_function.definitions.uv_settings import package_name
from uv_workspace_function.errors import LockError, WorkspaceError, seen_from
from uv_workspace_function.workspace.locked_files import LockedFile, LockedSource

LOCK_NAME = "uv.lock"
KNOWN_VERSION = 1
ANY_PYTHON = ">=3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One dependency of a locked package."""

    name: str
    version: str | None = None
    source: LockedSource | None = None
    extras: tuple[str, ...] = ()
    marker: str | None = None

    @classmethod
    def from_dict(cls, entry: Any) -> "Edge":
        """Read an entry of `dependencies`.

        Raises:
            Malformed: when a value is of another type.
        """
        entry = toml.table_in(entry)
        return cls(
            name=toml.required(entry, "name", str),
            version=toml.value(entry, "version", str),
            source=toml.at(entry, "source", LockedSource.from_dict, None),
            extras=toml.strings_at(entry, "extra"),
            marker=toml.value(entry, "marker", str),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LockedPackage:
    """One `[[package]]` of a lock, third-party or local."""

    name: str
    version: str | None
    source: LockedSource
    dependencies: tuple[Edge, ...]
    optional: Mapping[str, tuple[Edge, ...]]
    sdist: LockedFile | None
    wheels: tuple[LockedFile, ...]
    provides_extras: frozenset[str]
    """Those that it says it has; an extra that needs nothing is nowhere else."""
    groups: frozenset[str] = frozenset()
    """What its development groups name."""

    @classmethod
    def from_dict(cls, entry: Any) -> "LockedPackage":
        """Read a `[[package]]`.

        Raises:
            Malformed: when a value is of another type.
        """
        entry = toml.table_in(entry)
        toml.required(entry, "source", dict)
        return cls(
            name=toml.required(entry, "name", str),
            version=toml.value(entry, "version", str),
            source=toml.below(entry, "source", LockedSource.from_dict),
            dependencies=toml.list_at(entry, "dependencies", Edge.from_dict),
            optional=toml.tables_by_name(entry, "optional-dependencies", _edges),
            sdist=toml.at(entry, "sdist", LockedFile.from_dict, None),
            wheels=toml.list_at(entry, "wheels", LockedFile.from_dict),
            provides_extras=toml.at(entry, "metadata", _extras, frozenset()),
            groups=_names_in_groups(entry, "dev-dependencies"),
        )

    @property
    def folder(self) -> str | None:
        """Where a local package lies, relative to its lock; None for a third-party one."""
        return self.source.folder

    @property
    def extras(self) -> frozenset[str]:
        """Every extra the package provides."""
        return self.provides_extras.union(self.optional)

    def order(self) -> tuple[str, str, str]:
        """The key by which uv sorts packages."""
        return self.name, self.version or "", str(self.source)

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestEntry:
    """A constraint for builds, or metadata in place of a package's own."""

    name: str
    """The package's, normalized."""
    written: Table
    """As the lock has it, to be written into another one."""

    @classmethod
    def from_dict(cls, found: Any) -> "ManifestEntry":
        """Read an entry of `build-constraints` or `dependency-metadata`.

        Raises:
            Malformed: when it has no name.
        """
        return cls(name=package_name(found), written=found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The `[manifest]` of a lock: what it was resolved from, besides its packages."""

    members: tuple[str, ...] = ()
    build_constraints: tuple[ManifestEntry, ...] = ()
    dependency_metadata: tuple[ManifestEntry, ...] = ()
    groups: frozenset[str] = frozenset()
    """What the groups of a root that is no package name."""

    @classmethod
    def from_dict(cls, found: Any) -> "Manifest":
        """Read the table.

        Raises:
            Malformed: when a value is of another type.
        """
        manifest = toml.table_in(found)
        return cls(
            members=toml.strings_at(manifest, "members"),
            build_constraints=toml.list_at(manifest, "build-constraints", ManifestEntry.from_dict),
            dependency_metadata=toml.list_at(manifest, "dependency-metadata", ManifestEntry.from_dict),
            groups=_names_in_groups(manifest, "dependency-groups"),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Lock:
    """A `uv.lock`, parsed."""

    path: Path
    """The file, as messages name it."""
    revision: int
    requires_python: str
    packages: tuple[LockedPackage, ...]
    conflicts: bool
    """Whether `[tool.uv] conflicts` were declared, so that markers speak of forks."""
    exclusive: tuple[tuple[tuple[str, str | None], ...], ...]
    """The extras, each with its package, of which one environment has only one."""
    supported_markers: tuple[str, ...]
    """The environments that it was written for; none means all."""
    resolution_markers: bool
    """Whether it has forks by marker."""
    manifest: Manifest
    _by_name: Mapping[str, tuple[LockedPackage, ...]] = field(repr=False)

    @classmethod
    def load(cls, path: Path, root: Path | None = None) -> "Lock":
        """Read a lock.

        Args:
            path: the file.
            root: the workspace's root, from where messages name it.

        Raises:
            WorkspaceError: when there is none, it is malformed, or its version is not the one this reader knows.
        """
        if not path.is_file():
            where = seen_from(root, path.parent)
            if where == Path():
                raise LockError(f"there is no {path.name}", "run `uv lock` and commit the file")
            raise LockError(f"there is no {path.name} in {where}", "run `uv lock` there and commit the file")
        shown = seen_from(root, path)
        return read_toml(path, lambda document: cls.from_dict(document, shown), root=root, remedy="run `uv lock`")

    @classmethod
    def from_dict(cls, document: Table, path: Path) -> "Lock":
        """Read the parsed document of a file.

        Raises:
            Malformed: when a value is of another type.
            WorkspaceError: when its version is not the one this reader knows.
        """
        if (version := document.get("version")) != KNOWN_VERSION:
            raise WorkspaceError(
                f"{path} has lock version {version!r}; this release reads version {KNOWN_VERSION}",
                "update uv-workspace-function, or write the lock with a uv that uses that version",
            )
        # uv before 0.4 wrote [[distribution]]
        key = "package" if "package" in document else "distribution"
        packages = toml.list_at(document, key, LockedPackage.from_dict)
        by_name: dict[str, tuple[LockedPackage, ...]] = {}
        for package in packages:
            by_name[package.name] = (*by_name.get(package.name, ()), package)
        return cls(
            path=path,
            revision=toml.value(document, "revision", int) or 0,
            requires_python=toml.value(document, "requires-python", str) or ANY_PYTHON,
            packages=packages,
            conflicts="conflicts" in document,
            exclusive=toml.list_at(document, "conflicts", lambda entry: toml.items_in(entry, _exclusive)),
            supported_markers=toml.strings_at(document, "supported-markers"),
            resolution_markers="resolution-markers" in document,
            manifest=toml.at(document, "manifest", Manifest.from_dict, Manifest()),
            _by_name=by_name,
        )

    @property
    def names(self) -> AbstractSet[str]:
        """The normalized names of all packages."""
        return self._by_name.keys()

    def local(self, name: str) -> LockedPackage | None:
        """The local package of that normalized name."""
        return next((p for p in self._by_name.get(name, ()) if p.folder is not None), None)

    def target(self, edge: Edge, *, of: LockedPackage) -> LockedPackage:
        """The package that an edge leads to.

        Raises:
            WorkspaceError: when the lock has no such package.
        """
        found = [
            package
            for package in self._by_name.get(edge.name, ())
            if edge.version in (None, package.version) and edge.source in (None, package.source)
        ]
        if not found:
            wanted = f"{edge.name} {edge.version}" if edge.version else edge.name
            raise LockError(f"{self.path}: {of.name} needs {wanted}, which has no entry in the lock", "run `uv lock`")
        return found[0]


def _edges(found: Any) -> tuple[Edge, ...]:
    return toml.items_in(found, Edge.from_dict)


def _extras(found: Any) -> frozenset[str]:
    return frozenset(map(canonicalize_name, toml.strings_at(toml.table_in(found), "provides-extras")))


def _names_in_groups(entry: Table, key: str) -> frozenset[str]:
    groups = toml.tables_by_name(entry, key, lambda found: toml.items_in(found, package_name))
    return frozenset(name for names in groups.values() for name in names)


def _exclusive(found: Any) -> tuple[str, str | None]:
    """A package and its extra; None where the package itself is meant, the empty string for a group of it."""
    item = toml.table_in(found)
    extra = toml.value(item, "extra", str)
    whole = extra is None and "group" not in item
    return toml.value(item, "package", str) or "", None if whole else canonicalize_name(extra or "")
