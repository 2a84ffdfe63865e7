"""Functions whose base image is another asset of the same stack, as docs/construct.md has it: with an environment, and without."""

from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, Workspace

app = cdk.App()
workspace = Workspace.load(Path(__file__).parents[2])
for name, env in (("Known", cdk.Environment(account="123456789012", region="eu-west-1")), ("Anywhere", None)):
    stack = cdk.Stack(app, name, env=env)
    base = ecr_assets.DockerImageAsset(
        stack,
        "WithLibrary",
        directory=str(Path(__file__).with_name("own_base")),
        platform=ecr_assets.Platform.LINUX_ARM64,
        build_args={"STACK": name},
    )
    function = UvWorkspaceFunction(
        stack,
        "Extended",
        workspace=workspace,
        service="query-api",
        image=ImageOptions(base_image=base),
        environment={"TABLE_NAME": "none", "SOURCE_INDEX": "none"},
    )
    cdk.CfnOutput(stack, "FunctionName", value=function.function_name)
app.synth()
