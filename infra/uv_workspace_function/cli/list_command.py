"""`services list`: what a workspace holds."""

from pathlib import Path
from typing import Any

import click

from uv_workspace_function.cli.options import load_workspace, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.insight.graph import handler_as_json
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import installed
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace


@click.command()
@workspace_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def command(root: Path | None, as_json: bool) -> None:
    """List services and libraries: package, folder, handler, local packages, number of third-party packages.

    Third-party packages are counted for Lambda on arm64. A member without a handler is a library. Question marks follow
    functions that could be the handler: the member's own table has to name one.

    \b
    Example:
      services list --workspace ../shop --json
    """
    workspace = load_workspace(root)
    members = sorted(workspace.by_name.values(), key=lambda m: (not m.is_service, m.name))
    rows = [_row(workspace, member) for member in members]
    if as_json:
        say_json(rows)
        return
    header = ("PACKAGE", "FOLDER", "HANDLER", "LOCAL", "THIRD-PARTY")
    lines = [header] + [
        (r["package"], r["folder"], _handlers(member), ", ".join(r["local"]) or "-", str(r["third_party"]))
        for r, member in zip(rows, members, strict=True)
    ]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _handlers(member: Member) -> str:
    chosen = len(member.handlers) == 1 or member.declared_handlers
    return (", " if chosen else "? ").join(member.handlers) + ("" if chosen or not member.handlers else "?") or "-"


def _row(workspace: Workspace, member: Member) -> dict[str, Any]:
    closure = workspace.closure(member.name)
    return {
        "package": member.name,
        "folder": member.folder.as_posix(),
        "handler": handler_as_json(member),
        "standalone": member in workspace.standalone,
        "local": [library.name for library in closure.libraries],
        "third_party": sum(package.folder is None for package in installed(closure.selection, Target())),
    }
