"""The layout that `flit_core` builds: https://flit.pypa.io/en/stable/pyproject_toml.html and its `common.py`."""

from __future__ import annotations

from pathlib import Path

from uv_workspace_function.code.layouts.layout import Layout
from uv_workspace_function.code.layouts.modules import module_at
from uv_workspace_function.definitions.pyproject import Pyproject


def layout(pyproject: Pyproject, _folder: Path) -> Layout:
    """One module or package, in the package's folder or in `src`."""
    name = str(pyproject.tool("flit", "module").get("name") or pyproject.written_name.replace("-", "_"))
    path = name.replace(".", "/")
    candidates = (path, f"{path}.py", f"src/{path}", f"src/{path}.py")
    return Layout(modules=tuple(module_at(name, candidate) for candidate in candidates), complete=True)
