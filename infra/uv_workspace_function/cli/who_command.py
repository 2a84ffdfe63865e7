"""`services who`: which services hold a package, and through what."""

import dataclasses
from pathlib import Path

import click

from uv_workspace_function.cli.options import load_workspace, target_options, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.insight.who import Holder, not_held, parse_requirement, who_holds
from uv_workspace_function.target.target import Target


@click.command()
@click.argument("requirement")
@workspace_option
@target_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(requirement: str, root: Path | None, target: Target, as_json: bool) -> None:
    """List the services with a package in their image that meets REQUIREMENT, and what brings it in.

    One line for each direct dependency that brings it in: that is the one to bump. Libraries work, too.

    \b
    Example:
      services who 'urllib3<2.5'
      services who common-models
    """
    wanted = parse_requirement(requirement)
    workspace = load_workspace(root)
    found = who_holds(workspace, wanted, target)
    if as_json:
        say_json([dataclasses.asdict(holder) for holder in found])
    else:
        for holder in found:
            for line in _lines(holder):
                say(line)
    if not found:
        say(not_held(workspace, wanted, target), err=True)


def _lines(holder: Holder) -> list[str]:
    held = f"{holder.service}: {holder.package}" + (f" {holder.version}" if holder.version else "")
    return [
        f"{held} through {' -> '.join(chain)}" if chain else f"{held}, its own dependency" for chain in holder.through
    ]
