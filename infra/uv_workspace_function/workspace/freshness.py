"""Is the lock still that of the project? Each requirement in pyproject.toml against what uv.lock says it was made for.

uv itself resolves again to find out, which takes a process and may take a network. Here the requirements are compared
by meaning: uv writes them in its own words (`python_version < "3.12"` as `python_full_version < '3.12'`, an extra as a
marker, a source as a path), so texts that differ are evaluated side by side in every environment that could tell them
apart. What cannot be evaluated safely is taken for fresh: a false alarm would stop work for nothing, while a stale lock
that slips through installs what it always did.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Any, Literal
from weakref import WeakKeyDictionary

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from uv_workspace_function.toml import Table, foreign_table
from uv_workspace_function.workspace.lock import LockedPackage
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.workspace import Workspace

_Kind = Literal["registry", "index", "path", "git", "url"]
# The keys of a `[tool.uv.sources]` entry and those of an entry of `requires-dist`, in uv's own words.
_DECLARED_KINDS: Mapping[str, _Kind] = {
    "workspace": "path", "path": "path", "git": "git", "url": "url", "index": "index",
}  # fmt: skip
_LOCKED_KINDS: Mapping[str, _Kind] = {
    "editable": "path", "directory": "path", "virtual": "path", "path": "path", "git": "git", "url": "url",
    "index": "index",
}  # fmt: skip

# Values of variables that go together on real machines: uv replaces one by another, which only agrees there.
_PLATFORMS = [
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
    {"sys_platform": "emscripten", "platform_system": "Emscripten", "os_name": "posix"},
    {"sys_platform": "freebsd14", "platform_system": "FreeBSD", "os_name": "posix"},
]
_IMPLEMENTATIONS = [
    {"implementation_name": "cpython", "platform_python_implementation": "CPython"},
    {"implementation_name": "pypy", "platform_python_implementation": "PyPy"},
    {"implementation_name": "graalpy", "platform_python_implementation": "GraalVM"},
]
_PYTHON_VARIABLES = frozenset({"python_version", "python_full_version"})
_STRING_VARIABLES = frozenset({"platform_machine", "extra", *_PLATFORMS[0], *_IMPLEMENTATIONS[0]})
_NEUTRAL = {
    "platform_machine": "sparc", "platform_release": "", "platform_version": "", "implementation_version": "0",
    **_PLATFORMS[0], **_IMPLEMENTATIONS[0],
}  # fmt: skip

_UNREADABLE = "?"
"""A marker that no environment answers: what has it is never called stale."""

_ATOM = re.compile(r'(?P<variable>[a-z_]+) (?P<operator>===?|!=|~=|<=?|>=?) "(?P<value>[^"]*)"')
_NAME = re.compile(r"^\s*([A-Za-z0-9][\w.-]*|)")
_PLAIN = re.compile(r"\s*(?P<name>[A-Za-z0-9][\w.-]*)\s*(\[(?P<extras>[^]]*)\])?\s*\(?(?P<specifier>[^;@()]*)\)?\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stale:
    """One thing that pyproject.toml and uv.lock say differently; as text, the message for the user."""

    package: str
    declared: str | None
    """What pyproject.toml asks for; None where it no longer does."""
    locked: str | None
    """What the lock was made for; None where it knows nothing of it."""

    def __str__(self) -> str:
        return f"{self.problem}; run `uv lock`"

    @property
    def problem(self) -> str:
        """What differs."""
        match self.declared, self.locked:
            case str(declared), None:
                says = f"asks for {declared}, of which uv.lock knows nothing"
            case None, str(locked):
                says = f"no longer asks for {locked}, which uv.lock was made for"
            case declared, locked:
                says = f"asks for {declared}, but uv.lock was made for {locked}"
        return f"uv.lock is stale: pyproject.toml of {self.package} {says}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Need:
    """One requirement, declared or locked. Two that are equal mean the same; two that differ may."""

    name: str
    extras: frozenset[str]
    specifier: str
    marker: str | None
    kinds: tuple[tuple[_Kind, str | None], ...]
    """Where it comes from, each with the marker under which; from a registry where none holds."""

    def __str__(self) -> str:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        sources = "/".join(sorted({kind for kind, _ in self.kinds if kind != "registry"}))
        source = f" (by {sources})" if sources else ""
        return f"'{self.name}{extras}{self.specifier}{f' ; {self.marker}' if self.marker else ''}'{source}"


def stale_member(workspace: Workspace, project: Project, member: Member) -> tuple[Stale, ...]:
    """What a local package asks for and a project's lock does not know, or the other way round.

    Args:
        workspace: the workspace.
        project: whose lock it is: the workspace's, or a standalone project's.
        member: a package that the lock names: a member, the project itself or a path dependency.
    """
    known = _COMPARED.setdefault(project, {})
    if member not in known:
        known[member] = _stale_member(workspace, project, member)
    return known[member]


_COMPARED: WeakKeyDictionary[Project, dict[Member, tuple[Stale, ...]]] = WeakKeyDictionary()
"""A library is in many closures, and compared once."""


def _stale_member(workspace: Workspace, project: Project, member: Member) -> tuple[Stale, ...]:
    lock = project.lock
    locked = lock.local(member.name)
    instead = lock.dependency_metadata
    if locked is None or member.name in {canonicalize_name(entry["name"]) for entry in instead}:
        return ()
    settings = [one.table for one in project.all_uv_settings]
    ignored = {name for setting in settings for name in setting.get("no-sources-package", ())}
    inherited = workspace.project.pyproject.tool("uv", "sources") if member in workspace.members else {}
    return stale_requirements(
        member.pyproject.document,
        locked,
        requires_python=lock.requires_python,
        root_sources=inherited,
        no_sources=any(setting.get("no-sources") for setting in settings) or ignored,
        shapes_python=member.folder == project.folder or member.name in lock.members,
    )


def stale_requirements(
    pyproject: Table,
    locked: LockedPackage,
    *,
    requires_python: str,
    root_sources: Table | None = None,
    no_sources: bool | Collection[str] = (),
    shapes_python: bool = True,
) -> tuple[Stale, ...]:
    """The same, of a package's `pyproject.toml` and its entry in a lock.

    Development groups are left out: no image has them. So is what the project declares as dynamic: its build backend
    knows it, pyproject.toml does not.

    Args:
        pyproject: the package's `pyproject.toml`.
        locked: the package in the lock.
        requires_python: the lock's own `requires-python`; nothing outside it was locked.
        root_sources: `[tool.uv.sources]` of the package's own workspace's root, which members inherit.
        no_sources: `[tool.uv] no-sources` where it is set, or the names in `no-sources-package`.
        shapes_python: whether the lock's `requires-python` has to fit the package's, as that of a member or of the
            project itself has; a path dependency may allow fewer Pythons.
    """
    project = foreign_table(pyproject, "project")
    dynamic = set(project.get("dynamic", ()))
    if not project or "dependencies" in dynamic:
        return ()
    extras_known = "optional-dependencies" not in dynamic
    sources = {**(root_sources or {}), **foreign_table(pyproject, "tool", "uv", "sources")}
    ignored = () if isinstance(no_sources, bool) else {canonicalize_name(name) for name in no_sources}
    sources = (
        {}
        if no_sources is True
        else {name: source for name, source in sources.items() if canonicalize_name(name) not in ignored}
    )
    stale = [*_stale_extras(locked, project)] if extras_known else []
    python = project.get("requires-python")
    if shapes_python and python is not None and not _covers(python, requires_python):
        stale.append(Stale(package=locked.name, declared=f"Python {python}", locked=f"Python {requires_python}"))
    known = frozenset(_locked(locked))
    # Where uv has asked the backend, hatchling has put what an extra of the package's own stands for in its place.
    flat = locked.name not in {need.name for need in known}
    declared = frozenset(_declared(project, sources, with_extras=extras_known, flat=flat))
    for name in sorted({need.name for need in declared ^ known}):
        ours, theirs = (frozenset(need for need in side if need.name == name) for side in (declared, known))
        if _differ(ours, theirs, requires_python, by_extra=extras_known):
            stale.append(
                Stale(
                    package=locked.name,
                    declared=_listed(ours - theirs),
                    locked=_listed(theirs - ours),
                )
            )
    return tuple(stale)


@lru_cache(maxsize=4096)
def _covers(declared: str, requires_python: str) -> bool:
    """Tell whether a project allows every Python of its lock, which is made for those that all members allow."""
    try:
        allowed, locked = SpecifierSet(declared), SpecifierSet(requires_python)
    except InvalidSpecifier:
        return True
    # uv compares bounds alone: a version excluded from the middle leaves a lock as it is
    bounds = SpecifierSet(",".join(str(specifier) for specifier in allowed if specifier.operator != "!="))
    values = [specifier.version for specifier in (*bounds, *locked)]
    return all(bounds.contains(version) for version in _around(values) if locked.contains(version))


def _stale_extras(locked: LockedPackage, project: Table) -> Iterator[Stale]:
    if "provides-extras" not in locked.metadata:  # locks of the first revision have none
        return
    known = {canonicalize_name(extra) for extra in locked.metadata["provides-extras"]}
    declared = {canonicalize_name(extra) for extra in foreign_table(project, "optional-dependencies")}
    for extra in sorted(declared - known):
        yield Stale(package=locked.name, declared=f"an extra {extra!r}", locked=None)
    for extra in sorted(known - declared):
        yield Stale(package=locked.name, declared=None, locked=f"an extra {extra!r}")


def _listed(needs: Iterable[_Need]) -> str | None:
    return " and ".join(sorted(map(str, needs))) or None


# What pyproject.toml says


def _declared(project: Table, sources: Table, *, with_extras: bool, flat: bool) -> Iterator[_Need]:
    by_name: dict[str, Any] = {canonicalize_name(name): source for name, source in sources.items()}
    own = canonicalize_name(project.get("name", ""))
    optional = foreign_table(project, "optional-dependencies") if with_extras else {}
    extras: dict[str, Sequence[str]] = {
        canonicalize_name(extra): requirements for extra, requirements in optional.items()
    }
    for extra, requirements in ((None, project.get("dependencies", ())), *extras.items()):
        needs = [_parsed_need(text) for text in requirements]
        for need in _flattened(needs, extras, own) if flat else needs:
            yield _sourced(_of_extra(need, extra), by_name, extra, own)


def _flattened(
    needs: Iterable[_Need], extras: Mapping[str, Sequence[str]], own: str, seen: frozenset[str] = frozenset()
) -> Iterator[_Need]:
    """Needs, with what `acme[fast]` stands for in its place where the package is acme itself, whatever its marker.

    Source: `optional_dependencies_complex` in hatchling's `metadata/core.py`.
    """
    for need in needs:
        if need.name != own:
            yield need
            continue
        for extra in need.extras - seen:
            inner = [_parsed_need(text) for text in extras.get(extra, ())]
            yield from _flattened(inner, extras, own, seen | {extra})


def _of_extra(need: _Need, extra: str | None) -> _Need:
    if extra is None or need.marker == _UNREADABLE:
        return need
    return replace(need, marker=f"({need.marker}) and extra == '{extra}'" if need.marker else f"extra == '{extra}'")


def _sourced(need: _Need, sources: Table, extra: str | None, own: str) -> _Need:
    if need.name in sources and need.name != own:
        return replace(need, kinds=_source_kinds(sources[need.name], extra))
    return need


@lru_cache(maxsize=4096)
def _parsed_need(text: str) -> _Need:
    """A requirement as it is written."""
    marker: str | None = None
    kind: _Kind = "registry"
    if plain := _PLAIN.fullmatch(text):  # nearly all of them, and packaging's parser takes twenty times as long
        name, specifier = plain["name"], plain["specifier"]
        extras = [extra for extra in (plain["extras"] or "").split(",") if extra.strip()]
    else:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            # uv could read it, or there were no lock: its name alone is known, and that it cannot be compared
            name = canonicalize_name(_NAME.findall(text)[0])
            return _Need(name=name, extras=frozenset(), specifier="", marker=_UNREADABLE, kinds=())
        name, extras, specifier = requirement.name, [*requirement.extras], str(requirement.specifier)
        marker = str(requirement.marker or "") or None
        if requirement.url:
            kind = _url_kind(requirement.url)
    return _Need(
        name=canonicalize_name(name),
        extras=frozenset(canonicalize_name(extra.strip()) for extra in extras),
        specifier=_specifier_text(specifier),
        marker=marker,
        kinds=((kind, None),),
    )


def _source_kinds(source: Any, extra: str | None) -> tuple[tuple[_Kind, str | None], ...]:
    """The kinds of a `[tool.uv.sources]` entry, which may be a list that markers and extras choose from."""
    found: list[tuple[_Kind, str | None]] = []
    for item in source if isinstance(source, list) else [source]:
        if ("extra" in item and canonicalize_name(item["extra"]) != extra) or "group" in item:
            continue
        kind = next((kind for key, kind in _DECLARED_KINDS.items() if key in item), None)
        found.append((kind or "url", item.get("marker") if kind else _UNREADABLE))
    return tuple(found) or (("registry", None),)


def _url_kind(url: str) -> _Kind:
    scheme = url.partition(":")[0].lower()
    if scheme.startswith("git+"):
        return "git"
    return "path" if scheme == "file" or "://" not in url else "url"


# What uv.lock says


def _locked(package: LockedPackage) -> Iterator[_Need]:
    for entry in package.metadata.get("requires-dist", ()):
        # a package that names itself (`all = ["acme[fast]"]`) means itself, which the lock says as its source
        name = canonicalize_name(entry["name"])
        kind = None if name == package.name else next((k for key, k in _LOCKED_KINDS.items() if key in entry), None)
        yield _Need(
            name=name,
            extras=frozenset(canonicalize_name(extra) for extra in entry.get("extras", ())),
            specifier=_specifier_text(entry.get("specifier", "")),
            marker=entry.get("marker"),
            kinds=((kind or "registry", None),),
        )


def _specifier_text(specifier: str) -> str:
    return ",".join(sorted(part.replace(" ", "") for part in specifier.split(",") if part.strip()))


# Do they mean the same?


@lru_cache(maxsize=4096)
def _differ(declared: frozenset[_Need], locked: frozenset[_Need], requires_python: str, *, by_extra: bool) -> bool:
    """Tell whether the needs of one name come to something else on either side, in any environment."""
    if not declared and by_extra:
        return True  # uv locks every requirement, also one that never holds: this one is gone
    needs = [*declared, *locked]
    if not locked and any(need.marker and need.marker != _UNREADABLE and _atoms(need.marker) is None for need in needs):
        return True  # and this one is new, whatever its marker says
    if not all(_is_specifier(need.specifier) for need in needs):
        return False
    markers = {marker for need in needs for marker in (need.marker, *(m for _, m in need.kinds)) if marker}
    return any(
        _meaning(declared, environment) != _meaning(locked, environment)
        for environment in _environments(markers, requires_python, by_extra=by_extra)
    )


def _meaning(all_needs: Iterable[_Need], environment: Mapping[str, str]) -> object:
    """What needs of one name come to in one environment; None where nothing is needed."""
    needs = [need for need in all_needs if _holds(need.marker, environment)]
    if not needs:
        return None
    kinds = [next((kind for kind, m in need.kinds if _holds(m, environment)), "registry") for need in needs]
    extras = frozenset[str]().union(*(need.extras for need in needs))
    # of what has a place of its own uv writes down the place, and no version
    versions = [need.specifier for need, kind in zip(needs, kinds, strict=True) if kind in ("registry", "index")]
    return extras, set(kinds), SpecifierSet(",".join(version for version in versions if version))


@lru_cache(maxsize=4096)
def _is_specifier(text: str) -> bool:
    try:
        return SpecifierSet(text) is not None
    except InvalidSpecifier:
        return False


def _holds(marker: str | None, environment: Mapping[str, str]) -> bool:
    return not marker or _parsed(marker).evaluate({**environment})


@lru_cache(maxsize=4096)
def _parsed(marker: str) -> Marker:
    return Marker(marker)


def _environments(markers: Iterable[str], requires_python: str, *, by_extra: bool) -> Iterator[dict[str, str]]:
    """Every environment in which one of the markers can change its answer; none when one of them cannot be read."""
    values: dict[str, set[str]] = {}
    for marker in markers:
        atoms = _atoms(marker)
        if atoms is None:
            return
        for variable, value in atoms:
            values.setdefault(variable, set()).add(value)
    extras = ["", *sorted(values.get("extra", ()))] if by_extra else [""]
    machines = sorted({"sparc", *values.get("platform_machine", ())})
    platforms = _PLATFORMS if values.keys() & _PLATFORMS[0].keys() else _PLATFORMS[:1]
    implementations = _IMPLEMENTATIONS if values.keys() & _IMPLEMENTATIONS[0].keys() else _IMPLEMENTATIONS[:1]
    pythons = _pythons(values, requires_python)
    for python, platform, implementation, machine, extra in product(
        pythons, platforms, implementations, machines, extras
    ):
        major, minor, *_ = python.split(".")
        yield {
            **_NEUTRAL,
            **platform,
            **implementation,
            "platform_machine": machine,
            "python_full_version": python,
            "python_version": f"{major}.{minor}",
            "extra": extra,
        }


def _pythons(values: Mapping[str, Iterable[str]], requires_python: str) -> list[str]:
    try:
        allowed = SpecifierSet(requires_python)
    except InvalidSpecifier:
        return []
    asked = {value for variable in _PYTHON_VARIABLES for value in values.get(variable, ())}
    pythons = [version for version in _around([*asked, *(s.version for s in allowed)]) if allowed.contains(version)]
    return pythons if asked else pythons[:1]


def _around(versions: Iterable[str]) -> list[str]:
    """Python versions on either side of each of these, ascending: where a comparison with one changes its answer."""
    found = set()
    for text in versions:
        major, minor, micro = (*Version(text.removesuffix(".*")).release, 0, 0)[:3]
        found |= {(major, minor, micro + step) for step in (-1, 0, 1)}
        found |= {(major, minor - 1, 99), (major, minor, 0), (major, minor, 99), (major, minor + 1, 0)}
        found |= {(major - 1, 99, 0), (major + 1, 0, 0)}
    return [".".join(map(str, version)) for version in sorted(found) if min(version) >= 0]


@lru_cache(maxsize=4096)
def _atoms(marker: str) -> tuple[tuple[str, str], ...] | None:
    """The variables a marker compares and with what; None where uv and packaging may answer it differently."""
    try:
        text = str(_parsed(marker))
    except InvalidMarker:
        return None
    atoms = []
    for atom in _ATOM.finditer(text):
        variable, operator, value = atom["variable"], atom["operator"], atom["value"]
        if variable in _PYTHON_VARIABLES:
            if operator == "===" or not re.fullmatch(r"\d+(\.\d+){0,2}(\.\*)?", value):
                return None
        elif variable not in _STRING_VARIABLES or operator not in ("==", "!="):
            return None
        atoms.append((variable, value))
    rest = _ATOM.sub(" ", text).replace("(", " ").replace(")", " ").split()
    return tuple(atoms) if set(rest) <= {"and", "or"} else None
