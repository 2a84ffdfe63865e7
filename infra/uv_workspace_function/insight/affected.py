"""What a change affects: the services whose images it changes, and the members whose tests it can break.

Both sides, a commit and the working tree, are read by today's tool, so that a newer tool is no change of the workspace.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from packaging.utils import canonicalize_name

from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.definitions.pyproject import PYPROJECT, Pyproject
from uv_workspace_function.definitions.toml import Table
from uv_workspace_function.errors import NoWorkspaceError, WorkspaceError
from uv_workspace_function.insight.comparison import Change, compare
from uv_workspace_function.insight.git_history import History
from uv_workspace_function.insight.graph import services_of
from uv_workspace_function.workspace.lock import LOCK_NAME, Lock
from uv_workspace_function.workspace.lock_text import files_of
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.walk import walk
from uv_workspace_function.workspace.workspace import Workspace

Purpose = Literal["deploy", "test"]
# Settings of test runners at the root hold for every member's tests.
_TEST_TOOLS = frozenset({"pytest", "pytest_env", "pytest-enabler", "coverage", "tox", "hypothesis"})
_ROOT_FILES = frozenset(
    {"conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", "tox.ini", "setup.cfg", ".coveragerc"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Affected:
    """A service or library that a change affects, and why."""

    member: Member
    is_new: bool
    reasons: tuple[Change | str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """Everything that a change affects."""

    commit: str
    affected: tuple[Affected, ...]
    """By name."""
    removed: tuple[str, ...]
    """The names of services that are no more."""


def effects(root: Path, ref: str, purpose: Purpose) -> Effects:
    """Compare a workspace with itself at a commit.

    Args:
        root: the workspace's root.
        ref: the commit: a branch, a tag, or its name.
        purpose: `deploy`: services whose build context differs. `test`: also the members, libraries among them, whose files,
            dev groups or libraries differ.

    Raises:
        WorkspaceError: when there is no git or no such commit, the working tree's workspace cannot be read, or what is to be
            deployed is asked for where there are no services, nor were any.
    """
    history = History.at(root)
    commit = history.commit(ref)
    now = Workspace.load(root)
    with history.checkout(commit) as old_root:
        try:
            then = Workspace.load(old_root)
        except WorkspaceError as error:
            if purpose == "deploy":
                services_of(now)
            if isinstance(error, NoWorkspaceError):
                return _all(now, commit, purpose, f"there was no uv workspace at {commit[:12]}")
            return _all(now, commit, purpose, f"the workspace at {commit[:12]} cannot be read: {error}")
        sides = _Sides(then=then, now=now)
        if purpose == "deploy":
            if not then.services:
                services_of(now)  # nothing to deploy is to be said, not shown as nothing affected
            affected = [found for service in now.services if (found := sides.by_context(service)) is not None]
        else:
            affected = list(_tested(sides, history.changed(commit)))
        current = {member.name for member in now.services}
        removed = tuple(member.name for member in then.services if member.name not in current)
    return Effects(commit=commit, affected=tuple(affected), removed=removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """The workspace as it was and as it is."""

    then: Workspace
    now: Workspace

    def by_context(self, member: Member) -> Affected | None:
        """Whether a member's build context differs.

        Raises:
            WorkspaceError: when today's context cannot be made.
        """
        context = BuildContext.of(self.now, member.name)
        old = self.then.by_name.get(member.name)
        if old is None:
            return Affected(member=member, is_new=True, reasons=(f"{member.folder} is new",))
        if member.is_service and not old.is_service:
            return Affected(member=member, is_new=True, reasons=(f"{member.name} was a library and is a service",))
        try:
            before = BuildContext.of(self.then, member.name)
        except WorkspaceError as error:
            reason = f"its context could not be made before: {error}"
            return Affected(member=member, is_new=False, reasons=(reason,))
        reasons = compare(before, context)
        return Affected(member=member, is_new=False, reasons=reasons) if reasons else None


def _tested(sides: _Sides, changed: frozenset[str]) -> Iterator[Affected]:
    """Every member whose tests the change can break."""
    now = sides.now
    by_context: dict[str, Affected] = {}
    for member in now.by_name.values():
        try:
            found = sides.by_context(member)
        except WorkspaceError as error:
            found = Affected(member=member, is_new=False, reasons=(f"its context cannot be made: {error}",))
        if found is not None:
            by_context[member.name] = found
    owners = _owners(now.by_name.values(), changed)
    everywhere = list(_root_settings(sides, changed))
    locks = {id(lock): _Groups.of(lock) for lock in (*sides.then.locks, *now.locks)}
    for name, member in sorted(now.by_name.items()):
        reasons: list[Change | str] = list(by_context[name].reasons if name in by_context else ())
        told = {change.name for change in reasons if isinstance(change, Change)}
        reasons += [
            Change(kind="file", name=path, before="there", after="there")
            for path in owners.get(name, ())
            if path not in told
        ]
        groups = locks[id(now.project_of(member).lock)]
        if (old := sides.then.by_name.get(name)) is not None:
            before = locks[id(sides.then.project_of(old).lock)]
            reasons += [c for c in before.compared(groups, old, member, sides) if c.name not in told]
        reasons += [
            f"{other}, which a dev group needs, is different"
            for other in sorted(groups.libraries_of_groups(member) & by_context.keys())
        ]
        reasons += everywhere
        if reasons:
            yield Affected(member=member, is_new=old is None, reasons=tuple(dict.fromkeys(reasons)))


def _owners(members: Iterable[Member], changed: Iterable[str]) -> Mapping[str, list[str]]:
    """The changed paths in each member's folder, those of members nested in it left to them."""
    folders = {member.folder: member.name for member in members}
    found: dict[str, list[str]] = {}
    for path in sorted(changed):
        if path in (PYPROJECT, LOCK_NAME):
            continue  # what they say is compared, not their text
        owner = next((folders[parent] for parent in PurePosixPath(path).parents if parent in folders), None)
        if owner is not None:
            found.setdefault(owner, []).append(path)
    return found


