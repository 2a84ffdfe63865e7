"""How the zip archive of a service is built: one value, which can be shared by functions."""

from dataclasses import dataclass

from uv_workspace_function.constructs.image_options import BuildOptions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZipOptions(BuildOptions):
    """How the zip archive of a service is built. All of it is optional; None is as good as left out.

    What has the name of an option of `ImageOptions` means the same. Everything but `build_secrets` is part of the asset's hash.

    Example:
        One value for all zip functions::

            LEAN = ZipOptions(python_version="3.13", runtime_sdk=True)
            UvWorkspaceZipFunction(stack, "Query", workspace=workspace, service="query-api", archive=LEAN)

    Args:
        extras: extras of the service to install.
        python_version: the Python minor version of the runtime; `3.14` by default.
        include_bytecode: whether every module comes with its bytecode; it does by default.
        build_from_source: third-party packages that may be built where no wheel fits, in any spelling, instead of those in
            `build-from-source` of the service's `[tool.uv-workspace-function]`.
        runtime_sdk: whether boto3 and what only it needs are left to the runtime, which has them in a version of its own.
        build_secrets: files with secrets by id, as for `docker build --secret`: `netrc` holds passwords of package indexes,
            `credentials` variables and signed URLs.

    Raises:
        WorkspaceError: when a value is of another kind than the option takes.
    """

    runtime_sdk: bool | None = None
