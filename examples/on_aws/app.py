"""One stack with the greeter as an image function, for scripts/on_aws.py. Everything in it goes with the stack."""

import os
from pathlib import Path

import aws_cdk as cdk
from aws_cdk import aws_logs as logs
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, Workspace

app = cdk.App()
stack = cdk.Stack(app, os.environ["TRIAL_STACK"])
function = UvWorkspaceFunction(
    stack,
    "Greeter",
    workspace=Workspace.load(Path(__file__).parent),
    service="greeter",
    image=ImageOptions(base_image=os.environ.get("TRIAL_BASE_IMAGE")),
    memory_size=512,
    timeout=cdk.Duration.seconds(30),
    log_group=logs.LogGroup(
        stack, "Logs", retention=logs.RetentionDays.ONE_DAY, removal_policy=cdk.RemovalPolicy.DESTROY
    ),
)
cdk.CfnOutput(stack, "Function", value=function.function_name)
app.synth()
