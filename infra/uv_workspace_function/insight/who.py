"""Which services hold a package, in which version, and through what."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.insight.graph import services_of
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import installed
from uv_workspace_function.workspace.lock import LockedPackage
from uv_workspace_function.workspace.selection import Place, Selection, Step
from uv_workspace_function.workspace.walk import walk
from uv_workspace_function.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A service that holds a package."""

    service: str
    package: str
    version: str | None
    """None where the lock knows none: that of a local package that computes it."""
    through: tuple[tuple[str, ...], ...]
    """For each direct dependency of the service that leads to the package, the names from it to the package's own user;
    an empty one where the service itself asks for the package."""


def parse_requirement(text: str) -> Requirement:
    """Read what is looked for: a package's name, with or without a version specifier.

    Raises:
        WorkspaceError: when the text is no requirement, or one with a marker or a URL, which no service answers to.
    """
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        reason = str(error).splitlines()[0]
        raise WorkspaceError(f"{text!r} is not a requirement: {reason}", "write it like 'urllib3<2.5'") from error
    if requirement.marker is not None or requirement.url is not None or requirement.extras:
        raise WorkspaceError(f"{text!r} asks for more than a name and versions", "write it like 'urllib3<2.5'")
    return requirement


def who_holds(workspace: Workspace, requirement: Requirement, target: Target) -> tuple[Holder, ...]:
    """The services in whose image a package that meets a requirement is, by name.

    Args:
        workspace: the workspace.
        requirement: as `parse_requirement` gives it.
        target: what the images run on; the lock's markers are evaluated for it.

    Raises:
        WorkspaceError: when the workspace has no services, or a lock is not whole.
    """
    name = canonicalize_name(requirement.name)
    found = []
    for service in services_of(workspace):
        selection = workspace.closure(service.name).selection
        for package in installed(selection, target):
            if package.name == name and package is not selection.root and _meets(package, requirement):
                chains = tuple(_chains(selection, package, target))
                found.append(
                    Holder(service=service.name, package=package.name, version=package.version, through=chains)
                )
    return tuple(found)


def not_held(workspace: Workspace, requirement: Requirement, target: Target) -> str:
    """What there is instead, where no service holds what was asked for, as a message for the user."""
    name = canonicalize_name(requirement.name)
    others = who_holds(workspace, Requirement(name), target)
    if others:
        versions: dict[str, list[str]] = {}
        for holder in others:
            versions.setdefault(holder.version or "of a dynamic version", []).append(holder.service)
        held = "; ".join(f"{version} in {', '.join(services)}" for version, services in versions.items())
        return f"no service holds {requirement}, but {name} {held}"
    known = {package.name for lock in workspace.locks for package in lock.packages}
    if name in known:
        return f"no service holds {requirement}: {name} is locked only for other members, groups or machines"
    near = difflib.get_close_matches(name, known, n=1)
    return f"no service holds {requirement}: {name} is not in any lock" + (
        f"; did you mean {near[0]!r}?" if near else ""
    )


def way_to(selection: Selection, name: str) -> tuple[str, ...] | None:
    """The shortest way from a service to a package of its lock, on whatever machine: the names between the two.

    Args:
        selection: the service's part of the lock.
        name: the package's normalized name.

    Returns:
        Nothing between them where the service itself asks for it; None where the selection has no such package.
    """
    packages = [package for package in selection.packages if package.name == name and package is not selection.root]
    return min((way for package in packages for way in _chains(selection, package, None)), key=len, default=None)


def _meets(package: LockedPackage, requirement: Requirement) -> bool:
    if package.version is None:
        return not requirement.specifier
    try:
        return requirement.specifier.contains(Version(package.version), prereleases=True)
    except InvalidVersion:
        return not requirement.specifier


def _chains(selection: Selection, wanted: LockedPackage, target: Target | None) -> Iterator[tuple[str, ...]]:
    """For each direct dependency that leads to a package, the shortest way there."""
    seen = set()
    for first in _steps(selection, (selection.root, None), target):
        if first.to is wanted:
            yield ()
        elif first.to.name not in seen and (chain := _shortest(selection, first, wanted, target)) is not None:
            seen.add(first.to.name)
            yield chain


def _shortest(
    selection: Selection, first: Step, wanted: LockedPackage, target: Target | None
) -> tuple[str, ...] | None:
    """The names from a direct dependency down to the package, which is left out."""

    def follow(place: Place) -> Iterator[Place]:
        # the way back through the service leads out again by another direct dependency, which has its own chain
        steps = (step for step in _steps(selection, place, target) if step.to is not selection.root)
        return ((step.to, part) for step in steps for part in (None, *step.extras))

    came_from = walk([(first.to, part) for part in (None, *first.extras)], follow)
    place = came_from.get((wanted, None))
    chain: list[str] = []
    while place is not None:
        chain.append(place[0].name)
        place = came_from[place]
    return tuple(reversed(chain)) if chain else None


def _steps(selection: Selection, state: Place, target: Target | None) -> Iterator[Step]:
    package, part = state
    parts = [part] if package is not selection.root else [None, *selection.extras]
    for one in parts:
        for step in selection.nodes[package].get(one, ()):
            if target is None or target.satisfies(step.marker):
                yield step
