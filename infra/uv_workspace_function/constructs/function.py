"""A Lambda function of one service: its image, its handler as the command, a role and a log group of its own."""

from collections.abc import Mapping, Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from uv_workspace_function.constructs.execution_role import allow_network_interfaces, new_role
from uv_workspace_function.constructs.image import UvWorkspaceImage
from uv_workspace_function.constructs.stack_limit import watch_resources
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace

_EXTENSION = "a function from an image has no layers; put the extension into an image and give that as base_image="
# What DockerImageFunction takes and a function from an image cannot have: CDK throws, warns, or adds permissions alone.
# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
_REFUSED: Mapping[str, str] = {
    "adot_instrumentation": _EXTENSION,
    "code": "the code is the image of service=; take lambda_.DockerImageFunction for an image made elsewhere",
    "code_signing_config": "Lambda checks signatures of archives alone; sign images in the registry instead",
    "insights_version": _EXTENSION,
    "layers": f"{_EXTENSION}, and add Python packages to the service's dependencies",
    "params_and_secrets": _EXTENSION,
}


class UvWorkspaceFunction(lambda_.DockerImageFunction):
    """A Lambda function that runs one service of a uv workspace from its own image.

    It is a `DockerImageFunction`: what that takes passes through, and grants, metrics and event sources are there.

    It runs as a role of its own, which may write to its log group and do what `vpc=` and `tracing=` need, and has a log group of
    its own. In the construct tree they stand beside it: `<construct_id>Role`, `<construct_id>Logs`, `<construct_id>Image`.

    Args:
        scope: what it is a part of.
        construct_id: its id there.
        workspace: the workspace.
        service: the service's package name, in any spelling.
        handler: `package.module.function`, by default the one the service declares. It is the function's command and no part
            of the image: functions of one service share their image, whatever their handlers.
        role: a role instead of its own. It is allowed the same; `role.without_policy_updates()` is left alone.
        log_group: a log group instead of its own.
        log_retention: how long its own log group keeps an entry.
        log_removal_policy: what happens to its own log group when the function is removed; by default it stays, to be read.
        vpc: the VPC that it runs in.
        snap_start: when Lambda takes a snapshot of the initialized function.
        extras: see `UvWorkspaceImage`, as for the next eleven.
        architecture: the processor of the function and its image.
        python_version: the Python minor version.
        base_image: what the image starts from.
        builder_image: what the builder starts from.
        uv_image: the image that uv is taken from.
        python_platform: the platform that wheels are for.
        include_bytecode: whether every module comes with its bytecode.
        build_from_source: packages that the builder may build.
        build_on_target: whether the builder runs on the image's own platform.
        build_secrets: secrets of the build.
        cache_from: caches that the build reads.
        cache_to: the cache that the build writes.
        options: everything else that `DockerImageFunction` takes: `memory_size` (MiB), `timeout`, `environment`, `tracing`, ...

    Attributes:
        image: the image it runs.

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
        role: iam.IRole | None = None,
        log_group: logs.ILogGroup | None = None,
        log_retention: logs.RetentionDays | None = None,
        log_removal_policy: cdk.RemovalPolicy | None = None,
        vpc: ec2.IVpc | None = None,
        snap_start: lambda_.SnapStartConf | None = None,
        extras: Sequence[str] = (),
        architecture: lambda_.Architecture = lambda_.Architecture.ARM_64,
        python_version: str = "3.14",
        base_image: str | ecr_assets.DockerImageAsset | None = None,
        builder_image: str | None = None,
        uv_image: str | None = None,
        python_platform: str | None = None,
        include_bytecode: bool = True,
        build_from_source: Sequence[str] | None = None,
        build_on_target: bool = False,
        build_secrets: Mapping[str, str] | None = None,
        cache_from: Sequence[ecr_assets.DockerCacheOption] | None = None,
        cache_to: ecr_assets.DockerCacheOption | None = None,
        **options: Any,
    ) -> None:
        _refuse(options)
        if log_group is not None and (log_retention is not None or log_removal_policy is not None):
            raise WorkspaceError(
                "log_retention= and log_removal_policy= are for the log group that a function gets",
                "set them on log_group= itself",
            )
        if role is None and options.get("durable_config") is not None:
            raise WorkspaceError(
                "durable_config= needs permissions that the own role of a function has not",
                "give a role= that has the policy AWSLambdaBasicDurableExecutionRolePolicy",
            )
        closure = workspace.closure(service, extras)
        command = closure.handler(handler)
        self.image = UvWorkspaceImage(
            scope,
            f"{construct_id}Image",
            workspace=workspace,
            service=closure.service.name,
            extras=extras,
            architecture=architecture,
            python_version=python_version,
            base_image=base_image,
            builder_image=builder_image,
            uv_image=uv_image,
            python_platform=python_platform,
            include_bytecode=include_bytecode,
            build_from_source=build_from_source,
            build_on_target=build_on_target,
            build_secrets=build_secrets,
            cache_from=cache_from,
            cache_to=cache_to,
            snap_start=snap_start is not None,
        )
        role = role or new_role(scope, f"{construct_id}Role")
        log_group = log_group or logs.LogGroup(
            scope,
            f"{construct_id}Logs",
            retention=log_retention or logs.RetentionDays.ONE_MONTH,
            removal_policy=log_removal_policy or cdk.RemovalPolicy.RETAIN,
        )
        log_group.grant_write(role)
        if vpc is not None:
            allow_network_interfaces(role, cdk.Stack.of(scope))
        super().__init__(
            scope,
            construct_id,
            code=lambda_.DockerImageCode.from_ecr(
                self.image.repository, tag_or_digest=self.image.image_tag, cmd=[command]
            ),
            architecture=architecture,
            role=role,
            log_group=log_group,
            vpc=vpc,
            snap_start=snap_start,
            **options,
        )
        watch_resources(cdk.Stack.of(scope))

    def add_layers(self, *layers: lambda_.ILayerVersion) -> None:
        """Refuse layers, as the option does.

        Raises:
            WorkspaceError: always.
        """
        _refuse({"layers": layers})


def _refuse(options: dict[str, Any]) -> None:
    for option, remedy in _REFUSED.items():
        if options.pop(option, None) is not None:
            raise WorkspaceError(f"{option}= does not work for a function from an image: {remedy}")
