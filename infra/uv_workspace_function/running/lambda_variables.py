"""The environment variables that a function finds on Lambda.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from collections.abc import Mapping

from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

REGION = "us-east-1"
"""The region where none is known: on Lambda there always is one, and clients that are made at import ask for it."""


def lambda_variables(service: Member, handler: str) -> dict[str, str]:
    """What Lambda itself sets, region and credentials left out.

    Args:
        service: the function's service, after which it is named here.
        handler: its handler.
    """
    return {
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
        "AWS_LAMBDA_FUNCTION_NAME": service.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{service.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "_HANDLER": handler,
    }


def declared_variables(workspace: Workspace, service: Member) -> Mapping[str, str]:
    """What stands for the stack's variables: `[tool.uv-workspace-function.check.environment]` of the root and of the service."""
    return {**workspace.project.pyproject.ours.check.environment, **service.settings.check.environment}
