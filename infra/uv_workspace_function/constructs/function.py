"""A Lambda function of one service: its image, its handler as the command, a role and a log group of its own."""

from typing import Any, Unpack, cast

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from uv_workspace_function.constructs import asset_folder
from uv_workspace_function.constructs.defaults import with_defaults
from uv_workspace_function.constructs.execution_role import (
    allow_durable_executions,
    allow_network_interfaces,
    drop_basic_policies,
    permissions_of,
)
from uv_workspace_function.constructs.function_options import FunctionOptions
from uv_workspace_function.constructs.image import ServiceImage
from uv_workspace_function.constructs.image_options import ImageOptions
from uv_workspace_function.constructs.log_group import LogGroupOptions, own_log_group
from uv_workspace_function.constructs.request import check_options, check_request, checked
from uv_workspace_function.constructs.stack_limit import watch_resources
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace

_OF_OWN_LOG_GROUP = ("log_retention", "log_removal_policy", "log_group_name", "log_encryption_key")


class UvWorkspaceFunction(lambda_.DockerImageFunction):
    """A Lambda function that runs one service of a uv workspace from its own image.

    It is a `DockerImageFunction`: what that takes passes through, and grants, metrics and event sources are there. Its role, its log
    group and its image are its children in the construct tree.

    Its own role may write to its log group and do what `vpc=`, `tracing=` and the like need; it has no managed policy but those that
    are added to it.

    Example:
        A worker on a queue::

            workspace = Workspace.load(repository)
            worker = UvWorkspaceFunction(
                stack,
                "IngestionWorker",
                workspace=workspace,
                service="ingestion-worker",
                memory_size=512,
                timeout=cdk.Duration.seconds(30),
            )
            queue.grant_consume_messages(worker)

    Args:
        scope: what it is a part of.
        construct_id: its id there.
        workspace: the workspace.
        service: the service's package name, in any spelling.
        handler: `package.module.function`, by default the one the service declares. It is the function's command and no part
            of the image: functions of one service share their image, whatever their handlers.
        options: everything else, by name: `memory_size` (MiB), `timeout`, `environment`, `tracing`, `role`, ... as for
            `DockerImageFunction`, and those of `FunctionOptions`: `image`, `entrypoint`, `log_group_name`, ... What is left out comes
            from `FunctionDefaults`. A `role=` is allowed what its own would be; `role.without_policy_updates()` is left as it is.

    Attributes:
        image: the image it runs.
        service: the workspace's member it runs.

    Raises:
        WorkspaceError: when there is no such service or handler, its image cannot be built, or an option cannot work for a
            function from an image.
        TypeError: when an option is none that `DockerImageFunction` takes.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: Workspace,
        service: str,
        handler: str | None = None,
        **options: Unpack[FunctionOptions],
    ) -> None:
        check_request(scope, construct_id, workspace, service)
        asked = _asked(scope, dict(options))
        image = asked.pop("image", None) or ImageOptions()
        architecture = asked.setdefault("architecture", lambda_.Architecture.ARM_64)
        closure = workspace.closure(service, image.extras or ())
        built = ServiceImage.of(
            scope,
            workspace=workspace,
            service=closure.service.name,
            options=image,
            architecture=architecture,
            snap_start=asked.get("snap_start") is not None,
        )
        if asked.pop("powertools_service_name", False):
            name = {"POWERTOOLS_SERVICE_NAME": closure.service.name}
            asked["environment"] = name | dict(asked.get("environment") or {})
        group = LogGroupOptions(
            name=asked.pop("log_group_name", None),
            retention=asked.pop("log_retention", None),
            removal_policy=asked.pop("log_removal_policy", None),
            encryption_key=asked.pop("log_encryption_key", None),
        )
        command = [closure.handler(handler)]
        with asset_folder.source_folder(built.context, scope) as folder:
            code = lambda_.DockerImageCode.from_image_asset(
                str(folder),
                cmd=command,
                entrypoint=asked.pop("entrypoint", None),
                working_directory=asked.pop("working_directory", None),
                **built.asset_options,
            )
            super().__init__(scope, construct_id, code=code, **asked)
            self.image = cast(ecr_assets.DockerImageAsset, self.node.find_child("AssetImage"))
            asset_folder.fill(self.image, built.context)
        self.service = closure.service
        built.made(self.image)
        _check_injected(self, architecture, labelled=asked.get("snap_start") is not None)
        own = _own_log_group(self, group) if asked.get("log_group") is None else None
        self._log_group = own or super().log_group
        _allow(self, durable=asked.get("durable_config") is not None)
        watch_resources(cdk.Stack.of(self))

    @property
    def log_group(self) -> logs.ILogGroup:
        """The log group that it writes to."""
        return self._log_group

    def add_layers(self, *layers: lambda_.ILayerVersion) -> None:
        """Refuse layers, as the option does.

        Raises:
            WorkspaceError: always.
        """
        check_options({"layers": layers})


def _asked(scope: Construct, options: dict[str, Any]) -> dict[str, Any]:
    """The options with the defaults below them, checked as far as no workspace is needed."""
    check_options(options)
    asked = checked(with_defaults(scope, options))
    log_group = asked.get("log_group")
    if log_group is not None:
        if not hasattr(log_group, "grant_write"):
            raise WorkspaceError(
                f"log_group must be a log group with grants, not an object of type {type(log_group).__name__}",
                "wrap it by logs.LogGroup.from_log_group_arn()",
            )
        if given := [f"{name}=" for name in _OF_OWN_LOG_GROUP if options.get(name) is not None]:
            raise WorkspaceError(
                f"log_group= is another log group than the function's own, which {' and '.join(given)} would be for",
                "set that on the log group itself",
            )
    return asked


def _check_injected(function: lambda_.Function, architecture: lambda_.Architecture, *, labelled: bool) -> None:
    """A property injector of the CDK comes after the image was made, which it can't change any more."""
    if function.architecture.name != architecture.name:
        raise WorkspaceError(
            f"a property injector gives {function.node.path} the architecture {function.architecture.name}, and its image is for "
            f"{architecture.name}",
            "set the architecture by FunctionDefaults, or by architecture=",
        )
    resource = cast(lambda_.CfnFunction, function.node.default_child)
    if resource.snap_start is not None and not labelled:
        raise WorkspaceError(
            f"a property injector gives {function.node.path} snap_start, which its image carries no label for",
            "set it by FunctionDefaults, or by snap_start=",
        )


def _own_log_group(function: lambda_.Function, options: LogGroupOptions) -> logs.ILogGroup | None:
    """The function's own log group; None where a property injector has given another one."""
    resource = cast(lambda_.CfnFunction, function.node.default_child)
    configuration = cdk.Stack.of(function).resolve(resource.logging_config) or {}
    if "logGroup" in configuration:
        return None
    return own_log_group(function, options)


def _allow(function: UvWorkspaceFunction, *, durable: bool) -> None:
    own = function.node.try_find_child("ServiceRole")
    if own is not None:
        drop_basic_policies(cast(iam.Role, own))
    role = cast(iam.IRole, function.role)
    grantee = permissions_of(function, role)
    function.log_group.grant_write(grantee)
    if function.is_bound_to_vpc:
        allow_network_interfaces(grantee, cdk.Stack.of(function))
    if durable:
        allow_durable_executions(function, role)
