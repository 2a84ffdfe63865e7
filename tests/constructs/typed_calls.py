"""Calls that a type checker is to refuse, and some that it is not. Nobody runs them.

mypy checks this file with the rest, and finds an ignore that hides no error: so each marked line is one. test_function_options.py asks
pyright for the same.
"""

import aws_cdk as cdk
from uv_workspace_function import (
    FunctionDefaults,
    ImageOptions,
    UvWorkspaceFunction,
    UvWorkspaceImage,
    UvWorkspaceZipFunction,
    Workspace,
    ZipOptions,
)


def right(stack: cdk.Stack, workspace: Workspace) -> None:
    FunctionDefaults.of(stack).set(memory_size=512, image=ImageOptions(python_version="3.13"))
    function = UvWorkspaceFunction(
        stack,
        "Function",
        workspace=workspace,
        service="s",
        memory_size=512,
        timeout=cdk.Duration.seconds(30),
        environment={"A": "1"},
        role=None,
        image=ImageOptions(extras=["fast"], build_secrets={"netrc": "env=N"}),
    )
    image = ImageOptions(base_image=function.image)
    UvWorkspaceImage(stack, "Image", workspace=workspace, service="s", options=image, target_folder="/app")
    FunctionDefaults.of(stack).set(archive=ZipOptions(runtime_sdk=True))
    UvWorkspaceZipFunction(stack, "Z", workspace=workspace, service="s", layers=[], archive=ZipOptions(extras=["fast"]))


def wrong(it: cdk.Stack, w: Workspace) -> None:
    UvWorkspaceFunction(it, "F", workspace=w, service="s", memory_size="512")  # type: ignore[arg-type]
    UvWorkspaceFunction(it, "F", workspace=w, service="s", memroy_size=512)  # type: ignore[call-arg]
    UvWorkspaceFunction(it, "F", workspace=w, service="s", timeout=30)  # type: ignore[arg-type]
    UvWorkspaceFunction(it, "F", workspace=w, service="s", environment={"A": 1})  # type: ignore[dict-item]
    UvWorkspaceFunction(it, "F", workspace=w, service="s", layers=[])  # type: ignore[call-arg]
    UvWorkspaceFunction(it, "F", workspace=w, service="s", architecture="arm64")  # type: ignore[arg-type]
    UvWorkspaceFunction(it, "F", workspace="/repo", service="s")  # type: ignore[arg-type]
    UvWorkspaceFunction(it, "F", workspace=w, service=None)  # type: ignore[arg-type]
    UvWorkspaceFunction(it, "F", workspace=w, service="s", image={"extras": []})  # type: ignore[arg-type]
    UvWorkspaceImage(it, "I", workspace=w, service="s", python_version="3.13")  # type: ignore[call-arg]
    ImageOptions(python_version=3.13)  # type: ignore[arg-type]
    ImageOptions(pyhton_version="3.13")  # type: ignore[call-arg]
    ImageOptions(base_image=1)  # type: ignore[arg-type]
    FunctionDefaults.of(it).set(memory_size="512")  # type: ignore[arg-type]
    UvWorkspaceZipFunction(it, "Z", workspace=w, service="s", memroy_size=512)  # type: ignore[call-arg]
    UvWorkspaceZipFunction(it, "Z", workspace=w, service="s", image=ImageOptions())  # type: ignore[call-arg]
    UvWorkspaceZipFunction(it, "Z", workspace=w, service="s", archive=ImageOptions())  # type: ignore[arg-type]
    ZipOptions(base_image="a/b:1")  # type: ignore[call-arg]
