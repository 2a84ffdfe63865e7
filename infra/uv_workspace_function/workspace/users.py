"""Who needs a local package at run time: what others import is a library, whatever its functions are called."""

import posixpath
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.lock import Lock, LockedPackage
from uv_workspace_function.workspace.members import Member, Project


@dataclass(frozen=True, kw_only=True, eq=False)
class Needs:
    """Who needs whom at run time, read from the locks when first needed."""

    root: Path
    project: Project
    members: tuple[Member, ...]
    standalone: tuple[Member, ...]
    loaded: dict[PurePosixPath, Project] = field(default_factory=dict)
    """Standalone projects that were read, by folder."""

    def users(self, member: Member) -> tuple[str, ...]:
        """The names of the packages that need a member."""
        root = self._root
        is_service = root is not None and root.folder != member.folder and root.is_service
        return self._index.names(member.folder, root_is_service=is_service)

    @cached_property
    def _root(self) -> Member | None:
        return next((member for member in self.members if member.folder == self.project.folder), None)

    @cached_property
    def _index(self) -> "Users":
        locks = [(self.project.folder, self.project.lock)]
        for member in self.standalone:
            with suppress(WorkspaceError):  # told where that project is asked for
                self.loaded[member.folder] = Project.load(self.root, member.folder)
                locks.append((member.folder, self.loaded[member.folder].lock))
        return Users.of(locks, None if self._root is None else self._root.name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Users:
    """The local packages that others need at run time, extras included and dev groups left out."""

    by_folder: Mapping[PurePosixPath, frozenset[str]]
    """Folder relative to the workspace's root -> the names of the packages that need what lies there; the root is not among them."""
    of_root: frozenset[PurePosixPath]
    """The folders of what the workspace's root needs."""
    root: str | None
    """The name of the workspace's root, where it is a project itself."""

    @classmethod
    def of(cls, locks: Iterable[tuple[PurePosixPath, Lock]], root: str | None) -> "Users":
        """Gather them.

        Args:
            locks: each lock with its folder relative to the workspace's root.
            root: the name of the workspace's root, where it is a project.
        """
        by_folder: dict[PurePosixPath, frozenset[str]] = {}
        of_root: set[PurePosixPath] = set()
        for base, lock in locks:
            for package in lock.packages:
                if package.folder is None:
                    continue
                needed = _needed(base, lock, package)
                if _folder(base, package.folder) == PurePosixPath():
                    of_root |= needed
                    continue
                for folder in needed:
                    by_folder[folder] = by_folder.get(folder, frozenset()) | {package.name}
        return cls(by_folder=by_folder, of_root=frozenset(of_root), root=root)

    def names(self, folder: PurePosixPath, *, root_is_service: bool) -> tuple[str, ...]:
        """Who needs the package in a folder, by name.

        The root counts where it enters images itself. Else it only gathers members, so that one `uv sync` installs them.

        Args:
            folder: relative to the workspace's root.
            root_is_service: whether the root has a handler.
        """
        found = set(self.by_folder.get(folder, ()))
        if self.root is not None and folder in self.of_root and (root_is_service or PurePosixPath() in self.by_folder):
            found.add(self.root)
        return tuple(sorted(found))


def _needed(base: PurePosixPath, lock: Lock, package: LockedPackage) -> set[PurePosixPath]:
    """The folders of the local packages that one depends on, for itself or for an extra of it."""
    edges = (*package.dependencies, *(edge for extra in package.optional.values() for edge in extra))
    local = (lock.local(edge.name) for edge in edges if edge.name != package.name)
    return {_folder(base, target.folder) for target in local if target is not None and target.folder is not None}


def _folder(base: PurePosixPath, folder: str) -> PurePosixPath:
    return PurePosixPath(posixpath.normpath(posixpath.join(base, folder)))
