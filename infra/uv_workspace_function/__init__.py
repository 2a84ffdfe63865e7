"""AWS CDK constructs that deploy the services of a uv workspace as arm64 container Lambdas.

The plan of the house. Data flows down; nothing above `image` imports `aws_cdk`:

    workspace        pyproject.toml + uv.lock -> members, services, closures
    lockfile         uv.lock -> the same lock, cut down to one closure
    build_context    closure -> the folder that is an image's whole input
    wheels           does every locked package have a wheel for the target?
    build_arguments  an image's options -> what `docker build` is told
    image            UvWorkspaceImage, a DockerImageAsset
    function         UvWorkspaceFunction, a DockerImageFunction

Beside them stand `Dockerfile` and `builder`, which every image is built with, `checks`, the gate, `invocation`, which calls a handler
on this machine, and `cli`, the `services` command.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uv_workspace_function.build_context import BuildContext
    from uv_workspace_function.errors import WorkspaceError
    from uv_workspace_function.function import UvWorkspaceFunction
    from uv_workspace_function.image import UvWorkspaceImage
    from uv_workspace_function.workspace import Workspace

__all__ = ["BuildContext", "UvWorkspaceFunction", "UvWorkspaceImage", "Workspace", "WorkspaceError"]

# Imported when asked for (PEP 562): loading aws_cdk takes a second, and who reads a workspace needs none of it.
_HOMES = {
    "BuildContext": "build_context",
    "UvWorkspaceFunction": "function",
    "UvWorkspaceImage": "image",
    "Workspace": "workspace",
    "WorkspaceError": "errors",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
