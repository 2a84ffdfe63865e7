"""The files of a workspace's local packages, each package's read once for all the contexts that hold it."""

from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from weakref import WeakKeyDictionary

from uv_workspace_function.context.files import PackageFiles, package_files
from uv_workspace_function.context.gitignore import GitRepository
from uv_workspace_function.errors import reading
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace


@dataclass(frozen=True, kw_only=True, eq=False)
class WorkspaceFiles:
    """What lies in a workspace's folders: what git ignores, and the files of each local package."""

    repository: GitRepository
    """The files below the root, with their ignore rules."""
    _folders: tuple[str, ...] = field(repr=False)
    """Where every local package lies that the workspace's lock knows, whatever closures were asked for before; sorted."""
    _read: dict[Member, PackageFiles] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, workspace: Workspace) -> "WorkspaceFiles":
        """Those of a workspace; the same object for as long as the workspace lives."""
        if workspace not in _KNOWN:
            members = {member.folder for member in workspace.by_name.values()}
            folders = tuple(sorted(map(str, workspace.project.local_folders | members)))
            _KNOWN[workspace] = cls(repository=GitRepository.at(workspace.root), _folders=folders)
        return _KNOWN[workspace]

    def files(self, workspace: Workspace, member: Member) -> PackageFiles:
        """The files that a local package's build needs.

        Raises:
            WorkspaceError: when one cannot be read, or the package's own table leads out of the workspace.
        """
        with reading(workspace.root):
            if member not in self._read:
                self._read[member] = package_files(self.repository, member, self._below(workspace, member))
            return self._read[member]

    def _below(self, workspace: Workspace, member: Member) -> set[PurePosixPath]:
        """The folders of local packages that lie in a member's own."""
        own = workspace.project_of(member)
        below = set() if own is workspace.project else {f for f in own.local_folders if member.folder in f.parents}
        if not member.folder.parts:
            return below | {PurePosixPath(folder) for folder in self._folders if folder != "."}
        # What begins with a folder's name and a slash stands together; `0` is the character after the slash.
        first = bisect_left(self._folders, f"{member.folder}/")
        last = bisect_left(self._folders, f"{member.folder}0")
        return below | {PurePosixPath(folder) for folder in self._folders[first:last]}


_KNOWN: WeakKeyDictionary[Workspace, WorkspaceFiles] = WeakKeyDictionary()
