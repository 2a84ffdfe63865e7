"""What a member declares: the packages its code may import, those its tests may, and what these bring along."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from packaging.markers import Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from uv_workspace_function.definitions.pyproject import Pyproject, requirement_name
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.lock import Edge, Lock
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.walk import walk


@dataclass(frozen=True, kw_only=True, eq=False)
class Declared:
    """What one member declares, by normalized names."""

    dependencies: Mapping[str, str]
    """Its `[project] dependencies`: name -> the requirement as written; markers are not evaluated."""
    run: frozenset[str]
    """What its code may import: dependencies, its extras, and what an extra it asks for names."""
    development: frozenset[str]
    """What its tests may import beside that: its dev groups, and those of the project's root."""
    groups: Mapping[str, str]
    """Each name of `development` -> where it is declared, in words."""
    names_tests: bool
    """Whether a group or an extra is there for tests: by its name, or by a test runner in it."""
    elsewhere: frozenset[str]
    """What markers leave out on the target, of its requirements and of all that these need: Windows only, an older Python."""
    graph: "LockGraph"
    asked: tuple[str, ...]
    """The requirements of `dependencies`, as written."""
    offered: tuple[str, ...]
    """Those of its extras."""
    grouped: tuple[str, ...]
    """Those of its dev groups and the root's, and what the root itself needs."""

    def through(self, package: str, *, without: str, in_image: bool) -> list[str]:
        """Which requirements bring a package along: dependencies if any does, else extras and groups too."""
        more = self.offered if in_image else (*self.offered, *self.grouped)
        return self.graph.through(self.asked, package, without=without) or self.graph.through(
            more, package, without=without
        )

    def brought_by(self, names: Collection[str]) -> frozenset[str]:
        """All that some packages bring, with the extras that are asked for."""
        start = [
            (name, extra)
            for name, extras, _ in _parsed((*self.asked, *self.offered, *self.grouped))
            for extra in (None, *extras)
            if name in names
        ]
        return self.graph.reach_of([*start, *((name, None) for name in names)])

    @cached_property
    def closure(self) -> frozenset[str]:
        """All that its image holds, extras included."""
        return self.graph.reach(self.run)

    @cached_property
    def development_closure(self) -> frozenset[str]:
        """All that its tests run with."""
        return self.graph.reach(self.run | self.development)

    @classmethod
    def of(
        cls, member: Member, project: Project, graph: "LockGraph", root: Member | None, target: Target
    ) -> "Declared":
        """Read what a member declares.

        Args:
            member: the member.
            project: the project in whose lock it is.
            graph: that lock's edges.
            root: the project's root, where it is a package; its groups are installed beside every member.
            target: what the images run on.
        """
        asked = _dependencies(member, project.lock)
        dependencies = {name: text for text in asked if (name := requirement_name(text))}
        extras = member.pyproject.metadata.optional_dependencies
        written = [text for requirements in extras.values() for text in requirements]
        locked = project.lock.local(member.name)
        known = [] if locked is None else [_requirement(e) for edges in locked.optional.values() for e in edges]
        run = {name for text in (*asked, *written, *known) for name in _named(text, graph)}
        groups = dict(_grouped(member.pyproject, f"a dev group of {member.name}", graph))
        named = (*extras, *(() if _ENVIRONMENTS & groups.keys() else member.pyproject.dependency_groups))
        grouped = [*_of_groups(member.pyproject), *_of_groups(project.pyproject)]
        if member is not root:
            groups = dict(_grouped(project.pyproject, "a dev group of the root", graph)) | groups
            if root is not None:
                of_root = _dependencies(root, project.lock)
                grouped += of_root
                groups = dict.fromkeys((name for text in of_root for name in _named(text, graph)), THE_ROOT) | groups
        return cls(
            dependencies=dependencies,
            run=frozenset(run - {member.name}),
            development=frozenset(groups),
            groups=groups,
            names_tests=bool(_RUNNERS & groups.keys()) or any(map(_TESTS.match, named)),
            elsewhere=graph.reach(run | groups.keys()) - graph.reach_on((*asked, *written, *grouped), target),
            graph=graph,
            asked=tuple(asked),
            offered=(*written, *known),
            grouped=tuple(grouped),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class LockGraph:
    """Who needs whom in a lock, by name: versions, markers and forks are not told apart, extras are."""

    edges: Mapping[tuple[str, str | None], Sequence[Edge]]
    """A package, and an extra of it or None -> what these need."""
    bare: frozenset[str] = frozenset()
    """The packages without a module: whoever names one means what it needs."""

    @classmethod
    def of(cls, lock: Lock, bare: Iterable[str] = ()) -> "LockGraph":
        """Gather the edges of a lock; `bare` are the packages that have no module."""
        edges: dict[tuple[str, str | None], list[Edge]] = {}
        for package in lock.packages:
            edges.setdefault((package.name, None), []).extend(package.dependencies)
            for extra, needed in package.optional.items():
                edges.setdefault((package.name, canonicalize_name(extra)), []).extend(needed)
        return cls(edges=edges, bare=frozenset(bare))

    @cached_property
    def needed(self) -> frozenset[str]:
        """The packages that another one needs, be it for an extra."""
        return frozenset(edge.name for edges in self.edges.values() for edge in edges)

    def reach(self, names: Iterable[str]) -> frozenset[str]:
        """Some packages and all that they need; of extras, those that are asked for."""
        return self.reach_of((name, None) for name in names)

    def reach_of(self, places: Iterable[tuple[str, str | None]]) -> frozenset[str]:
        """The same of packages, and of extras of them."""
        return frozenset(name for name, _ in walk(places, lambda node: self._parts(node, whole=True)))

    def reach_on(self, requirements: Iterable[str], target: Target) -> frozenset[str]:
        """All that some requirements need where the images run: what markers leave out there, nobody can be asked to have.

        Markers that speak of extras say which fork of a lock an edge is in; those hold.
        """
        environment = {**target.environment, "extra": ""}

        def counts(edge: Edge) -> bool:
            return edge.marker is None or "extra" in edge.marker or Marker(edge.marker).evaluate(environment)

        start: list[tuple[str, str | None]] = []
        for name, extras, marker in _parsed(requirements):
            if marker is None or marker.evaluate(environment):
                start += [(name, None), *((name, extra) for extra in extras)]
        return frozenset(name for name, _ in walk(start, lambda node: self._parts(node, whole=True, counts=counts)))

    def _parts(
        self, node: tuple[str, str | None], *, whole: bool, counts: Callable[[Edge], bool] = lambda _: True
    ) -> Iterator[tuple[str, str | None]]:
        """What a package or an extra of it leads to: the extras that are asked for, and the packages `whole`."""
        for edge in filter(counts, self.edges.get(node, ())):
            if whole:
                yield edge.name, None
            yield from ((edge.name, canonicalize_name(extra)) for extra in edge.extras)

    def through(self, requirements: Iterable[str], wanted: str, *, without: str) -> list[str]:
        """Which of some requirements bring another package along, not by way of one; an extra is named where it takes that."""

        def parts(node: tuple[str, str | None]) -> Iterator[tuple[str, str | None]]:
            return self._parts(node, whole=True) if node[0] != without else iter(())

        def brings(name: str, extra: str | None) -> bool:
            return any(found == wanted for found, _ in walk([(name, extra)], parts))

        found: set[str] = set()
        for name, extras, _ in _parsed(requirements):
            if name == wanted:
                continue
            if brings(name, None):
                found.add(name)
            elif bringing := [extra for extra in extras if brings(name, extra)]:
                found.add(f"{name}[{','.join(bringing)}]")
        return sorted(found)

    def named_by_extras(self, requirement: str) -> frozenset[str]:
        """The packages that the extras in a requirement name: `celery[redis]` asks for `kombu[redis]`, and so for redis."""
        start: list[tuple[str, str | None]] = [
            (name, extra) for name, extras, _ in _parsed([requirement]) for extra in extras
        ]
        asked = walk(start, lambda node: self._parts(node, whole=False))
        return frozenset(edge.name for node in asked for edge in self.edges.get(node, ()))


THE_ROOT = "the root"
"""Who declares what the root itself needs to run."""
_RUNNERS = frozenset({"pytest", "nose2", "ward", "behave", "robotframework", "stestr", "testtools", "twisted"})
# With these, and no runner beside them, tests run in environments that are described elsewhere.
_ENVIRONMENTS = frozenset({"tox", "tox-uv", "nox"})
_TESTS = re.compile(r"(test|tests|testing|dev|develop|development)\b", re.IGNORECASE)


def _parsed(requirements: Iterable[str]) -> Iterator[tuple[str, list[str], Marker | None]]:
    """The name, extras and marker of each requirement; none of what is no requirement, which uv refuses."""
    for text in requirements:
        try:
            parsed = Requirement(text)
        except InvalidRequirement:
            continue
        yield canonicalize_name(parsed.name), sorted(map(canonicalize_name, parsed.extras)), parsed.marker


def _of_groups(pyproject: Pyproject) -> Iterator[str]:
    for requirements in pyproject.dependency_groups.values():
        yield from requirements
    yield from pyproject.uv.dev_dependencies


def _dependencies(member: Member, lock: Lock) -> list[str]:
    if member.pyproject.has_project and "dependencies" not in member.pyproject.metadata.dynamic:
        return list(member.pyproject.metadata.dependencies)
    # its build backend tells them, and told uv
    locked = lock.local(member.name)
    return [] if locked is None else [_requirement(edge) for edge in locked.dependencies]


def _requirement(edge: Edge) -> str:
    # markers that speak of extras say which fork of a lock an edge is in
    marker = f"; {edge.marker}" if edge.marker and "extra" not in edge.marker else ""
    return f"{edge.name}[{','.join(edge.extras)}]{marker}"


def _named(requirement: str, graph: LockGraph) -> Iterator[str]:
    """What a requirement names: a package, what the extras that it asks for need, and what it stands for."""
    if name := requirement_name(requirement):
        yield name
        yield from graph.named_by_extras(requirement)
        if name in graph.bare:
            yield from (edge.name for edge in graph.edges.get((name, None), ()))


def _grouped(pyproject: Pyproject, where: str, graph: LockGraph) -> Iterator[tuple[str, str]]:
    for name, requirements in pyproject.dependency_groups.items():
        for requirement in requirements:
            yield from ((found, f"{where} ({name})") for found in _named(requirement, graph))
    for entry in pyproject.uv.dev_dependencies:
        yield from ((found, f"{where} (dev)") for found in _named(entry, graph))