def _root_settings(sides: _Sides, changed: Iterable[str]) -> Iterator[Change | str]:
    """What holds for every member's tests: settings of test runners at the root."""
    for path in sorted(_ROOT_FILES & set(changed)):
        yield Change(kind="file", name=path, before="there", after="there")
    if _tools(sides.then.project.pyproject) != _tools(sides.now.project.pyproject):
        yield f"the settings of test tools in the root's {PYPROJECT} are different"


def _tools(pyproject: Pyproject) -> Table:
    return {key: value for key, value in pyproject.tools.items() if key in _TEST_TOOLS}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Groups:
    """A lock with its development groups, which no image has and tests do."""

    lock: Lock
    edges: Mapping[str, frozenset[str]]
    entries: Mapping[str, Mapping[str, str]]
    """Name -> version -> the entry, of third-party packages."""
    groups: Mapping[str, frozenset[str]]
    """Local package -> the names in its development groups."""

    @classmethod
    def of(cls, lock: Lock) -> "_Groups":
        """Read a lock's edges and entries."""
        edges: dict[str, frozenset[str]] = {}
        entries: dict[str, dict[str, str]] = {}
        for package in lock.packages:
            needed = (*package.dependencies, *(edge for some in package.optional.values() for edge in some))
            edges[package.name] = edges.get(package.name, frozenset()) | frozenset(edge.name for edge in needed)
            if package.folder is None:
                text = f"{package.source} {package.dependencies} {package.optional} {files_of(lock, package)}"
                entries.setdefault(package.name, {})[package.version or ""] = text
        groups = {package.name: package.groups for package in lock.packages}
        return cls(lock=lock, edges=edges, entries=entries, groups=groups)

    def reach(self, member: Member, workspace: Workspace) -> frozenset[str]:
        """All that a member's tests run with: its own groups, and those of the project's root."""
        root = workspace.project_of(member).pyproject.metadata.name or ""
        groups = self.groups.get(member.name, frozenset()) | self.groups.get(canonicalize_name(root), frozenset())
        return self._reach({member.name, *groups, *self.lock.manifest.groups})

    def libraries_of_groups(self, member: Member) -> frozenset[str]:
        """What a member's own groups lead to, and its image does not."""
        return self._reach(self.groups.get(member.name, ())) - self._reach([member.name])

    def _reach(self, names: Iterable[str]) -> frozenset[str]:
        return frozenset(walk(names, lambda name: self.edges.get(name, ())))

    def compared(self, other: "_Groups", old: Member, new: Member, sides: _Sides) -> Iterator[Change]:
        """The third-party packages of two tests' environments that differ."""
        was, now = self.reach(old, sides.then), other.reach(new, sides.now)
        for name in sorted(was | now):
            before = self.entries.get(name, {}) if name in was else {}
            after = other.entries.get(name, {}) if name in now else {}
            if before != after:
                yield Change(
                    kind="package", name=name, before=", ".join(before) or None, after=", ".join(after) or None
                )


def _all(now: Workspace, commit: str, purpose: Purpose, reason: str) -> Effects:
    members = now.services if purpose == "deploy" else [member for _, member in sorted(now.by_name.items())]
    affected = tuple(Affected(member=member, is_new=True, reasons=(reason,)) for member in members)
    return Effects(commit=commit, affected=affected, removed=())
