"""What one package needs of a lock: the superset over all machines, forks of others left out."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from packaging.utils import canonicalize_name

from uv_workspace_function.errors import LockError, WorkspaceError
from uv_workspace_function.workspace.lock import Lock, LockedPackage
from uv_workspace_function.workspace.markers import fold_conflicts
from uv_workspace_function.workspace.walk import walk

Place = tuple[LockedPackage, str | None]
"""A package, or an extra of it."""


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
        return tuple(sorted(self.nodes, key=LockedPackage.order))

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


def refuse_conflicting(selection: Selection) -> None:
    """Refuse extras that `[tool.uv] conflicts` keep apart, whoever asks for them: no environment has them together.

    Raises:
        WorkspaceError: naming them, and who asks for each where that is not the one that is installed.
    """
    root = selection.root.name
    askers: dict[tuple[str, str | None], str] = {(root, extra): root for extra in (None, *selection.extras)}
    for package, parts in selection.nodes.items():
        for part, steps in parts.items():
            asker = f"{package.name}[{part}]" if part else package.name
            for step in steps:
                if step.marker is None:  # what is for some machines only may be apart there
                    for extra in (None, *step.extras):
                        askers.setdefault((step.to.name, extra), asker)
    for entry in selection.lock.exclusive:
        clash = [(name, extra) for name, extra in entry if (name, extra) in askers]
        if len(clash) < 2:
            continue
        if {name for name, _ in clash} == {root}:
            what = (
                f"the extras {' and '.join(sorted(extra or 'none' for _, extra in clash))} of {root} exclude each other"
            )
        else:
            shown = [f"{name}[{extra}]" if extra else name for name, extra in clash]
            asked = [f"{askers[each]} needs {text}" for each, text in zip(clash, shown, strict=True) if each[0] != root]
            what = f"{' and '.join(shown)} exclude each other, and {', '.join(asked)}: so none of it can be installed together"
        raise WorkspaceError(f"{what}, as [tool.uv] `conflicts` says", "ask for one of them")


def select(lock: Lock, name: str, extras: Iterable[str] = ()) -> Selection:
    """What a package needs of the lock, transitively, development groups left out.

    Args:
        lock: the lock.
        name: normalized name of a local package.
        extras: normalized names of its extras to install.

    Raises:
        WorkspaceError: when the package or an extra is not in the lock, or an edge leads nowhere.
    """
    root = lock.local(name)
    if root is None:
        raise LockError(f"{lock.path} has no entry for {name}", "run `uv lock`")
    wanted = tuple(sorted({canonicalize_name(extra) for extra in extras}))
    for extra in wanted:
        if extra not in root.extras:
            near = difflib.get_close_matches(extra, root.extras, n=1)
            known = f"extras are: {', '.join(sorted(root.extras))}" if root.extras else "it has no extras"
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise WorkspaceError(f"{name} has no extra {extra!r}", hint + known)
    active = {f"project-{len(name)}-{name}", *(_extra_atom(name, extra) for extra in wanted)}
    while True:
        nodes, activated = _nodes(lock, root, wanted, active)
        if activated <= active:
            return Selection(lock=lock, root=root, extras=wanted, nodes=nodes)
        active |= activated


def _nodes(
    lock: Lock, root: LockedPackage, extras: tuple[str, ...], active: set[str]
) -> tuple[dict[LockedPackage, dict[str | None, tuple[Step, ...]]], set[str]]:
    """The packages that the edges which hold under `active` lead to, and the extras that were asked for on the way."""
    nodes: dict[LockedPackage, dict[str | None, tuple[Step, ...]]] = {}
    activated: set[str] = set()

    def steps(package: LockedPackage, part: str | None) -> Iterator[Step]:
        for edge in package.dependencies if part is None else package.optional.get(part, ()):
            asked = {_extra_atom(edge.name, extra) for extra in edge.extras} if lock.conflicts else set()
            marker = fold_conflicts(edge.marker, (active | asked).__contains__) if lock.conflicts else edge.marker
            if marker is False:
                continue
            activated.update(asked)
            yield Step(to=lock.target(edge, of=package), extras=edge.extras, marker=None if marker is True else marker)

    def follow(place: Place) -> Iterator[Place]:
        package, part = place
        taken = nodes.setdefault(package, {})[part] = tuple(steps(package, part))
        return ((step.to, one) for step in taken for one in (None, *step.extras))

    walk([(root, part) for part in (None, *extras)], follow)
    return nodes, activated


def _extra_atom(name: str, extra: str) -> str:
    return f"extra-{len(name)}-{name}-{extra}"
