"""One function from a zip archive, on Lambda's own runtime."""

from pathlib import Path

import aws_cdk as cdk
from uv_workspace_function import UvWorkspaceZipFunction, Workspace

app = cdk.App()
stack = cdk.Stack(app, "ZipFunction")
function = UvWorkspaceZipFunction(
    stack,
    "QueryApi",
    workspace=Workspace.load(Path(__file__).parents[2]),
    service="query-api",
    memory_size=512,
    timeout=cdk.Duration.seconds(30),
    environment={"TABLE_NAME": "none", "SOURCE_INDEX": "none"},
    log_removal_policy=cdk.RemovalPolicy.DESTROY,
)
cdk.CfnOutput(stack, "FunctionName", value=function.function_name)
app.synth()
