"""What functions from images and from zip archives have in common: options with their defaults, a role and a log group of their own."""

from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from uv_workspace_function.constructs.defaults import with_defaults
from uv_workspace_function.constructs.execution_role import (
    allow_durable_executions,
    allow_network_interfaces,
    drop_basic_policies,
    permissions_of,
)
from uv_workspace_function.constructs.log_group import LogGroupOptions, own_log_group
from uv_workspace_function.constructs.option_checks import checked
from uv_workspace_function.constructs.stack_limit import watch_resources
from uv_workspace_function.errors import WorkspaceError

_OF_OWN_LOG_GROUP = ("log_retention", "log_removal_policy", "log_group_name", "log_encryption_key")


def asked_for(scope: Construct, options: dict[str, Any]) -> tuple[dict[str, Any], LogGroupOptions]:
    """The options with the defaults below them, checked as far as no workspace is needed; and those of the function's own log group.

    Raises:
        WorkspaceError: when one is of another type, or they contradict each other.
    """
    asked = checked(with_defaults(scope, options))
    log_group = asked.get("log_group")
    if log_group is not None:
        if not hasattr(log_group, "grant_write"):
            raise WorkspaceError(
                f"log_group must be a log group with grants, not an object of type {type(log_group).__name__}",
                "wrap it with logs.LogGroup.from_log_group_arn()",
            )
        if given := [f"{name}=" for name in _OF_OWN_LOG_GROUP if options.get(name) is not None]:
            raise WorkspaceError(
                f"log_group= replaces the function's own log group, so {' and '.join(given)} would have no effect",
                "set that on the log group itself",
            )
    return asked, LogGroupOptions(
        name=asked.pop("log_group_name", None),
        retention=asked.pop("log_retention", None),
        removal_policy=asked.pop("log_removal_policy", None),
        encryption_key=asked.pop("log_encryption_key", None),
    )


def name_for_powertools(asked: dict[str, Any], service: str) -> None:
    """Set `POWERTOOLS_SERVICE_NAME` where the options ask for it."""
    if asked.pop("powertools_service_name", False):
        asked["environment"] = {"POWERTOOLS_SERVICE_NAME": service} | dict(asked.get("environment") or {})


def finish(function: lambda_.Function, asked: dict[str, Any], group: LogGroupOptions) -> logs.ILogGroup | None:
    """Give a new function its log group, and its role what it needs.

    Returns:
        Its own log group; None where it was given another one.
    """
    own = _own_log_group(function, group) if asked.get("log_group") is None else None
    _allow(function, own or function.log_group, durable=asked.get("durable_config") is not None)
    watch_resources(cdk.Stack.of(function))
    return own


def check_architecture(function: lambda_.Function, architecture: lambda_.Architecture, code: str) -> None:
    """Refuse what a property injector of the CDK changed after the code was chosen for an architecture.

    Raises:
        WorkspaceError: naming both.
    """
    if function.architecture.name != architecture.name:
        raise WorkspaceError(
            f"a property injector gives {function.node.path} the architecture {function.architecture.name}, and its {code} is for "
            f"{architecture.name}",
            "set the architecture by FunctionDefaults, or by architecture=",
        )


def _own_log_group(function: lambda_.Function, options: LogGroupOptions) -> logs.ILogGroup | None:
    """The function's own log group; None where a property injector has given another one."""
    resource = cast(lambda_.CfnFunction, function.node.default_child)
    configuration = cdk.Stack.of(function).resolve(resource.logging_config) or {}
    if "logGroup" in configuration:
        return None
    return own_log_group(function, options)


def _allow(function: lambda_.Function, log_group: logs.ILogGroup, *, durable: bool) -> None:
    own = function.node.try_find_child("ServiceRole")
    if own is not None:
        drop_basic_policies(cast(iam.Role, own))
    role = cast(iam.IRole, function.role)
    grantee = permissions_of(function, role)
    log_group.grant_write(grantee)
    if function.is_bound_to_vpc:
        allow_network_interfaces(grantee, cdk.Stack.of(function))
    if durable:
        allow_durable_executions(function, role)
