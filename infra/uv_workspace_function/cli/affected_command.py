"""`services affected`: what a change is to be deployed and tested for."""

from pathlib import Path
from typing import Any, cast

import click

from uv_workspace_function.cli.options import find_workspace, since_option, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.insight.affected import Affected, Effects, Purpose, effects

_NOTE = "image options in the stack (architecture, base_image, ...) are seen by `cdk diff`, not here"


@click.command()
@workspace_option
@since_option
@click.option(
    "--for",
    "purpose",
    type=click.Choice(["deploy", "test"]),
    default="deploy",
    show_default=True,
    help="deploy: services whose image changes. test: also every member that tests or dev groups lead to.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--explain", is_flag=True, help="Name the files and the lock's entries that are the reason.")
def command(root: Path | None, ref: str, purpose: str, *, as_json: bool, explain: bool) -> None:
    """List what differs between REF and the working tree, one package name per line.

    A service needs a deployment when its build context differs. For a pull request give the commit it branched off from.

    \b
    Example:
      services affected --since origin/main --explain
      services affected --since "$(git merge-base origin/main HEAD)" --for test --json
    """
    found = effects(find_workspace(root), ref, cast("Purpose", purpose))
    if as_json:
        say_json(_document(found, purpose))
        return
    for affected in found.affected:
        say(affected.member.name)
        if explain:
            for reason in affected.reasons:
                say(f"  {reason}")
    for name in found.removed:
        say(f"{name} is gone: `cdk deploy` removes it", err=True)
    if purpose == "deploy":
        say(f"note: {_NOTE}", err=True)


def _document(found: Effects, purpose: str) -> dict[str, Any]:
    return {
        "since": found.commit,
        "for": purpose,
        "affected": [_affected(affected) for affected in found.affected],
        "removed": list(found.removed),
        "note": _NOTE,
    }


def _affected(affected: Affected) -> dict[str, Any]:
    member = affected.member
    return {
        "package": member.name,
        "folder": member.folder.as_posix(),
        "service": member.is_service,
        "new": affected.is_new,
        "reasons": [
            {"kind": "other", "text": reason} if isinstance(reason, str) else reason.as_json()
            for reason in affected.reasons
        ],
    }
