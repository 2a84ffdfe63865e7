"""The stack for two environments, another account's among them, as docs/operations.md has it."""

from pathlib import Path

import aws_cdk as cdk
from service_stack import ServiceStack
from uv_workspace_function import Workspace

app = cdk.App()
workspace = Workspace.load(Path(__file__).parents[2])
for name, account, region in (("Staging", "123456789012", "us-east-1"), ("Production", "210987654321", "eu-central-1")):
    ServiceStack(app, name, workspace=workspace, env=cdk.Environment(account=account, region=region))
app.synth()
