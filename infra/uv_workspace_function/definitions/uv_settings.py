"""uv's settings: `[tool.uv]` of a `pyproject.toml`, or a `uv.toml`, read once into typed values."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any
from urllib.parse import urlsplit

from packaging.utils import canonicalize_name

from uv_workspace_function.definitions import toml
from uv_workspace_function.definitions.toml import Malformed, Table, strings

# What uv refuses in a `uv.toml`: a project says it of itself, and no other project takes it from there.
OF_A_PROJECT = frozenset(
    {
        *("build-backend", "conflicts", "default-groups", "dependency-groups", "dev-dependencies", "environments"),
        *("managed", "package", "required-environments", "sources", "workspace"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencySource:
    """One entry of `[tool.uv.sources]`."""

    workspace: bool = False
    """Whether it says that the package is a member of the workspace."""
    other_workspace: str | None = None
    """The path of another workspace that it is a member of."""
    path: str | None = None
    index: str | None = None

    @classmethod
    def from_dict(cls, table: Any) -> "DependencySource":
        """Read an entry.

        Raises:
            Malformed: when a value is of another type.
        """
        table = toml.table_in(table)
        for key in ("marker", "extra"):
            toml.value(table, key, str)
        return cls(
            workspace="workspace" in table,
            other_workspace=table["workspace"] if isinstance(table.get("workspace"), str) else None,
            path=toml.value(table, "path", str),
            index=toml.value(table, "index", str),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceGlobs:
    """`[tool.uv.workspace]`: which folders are members."""

    members: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class UvSettings:
    """`[tool.uv]` of a `pyproject.toml`, or a `uv.toml`."""

    workspace: WorkspaceGlobs | None = None
    package: bool | None = None
    managed: bool = True
    conflicts: bool = False
    """Whether it declares `conflicts`."""
    sources: Mapping[str, tuple[DependencySource, ...]] = field(default_factory=dict)
    """By normalized name."""
    build_constraints: tuple[str, ...] = ()
    extra_build_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By normalized name."""
    dev_dependencies: tuple[str, ...] = ()
    no_binary_package: frozenset[str] = frozenset()
    dependency_metadata: frozenset[str] = frozenset()
    """Names of packages whose metadata it tells, normalized."""
    shares_environment: bool = False
    """Whether `no-build-isolation` lets a build backend see what is installed beside it."""
    index_names: frozenset[str] = frozenset()
    index_locations: tuple[str, ...] = ()
    """Every index, by URL or path, and every folder or page of archives."""
    table: Table = field(default_factory=dict)
    """As written: a build context carries settings that nothing here reads."""

    @classmethod
    def from_dict(cls, table: Any) -> "UvSettings":
        """Read the settings.

        Raises:
            Malformed: when a value is of another type.
        """
        table = toml.table_in(table)
        for key, read in _AS_WRITTEN.items():
            toml.at(table, key, read, None)
        sources = toml.tables_by_name(table, "sources", _sources)
        extra = toml.tables_by_name(table, "extra-build-dependencies", _requirements)
        index_url = toml.value(table, "index-url", str)
        return cls(
            workspace=toml.at(table, "workspace", _workspace, None),
            package=toml.value(table, "package", bool),
            managed=toml.value(table, "managed", bool) is not False,
            conflicts=bool(table.get("conflicts")),
            sources={canonicalize_name(name): entries for name, entries in sources.items()},
            build_constraints=tuple(filter(None, toml.list_at(table, "build-constraint-dependencies", _requirement))),
            extra_build_dependencies={canonicalize_name(name): listed for name, listed in extra.items()},
            dev_dependencies=strings(table.get("dev-dependencies")),
            no_binary_package=frozenset(toml.strings_at(table, "no-binary-package")),
            dependency_metadata=frozenset(toml.list_at(table, "dependency-metadata", package_name)),
            shares_environment=bool(table.get("no-build-isolation") or table.get("no-build-isolation-package")),
            index_names=frozenset(filter(None, toml.list_at(table, "index", _index_name))),
            index_locations=(
                *toml.strings_at(table, "find-links"),
                *((index_url,) if index_url is not None else ()),
                *toml.strings_at(table, "extra-index-url"),
                *filter(None, toml.list_at(table, "index", _index_url)),
            ),
            table=table,
        )

    def shared_with(self, folder: PurePath, *, at: PurePath) -> "UvSettings":
        """What a project below takes of these settings, as its own file would have them: uv takes locations relative to the file.

        Args:
            folder: the project's.
            at: where these settings are.
        """

        def moved(location: str) -> str:
            if urlsplit(location).scheme or posixpath.isabs(location):
                return location
            return posixpath.relpath(posixpath.join("/", at, location), posixpath.join("/", folder))

        kept = {key: value for key, value in self.table.items() if key not in OF_A_PROJECT}
        for key in ("extra-index-url", "find-links"):
            if key in kept:
                kept[key] = [moved(location) for location in kept[key]]
        if "index-url" in kept:
            kept["index-url"] = moved(kept["index-url"])
        if "index" in kept:
            kept["index"] = [i | {"url": moved(i["url"])} if "url" in i else i for i in kept["index"]]
        return UvSettings.from_dict(kept)


def _sources(found: Any) -> tuple[DependencySource, ...]:
    read = DependencySource.from_dict
    return toml.items_in(found, read) if isinstance(found, list) else (read(found),)


def _workspace(found: Any) -> WorkspaceGlobs:
    table = toml.table_in(found)
    return WorkspaceGlobs(members=toml.strings_at(table, "members"), exclude=toml.strings_at(table, "exclude"))


def _requirement(found: Any) -> str:
    """A requirement, or a table with one; the empty string of a table that names the package only."""
    if isinstance(found, dict):
        toml.value(found, "name", str)
        return toml.value(found, "requirement", str) or ""
    if not isinstance(found, str):
        raise Malformed(f"must be a string, not {found!r}")
    return found


def _requirements(found: Any) -> tuple[str, ...]:
    return tuple(filter(None, toml.items_in(found, _requirement)))


def _index_name(found: Any) -> str | None:
    return toml.value(toml.table_in(found), "name", str)


def _index_url(found: Any) -> str | None:
    return toml.value(toml.table_in(found), "url", str)


def package_name(found: Any) -> str:
    """The normalized name of the package that a table speaks of.

    Raises:
        Malformed: when it has none.
    """
    return canonicalize_name(toml.required(toml.table_in(found), "name", str))


# Settings that are carried as they are written: their types are all that is looked at.
_AS_WRITTEN: Mapping[str, Callable[[Any], object]] = {
    "config-settings-package": toml.table_in,
    "constraint-dependencies": _requirements,
    "exclude-dependencies": _requirements,
    "exclude-newer-package": toml.table_in,
    "extra-build-variables": toml.table_in,
    "no-build-isolation-package": toml.strings_in,
    "no-build-package": toml.strings_in,
    "no-sources-package": toml.strings_in,
    "override-dependencies": _requirements,
    "prerelease-package": toml.table_in,
}
