"""`pyproject.toml`, read once into typed values.

uv and the build backends check their own settings, but only when they run: a mistake in what this package reads is found
at synth, with its place in the document. Keys that nothing here reads are left to their tools, except in this package's own
table: there they are mistakes.
"""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from uv_workspace_function.definitions import toml
from uv_workspace_function.definitions.toml import Malformed, T, Table, foreign_table, read_toml, strings
from uv_workspace_function.definitions.uv_settings import UvSettings

PYPROJECT = "pyproject.toml"
OUR_TABLE = "uv-workspace-function"
"""The table of this package's own settings, below `[tool]`."""

_SETUPTOOLS, _LEGACY_BACKEND = "setuptools", "setuptools.build_meta:__legacy__"
_REQUIREMENT_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")


def requirement_name(requirement: str) -> str | None:
    """The normalized name (PEP 503) at the beginning of a requirement; None if there is none."""
    found = _REQUIREMENT_NAME.match(requirement)
    return canonicalize_name(found[1]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """`[project]`, as far as it is read here."""

    name: str | None = None
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()
    optional_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    dynamic: frozenset[str] = frozenset()
    scripts: Mapping[str, str] = field(default_factory=dict)
    """Those of `scripts` and `gui-scripts`: the command and what it calls."""
    entry_points: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By group and name."""
    readme_files: tuple[str, ...] = ()
    license_files: tuple[str, ...] = ()
    """The file of `license`."""
    license_globs: tuple[str, ...] | None = None
    """`license-files`; None if absent."""

    @classmethod
    def from_dict(cls, table: Any) -> "Metadata":
        """Read `[project]`.

        Raises:
            Malformed: when a value is of another type.
        """
        table = toml.table_in(table)
        readme, globs = table.get("readme"), table.get("license-files")
        return cls(
            name=toml.value(table, "name", str),
            requires_python=toml.value(table, "requires-python", str),
            dependencies=toml.strings_at(table, "dependencies"),
            optional_dependencies=toml.tables_by_name(table, "optional-dependencies", toml.strings_in),
            dynamic=frozenset(toml.strings_at(table, "dynamic")),
            scripts=_strings_by_name(table, "scripts") | _strings_by_name(table, "gui-scripts"),
            entry_points={
                group: _strings_by_name(table, "entry-points", group) for group in foreign_table(table, "entry-points")
            },
            readme_files=strings(readme.get("file") if isinstance(readme, dict) else readme),
            license_files=strings(foreign_table(table, "license").get("file")),
            license_globs=None if globs is None else license_globs(globs),
        )


def _strings_by_name(table: Table, *keys: str) -> dict[str, str]:
    """The strings of a table that a build backend checks."""
    return {name: text for name, text in foreign_table(table, *keys).items() if isinstance(text, str)}


def license_globs(found: object) -> tuple[str, ...]:
    """`license-files` as PEP 639 has it, and as its drafts had it: a table of `paths` and `globs`."""
    if isinstance(found, dict):
        return (*strings(found.get("paths")), *strings(found.get("globs")))
    return strings(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSystem:
    """`[build-system]`; without one, or without `requires`, a build is setuptools', as PEP 517 says."""

    requires: tuple[str, ...] = (_SETUPTOOLS,)
    build_backend: str = _LEGACY_BACKEND
    backend_path: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, table: Any) -> "BuildSystem":
        """Read `[build-system]`.

        Raises:
            Malformed: when a value is of another type.
        """
        table = toml.table_in(table)
        return cls(
            requires=toml.at(table, "requires", toml.strings_in, (_SETUPTOOLS,)),
            build_backend=toml.value(table, "build-backend", str) or _LEGACY_BACKEND,
            backend_path=toml.strings_at(table, "backend-path"),
        )

    @property
    def backend(self) -> str:
        """The module of the backend, such as `hatchling.build`."""
        return self.build_backend.partition(":")[0]

    @property
    def names(self) -> frozenset[str]:
        """The normalized names of what the build requires."""
        return frozenset(name for requirement in self.requires if (name := requirement_name(requirement)))

    @property
    def table_names(self) -> frozenset[str]:
        """The names under which these read tables of `[tool]`: `poetry-core` reads `[tool.poetry]`."""
        return self.names | {name.removesuffix("-core") for name in self.names}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckSettings:
    """`[tool.uv-workspace-function.check]`."""

    allow: object = None
    """Which findings are ignored and why; the check itself judges it."""
    environment: Mapping[str, str] = field(default_factory=dict)
    largest_file: int | None = None
    """Bytes."""

    @classmethod
    def from_dict(cls, table: Any) -> "CheckSettings":
        """Read the table.

        Raises:
            Malformed: when a key is unknown or a value is of another type.
        """
        table = toml.table_in(table)
        _refuse_unknown(table, ("allow", "environment", "largest-file"))
        largest = toml.value(table, "largest-file", int)
        if largest is not None and largest <= 0:
            raise Malformed(f"must be a number of bytes above 0, not {largest}", "largest-file")
        return cls(
            allow=table.get("allow"),
            environment={key: str(value) for key, value in toml.table_at(table, "environment").items()},
            largest_file=largest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OurSettings:
    """`[tool.uv-workspace-function]`."""

    handlers: tuple[str, ...] | None = None
    """`handler`: one, or a list of them; None if absent, and none for what is to be a library."""
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    version: str | None = None
    """What a build takes as the version, where it would ask git."""
    build_from_source: tuple[str, ...] = ()
    standalone: tuple[str, ...] = ()
    check: CheckSettings = field(default_factory=CheckSettings)

    @classmethod
    def from_dict(cls, table: Any) -> "OurSettings":
        """Read the table.

        Raises:
            Malformed: when a key is unknown or a value is of another type.
        """
        table = toml.table_in(table)
        known = ("build-from-source", "check", "exclude", "handler", "include", "standalone", "version")
        _refuse_unknown(table, known)
        return cls(
            handlers=toml.at(table, "handler", _handlers, None),
            include=toml.at(table, "include", _globs, ()),
            exclude=toml.at(table, "exclude", _globs, ()),
            version=str(table["version"]) if "version" in table else None,
            build_from_source=toml.strings_at(table, "build-from-source"),
            standalone=toml.strings_at(table, "standalone"),
            check=toml.at(table, "check", CheckSettings.from_dict, CheckSettings()),
        )


def _handlers(found: Any) -> tuple[str, ...]:
    listed = found if isinstance(found, list) else [found]
    if not all(isinstance(handler, str) for handler in listed):
        raise Malformed(f"must be a string or a list of strings, not {found!r}")
    return tuple(dict.fromkeys(listed))


def _globs(found: Any) -> tuple[str, ...]:
    patterns = toml.strings_in(found)
    if not all(patterns):
        raise Malformed(f"must be a list of globs, not {found!r}")
    return patterns


def _refuse_unknown(table: Table, known: tuple[str, ...]) -> None:
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise Malformed(f"is not a setting; {hint}there are {', '.join(known)}", key)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pyproject:
    """A `pyproject.toml`."""

    metadata: Metadata = field(default_factory=Metadata)
    build_system: BuildSystem = field(default_factory=BuildSystem)
    uv: UvSettings = field(default_factory=UvSettings)
    ours: OurSettings = field(default_factory=OurSettings)
    dependency_groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The requirements of each group as written; the groups that one includes are left out."""
    document: Table = field(default_factory=dict, repr=False)
    """As written: a build context carries every table that may matter to a build."""

    @classmethod
    def from_dict(cls, document: Table) -> "Pyproject":
        """Read a document.

        Raises:
            Malformed: when a value that is read here is of another type, or a setting of this package's own is unknown.
        """
        groups = toml.table_at(document, "dependency-groups")
        return cls(
            metadata=toml.at(document, "project", Metadata.from_dict, Metadata()),
            build_system=toml.at(document, "build-system", BuildSystem.from_dict, BuildSystem()),
            uv=_of_tool(document, "uv", UvSettings.from_dict, UvSettings()),
            ours=_of_tool(document, OUR_TABLE, OurSettings.from_dict, OurSettings()),
            dependency_groups={name: strings(entries) for name, entries in groups.items()},
            document=document,
        )

    @classmethod
    def load(cls, path: Path, root: Path | None = None) -> "Pyproject":
        """Read a file.

        Args:
            path: the file.
            root: the workspace's root, from where messages name it.

        Raises:
            WorkspaceError: when it is unreadable or malformed.
        """
        return read_toml(path, cls.from_dict, root=root)

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing, or is not there."""
        return not self.document

    @property
    def file_urls(self) -> tuple[str, ...]:
        """The paths of all `file://` URLs in requirements and in uv's settings."""
        read = (self.document.get("project"), self.document.get("dependency-groups"), self.uv.table)
        urls = (text.partition("file://") for text in toml.texts(read))
        return tuple(unquote(urlsplit(f"file://{rest}").path.split(" ")[0]) for _, found, rest in urls if found)

    @property
    def has_project(self) -> bool:
        """Whether there is a `[project]`."""
        return "project" in self.document

    @property
    def tools(self) -> Table:
        """`[tool]`: a table for each tool, which is that tool's to check."""
        return foreign_table(self.document, "tool")

    def tool(self, *keys: str) -> Table:
        """The table of a build backend or another tool, or one below it; empty where there is none."""
        return foreign_table(self.document, "tool", *keys)

    @property
    def written_name(self) -> str:
        """The name as it is spelled; poetry may have it in a table of its own."""
        return self.metadata.name or str(self.tool("poetry").get("name") or "")

    @property
    def is_virtual(self) -> bool:
        """Whether uv installs no package for this project, only its dependencies, as far as its own table says.

        uv's rule: https://docs.astral.sh/uv/concepts/projects/config/#project-packaging. A project without a build system
        is built all the same once another one depends on it: that, a lock knows.
        """
        if self.uv.package is not None:
            return not self.uv.package
        # Without a [project] there is nothing to install dependencies of: such a folder is built by setuptools, as pip does.
        return "build-system" not in self.document and self.has_project


def _of_tool(document: Table, tool: str, read: Callable[[Any], T], default: T) -> T:
    """The table of a tool, read; the default where there is none."""
    return toml.at(document, "tool", lambda tools: toml.at(toml.table_in(tools), tool, read, default), default)
