"""Who uses whom: the services of a workspace, the libraries they need, and the edges between them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from uv_workspace_function.code.likely_handlers import likely_handlers
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

# Words of Mermaid's flowchart grammar that no node can be called by.
_MERMAID_WORDS = frozenset(
    {"call", "class", "classdef", "click", "default", "direction", "end", "flowchart", "graph", "href", "interpolate"}
    | {"linkstyle", "style", "subgraph"}
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Graph:
    """The services, the libraries that they need at run time, and who of them uses whom."""

    services: tuple[Member, ...]
    """By name."""
    libraries: tuple[Member, ...]
    """Every local package that a service needs and that is no service itself, by name."""
    edges: tuple[tuple[str, str], ...]
    """Pairs of names: the first depends on the second, directly."""
    standalone: frozenset[str]
    """The names of the services that are standalone projects."""
    unused: tuple[Member, ...]
    """The members that no service needs, by name."""

    @classmethod
    def of(cls, workspace: Workspace) -> "Graph":
        """Gather the graph of all services.

        Args:
            workspace: the workspace.

        Raises:
            WorkspaceError: when it has no services, or a lock is not whole.
        """
        services = services_of(workspace)
        used: dict[str, Member] = {}
        edges = set()
        for service in services:
            closure = workspace.closure(service.name)
            used |= {member.name: member for member in closure.local}
            for package in closure.selection.local:
                for step in closure.selection.steps(package):
                    if step.to.folder is not None and step.to is not package:
                        edges.add((package.name, step.to.name))
        names = {service.name for service in services}
        return cls(
            services=services,
            libraries=tuple(used[name] for name in sorted(used) if name not in names),
            edges=tuple(sorted(edges)),
            standalone=frozenset(member.name for member in workspace.standalone),
            unused=tuple(m for m in workspace.members if m.name not in used),
        )

    def mermaid(self) -> str:
        """The graph as a Mermaid flowchart: services round, libraries square, standalone projects with a double edge."""
        lines = ["flowchart LR"]
        for service in self.services:
            left, right = ("([", "])") if service.name not in self.standalone else ("[[", "]]")
            lines.append(f"    {_identifier(service.name)}{left}{service.name}{right}")
        lines += [f"    {_identifier(library.name)}[{library.name}]" for library in self.libraries]
        lines += [f"    {_identifier(user)} --> {_identifier(used)}" for user, used in self.edges]
        return "\n".join(lines)

    def as_json(self) -> dict[str, Any]:
        """The graph as JSON's own types."""
        return {
            "services": [
                {
                    "package": service.name,
                    "folder": service.folder.as_posix(),
                    "handler": handler_as_json(service),
                    "standalone": service.name in self.standalone,
                }
                for service in self.services
            ],
            "libraries": _packages(self.libraries),
            "edges": [{"from": user, "to": used} for user, used in self.edges],
            "unused": _packages(self.unused),
        }


def handler_as_json(member: Member) -> str | list[str] | None:
    """A member's handler, as its table would have it: several are a list. None for a library."""
    return list(member.handlers) if len(member.handlers) > 1 else member.handler


def services_of(workspace: Workspace) -> tuple[Member, ...]:
    """The services of a workspace.

    Raises:
        WorkspaceError: when it has none; functions that look like handlers are named.
    """
    if workspace.services:
        return workspace.services
    members = ", ".join(workspace.by_name) or "none"
    raise WorkspaceError(
        f"{workspace.root} has no services: no member has a handler; members are: {members}{shown_likely(workspace.by_name.values())}",
        "give one a <module>/main.py with a `handler`, or name its function as `handler` in its [tool.uv-workspace-function]",
    )


def _packages(members: Iterable[Member]) -> list[dict[str, str]]:
    return [{"package": member.name, "folder": member.folder.as_posix()} for member in members]


def _identifier(name: str) -> str:
    # A normalized name has only letters, digits and '-', so no two become one.
    return f"{name}_" if name in _MERMAID_WORDS else name.replace("-", "_")


def shown_likely(members: Iterable[Member]) -> str:
    """The functions of some members that look like handlers, to be said after something else; nothing where there are none."""
    likely = [f"{one} ({member.name})" for member in members for one in likely_handlers(member)]
    return f"; what looks like a handler is {', '.join(likely)}" if likely else ""
