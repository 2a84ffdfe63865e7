"""Local packages that only take part in building others: a backend of one's own, a plugin, and what these need in turn."""

import posixpath
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from uv_workspace_function.definitions.pyproject import Pyproject, requirement_name
from uv_workspace_function.definitions.uv_settings import DependencySource
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.local_packages import LocalPackages
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.selection import Selection, select


def builders_of(
    packages: LocalPackages, project: Project, local: tuple[Member, ...], selection: Selection
) -> tuple[tuple[Member, ...], tuple[PurePosixPath, ...]]:
    """Local packages that others' builds require, with what those need in turn; and such archives."""
    found: dict[str, Member] = {}
    archives: set[PurePosixPath] = set()
    known = {member.name for member in local}
    asked: set[_LocalRequirement] = set()
    queue = [*_local_build_requirements(project, local, names={package.name for package in selection.packages})]
    while queue:
        needed = queue.pop()
        if needed in asked:
            continue
        asked.add(needed)
        if (locked := project.lock.local(needed.name)) is not None:
            builders = packages.of_selection(project, select(project.lock, locked.name, locked.extras & needed.extras))
        else:
            paths = {_build_path(packages.root, needed, location) for location in needed.locations}
            archives |= {path for path in paths if (packages.root / path).is_file()}
            builders = tuple(packages.at(path, needed.name, built=None) for path in sorted(paths - archives))
            queue += (entry for builder in builders for entry in _runtime_requirements(builder, needed.extras))
        new = [member for member in builders if member.name not in known]
        known.update(member.name for member in new)
        found |= {member.name: member for member in new}
        queue += _local_build_requirements(project, new, names={member.name for member in new})
    return tuple(found[name] for name in sorted(found)), tuple(sorted(archives))


def _build_path(root: Path, needed: "_LocalRequirement", location: PurePosixPath) -> PurePosixPath:
    """Where a build requirement lies that no lock holds, relative to the root.

    Raises:
        WorkspaceError: when a context cannot hold it, or there is nothing.
    """
    what = f"{needed.user} is built with {needed.name}, which tool.uv.sources takes from {location}"
    if location.is_absolute() or location.parts[:1] == ("..",):
        raise WorkspaceError(
            f"{what}: that is not a path below the workspace's root, and a build context reaches no further",
            "move it below the root and name it by a relative path, or publish it to an index",
        )
    if not (root / location).exists():
        raise WorkspaceError(f"{what}, but there is nothing", "restore it, or correct the path")
    return location


@dataclass(frozen=True, slots=True, kw_only=True)
class _LocalRequirement:
    """A requirement of a build that comes from the workspace or from a path."""

    name: str
    """Normalized."""
    extras: frozenset[str]
    """Normalized."""
    user: str
    """Who requires it."""
    locations: tuple[PurePosixPath, ...]
    """Where its paths lead, relative to the workspace's root."""


_Sources = Mapping[str, tuple[tuple[DependencySource, ...], PurePosixPath]]
"""`tool.uv.sources` by normalized name, each entry with the folder that its paths start from."""


def _local_build_requirements(
    project: Project, members: Iterable[Member], *, names: Collection[str]
) -> Iterator[_LocalRequirement]:
    """What `[build-system] requires` and `extra-build-dependencies` take from the workspace or from a path.

    Args:
        project: the project that the packages are locked in.
        members: local packages that are built.
        names: everything that is built, by normalized name.
    """
    inherited = _sources_of(project.pyproject, project.folder)
    for member in members:
        sources = {**inherited, **_sources_of(member.pyproject, member.folder)}
        yield from _from_local(member.pyproject.build_system.requires, sources, user=member.name)
        for name, requirements in member.pyproject.uv.extra_build_dependencies.items():
            if name in names:
                yield from _from_local(requirements, sources, user=member.name)
    for settings in project.all_uv_settings:
        for name, requirements in settings.extra_build_dependencies.items():
            if name in names:
                yield from _from_local(requirements, inherited, user=name)


def _runtime_requirements(builder: Member, extras: Collection[str]) -> Iterator[_LocalRequirement]:
    """What a build requirement that no lock holds takes from a path itself."""
    declared = builder.pyproject.metadata
    optional = declared.optional_dependencies
    requirements = [r for extra, listed in optional.items() if canonicalize_name(extra) in extras for r in listed]
    sources = _sources_of(builder.pyproject, builder.folder)
    yield from _from_local([*declared.dependencies, *requirements], sources, user=builder.name)


def _sources_of(pyproject: Pyproject, folder: PurePosixPath) -> _Sources:
    return {name: (entries, folder) for name, entries in pyproject.uv.sources.items()}


def _from_local(requirements: Iterable[str], sources: _Sources, *, user: str) -> Iterator[_LocalRequirement]:
    """The requirements that come from the workspace or from a path.

    Raises:
        WorkspaceError: when one comes from another workspace.
    """
    for text in requirements:
        if requirement_name(text) not in sources:
            continue  # from an index, as most are
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue  # uv, or the backend, says so
        name = canonicalize_name(requirement.name)
        chosen, base = sources[name]
        for one in chosen:
            if one.other_workspace is not None:
                raise WorkspaceError(
                    f"{user} is built with {name}, which tool.uv.sources takes from another workspace, {one.other_workspace}: a build "
                    "context holds one workspace",
                    f"name the folder of {name} itself, `{{ path = ... }}`, or publish it to an index",
                )
        if any(one.workspace or one.path is not None for one in chosen):
            paths = (PurePosixPath(posixpath.normpath(base / one.path)) for one in chosen if one.path is not None)
            extras = frozenset(map(canonicalize_name, requirement.extras))
            yield _LocalRequirement(name=name, extras=extras, user=user, locations=tuple(paths))
