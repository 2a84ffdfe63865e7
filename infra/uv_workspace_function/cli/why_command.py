"""`services why`: what changed in a service's build context."""

from pathlib import Path
from typing import Any

import click

from uv_workspace_function.cli.options import find_workspace, since_option, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import NoWorkspaceError, WorkspaceError
from uv_workspace_function.insight.comparison import Change, compare
from uv_workspace_function.insight.git_history import History
from uv_workspace_function.insight.who import way_to
from uv_workspace_function.workspace.workspace import Workspace


@click.command()
@click.argument("service")
@workspace_option
@since_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(service: str, root: Path | None, ref: str, as_json: bool) -> None:
    """Show what differs in the build context of SERVICE between REF and the working tree, one line each.

    Files, entries of the lock, versions; nothing when its image is not built anew. What an image option in the stack
    changes (architecture, base_image, ...) is seen by `cdk diff`.

    \b
    Example:
      services why daily-report --since HEAD~1
    """
    root = find_workspace(root)
    history = History.at(root)
    commit = history.commit(ref)
    after = BuildContext.of(Workspace.load(root), service)
    name = after.service.name
    changes: list[tuple[Change, tuple[str, ...] | None]]
    with history.checkout(commit) as old_root:
        before = _before(old_root, name, ref)
    if before is None:
        changes = [(Change(kind="file", name=str(after.service.folder), before=None, after="there"), None)]
    else:
        changes = [(change, _way(change, before, after)) for change in compare(before, after)]
    if as_json:
        say_json({"service": name, "since": commit, "changes": [_as_json(*c) for c in changes]})
        return
    for change, way in changes:
        say(str(change) + _words(way))
    if not changes:
        say(f"nothing: the build context of {name} is what it was at {ref}, byte for byte", err=True)


def _before(old_root: Path, name: str, ref: str) -> BuildContext | None:
    """The context as it was; None where there was no such member."""
    try:
        then = Workspace.load(old_root)
        if name not in then.by_name:
            return None
        return BuildContext.of(then, name)
    except NoWorkspaceError as error:
        raise WorkspaceError(
            f"there was no uv workspace at {ref} to compare {name} with", "name a later commit"
        ) from error
    except WorkspaceError as error:
        problem = f"{name} had no build context at {ref} to compare with: {error.problem}"
        raise WorkspaceError(problem, error.remedy) from error


def _way(change: Change, before: BuildContext, after: BuildContext) -> tuple[str, ...] | None:
    """How the service comes to a package that changed; None for what is no package."""
    if change.kind != "package":
        return None
    now = way_to(after.closure.selection, change.name)
    return now if now is not None else way_to(before.closure.selection, change.name)


def _words(way: tuple[str, ...] | None) -> str:
    if way is None:
        return ""
    return f", through {' -> '.join(way)}" if way else ", its own dependency"


def _as_json(change: Change, way: tuple[str, ...] | None) -> dict[str, Any]:
    return {**change.as_json(), "through": None if way is None else list(way)}
