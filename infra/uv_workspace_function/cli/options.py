"""What several commands are asked: the workspace they work on, and what the images run on."""

from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.definitions.toml import Table, foreign_table, read_toml
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.machines import MACHINES
from uv_workspace_function.target.target import PYTHON_VERSION, Target
from uv_workspace_function.workspace.workspace import Workspace


def workspace_option(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--workspace DIR` to a command: the workspace's root, by default the nearest above the current folder."""
    return click.option(
        "--workspace",
        "root",
        metavar="DIR",
        type=click.Path(path_type=Path, file_okay=False),
        default=None,
        help="Root of the uv workspace; by default the nearest one at or above the current folder.",
    )(command)


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
    project = None
    for folder in (here, *here.parents):
        path = folder / PYPROJECT
        if path.is_file():
            if read_toml(path, _is_workspace):
                return folder
            project = project or path
    if project is not None:
        raise WorkspaceError(
            f"no uv workspace at or above {here}: {project} has no [tool.uv.workspace]",
            "go to one, or name it with --workspace; a single project becomes one with `members = []` in that table",
        )
    raise WorkspaceError(
        f"no uv workspace at or above {here}: no {PYPROJECT} with [tool.uv.workspace]",
        "go to one, or name it with --workspace",
    )


def _is_workspace(document: Table) -> bool:
    return "workspace" in foreign_table(document, "tool", "uv")


def _by_name(given: Iterable[str]) -> dict[str, str]:
    arguments = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise WorkspaceError(f"--build-arg takes NAME=VALUE, not {text!r}")
        arguments[name] = value
    return arguments


build_args_option = click.option(
    "--build-arg",
    "build_args",
    multiple=True,
    metavar="NAME=VALUE",
    callback=lambda _context, _parameter, given: _by_name(given),
    help="An argument of the Dockerfile; repeatable.",
)
"""A command gets them as `build_args`, by name."""
docker_option = click.option(
    "--docker", envvar="CDK_DOCKER", default="docker", show_default=True, help="The program that builds images."
)
extras_option = click.option(
    "--extra", "extras", multiple=True, metavar="NAME", help="An extra of the service to install; repeatable."
)
since_option = click.option(
    "--since", "ref", required=True, metavar="REF", help="The commit to compare the working tree with."
)


def target_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--architecture` and `--python` to a command, which gets them as `target`."""

    @wraps(command)
    def with_target(*args: Any, architecture: str, python: str, **kwargs: Any) -> None:
        command(*args, target=Target.of(python=python, machine=MACHINES[architecture]), **kwargs)

    architecture = click.option(
        "--architecture",
        type=click.Choice(list(MACHINES)),
        default="arm64",
        show_default=True,
        help="The functions' processor.",
    )
    python = click.option(
        "--python",
        metavar="3.N",
        default=PYTHON_VERSION,
        show_default=True,
        help="The functions' Python minor version.",
    )
    return architecture(python(with_target))
