"""Functions of two services, each in a stack; and, where MIXED says so, one beside what only an engine builds."""

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, Workspace

app = cdk.App()
workspace = Workspace.load(Path(__file__).parents[2])
environment = dict.fromkeys(("TABLE_NAME", "SOURCE_INDEX"), "none")


def function(stack: cdk.Stack, service: str, image: ImageOptions | None = None) -> None:
    """Add a function of a service."""
    made = UvWorkspaceFunction(
        stack, "Function", workspace=workspace, service=service, image=image, environment=environment
    )
    cdk.CfnOutput(stack, "FunctionName", value=made.function_name)


function(cdk.Stack(app, "One"), "query-api")
function(cdk.Stack(app, "Two"), "ingestion-worker")
if os.environ.get("MIXED"):
    mixed = cdk.Stack(app, "Mixed")
    folder = Path(__file__).with_name("own_base")
    base = ecr_assets.DockerImageAsset(
        mixed,
        "WithLibrary",
        directory=str(folder),
        platform=ecr_assets.Platform.LINUX_ARM64,
        build_args={"STACK": "Mixed"},
    )
    function(mixed, "query-api", ImageOptions(base_image=base))
    bundling = cdk.BundlingOptions(
        image=cdk.DockerImage.from_registry(os.environ["MIXED"]),
        entrypoint=["/bin/sh", "-c"],
        command=["echo 'def handler(event, context): return 1' > /asset-output/bundled.py"],
    )
    lambda_.Function(
        mixed,
        "Bundled",
        runtime=lambda_.Runtime.PYTHON_3_12,
        handler="bundled.handler",
        code=lambda_.Code.from_asset(str(folder), bundling=bundling),
    )
app.synth()
