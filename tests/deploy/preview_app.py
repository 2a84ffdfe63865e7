"""One function in two stages of one account: what everybody uses, and a pull request's preview of it, which goes whole."""

from pathlib import Path

import aws_cdk as cdk
from uv_workspace_function import UvWorkspaceFunction, Workspace

app = cdk.App()
workspace = Workspace.load(Path(__file__).parents[2])
for name in ("Main", "PR-17"):
    stage = cdk.Stage(app, name)
    stack = cdk.Stack(stage, "Query")
    function = UvWorkspaceFunction(
        stack,
        "QueryApi",
        workspace=workspace,
        service="query-api",
        environment={"TABLE_NAME": "none", "SOURCE_INDEX": "none"},
        log_removal_policy=cdk.RemovalPolicy.DESTROY if name != "Main" else None,
    )
    cdk.CfnOutput(stack, "FunctionName", value=function.function_name)
app.synth()
