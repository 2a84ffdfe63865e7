"""What is wrong with a request for a function or an image before any workspace is looked at."""

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import fields
from difflib import get_close_matches
from typing import Any

from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IConstruct

from uv_workspace_function.constructs.function_options import OwnOptions
from uv_workspace_function.constructs.image_options import BuildOptions, ImageOptions, check_known
from uv_workspace_function.constructs.zip_options import ZipOptions
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

_EXTENSION = "a function from an image has no layers: put the extension into it by image=ImageOptions(extensions=[...])"
_RECIPES = "docs/extensions.md has the recipe"
NO_CUSTOM_RESOURCE = "log_retention= is a property of the log group here, and no function has to set it; leave this out"
# What DockerImageFunction takes and a function from an image cannot have: CDK throws, warns, or adds only permissions.
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
_REFUSED: Mapping[str, str] = {
    "adot_instrumentation": (
        f"{_EXTENSION}, set AWS_LAMBDA_EXEC_WRAPPER, and give tracing=Tracing.ACTIVE, which allows it to send traces; {_RECIPES}"
    ),
    "code": "the code is the image of service=; take lambda_.DockerImageFunction for an image made elsewhere",
    "code_signing_config": "Lambda checks signatures of zip archives only; sign images in the registry instead",
    "insights_version": (
        f"{_EXTENSION}, and add the managed policy CloudWatchLambdaInsightsExecutionRolePolicy to the role; {_RECIPES}"
    ),
    "layers": f"{_EXTENSION}, and add Python packages to the service's dependencies; {_RECIPES}",
    "log_retention_retry_options": NO_CUSTOM_RESOURCE,
    "log_retention_role": NO_CUSTOM_RESOURCE,
    "params_and_secrets": (
        f"{_EXTENSION}, and allow it to read by secret.grant_read() and parameter.grant_read(); {_RECIPES}"
    ),
}
# What DockerImageFunction does not take.
_OURS = (
    *(*OwnOptions.__annotations__, "image", "entrypoint", "working_directory"),
    "log_removal_policy",  # older versions do not know it
)


BUILD_OPTIONS: Mapping[str, type[BuildOptions]] = {"image": ImageOptions, "archive": ZipOptions}
"""How the two ways to build a function are told, by the option's name."""


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
    """The options themselves, where `image`, `archive` and `architecture` are of their types.

    Raises:
        WorkspaceError: when they are not.
    """
    for name, kind in BUILD_OPTIONS.items():
        if (value := options.get(name)) is not None and not isinstance(value, kind):
            raise WorkspaceError(
                f"the options of an {name} must be {kind.__name__}, not an object of type {type(value).__name__}",
                f"write {kind.__name__}(python_version='3.14') and the like",
            )
    architecture = options.get("architecture")
    if architecture is not None and not isinstance(architecture, lambda_.Architecture):
        raise WorkspaceError(
            f"architecture must be a lambda_.Architecture, not {architecture!r}", "write lambda_.Architecture.ARM_64"
        )
    return options


def check_options(options: dict[str, Any]) -> None:
    """Refuse options that do not exist, or that a function from an image can't have, and drop those that are empty.

    Raises:
        WorkspaceError: when one cannot work; it says what does.
        TypeError: when there is no such option.
    """
    refuse_options(options, _REFUSED, "a function from an image")
    check_names(options, lambda_.DockerImageFunctionProps, _OURS, "UvWorkspaceFunction", image=ImageOptions)


def refuse_options(options: dict[str, Any], refused: Mapping[str, str], kind: str) -> None:
    """Refuse options that a kind of function cannot have, and drop those that are empty.

    Raises:
        WorkspaceError: when one cannot work; it says what does.
    """
    for option, remedy in refused.items():
        value = options.pop(option, None)
        if value is not None and value not in ([], (), {}):  # a wrapper hands on what is empty
            raise WorkspaceError(f"{option}= does not work for {kind}", remedy)


def check_names(
    options: Mapping[str, Any], properties: type, more: Iterable[str], construct: str, **values: type
) -> None:
    """Refuse options that nobody knows.

    Args:
        options: what was given.
        properties: the CDK's properties of such a function.
        more: options besides those.
        construct: its name, for messages.
        values: options that hold options of their own, with their types.

    Raises:
        WorkspaceError: when one belongs into such a value.
        TypeError: when there is no such option.
    """
    known = inspect.signature(properties).parameters.keys() | {*more}
    for name in (name for name in options if name not in known):
        for option, kind in values.items():
            if name in (field.name for field in fields(kind)):
                raise WorkspaceError(
                    f"{name}= is an option of the {option}", f"write {option}={kind.__name__}({name}=...)"
                )
        nearest = get_close_matches(name, known, n=1)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
        raise TypeError(f"{construct}() got an unexpected keyword argument {name!r}{hint}")


def _described(construct: IConstruct) -> str:
    member = getattr(construct, "service", None)
    service = f" of the service {member.name!r}" if isinstance(member, Member) else ""
    return f"{type(construct).__name__}{service}"
