"""What is judged: members, services, and the platform their images run on."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.members import Member, Project
from uv_workspace_function.workspace.workspace import Workspace


@dataclass(frozen=True, kw_only=True, eq=False)
class Scope:
    """The part of a workspace that is judged, and for what."""

    workspace: Workspace
    target: Target
    members: tuple[Member, ...]
    """Local packages to judge, by name; path dependencies outside the workspace's members are left out."""
    services: tuple[Member, ...]
    """Services to judge, by name."""
    whole: bool
    """Whether this is the whole workspace."""
    _closures: dict[Member, Closure] = field(default_factory=dict)

    @classmethod
    def of(cls, workspace: Workspace, target: Target, services: Iterable[str] = ()) -> "Scope":
        """The whole workspace, or some services with the libraries they need.

        Args:
            workspace: the workspace.
            target: what the images run on.
            services: package names, in any spelling; none means everything.

        Raises:
            WorkspaceError: when one of them is no service.
        """
        named = tuple(services)
        everything = (*workspace.members, *workspace.standalone)
        if not named:
            members = tuple(sorted(everything, key=lambda member: member.name))
            return cls(workspace=workspace, target=target, members=members, services=workspace.services, whole=True)
        chosen = {member.name: member for member in map(workspace.service, named)}
        local = {
            member
            for service in chosen.values()
            for member in workspace.closure(service.name).local
            if member in everything
        }
        return cls(
            workspace=workspace,
            target=target,
            members=tuple(sorted(local, key=lambda member: member.name)),
            services=tuple(chosen[name] for name in sorted(chosen)),
            whole=False,
        )

    @cached_property
    def projects(self) -> tuple[Project, ...]:
        """The projects whose locks matter: the workspace's, and those of standalone projects, by folder."""
        found = {id(p): p for p in (self.workspace.project_of(member) for member in self.members)}
        found.setdefault(id(self.workspace.project), self.workspace.project)
        return tuple(sorted(found.values(), key=lambda project: project.folder))

    def closure(self, service: Member) -> Closure:
        """What a service needs at run time, with no extras.

        Raises:
            WorkspaceError: when its lock is not whole.
        """
        if service not in self._closures:
            self._closures[service] = self.workspace.closure(service.name)
        return self._closures[service]

    def closures(self) -> tuple[list[Closure], list[tuple[Member, WorkspaceError]]]:
        """The closures of all services, and the services that have none, with the reason."""
        whole, broken = [], []
        for service in self.services:
            try:
                whole.append(self.closure(service))
            except WorkspaceError as error:
                broken.append((service, error))
        return whole, broken
