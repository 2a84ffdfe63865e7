"""One stack with the greeter as an image function and as a zip function, for scripts/on_aws.py. Everything in it goes with the stack."""

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, UvWorkspaceZipFunction, Workspace

app = cdk.App()
stack = cdk.Stack(app, os.environ["TRIAL_STACK"])
workspace = Workspace.load(Path(__file__).parent)
log_group = logs.LogGroup(stack, "Logs", retention=logs.RetentionDays.ONE_DAY, removal_policy=cdk.RemovalPolicy.DESTROY)
function = UvWorkspaceFunction(
    stack,
    "Greeter",
    workspace=workspace,
    service="greeter",
    image=ImageOptions(base_image=os.environ.get("TRIAL_BASE_IMAGE")),
    memory_size=512,
    timeout=cdk.Duration.seconds(30),
    log_group=log_group,
)
zip_function = UvWorkspaceZipFunction(
    stack,
    "GreeterZip",
    workspace=workspace,
    service="greeter",
    memory_size=512,
    timeout=cdk.Duration.seconds(30),
    log_group=log_group,
)
cdk.CfnOutput(stack, "Function", value=function.function_name)
cdk.CfnOutput(stack, "ZipFunction", value=zip_function.function_name)
app.synth()
