"""One workspace, a stack for each team: each deploys alone, and none comes near CloudFormation's 500 resources.

The services share libraries and the lock. What they do not share is a deploy: `cdk deploy Reports` builds and updates the
reports' images, and no other.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from constructs import Construct
from uv_workspace_function import UvWorkspaceFunction, Workspace

TEAMS = {
    "Ingestion": ["ingestion-worker"],
    "Api": ["query-api"],
    "Reports": ["daily-report", "legacy-export"],
}


class TeamStack(cdk.Stack):
    """The functions of one team.

    Args:
        scope: the app.
        construct_id: the stack's name.
        workspace: the workspace, read once for all stacks.
        services: the team's services.
        options: what `Stack` takes besides.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, workspace: Workspace, services: Sequence[str], **options: Any
    ) -> None:
        super().__init__(scope, construct_id, **options)
        for service in services:
            name = "".join(part.capitalize() for part in service.split("-"))
            UvWorkspaceFunction(self, name, workspace=workspace, service=service)


def main(root: Path, **options: Any) -> cdk.App:
    """The app. Options are those of `App`."""
    app = cdk.App(**options)
    workspace = Workspace.load(root)
    for team, services in TEAMS.items():
        TeamStack(app, team, workspace=workspace, services=services)
    return app


if __name__ == "__main__":
    main(Path(__file__).parents[2]).synth()
