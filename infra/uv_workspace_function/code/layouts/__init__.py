"""Where a local package's importable code lies, by what its build backend would put into a wheel.

Each backend has its own rules, and a module here; the tests build small packages with the backends themselves and
compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from uv_workspace_function.code.layouts import flit, hatchling, pdm, poetry, setuptools, uv_build
from uv_workspace_function.code.layouts.layout import Layout, Module
from uv_workspace_function.code.layouts.modules import outermost
from uv_workspace_function.code.layouts.undeclared import guessed_layout, virtual_layout
from uv_workspace_function.definitions.pyproject import Pyproject

__all__ = ["BACKENDS", "Layout", "Module", "layout_of"]

BACKENDS: dict[str, Callable[[Pyproject, Path], Layout]] = {
    "flit.buildapi": flit.layout,
    "flit_core.buildapi": flit.layout,
    "hatchling.build": hatchling.layout,
    "pdm.backend": pdm.layout,
    "poetry.core.masonry.api": poetry.layout,
    "poetry.masonry.api": poetry.layout,
    "setuptools.build_meta": setuptools.layout,
    "uv_build": uv_build.layout,
}


def layout_of(pyproject: Pyproject, folder: Path, *, virtual: bool | None = None) -> Layout:
    """The layout that a package's `pyproject.toml` declares.

    Args:
        pyproject: the parsed `pyproject.toml`.
        folder: the package's folder; it is looked at where the backend would look.
        virtual: whether it is copied, as a lock says; by default as `pyproject.is_virtual` says.

    Returns:
        The modules that exist, outermost ones only, sorted by name; a wheel can have one of several folders.
    """
    if pyproject.is_virtual if virtual is None else virtual:
        return virtual_layout(folder, pyproject.ours.include)
    find = BACKENDS.get(pyproject.build_system.backend)
    if find is None:
        return guessed_layout(pyproject, folder)
    layout = find(pyproject, folder)
    # A backend of the package's own (backend-path) wraps another one and can add to what that one does.
    complete = layout.complete and not pyproject.build_system.backend_path
    existing = (module for module in layout.modules if (folder / module.path).exists())
    modules = outermost(existing, merged=True)
    return replace(layout, modules=modules, complete=complete)
