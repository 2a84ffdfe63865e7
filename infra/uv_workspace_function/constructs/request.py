"""What is wrong with a request for a function or an image before any workspace is looked at."""

from typing import Any

from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from uv_workspace_function.constructs.image_options import ImageOptions, check_known
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace


def check_request(scope: Construct, construct_id: str, workspace: object, service: object) -> None:
    """Refuse a name that is taken, and what is no workspace or no service's name.

    Raises:
        WorkspaceError: naming what was given.
    """
    taken = scope.node.try_find_child(construct_id)
    if taken is not None:
        raise WorkspaceError(
            f"{scope.node.path or 'the app'} already has a construct named {construct_id!r}: {_described(taken)}",
            "give this one another name",
        )
    if not isinstance(workspace, Workspace):
        raise WorkspaceError(
            f"workspace must be a loaded Workspace, not {workspace!r}",
            "write Workspace.load(folder of the root pyproject.toml)",
        )
    if not isinstance(service, str):
        services = ", ".join(sorted(member.name for member in workspace.services))
        raise WorkspaceError(f"service must be a package's name, not {service!r}", f"services are: {services}")
    check_known("service", service)


def checked(options: dict[str, Any]) -> dict[str, Any]:
    """The options themselves, where `image` and `architecture` are of their types.

    Raises:
        WorkspaceError: when they are not.
    """
    image, architecture = options.get("image"), options.get("architecture")
    if image is not None and not isinstance(image, ImageOptions):
        raise WorkspaceError(
            f"the options of an image must be ImageOptions, not an object of type {type(image).__name__}",
            "write ImageOptions(python_version='3.14') and the like",
        )
    if architecture is not None and not isinstance(architecture, lambda_.Architecture):
        raise WorkspaceError(
            f"architecture must be a lambda_.Architecture, not {architecture!r}", "write lambda_.Architecture.ARM_64"
        )
    return options


def _described(construct: IConstruct) -> str:
    member = getattr(construct, "service", None)
    service = f" of the service {member.name!r}" if isinstance(member, Member) else ""
    return f"{type(construct).__name__}{service}"
