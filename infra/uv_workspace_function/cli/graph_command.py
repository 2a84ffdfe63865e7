"""`services graph`: who uses whom."""

from pathlib import Path

import click

from uv_workspace_function.cli.options import load_workspace, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.insight.graph import Graph


@click.command()
@workspace_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid", "json"]),
    default="mermaid",
    show_default=True,
    help="What to print.",
)
def command(root: Path | None, form: str) -> None:
    """Draw the services, the libraries they need at run time, and who uses whom.

    Services are round, libraries square; a standalone project has a double edge. GitHub shows Mermaid as a picture.

    \b
    Example:
      services graph > docs/graph.mmd
      services graph --format json | jq -r '.edges[] | select(.to == "common-models") | .from'
    """
    graph = Graph.of(load_workspace(root))
    if form == "json":
        say_json(graph.as_json())
        return
    say(*graph.mermaid().split("\n"))
    if graph.unused:
        names = ", ".join(member.name for member in graph.unused)
        say(f"not drawn, since no service needs them: {names}", err=True)
