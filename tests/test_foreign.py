"""Workspaces as people have them, odd ones included: a context of theirs is to uv what the whole workspace is."""

from pathlib import Path

import pytest
from made import lock, workspace
from uv_workspace_function.build_context import BuildContext
from uv_workspace_function.workspace import Workspace
from wheelhouse import uv, wheel


def exported(folder: Path, name: str) -> str:
    """What uv installs for a member, by its own word."""
    return uv("export", "--frozen", "--no-default-groups", "--no-header", "--package", name, cwd=folder).stdout


def staged(root: Path, name: str, out: Path) -> BuildContext:
    """A member's context, written to `out`."""
    made = BuildContext.of(Workspace.load(root), name)
    made.write(out)
    return made


@pytest.mark.parametrize(
    "environments",
    [
        ["sys_platform == 'linux'"],
        ["sys_platform == 'linux'", "sys_platform == 'darwin' and platform_machine == 'arm64'"],
        ["python_version >= '3.12'"],
        ["python_version < '3.13' and sys_platform == 'linux'", "sys_platform == 'win32'"],
    ],
)
def test_environments_limit_an_export_as_in_the_workspace(tmp_path: Path, environments: list[str]) -> None:
    """`tool.uv.environments` is a marker on every line that uv prints, with forks and without."""
    forks = [
        "used==1.0; python_version < '3.12'",
        "used==2.0; python_version >= '3.12'",
        "other; sys_platform == 'win32'",
    ]
    root = workspace(
        tmp_path / "w",
        {"libs/a": f"dependencies = {forks}\n", "libs/b": 'dependencies = ["other"]\n'},
        globs=["libs/*"],
        tail=f'find-links = ["wheels"]\nenvironments = {environments}\n',
    )
    (root / "wheels").mkdir()
    for name, version in (("used", "1.0"), ("used", "2.0"), ("other", "1.0")):
        wheel(root / "wheels", name, version)
    lock(root)
    for name in ("a", "b"):
        staged(root, name, tmp_path / name)
        whole = exported(root, name)
        assert " ; " in whole
        assert whole == exported(tmp_path / name, name)
