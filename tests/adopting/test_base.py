"""The distribution without its extras: every command, and no CDK."""

from pathlib import Path

import pytest
from adopting.reader import shell
from adopting.shapes import SHAPES, Shape
from uv_workspace_function.cli.main import COMMANDS


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace that has nothing of the tool installed."""
    shape = Shape.read(SHAPES / "a-subfolder-of-the-repository.txt")
    return shape.write(tmp_path / "repository")


def test_uvx_runs_the_command_by_the_distribution_s_name(workspace: Path, wheels: Path) -> None:
    """In a workspace that does not have it, and that has another `services`."""
    found = {"UV_FIND_LINKS": str(wheels)}
    assert "mail.main.handler" in shell("uvx uv-workspace-function list", workspace, found)
    assert "clean" in shell("uvx uv-workspace-function check", workspace, found)
    assert "usage: uv-workspace-function" in shell("uvx uv-workspace-function --help", workspace, found).lower()


def test_the_base_has_every_command_and_no_cdk(workspace: Path, wheels: Path) -> None:
    """Each of them loads; `build`, which has an extra, too, and a construct say in a sentence what is missing."""
    program = f"""
import importlib, importlib.util, sys
print(*(importlib.util.find_spec(name) is not None for name in ("aws_cdk", "constructs", "jsii", "libcst", "rich")))
from uv_workspace_function import BuildContext, Workspace
for name in {sorted(COMMANDS)}:
    importlib.import_module(f"uv_workspace_function.cli.{{name}}_command")
import pydoc, uv_workspace_function
print("UvWorkspaceFunction" in dir(uv_workspace_function), "Workspace" in pydoc.render_doc(uv_workspace_function))
for statement in (
    "from uv_workspace_function import UvWorkspaceFunction",
    "import uv_workspace_function; uv_workspace_function.UvWorkspaceImage",
    "from uv_workspace_function.constructs.function import UvWorkspaceFunction",
):
    try:
        exec(statement)
    except ImportError as error:
        print(error)
"""
    (workspace / "program.py").write_text(program)
    said = shell("uvx --from uv-workspace-function python program.py", workspace, {"UV_FIND_LINKS": str(wheels)})
    sentence = (
        "UvWorkspaceFunction and UvWorkspaceImage need the AWS CDK, and aws_cdk, constructs, jsii cannot be imported; "
        "install uv-workspace-function with its extra: `uv add --dev 'uv-workspace-function[cdk]'`"
    )
    assert [
        "False False False False False",
        "False True",
        *[sentence] * 3,
    ] == said.splitlines()
    built = shell("uvx uv-workspace-function build mail 2>&1 || test $? = 2", workspace, {"UV_FIND_LINKS": str(wheels)})
    assert built.endswith(", which is not installed; install uv-workspace-function[oci]\n"), built
