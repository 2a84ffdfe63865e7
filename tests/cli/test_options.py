"""What several commands are asked: where the workspace is."""

from pathlib import Path

import pytest
from made import workspace
from uv_workspace_function.cli.options import find_workspace
from uv_workspace_function.errors import WorkspaceError


def test_it_is_found_above_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the projects in between."""
    root = workspace(tmp_path / "w", ["a"])
    monkeypatch.chdir(root / "a" / "src")
    assert root == find_workspace(None)


@pytest.mark.parametrize(
    ("pyproject", "problem", "remedy"),
    [
        (
            None,
            "no uv workspace at or above HERE: no pyproject.toml with [tool.uv.workspace]",
            "go to one, or name it with --workspace",
        ),
        (
            '[project]\nname = "a"\n',
            "no uv workspace at or above HERE: HERE/pyproject.toml has no [tool.uv.workspace]",
            "go to one, or name it with --workspace; a single project becomes one with `members = []` in that table",
        ),
    ],
)
def test_where_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pyproject: str | None, problem: str, remedy: str
) -> None:
    """A single project is told how it becomes one."""
    if pyproject is not None:
        (tmp_path / "pyproject.toml").write_text(pyproject)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WorkspaceError) as raised:
        find_workspace(None)
    assert (problem.replace("HERE", str(tmp_path)), remedy) == (raised.value.problem, raised.value.remedy)
