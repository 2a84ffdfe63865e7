"""A Lambda function of one service from a zip archive, on Lambda's own runtime."""

from collections.abc import Mapping
from typing import Unpack

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from uv_workspace_function.constructs import function_parts
from uv_workspace_function.constructs.function_options import OwnOptions, ZipFunctionOptions
from uv_workspace_function.constructs.option_checks import (
    NO_CUSTOM_RESOURCE,
    check_names,
    check_request,
    refuse_options,
)
from uv_workspace_function.constructs.service_archive import ServiceArchive, ServiceCode
from uv_workspace_function.constructs.zip_options import ZipOptions
from uv_workspace_function.workspace.workspace import Workspace

_OF_IMAGES = "it is for a function from an image (UvWorkspaceFunction)"
_REFUSED: Mapping[str, str] = {
    "code": "the code is the archive of service=; take lambda_.Function for an archive made elsewhere",
    "entrypoint": f"{_OF_IMAGES}; a wrapper script goes into AWS_LAMBDA_EXEC_WRAPPER",
    "image": f"{_OF_IMAGES}; write archive=ZipOptions(...)",
    "log_retention_retry_options": NO_CUSTOM_RESOURCE,
    "log_retention_role": NO_CUSTOM_RESOURCE,
    "runtime": "the runtime is that of the Python version: write archive=ZipOptions(python_version='3.14')",
    "working_directory": _OF_IMAGES,
}
_OURS = (*OwnOptions.__annotations__, "archive", "log_removal_policy")
# Defaults for all functions that mean nothing to this one.
_OF_AN_IMAGE = ("image", "entrypoint", "working_directory")


class UvWorkspaceZipFunction(lambda_.Function):
    """A Lambda function that runs one service of a uv workspace from a zip archive, on Lambda's own runtime.

    It is a `lambda_.Function`: what that takes passes through, layers and extensions as layers among it. Role and log group are those of
    `UvWorkspaceFunction`. The archive has the files that an image has in its task folder. The CDK CLI has it made when it publishes it, by
    `uv-workspace-function[oci]`; synth builds nothing.

    Example:
        A small service, with the runtime's own boto3::

            query = UvWorkspaceZipFunction(
                stack,
                "Query",
                workspace=Workspace.load(repository),
                service="query-api",
                archive=ZipOptions(runtime_sdk=True),
            )

    Args:
        scope: what it is a part of.
        construct_id: its id there.
        workspace: the workspace.
        service: the service's package name, in any spelling.
        handler: `package.module.function`, by default the one the service declares. Functions of one service share their archive,
            whatever their handlers.
        options: everything else, by name: `memory_size` (MiB), `timeout`, `environment`, `layers`, ... as for `lambda_.Function`, and those
            of `ZipFunctionOptions`: `archive`, `log_group_name`, ... What is left out comes from `FunctionDefaults`.

    Attributes:
        service: the workspace's member it runs.

    Raises:
        WorkspaceError: when there is no such service or handler, Lambda has no runtime for its Python, its archive cannot be built or
            is larger than Lambda takes.
        TypeError: when an option is none that `lambda_.Function` takes.
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
        **options: Unpack[ZipFunctionOptions],
    ) -> None:
        check_request(scope, construct_id, workspace, service)
        refuse_options(given := dict(options), _REFUSED, "a function from a zip archive")
        check_names(given, lambda_.FunctionProps, _OURS, type(self).__name__, archive=ZipOptions)
        asked, group = function_parts.asked_for(scope, given)
        for option in _OF_AN_IMAGE:
            asked.pop(option, None)
        archive = asked.pop("archive", None) or ZipOptions()
        architecture = asked.setdefault("architecture", lambda_.Architecture.ARM_64)
        built = ServiceArchive.of(workspace=workspace, service=service, options=archive, architecture=architecture)
        function_parts.name_for_powertools(asked, built.context.service.name)
        known_handler = built.context.closure.handler(handler)
        super().__init__(
            scope,
            construct_id,
            code=ServiceCode(built.publish(scope, construct_id)),
            handler=known_handler,
            runtime=_runtime(built.runtime),
            **asked,
        )
        self.service = built.context.service
        built.made(self)
        function_parts.check_architecture(self, architecture, "archive")
        self._log_group = function_parts.finish(self, asked, group)

    @property
    def log_group(self) -> logs.ILogGroup:
        """The log group that it writes to."""
        return self._log_group or super().log_group


def _runtime(name: str) -> lambda_.Runtime:
    """The CDK's own value where it knows the runtime; it may be older than that."""
    known: lambda_.Runtime | None = getattr(
        lambda_.Runtime, name.upper().replace("PYTHON", "PYTHON_").replace(".", "_"), None
    )
    return known or lambda_.Runtime(
        name, lambda_.RuntimeFamily.PYTHON, supports_inline_code=True, supports_snap_start=True
    )
