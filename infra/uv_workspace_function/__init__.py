"""AWS CDK constructs that deploy the services of a uv workspace as arm64 container Lambdas.

The plan of the house, a room a line. Data flows down, import-linter holds it, and only `constructs` imports `aws_cdk`:

    errors          what can be wrong: a problem and a remedy
    processes       what ends a command, and the programs that end with it
    globs           globs as regular expressions
    user_cache      where it keeps things, in the user's cache
    boundary, uv    where files may lie, and how they are read; the one place that starts uv
    definitions     `pyproject.toml` and `uv.toml` as typed values
    code            where one package's modules lie, and its handler
    workspace       pyproject.toml + uv.lock -> members, services, closures, the lock cut down
    target          platform, wheels, image references
    context         closure -> the folder that is an image's whole input
    oci             images and zip archives without a container engine
    cdk_docker      what the CDK CLI calls in place of docker
    constructs      UvWorkspaceImage (a DockerImageAsset), UvWorkspaceFunction (a DockerImageFunction), UvWorkspaceZipFunction
    insight         questions about the workspace: graph, who, size, affected, why
    running         a handler called, directly or in its image
    gate            `services check`
    cli             the `services` command

Beside them stand `Dockerfile` and `builder`, which every image is built with.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uv_workspace_function.constructs.defaults import FunctionDefaults
    from uv_workspace_function.constructs.function import UvWorkspaceFunction
    from uv_workspace_function.constructs.image import UvWorkspaceImage
    from uv_workspace_function.constructs.image_options import EcrImage, ImageOptions
    from uv_workspace_function.constructs.zip_function import UvWorkspaceZipFunction
    from uv_workspace_function.constructs.zip_options import ZipOptions
    from uv_workspace_function.context.build_context import BuildContext
    from uv_workspace_function.errors import WorkspaceError
    from uv_workspace_function.workspace.workspace import Workspace

__all__ = [
    "BuildContext",
    "EcrImage",
    "FunctionDefaults",
    "ImageOptions",
    "UvWorkspaceFunction",
    "UvWorkspaceImage",
    "UvWorkspaceZipFunction",
    "Workspace",
    "WorkspaceError",
    "ZipOptions",
]

# Imported when asked for (PEP 562): loading aws_cdk takes a second, and who reads a workspace needs none of it.
_HOMES = {
    "BuildContext": "context.build_context",
    "EcrImage": "constructs.image_options",
    "FunctionDefaults": "constructs.defaults",
    "ImageOptions": "constructs.image_options",
    "UvWorkspaceFunction": "constructs.function",
    "UvWorkspaceImage": "constructs.image",
    "UvWorkspaceZipFunction": "constructs.zip_function",
    "Workspace": "workspace.workspace",
    "WorkspaceError": "errors",
    "ZipOptions": "constructs.zip_options",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    # Who lists names asks for each: `help()`, a shell's completion. Without the extra `cdk` the constructs cannot be had.
    absent = {name for name, home in _HOMES.items() if home.startswith("constructs.") and find_spec("aws_cdk") is None}
    return sorted({*globals(), *__all__} - absent)
