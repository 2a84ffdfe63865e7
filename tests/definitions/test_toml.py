"""TOML 1.1, as uv reads it, in every file that is read here; contexts hold 1.0."""

import tomllib
from pathlib import Path

import pytest
from made import lock, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.definitions.toml import read_toml
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv

NEWER = """dependencies = ["models"]
[tool.uv.sources]
models = {
    workspace = true,  # a comment
}
[tool.uv-workspace-function]
handler = "orders.main.run"
"""


def test_what_uv_reads_is_read(tmp_path: Path) -> None:
    """An inline table over several lines, with a comma at its end; the context is for every reader."""
    root = workspace(tmp_path / "w", {"orders": NEWER, "models": ""})
    lock(root)
    context = BuildContext.of(Workspace.load(root), "orders")
    assert ["models", "orders"] == [member.name for member in context.closure.local]
    for path, file in context.files.items():
        if path.endswith(".toml"):
            tomllib.loads(file.content.decode())
    context.write(tmp_path / "context")
    assert "-e ./models" in uv("export", "--frozen", "--package=orders", cwd=tmp_path / "context").stdout


@pytest.mark.parametrize("text", ["a = {\n", "a = {b = 1,, c = 2}", "a = [1", "a = "])
def test_what_is_malformed_in_either_is_refused(tmp_path: Path, text: str) -> None:
    """With its line."""
    path = tmp_path / "pyproject.toml"
    path.write_text(text)
    with pytest.raises(WorkspaceError, match=r"is malformed TOML: .*line \d"):
        read_toml(path, dict)
