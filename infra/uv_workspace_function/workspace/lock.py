"""uv.lock: the graph it holds, what one service needs of it, and the same lock cut down to that.

A lock is read once. `Lock.select` follows the edges from one package; `Selection.text` writes them as a lock again, in
a canonical form: header fields and forks that only matter to somebody else do not reach it, so that it changes when,
and only when, something of this closure does.
"""

import difflib
import json
import posixpath
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from uv_workspace_function import toml
from uv_workspace_function.errors import LockError, WorkspaceError
from uv_workspace_function.toml import Table, read_toml
from uv_workspace_function.workspace.markers import fold_conflicts

LOCK_NAME = "uv.lock"
KNOWN_VERSION = 1
# A frozen install does not read the lock's `requires-python`, but uv asks for the field. Its markers are simplified
# under the real one; under a wider one they mean the same wherever the real one holds.
_ANY_PYTHON = ">=3"
# a TOML basic string is a JSON string, but that it escapes DEL
_quoted = json.encoder.encode_basestring
_LOCAL_KINDS = ("editable", "directory", "virtual")


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One dependency of a locked package."""

    name: str
    version: str | None = None
    source: Table | None = None
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
            source=toml.value(entry, "source", dict),
            extras=toml.strings_at(entry, "extra"),
            marker=toml.value(entry, "marker", str),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LockedPackage:
    """One `[[package]]` of a lock, third-party or local."""

    name: str
    version: str | None
    source: Table
    dependencies: tuple[Edge, ...]
    optional: Mapping[str, tuple[Edge, ...]]
    sdist: Table | None
    wheels: tuple[Table, ...]
    metadata: Table
    groups: frozenset[str] = frozenset()
    """What its development groups name."""

    @classmethod
    def from_dict(cls, entry: Any) -> "LockedPackage":
        """Read a `[[package]]`.

        Raises:
            Malformed: when a value is of another type.
        """
        entry = toml.table_in(entry)
        return cls(
            name=toml.required(entry, "name", str),
            version=toml.value(entry, "version", str),
            source=toml.below(entry, "source", _location)
            if "source" in entry
            else toml.required(entry, "source", dict),
            dependencies=toml.list_at(entry, "dependencies", Edge.from_dict),
            optional=toml.tables_by_name(entry, "optional-dependencies", _edges),
            sdist=toml.below(entry, "sdist", _file) if "sdist" in entry else None,
            wheels=toml.list_at(entry, "wheels", _file),
            metadata=toml.below(entry, "metadata", _metadata) if "metadata" in entry else {},
            groups=_names_in_groups(entry, "dev-dependencies"),
        )

    @property
    def folder(self) -> str | None:
        """Where a local package lies, relative to its lock; None for a third-party one."""
        return next((self.source[kind] for kind in _LOCAL_KINDS if kind in self.source), None)

    @property
    def extras(self) -> frozenset[str]:
        """Every extra the package provides."""
        return frozenset(self.optional) | {canonicalize_name(e) for e in self.metadata.get("provides-extras", ())}

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass(frozen=True, kw_only=True, eq=False)
class Lock:
    """A `uv.lock`, parsed."""

    path: Path
    revision: int
    requires_python: str
    members: tuple[str, ...]
    packages: tuple[LockedPackage, ...]
    conflicts: bool
    """Whether `[tool.uv] conflicts` were declared, so that markers speak of forks."""
    exclusive: tuple[tuple[tuple[str, str], ...], ...]
    """The extras, each with its package, of which one environment has only one."""
    supported_markers: tuple[str, ...]
    """The environments that it was written for; none means all."""
    resolution_markers: bool
    """Whether it has forks by marker."""
    build_constraints: tuple[Table, ...]
    dependency_metadata: tuple[Table, ...]
    groups: frozenset[str]
    """What the groups of a root that is no package name."""
    _by_name: Mapping[str, tuple[LockedPackage, ...]] = field(repr=False)
    _rendered: dict[int, str] = field(default_factory=dict, repr=False)

    @classmethod
    def load(cls, path: Path) -> "Lock":
        """Read a lock.

        Raises:
            WorkspaceError: when there is none, it is malformed, or its version is not the one this reader knows.
        """
        if not path.is_file():
            raise LockError(f"there is no {path.name} in {path.parent}", "run `uv lock` there and commit the file")
        return read_toml(path, lambda document: cls.from_dict(document, path), remedy="run `uv lock`")

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
        manifest = toml.below(document, "manifest", _manifest) if "manifest" in document else {}
        return cls(
            path=path,
            revision=toml.value(document, "revision", int) or 0,
            requires_python=toml.value(document, "requires-python", str) or _ANY_PYTHON,
            members=tuple(manifest.get("members", ())),
            packages=packages,
            conflicts="conflicts" in document,
            exclusive=toml.list_at(document, "conflicts", lambda entry: toml.items_in(entry, _exclusive)),
            supported_markers=toml.strings_at(document, "supported-markers"),
            resolution_markers="resolution-markers" in document,
            build_constraints=tuple(manifest.get("build-constraints", ())),
            dependency_metadata=tuple(manifest.get("dependency-metadata", ())),
            groups=_names_in_groups(manifest, "dependency-groups"),
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

    def select(self, name: str, extras: Iterable[str] = ()) -> "Selection":
        """What a package needs of the lock, transitively, development groups left out.

        Args:
            name: normalized name of a local package.
            extras: normalized names of its extras to install.

        Raises:
            WorkspaceError: when the package or an extra is not in the lock, or an edge leads nowhere.
        """
        root = self.local(name)
        if root is None:
            raise LockError(f"{self.path} has no entry for {name}", "run `uv lock`")
        wanted = tuple(sorted({canonicalize_name(extra) for extra in extras}))
        for extra in wanted:
            if extra not in root.extras:
                near = difflib.get_close_matches(extra, root.extras, n=1)
                known = f"extras are: {', '.join(sorted(root.extras))}" if root.extras else "it has no extras"
                hint = f"did you mean {near[0]!r}? " if near else ""
                raise WorkspaceError(f"{name} has no extra {extra!r}", hint + known)
        active = {f"project-{len(name)}-{name}", *(_extra_atom(name, extra) for extra in wanted)}
        while True:
            nodes, activated = self._walk(root, wanted, active)
            if activated <= active:
                return Selection(lock=self, root=root, extras=wanted, nodes=nodes)
            active |= activated

    def refuse_conflicting(self, name: str, extras: Iterable[str]) -> None:
        """Refuse extras of a package that `[tool.uv] conflicts` keep apart: no environment has them together.

        Raises:
            WorkspaceError: naming them.
        """
        for entry in self.exclusive:
            apart = {extra for package, extra in entry if package == name and extra}
            if len(clash := sorted(apart.intersection(extras))) > 1:
                raise WorkspaceError(
                    f"the extras {' and '.join(clash)} of {name} exclude each other, as [tool.uv] `conflicts` says",
                    "ask for one of them",
                )

    def files(self, package: LockedPackage) -> str:
        """The sdist and wheel lines of a package, rendered once for all selections."""
        if id(package) not in self._rendered:
            lines = [f"sdist = {_value(package.sdist)}"] if package.sdist else []
            if package.wheels:
                lines.append(_array("wheels", map(_value, package.wheels)))
            self._rendered[id(package)] = "\n".join(lines)
        return self._rendered[id(package)]

    def _walk(
        self, root: LockedPackage, extras: tuple[str, ...], active: set[str]
    ) -> tuple[dict["LockedPackage", dict[str | None, tuple["Step", ...]]], set[str]]:
        """Follow the edges that hold under `active`; also tells which extras were asked for on the way."""
        nodes: dict[LockedPackage, dict[str | None, tuple[Step, ...]]] = {}
        activated: set[str] = set()
        queue = deque([(root, None), *((root, extra) for extra in extras)])
        while queue:
            package, part = queue.popleft()
            parts = nodes.setdefault(package, {})
            if part in parts:
                continue
            steps = []
            for edge in package.dependencies if part is None else package.optional.get(part, ()):
                asked = {_extra_atom(edge.name, extra) for extra in edge.extras} if self.conflicts else set()
                marker = fold_conflicts(edge.marker, (active | asked).__contains__) if self.conflicts else edge.marker
                if marker is False:
                    continue
                target = self.target(edge, of=package)
                steps.append(Step(to=target, extras=edge.extras, marker=None if marker is True else marker))
                activated |= asked
                queue.append((target, None))
                queue.extend((target, extra) for extra in edge.extras)
            parts[part] = tuple(steps)
        return nodes, activated


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Step:
    """An edge of a selection: where it leads, with which extras, on which machines."""

    to: LockedPackage
    extras: tuple[str, ...] = ()
    marker: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """The part of a lock that one package needs: the superset over all machines, forks of others left out."""

    lock: Lock
    root: LockedPackage
    extras: tuple[str, ...]
    nodes: Mapping[LockedPackage, Mapping[str | None, tuple[Step, ...]]]
    """Every package reached, with its steps: under None its dependencies, under an extra's name that extra's."""

    @cached_property
    def packages(self) -> tuple[LockedPackage, ...]:
        """Every package reached, the root included, by name and version."""
        return tuple(sorted(self.nodes, key=_order))

    @property
    def local(self) -> tuple[LockedPackage, ...]:
        """The local packages, the root included."""
        return tuple(package for package in self.packages if package.folder is not None)

    @property
    def third_party(self) -> tuple[LockedPackage, ...]:
        """The others."""
        return tuple(package for package in self.packages if package.folder is None)

    def steps(self, package: LockedPackage) -> Iterator[Step]:
        """All steps of a package, those of its extras asked for included."""
        for steps in self.nodes[package].values():
            yield from steps

    def text(self, *, builders: Iterable[str] = ()) -> str:
        """The lock cut down to this selection, as uv writes one.

        Args:
            builders: names of local packages that only take part in building others. uv asks for an entry of every
                member, but resolves what builds a package anew: theirs are without dependencies.
        """
        bare = {name: package for name in builders if (package := self.lock.local(name)) is not None}
        names: dict[str, int] = {}
        for package in self.nodes:
            names[package.name] = names.get(package.name, 0) + 1
        ambiguous = {name for name, count in names.items() if count > 1}
        header = [f"version = {KNOWN_VERSION}"]
        if self.lock.revision:
            header.append(f"revision = {self.lock.revision}")
        header.append(f"requires-python = {_value(_ANY_PYTHON)}")
        if markers := self.lock.supported_markers:
            # uv limits what it exports to the forks' markers; which forks there were says more of others than of this
            keys = ["resolution-markers"] if self.lock.resolution_markers else []
            header += [_array(key, map(_value, markers)) for key in (*keys, "supported-markers")]
        manifest = []
        if members := sorted({*(p.name for p in self.local), *bare}.intersection(self.lock.members)):
            manifest.append(_array("members", map(_value, members)))
        if self.lock.build_constraints:  # what builds a package is not locked: any of them may apply
            manifest.append(_array("build-constraints", map(_value, self.lock.build_constraints)))
        reached = {package.name for package in self.nodes}
        if entries := [e for e in self.lock.dependency_metadata if canonicalize_name(e["name"]) in reached]:
            manifest.append(_array("dependency-metadata", map(_value, entries)))
        if manifest:
            header += ["", "[manifest]", *manifest]
        blocks = [self._block(package, ambiguous) for package in sorted((*self.nodes, *bare.values()), key=_order)]
        return "\n".join(header) + "\n" + "".join(f"\n[[package]]\n{block}" for block in blocks)

    def _block(self, package: LockedPackage, ambiguous: set[str]) -> str:
        parts = self.nodes.get(package, {})
        lines = [f"name = {_value(package.name)}"]
        if package.version is not None:
            lines.append(f"version = {_value(package.version)}")
        lines.append(f"source = {_value(package.source)}")
        if steps := parts.get(None):
            lines.append(_array("dependencies", (_step(step, ambiguous) for step in steps)))
        if files := self.lock.files(package):
            lines.append(files)
        if optional := sorted(extra for extra, steps in parts.items() if extra and steps):
            lines += ["", "[package.optional-dependencies]"]
            lines += [_array(extra, (_step(step, ambiguous) for step in parts[extra])) for extra in optional]
        if package is self.root and self.extras:
            # an extra that needs nothing has no other entry, and uv refuses to install one it does not know
            lines += ["", "[package.metadata]", f"provides-extras = {_value(list(self.extras))}"]
        return "\n".join(lines) + "\n"


def relative_folder(base: PurePosixPath, path: str, *, lock: Path, name: str) -> PurePosixPath:
    """The folder of a local package relative to the workspace's root.

    Args:
        base: the lock's folder, relative to the workspace's root.
        path: what the lock says.
        lock: the lock's path, for the message.
        name: the package's name, for the message.

    Raises:
        WorkspaceError: when it lies outside the workspace's root.
    """
    folder = PurePosixPath(posixpath.normpath(posixpath.join(base, path)))
    if folder.is_absolute() or folder.parts[:1] == ("..",):
        raise WorkspaceError(
            f"{lock}: {name} lies at {path}, outside the workspace's root, where no build context reaches",
            "move it below the root, or publish it to an index",
        )
    return folder


def _edges(found: Any) -> tuple[Edge, ...]:
    return toml.items_in(found, Edge.from_dict)


def _location(found: Any) -> Table:
    source = toml.table_in(found)
    for key in ("editable", "virtual", "directory", "path", "registry"):
        toml.value(source, key, str)
    return source


def _file(found: Any) -> Table:
    toml.value(file := toml.table_in(found), "path", str)
    return file


def _metadata(found: Any) -> Table:
    metadata = toml.table_in(found)
    toml.strings_at(metadata, "provides-extras")
    for need in toml.list_at(metadata, "requires-dist", toml.table_in):
        toml.required(need, "name", str)
        toml.strings_at(need, "extras")
        for key in ("specifier", "marker"):
            toml.value(need, key, str)
    return metadata


def _manifest(found: Any) -> Table:
    manifest = toml.table_in(found)
    toml.strings_at(manifest, "members")
    toml.list_at(manifest, "build-constraints", toml.table_in)
    toml.list_at(manifest, "dependency-metadata", _name)
    return manifest


def _name(found: Any) -> str:
    return canonicalize_name(toml.required(toml.table_in(found), "name", str))


def _names_in_groups(entry: Table, key: str) -> frozenset[str]:
    groups = toml.tables_by_name(entry, key, lambda found: toml.items_in(found, _name))
    return frozenset(name for names in groups.values() for name in names)


def _exclusive(found: Any) -> tuple[str, str]:
    """A package and its extra; the empty string where groups or the package itself exclude each other."""
    item = toml.table_in(found)
    return toml.value(item, "package", str) or "", canonicalize_name(toml.value(item, "extra", str) or "")


def _extra_atom(name: str, extra: str) -> str:
    return f"extra-{len(name)}-{name}-{extra}"


def _order(package: LockedPackage) -> tuple[str, str, str]:
    return package.name, package.version or "", str(package.source)


def _step(step: Step, ambiguous: set[str]) -> str:
    entry: dict[str, Any] = {"name": step.to.name}
    if step.to.name in ambiguous:
        entry |= {"version": step.to.version} if step.to.version is not None else {}
        entry["source"] = step.to.source
    if step.extras:
        entry["extra"] = list(step.extras)
    if step.marker:
        entry["marker"] = step.marker
    return _value(entry)


def _array(key: str, values: Iterable[str]) -> str:
    return "\n".join([f"{key} = [", *(f"    {value}," for value in values), "]"])


def _value(value: Any) -> str:
    """A TOML value on one line."""
    match value:
        case bool() | int() | float():
            return json.dumps(value)
        case str():
            return _quoted(value).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            return f"{{ {', '.join(f'{_key(k)} = {_value(v)}' for k, v in value.items())} }}" if value else "{}"
        case _:
            return str(value.isoformat())


def _key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)
