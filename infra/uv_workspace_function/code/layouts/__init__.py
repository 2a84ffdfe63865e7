"""Where a local package's importable code lies, by what its build backend would put into a wheel.

Each backend has its own rules, and a module here; the tests build small packages with the backends themselves and
compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from uv_workspace_function.code.layouts import flit, hatchling, pdm, poetry, setuptools, uv_build
from uv_workspace_function.code.layouts.finding import outermost
from uv_workspace_function.code.layouts.layout import Layout, Module
from uv_workspace_function.code.layouts.looks import guessed_layout, virtual_layout
from uv_workspace_function.documents import Table, foreign_table

__all__ = ["Layout", "Module", "is_virtual", "layout_of"]

_BACKENDS: dict[str, Callable[[Table, Path], Layout]] = {
    "flit.buildapi": flit.layout,
    "flit_core.buildapi": flit.layout,
    "hatchling.build": hatchling.layout,
    "pdm.backend": pdm.layout,
    "poetry.core.masonry.api": poetry.layout,
    "poetry.masonry.api": poetry.layout,
    "setuptools.build_meta": setuptools.layout,
    "uv_build": uv_build.layout,
}


def layout_of(pyproject: Table, folder: Path, *, virtual: bool | None = None) -> Layout:
    """The layout that a package's `pyproject.toml` declares.

    Args:
        pyproject: the parsed `pyproject.toml`.
        folder: the package's folder; it is looked at where the backend would look.
        virtual: whether it is copied, as a lock says; by default as `is_virtual` says.

    Returns:
        The modules that exist, outermost ones only, sorted by name.
    """
    if is_virtual(pyproject) if virtual is None else virtual:
        return virtual_layout(folder)
    build_system = foreign_table(pyproject, "build-system")
    backend = str(build_system.get("build-backend", "setuptools.build_meta:__legacy__")).partition(":")[0]
    find = _BACKENDS.get(backend)
    if find is None:
        return guessed_layout(pyproject, folder)
    layout = find(pyproject, folder)
    # A backend of the package's own (backend-path) wraps another one and can add to what that one does.
    complete = layout.complete and not build_system.get("backend-path")
    modules = outermost(module for module in layout.modules if (folder / module.path).exists())
    return replace(layout, modules=modules, complete=complete)


def is_virtual(pyproject: Table) -> bool:
    """Whether uv installs no package for this project, only its dependencies, as far as its own table tells.

    uv's rule: https://docs.astral.sh/uv/concepts/projects/config/#project-packaging. A project without a build system is
    built all the same once another one depends on it: that, a lock knows.
    """
    package = foreign_table(pyproject, "tool", "uv").get("package")
    # Without a [project] there is nothing to install dependencies of: such a folder is built by setuptools, as pip does.
    return "build-system" not in pyproject and "project" in pyproject if package is None else package is False
