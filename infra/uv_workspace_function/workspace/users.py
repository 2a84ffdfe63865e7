"""Who needs a local package at run time: what others import is a library, whatever its functions are called."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.lock import LockedPackage
from uv_workspace_function.workspace.members import Member, Project


@dataclass(frozen=True, kw_only=True, eq=False)
class Needs:
    """Who needs whom at run time, extras included and dev groups left out: read from the locks when first needed."""

    root: Path
    project: Project
    members: tuple[Member, ...]
    standalone: tuple[Member, ...]
    loaded: dict[PurePosixPath, Project] = field(default_factory=dict)
    """Standalone projects that were read, by folder."""

    def users(self, member: Member) -> tuple[str, ...]:
        """The names of the packages that need a member.

        The root counts where it enters images itself. Else it only gathers members, so that one `uv sync` installs them.
        """
        by_folder, of_root = self._users
        found = by_folder.get(member.folder, frozenset())
        root = self._root
        if (
            root is not None
            and member.folder in of_root - {root.folder}
            and (root.folder in by_folder or root.is_service)
        ):
            found |= {root.name}
        return tuple(sorted(found))

    @cached_property
    def _root(self) -> Member | None:
        """The workspace's root, where it is a project itself."""
        return next((member for member in self.members if member.folder == self.project.folder), None)

    @cached_property
    def _users(self) -> tuple[Mapping[PurePosixPath, frozenset[str]], frozenset[PurePosixPath]]:
        """By folder, the names of what needs the package there, but for the root; and the folders of what the root needs."""
        projects = [self.project]
        for member in self.standalone:
            with suppress(WorkspaceError):  # told where that project is asked for
                self.loaded[member.folder] = Project.load(self.root, member.folder)
                projects.append(self.loaded[member.folder])
        by_folder: dict[PurePosixPath, frozenset[str]] = {}
        of_root: set[PurePosixPath] = set()
        for project in projects:
            for package in project.lock.packages:
                if package.folder is None:
                    continue
                needed = _needed(project, package)
                if project.folder_of(package) == PurePosixPath():
                    of_root |= needed
                    continue
                for folder in needed:
                    by_folder[folder] = by_folder.get(folder, frozenset()) | {package.name}
        return by_folder, frozenset(of_root)


def _needed(project: Project, package: LockedPackage) -> set[PurePosixPath]:
    """The folders of the local packages that one depends on, for itself or for an extra of it."""
    edges = (*package.dependencies, *(edge for extra in package.optional.values() for edge in extra))
    local = (project.lock.local(edge.name) for edge in edges if edge.name != package.name)
    return {project.folder_of(target) for target in local if target is not None}
