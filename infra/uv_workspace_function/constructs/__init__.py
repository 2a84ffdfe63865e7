"""The CDK constructs; the only room that imports aws_cdk."""

from importlib.util import find_spec

# The distribution's base is the model and the commands: who deploys by other means needs none of the CDK's 240 MB.
if missing := [name for name in ("aws_cdk", "constructs", "jsii") if find_spec(name) is None]:
    raise ModuleNotFoundError(
        f"UvWorkspaceFunction and UvWorkspaceImage need the AWS CDK, and {', '.join(missing)} cannot be imported; install "
        "uv-workspace-function with its extra: `uv add --dev 'uv-workspace-function[cdk]'`",
        name=missing[0],
    )
