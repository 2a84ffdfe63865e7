"""What a workspace consists of: its local packages, and the projects in whose locks they are."""

import posixpath
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from uv_workspace_function.boundary import check_definition
from uv_workspace_function.code import handlers, layouts
from uv_workspace_function.definitions.pyproject import PYPROJECT, OurSettings, Pyproject
from uv_workspace_function.definitions.uv_settings import UvSettings
from uv_workspace_function.errors import WorkspaceError, reading
from uv_workspace_function.workspace.configuration import configuration_file
from uv_workspace_function.workspace.lock import LOCK_NAME, Lock, LockedPackage

_NAME = re.compile(r"[A-Z0-9]([A-Z0-9._-]*[A-Z0-9])?", re.IGNORECASE)


def is_package_name(text: str) -> bool:
    """Whether a text can be a package's name (PEP 508)."""
    return _NAME.fullmatch(text) is not None


def normalized(name: str) -> str:
    """A package's name as PEP 503 normalizes it.

    Raises:
        WorkspaceError: when no package can have it.
    """
    if not is_package_name(name):
        raise WorkspaceError(
            f"{name!r} cannot be a package's name: letters, digits, '-', '_' and '.' are allowed, and the first and last must be a "
            "letter or digit"
        )
    return canonicalize_name(name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Member:
    """One local package: a workspace member, a standalone project or a path dependency."""

    name: str
    """Normalized (PEP 503)."""
    folder: PurePosixPath
    """Relative to the workspace's root."""
    root: Path
    """The workspace's root."""
    pyproject: Pyproject
    built: bool | None = None
    """Whether its lock has it as something to build; None where no lock has it."""
    users: "Callable[[Member], tuple[str, ...]]" = field(default=lambda _: (), repr=False)
    """Tells the names of the packages that need it at run time."""

    @classmethod
    def load(cls, root: Path, folder: PurePosixPath) -> "Member":
        """Read a package's `pyproject.toml`.

        Raises:
            WorkspaceError: when it is unreadable, or has no valid `[project] name`.
        """
        pyproject = Pyproject.load(check_definition(root, root / folder / PYPROJECT), root)
        name = pyproject.metadata.name
        if name is None or not is_package_name(name):
            raise WorkspaceError(
                f"{folder / PYPROJECT} has no [project] name that is a valid package name, but {name!r}",
                "give it one, or list the folder in `exclude` of [tool.uv.workspace]",
            )
        return cls(name=canonicalize_name(name), folder=folder, root=root, pyproject=pyproject)

    @property
    def path(self) -> Path:
        """Its folder."""
        return self.root / self.folder

    @property
    def settings(self) -> OurSettings:
        """Its `[tool.uv-workspace-function]`."""
        return self.pyproject.ours

    @property
    def is_package(self) -> bool:
        """Whether it is built and installed; otherwise its files are copied.

        The lock decides: uv builds a project without `[build-system]` once another one depends on it.
        """
        return not self.pyproject.is_virtual if self.built is None else self.built

    @cached_property
    def layout(self) -> layouts.Layout:
        """Where its importable modules lie."""
        with reading(self.root):
            return layouts.layout_of(self.pyproject, self.path, virtual=not self.is_package)

    @property
    def declared_handlers(self) -> tuple[str, ...]:
        """The handlers that its table names, in its order."""
        return self.settings.handlers or ()

    @cached_property
    def handlers(self) -> tuple[str, ...]:
        """Its Lambda handlers, `package.module.function`: those it declares, else what it has by convention.

        None for a library: what another package needs at run time is one, unless it declares a handler. Several that are not
        declared are candidates, of which none is chosen.
        """
        with reading(self.root):
            if self.settings.handlers is not None:
                return self.settings.handlers
            found = handlers.conventional_handlers(self)
            return found if not found or not self.users(self) else ()

    @property
    def handler(self) -> str | None:
        """Its one handler; None for a library, and where it has several."""
        return self.handlers[0] if len(self.handlers) == 1 else None

    @property
    def is_service(self) -> bool:
        """Whether it has a handler, or candidates for one."""
        return bool(self.handlers)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, kw_only=True, eq=False)
class Project:
    """What one `uv.lock` belongs to: the workspace, or a standalone project."""

    folder: PurePosixPath
    """Relative to the workspace's root."""
    pyproject: Pyproject
    uv_toml: UvSettings | None
    """Its `uv.toml`, or what uv takes in its stead: see `configuration_file`."""
    lock: Lock

    @classmethod
    def load(cls, root: Path, folder: PurePosixPath) -> "Project":
        """Read a project's settings and its lock.

        Raises:
            WorkspaceError: when one of the files is missing or malformed.
        """
        pyproject = Pyproject.load(check_definition(root, root / folder / PYPROJECT), root)
        return cls(
            folder=folder,
            pyproject=pyproject,
            uv_toml=configuration_file(root, folder, pyproject),
            lock=Lock.load(check_definition(root, root / folder / LOCK_NAME), root),
        )

    @property
    def uv_settings(self) -> UvSettings:
        """The settings that uv takes: where there is a `uv.toml`, those of `[tool.uv]` do not count.

        Except for those that only a `pyproject.toml` has (`sources`, `workspace`, `conflicts`) or that uv reads there only
        (`build-constraint-dependencies`): they are in `pyproject.uv`.
        """
        return self.pyproject.uv if self.uv_toml is None else self.uv_toml

    @property
    def all_uv_settings(self) -> tuple[UvSettings, ...]:
        """`[tool.uv]`, and `uv.toml` where there is one: for what a build may read of either, where too much does no harm."""
        return (self.pyproject.uv,) if self.uv_toml is None else (self.pyproject.uv, self.uv_toml)

    def extra_build_requirements(self, member: Member) -> Iterator[str]:
        """What `extra-build-dependencies` add to a member's build, in the project's settings and in its own."""
        for settings in (*self.all_uv_settings, member.pyproject.uv):
            yield from settings.extra_build_dependencies.get(member.name, ())

    @cached_property
    def local_folders(self) -> frozenset[PurePosixPath]:
        """Where the lock's local packages lie, relative to the workspace's root."""
        return frozenset(self.folder_of(package) for package in self.lock.packages if package.folder is not None)

    def folder_of(self, package: LockedPackage) -> PurePosixPath:
        """Where a local package of the lock lies, relative to the workspace's root."""
        return PurePosixPath(posixpath.normpath(self.folder / str(package.folder)))
