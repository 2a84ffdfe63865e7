"""A service and every package it needs at run time."""

from dataclasses import dataclass
from pathlib import PurePath, PurePosixPath

from packaging.specifiers import InvalidSpecifier, SpecifierSet

from uv_workspace_function.code import handlers
from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import WorkspaceError, reading
from uv_workspace_function.workspace.lock import LockedPackage
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.selection import Selection


@dataclass(frozen=True, kw_only=True, eq=False)
class Closure:
    """A service and every package it needs at run time, transitively."""

    service: Member
    project: Project
    selection: Selection
    local: tuple[Member, ...]
    """The local packages by name, the service included."""
    builders: tuple[Member, ...] = ()
    """Local packages that no service imports, but that take part in building one of `local`."""
    builder_archives: tuple[PurePosixPath, ...] = ()
    """Wheels and source archives by path that take part in it, relative to the workspace's root."""

    @property
    def sources(self) -> tuple[Member, ...]:
        """Every local package that the build reads, by name."""
        return tuple(sorted((*self.local, *self.builders), key=lambda member: member.name))

    @property
    def libraries(self) -> tuple[Member, ...]:
        """The local packages but the service."""
        return tuple(member for member in self.local if member is not self.service)

    @property
    def third_party(self) -> tuple[LockedPackage, ...]:
        """The others: the superset over all machines."""
        return self.selection.third_party

    @property
    def extras(self) -> tuple[str, ...]:
        """The service's extras that are installed."""
        return self.selection.extras

    def handler(self, declared: str | None = None) -> str:
        """The handler for Lambda, found in the closure's sources.

        Args:
            declared: another one than the service's own, `package.module.function`.

        Raises:
            HandlerError: when there is none, there are several, or it could not be imported; the message says where it was
                looked for.
        """
        with reading(self.service.root):
            service = self.service
            if declared is None and len(service.handlers) > 1:
                raise handlers.undecided(service, service.handlers, declared=bool(service.declared_handlers))
            if declared is None and not service.handlers:
                handlers.refuse_library(service, users=service.users(service))
            return handlers.check_handler(
                service,
                declared or service.handler,
                local=self.libraries,
                third_party={package.name for package in self.third_party},
            )

    def check_python(self, version: str) -> None:
        """Refuse a Python that a local package of the closure excludes, or that nothing was locked for.

        Args:
            version: `major.minor`; a package that admits any patch release of it admits it.

        Raises:
            WorkspaceError: naming the package and its `requires-python`, or the lock and its.
        """
        for member in self.local:
            declared = member.pyproject.metadata.requires_python
            if declared is not None and not _admits(declared, version, where=member.folder / PYPROJECT):
                raise WorkspaceError(
                    f"{member.name} requires Python {declared}, which excludes the image's Python {version}",
                    f"widen requires-python and run `uv lock`, or {_CHOICE}",
                )
        lock = self.project.lock
        if not _admits(lock.requires_python, version, where=lock.path):
            raise WorkspaceError(
                f"{lock.path} covers only Python {lock.requires_python}, so it lacks what {self.service.name} needs on the image's "
                f"Python {version}: uv locks for the Pythons that every member admits",
                "widen requires-python of the member "
                f"that excludes it and run `uv lock`, make that member a standalone project, or {_CHOICE}",
            )


_CHOICE = "choose another Python: `--python` of a command, `python_version` of a construct"


def _admits(declared: str, version: str, *, where: PurePath) -> bool:
    """Whether any patch release of a Python is in a `requires-python`."""
    try:
        admitted = SpecifierSet(declared)
    except InvalidSpecifier as error:
        raise WorkspaceError(f"{where}: {error}") from error
    return any(f"{version}.{patch}" in admitted for patch in range(100))
