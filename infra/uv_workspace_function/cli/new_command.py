"""`services new`: scaffold a service."""

from pathlib import Path, PurePosixPath

import click

from uv_workspace_function.cli.options import find_workspace, workspace_option
from uv_workspace_function.cli.output import say
from uv_workspace_function.cli.scaffold import new_service


@click.command()
@click.argument("name")
@workspace_option
@click.option(
    "--folder",
    metavar="DIR",
    type=PurePosixPath,
    help="Where it goes, relative to the root; by default beside the other services.",
)
def command(name: str, root: Path | None, folder: PurePosixPath | None) -> None:
    """Scaffold a service NAME: its folder with a pyproject.toml, a handler, a sample event and a test.

    Prints the files, and what is left to do. Changes nothing else.

    \b
    Example:
      services new invoice-mailer
    """
    root = find_workspace(root)
    service = new_service(root, name, folder=folder)
    service.write(root)
    for path in service.files:
        say(path)
    construct_id = "".join(part.capitalize() for part in service.name.split("-"))
    lines = [
        "",
        "next:",
        *(f"  {line}" for line in service.commands),
        "and in a stack:",
        f'  UvWorkspaceFunction(self, "{construct_id}", workspace=workspace, service="{service.name}")',
    ]
    say(*lines, err=True)
