"""The workspace that a command works on."""

from pathlib import Path

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.pyproject import PYPROJECT
from uv_workspace_function.toml import Table, foreign_table, read_toml
from uv_workspace_function.workspace.workspace import Workspace


def load_workspace(root: Path | None) -> Workspace:
    """Load the workspace of `--workspace`, or the nearest one at or above the current folder.

    Raises:
        WorkspaceError: when there is none.
    """
    return Workspace.load(find_workspace(root))


def find_workspace(root: Path | None) -> Path:
    """The root of the workspace of `--workspace`, or of the nearest one at or above the current folder.

    Raises:
        WorkspaceError: when there is none.
    """
    if root is not None:
        return root
    here = Path.cwd()
    for folder in (here, *here.parents):
        path = folder / PYPROJECT
        if path.is_file() and read_toml(path, _is_workspace):
            return folder
    raise WorkspaceError(
        f"there is no uv workspace at or above {here}: no {PYPROJECT} with [tool.uv.workspace]",
        "go to one, or name it with --workspace",
    )


def _is_workspace(document: Table) -> bool:
    return "workspace" in foreign_table(document, "tool", "uv")
