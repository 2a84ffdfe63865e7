"""The front door: loads the workspace and makes the stack. The CDK CLI runs it, as cdk.json says."""

import sys
from pathlib import Path

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks
from jsii.errors import JavaScriptError
from service_stack import ServiceStack
from uv_workspace_function import Workspace, WorkspaceError


def main() -> int | str:
    """Synthesize the app.

    Returns:
        The exit code: 2 when something is wrong with the workspace, 1 (and a line for stderr) when the CDK or cdk-nag refuses the stack.
    """
    app = cdk.App()
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        ServiceStack(app, "ServiceStack", workspace=Workspace.load(Path(__file__).parent))
        app.synth()
    except WorkspaceError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RuntimeError as error:
        if not isinstance(error.__cause__, JavaScriptError):
            raise
        return f"error: {error}"
    return 0


if __name__ == "__main__":
    sys.exit(main())
