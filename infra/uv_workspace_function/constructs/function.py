"""A Lambda function of one service: its image, its handler as the command, a role and a log group of its own."""

from typing import Unpack, cast

from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from uv_workspace_function.constructs import asset_folder, function_parts
from uv_workspace_function.constructs.function_options import FunctionOptions
from uv_workspace_function.constructs.image import ServiceImage
from uv_workspace_function.constructs.image_options import ImageOptions
from uv_workspace_function.constructs.option_checks import check_options, check_request
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace


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

    _log_group: logs.ILogGroup | None = None

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
        check_options(given := dict(options))
        asked, group = function_parts.asked_for(scope, given)
        asked.pop("archive", None)  # a default, of zip functions
        image = asked.pop("image", None) or ImageOptions()
        architecture = asked.setdefault("architecture", lambda_.Architecture.ARM_64)
        built = ServiceImage.of(
            scope,
            workspace=workspace,
            service=service,
            options=image,
            architecture=architecture,
            snap_start=asked.get("snap_start") is not None,
        )
        function_parts.name_for_powertools(asked, built.context.service.name)
        command = [built.context.closure.handler(handler)]
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
        self.service = built.context.service
        built.made(self.image)
        function_parts.check_architecture(self, architecture, "image")
        _check_label(self, labelled=asked.get("snap_start") is not None)
        self._log_group = function_parts.finish(self, asked, group)

    @property
    def log_group(self) -> logs.ILogGroup:
        """The log group that it writes to."""
        return self._log_group or super().log_group

    def add_layers(self, *layers: lambda_.ILayerVersion) -> None:
        """Refuse layers, as the option does.

        Raises:
            WorkspaceError: always.
        """
        check_options({"layers": layers})


def _check_label(function: lambda_.Function, *, labelled: bool) -> None:
    """A property injector of the CDK comes after the image was made, which it can't change any more."""
    resource = cast(lambda_.CfnFunction, function.node.default_child)
    if resource.snap_start is not None and not labelled:
        raise WorkspaceError(
            f"a property injector gives {function.node.path} snap_start, but its image has no label for that",
            "set it by FunctionDefaults, or by snap_start=",
        )
