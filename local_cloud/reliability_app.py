"""The app as `make reliability` deploys it: a message that was not settled comes back soon, and the worker has the time it always has."""

import aws_cdk as cdk
from service_stack import ServiceStack
from uv_workspace_function import Workspace

from local_cloud.reliability import WORKER_TIMEOUT
from local_cloud.state import PROJECT

app = cdk.App()
ServiceStack(
    app, "ServiceStack", workspace=Workspace.load(PROJECT), visibility_timeout=cdk.Duration.seconds(WORKER_TIMEOUT)
)
app.synth()
