"""Only the constructs load aws_cdk, which takes a second."""

import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest
import uv_workspace_function
from uv_workspace_function.cli.main import COMMANDS

CONSTRUCTS = "uv_workspace_function.constructs"
ROOT = Path(__file__).parents[1]
REPORT = "import sys; print('aws_cdk' in sys.modules, 'jsii' in sys.modules)"


def loaded(code: str, *arguments: str) -> str:
    """Whether a fresh interpreter has loaded aws_cdk and jsii after running the code."""
    return subprocess.run(
        [sys.executable, "-c", f"{code}\n{REPORT}", *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()[-1]


def test_no_module_but_the_constructs_loads_the_cdk() -> None:
    """Each of them, in one interpreter."""
    names = [
        module.name
        for module in pkgutil.walk_packages(uv_workspace_function.__path__, "uv_workspace_function.")
        if not module.name.startswith((f"{CONSTRUCTS}.", "uv_workspace_function.builder"))
    ]
    assert "uv_workspace_function.workspace.workspace" in names
    assert "False False" == loaded("\n".join(f"import {name}" for name in names))


@pytest.mark.parametrize("module", ["function", "image"])
def test_the_constructs_do_load_it(module: str) -> None:
    """So the test above would notice."""
    assert "True True" == loaded(f"import {CONSTRUCTS}.{module}")


@pytest.mark.parametrize("command", [[], *([name] for name in sorted(COMMANDS))], ids=" ".join)
def test_no_command_loads_it(command: list[str]) -> None:
    """Asked for its help, which imports the command."""
    code = "from uv_workspace_function.cli.main import main; main([*sys.argv[1:], '--help'], standalone_mode=False)"
    assert "False False" == loaded(f"import sys\n{code}", *command)


def test_reading_a_workspace_through_the_package_does_not_load_it() -> None:
    code = "from uv_workspace_function import BuildContext, Workspace, WorkspaceError; Workspace.load('.')"
    assert "False False" == loaded(code)


def test_every_public_name_is_there() -> None:
    """And `dir` knows it."""
    assert set(uv_workspace_function.__all__) <= set(dir(uv_workspace_function))
    for name in uv_workspace_function.__all__:
        assert name == getattr(uv_workspace_function, name).__name__


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError) as raised:
        uv_workspace_function.UvWorkspaceLambda  # noqa: B018
    assert "module 'uv_workspace_function' has no attribute 'UvWorkspaceLambda'" == str(raised.value)
