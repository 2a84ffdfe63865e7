"""What packages are built with: from the workspace, from a path, and what no context can hold."""

from pathlib import Path

import pytest
from made import lock, member, workspace
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace

BACKEND = '[build-system]\nrequires = ["uv_build", "helper"]\nbuild-backend = "uv_build"\n'


def test_a_build_requirement_of_another_workspace_is_refused(tmp_path: Path) -> None:
    """By name: uv would need that workspace's root, too, and builds with what the context lacks."""
    root = workspace(tmp_path / "w", [], exclude=["vendor"])
    workspace(root / "vendor" / "other", ["helper"])
    source = '[tool.uv.sources]\nhelper = { workspace = "../vendor/other" }\n'
    member(root / "api", source, build_system=BACKEND)
    with pytest.raises(WorkspaceError) as raised:
        Workspace.load(lock(root)).closure("api")
    assert (
        "api is built with helper, which tool.uv.sources takes from another workspace, ../vendor/other: a build context holds one workspace"
    ) == raised.value.problem
    assert "name the folder of helper itself, `{ path = ... }`, or publish it to an index" == raised.value.remedy


def test_one_by_its_own_path_is_carried(tmp_path: Path) -> None:
    """As the remedy says."""
    root = workspace(tmp_path / "w", [], exclude=["vendor"])
    member(root / "vendor" / "helper")
    member(root / "api", '[tool.uv.sources]\nhelper = { path = "../vendor/helper" }\n', build_system=BACKEND)
    assert ["helper"] == [builder.name for builder in Workspace.load(lock(root)).closure("api").builders]
