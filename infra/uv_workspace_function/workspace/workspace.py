"""A uv workspace read from its `pyproject.toml` files and locks: members, services, closures.

Nothing here runs uv, git or a Python of the workspace, or needs a network.
"""

import difflib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from uv_workspace_function.boundary import check_definition
from uv_workspace_function.code import handlers
from uv_workspace_function.definitions.pyproject import PYPROJECT, Pyproject
from uv_workspace_function.definitions.toml import read_toml
from uv_workspace_function.definitions.uv_settings import WorkspaceGlobs
from uv_workspace_function.errors import LockError, NoWorkspaceError, WorkspaceError, reading
from uv_workspace_function.workspace import membership
from uv_workspace_function.workspace.build_requirements import builders_of
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.local_packages import LocalPackages
from uv_workspace_function.workspace.lock import LOCK_NAME, Lock
from uv_workspace_function.workspace.members import Member, Project, normalized
from uv_workspace_function.workspace.selection import select
from uv_workspace_function.workspace.users import Needs


@dataclass(frozen=True, kw_only=True, eq=False)
class Workspace:
    """A uv workspace and the standalone projects beside it.

    Example:
        What there is to deploy::

            workspace = Workspace.load(repository)
            for service in workspace.services:
                print(service.name, workspace.closure(service.name).handler())
    """

    root: Path
    project: Project
    members: tuple[Member, ...]
    """The workspace's members as uv sees them, by name."""
    standalone: tuple[Member, ...]
    """The standalone projects, by name."""
    _loaded: dict[PurePosixPath, Project] = field(default_factory=dict, repr=False)
    """Projects with a lock of their own, by folder; each is read when it is first asked for."""

    @classmethod
    def load(cls, root: Path | str) -> "Workspace":
        """Read a workspace.

        Args:
            root: the folder with the root `pyproject.toml` and `uv.lock`.

        Raises:
            WorkspaceError: when it is no workspace, a file is malformed, or the lock is of other members.
        """
        root = Path(root).resolve()
        with reading(root):
            path = root / PYPROJECT
            if not membership.is_file(path):
                raise NoWorkspaceError(f"there is no {path.name} in {root}", "give the folder of a uv workspace's root")
            globs = globs_of(Pyproject.load(check_definition(root, path), root), path)
            for key, patterns in (("members", globs.members), ("exclude", globs.exclude)):
                for pattern in filter(membership.is_malformed, patterns):
                    raise WorkspaceError(
                        f"{PYPROJECT}: {pattern!r} in `{key}` of [tool.uv.workspace] is not a glob that uv takes: close its bracket, and "
                        "have `**` be a whole folder of the path"
                    )
            project = Project.load(root, PurePosixPath())
            members = _members(root, project, globs)
            _check_members(root, project.lock, members)
            beside = (*globs.exclude, *project.pyproject.ours.standalone)
            standalone = _standalone(root, beside, members=members)
            needs = Needs(root=root, project=project, members=members, standalone=standalone)
            return cls(
                root=root,
                project=project,
                members=tuple(replace(member, users=needs.users) for member in members),
                standalone=tuple(replace(member, users=needs.users) for member in standalone),
                _loaded=needs.loaded,
            )

    @cached_property
    def services(self) -> tuple[Member, ...]:
        """Members and standalone projects with a Lambda handler, by name."""
        found = (member for member in self.by_name.values() if member.is_service)
        return tuple(sorted(found, key=lambda member: member.name))

    @cached_property
    def by_name(self) -> Mapping[str, Member]:
        """Members and standalone projects by name: the members first, each kind in order."""
        return {member.name: member for member in (*self.members, *self.standalone)}

    @cached_property
    def locks(self) -> tuple[Lock, ...]:
        """The workspace's own lock, and those of the standalone projects."""
        return (self.project.lock, *(self.project_of(member).lock for member in self.standalone))

    def member(self, name: str) -> Member:
        """A member or standalone project.

        Args:
            name: its package name, in any spelling.

        Raises:
            WorkspaceError: when there is none; the message names the nearest and the known ones.
        """
        wanted = normalized(name)
        if wanted in self.by_name:
            return self.by_name[wanted]
        for member in self.by_name.values():
            if canonicalize_name(member.folder.name) == wanted:
                raise WorkspaceError(f"no workspace member is named {name!r}", f"{member.folder} is {member.name!r}")
        near = difflib.get_close_matches(wanted, self.by_name, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        services = ", ".join(member.name for member in self.services)
        there_are = f"services are: {services}" if services else "no member has a handler, so there is no service"
        raise WorkspaceError(f"no workspace member is named {name!r}", f"{hint}{there_are}")

    def service(self, name: str) -> Member:
        """A member or standalone project that has a handler.

        Args:
            name: its package name, in any spelling.

        Raises:
            WorkspaceError: when there is none, or it is a library.
        """
        member = self.member(name)
        if not member.is_service:
            handlers.refuse_library(member, users=member.users(member))
        return member

    def closure(self, name: str, extras: Iterable[str] = ()) -> Closure:
        """What a member needs at run time.

        Args:
            name: the member's package name, in any spelling; a library has a closure too.
            extras: its extras to install.

        Raises:
            WorkspaceError: when there is no such member or extra, or its lock is not whole.
        """
        with reading(self.root):
            service = self.member(name)
            project = self.project_of(service)
            selection = select(project.lock, service.name, extras)
            local = self._packages.of_selection(project, selection)
            service = next(member for member in local if member.folder == service.folder)
            builders, archives = builders_of(self._packages, project, local, selection)
            return Closure(
                service=service,
                project=project,
                selection=selection,
                local=local,
                builders=builders,
                builder_archives=archives,
            )

    def project_of(self, member: Member) -> Project:
        """The project whose lock a member is locked in."""
        if member.folder not in self._standalone_folders:
            return self.project
        if member.folder not in self._loaded:
            self._loaded[member.folder] = Project.load(self.root, member.folder)
        return self._loaded[member.folder]

    @cached_property
    def _standalone_folders(self) -> frozenset[PurePosixPath]:
        return frozenset(member.folder for member in self.standalone)

    @cached_property
    def _packages(self) -> LocalPackages:
        by_folder = {member.folder: member for member in self.by_name.values()}
        return LocalPackages(root=self.root, members=by_folder)


def globs_of(pyproject: Pyproject, path: Path) -> WorkspaceGlobs:
    """The globs of a workspace.

    Args:
        pyproject: the root's.
        path: its file, as messages name it.

    Raises:
        NoWorkspaceError: when it is the root of none.
    """
    if pyproject.uv.workspace is None:
        raise NoWorkspaceError(
            f"{path} has no [tool.uv.workspace]",
            'give the workspace\'s root, or make this one: [tool.uv.workspace] members = ["services/*"]',
        )
    return pyproject.uv.workspace


def _members(root: Path, project: Project, globs: WorkspaceGlobs) -> tuple[Member, ...]:
    found = [
        Member.load(root, folder)
        for folder in membership.folders(root, globs.members, exclude=globs.exclude)
        if folder != PurePosixPath()
    ]
    if project.pyproject.has_project:
        found.append(Member.load(root, PurePosixPath()))
    managed = [_locked(m, project) for m in found if m.pyproject.uv.managed]
    return _by_name(managed, remedy="rename one, or list it in `exclude` of [tool.uv.workspace]")


def _locked(member: Member, project: Project) -> Member:
    """A member with what the workspace's lock says of it."""
    package = project.lock.local(member.name)
    return member if package is None else replace(member, built=package.source.is_built)


def _standalone(root: Path, patterns: Iterable[str], *, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """The projects with a lock of their own in the folders of some globs; a workspace that has no project is none."""
    taken = {member.folder for member in members}
    found = [
        Member.load(root, folder)
        for folder in membership.folders(root, patterns, lenient=True)
        if folder not in taken
        and membership.is_file(root / folder / LOCK_NAME)
        and read_toml(check_definition(root, root / folder / PYPROJECT), lambda document: "project" in document)
    ]
    # Excluded examples and fixtures share names with others; only a service has to have one to be asked for by.
    names = Counter(member.name for member in (*members, *found))
    kept = [member for member in found if names[member.name] == 1 or member.is_service]
    _by_name((*members, *kept), remedy="rename the one that is excluded from the workspace")
    return tuple(sorted(kept, key=lambda member: member.name))


def _by_name(members: Iterable[Member], *, remedy: str) -> tuple[Member, ...]:
    known: dict[str, Member] = {}
    for member in members:
        if member.name in known:
            raise WorkspaceError(
                f"two members of the workspace are named {member.name!r}: {known[member.name].folder} and {member.folder}",
                remedy,
            )
        known[member.name] = member
    return tuple(known[name] for name in sorted(known))


def _check_members(root: Path, lock: Lock, members: tuple[Member, ...]) -> None:
    """Refuse a lock that was written for other members than there are."""
    there = {member.name for member in members}
    locked = set(lock.manifest.members) or {p.name for p in lock.packages if p.folder is not None and p.name in there}
    if missing := sorted(there - locked):
        raise LockError(f"{lock.path} lacks the workspace's member {', '.join(missing)}", "run `uv lock`")
    if surplus := sorted(locked - there):
        raise LockError(
            f"{lock.path} has a member that the workspace lacks: {', '.join(surplus)}",
            _how_to_restore(root, lock, surplus),
        )


def _how_to_restore(root: Path, lock: Lock, names: Collection[str]) -> str:
    """What to do about members without a folder: a submodule is checked out, since `uv lock` would drop it."""
    folders = [
        root / package.folder for package in lock.packages if package.name in names and package.folder is not None
    ]
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    modules = top / ".gitmodules"
    text = modules.read_text(encoding="utf-8", errors="replace") if modules.is_file() else ""
    absent = [
        path
        for path in re.findall(r"^\s*path\s*=\s*(.+?)\s*$", text, re.MULTILINE)
        if any(folder.is_relative_to(top / path) for folder in folders)
    ]
    return (
        f"check out the submodule: `git submodule update --init {' '.join(absent)}`"
        if absent
        else "run `uv lock`, or restore its folder"
    )
