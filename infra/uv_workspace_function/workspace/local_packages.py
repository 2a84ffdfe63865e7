"""The local packages that a lock, or a build, leads to: members, and what path dependencies name."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from uv_workspace_function.boundary import absolute, check_definition, outside
from uv_workspace_function.definitions.pyproject import PYPROJECT, Pyproject
from uv_workspace_function.errors import LockError
from uv_workspace_function.workspace import membership
from uv_workspace_function.workspace.lock import LockedPackage
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.selection import Selection


@dataclass(slots=True, kw_only=True, eq=False)
class LocalPackages:
    """The local packages of a workspace by folder; what path dependencies lead to is read when it is first asked for."""

    root: Path
    members: Mapping[PurePosixPath, Member]
    """Members and standalone projects."""
    path_dependencies: dict[PurePosixPath, Member] = field(default_factory=dict)
    as_locked: dict[tuple[Member, bool], Member] = field(default_factory=dict)
    """Those that a lock builds, or copies, otherwise than what their members were read with."""

    def of_selection(self, project: Project, selection: Selection) -> tuple[Member, ...]:
        """The local packages of a selection, each found in its folder."""
        return tuple(self.at(_folder_of(p, project), p.name, built=p.source.is_built) for p in selection.local)

    def at(self, folder: PurePosixPath, name: str, *, built: bool | None) -> Member:
        """The local package in a folder: a member, or one that a path dependency leads to.

        Args:
            folder: relative to the workspace's root.
            name: the package's.
            built: whether the lock that led here builds it; None where what led here is a build's requirement, which uv
                builds unless its own table says that it is no package.
        """
        member = self.members.get(folder) or self.path_dependencies.get(folder)
        if member is None:
            path = self.root / folder
            if membership.is_file(path / PYPROJECT):
                pyproject = Pyproject.load(check_definition(self.root, path / PYPROJECT), self.root)
            elif (path / "setup.py").is_file() or (path / "setup.cfg").is_file():
                pyproject = Pyproject()
            else:
                raise LockError(
                    f"{name} should lie in {folder}, as the lock or tool.uv.sources says, but there is no {PYPROJECT}",
                    "restore it, or run `uv lock`",
                )
            # a path dependency may be older than [project]: what leads to it knows its name
            member = Member(name=name, folder=folder, root=self.root, pyproject=pyproject)
            self.path_dependencies[folder] = member
        if built is None:
            built = member.pyproject.uv.package is not False
        if built != member.is_package:
            member = self.as_locked.setdefault((member, built), replace(member, built=built))
        return member


def _folder_of(package: LockedPackage, project: Project) -> PurePosixPath:
    """Where a local package lies, relative to the workspace's root.

    Raises:
        WorkspaceError: when that is outside.
    """
    folder, what = project.folder_of(package), f"{project.lock.path}: {package.name}"
    if folder.is_absolute():
        raise absolute(what, str(package.folder))
    if folder.parts[:1] == ("..",):
        raise outside(what, str(package.folder))
    return folder
