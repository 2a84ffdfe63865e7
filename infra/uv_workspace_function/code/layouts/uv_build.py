"""The layout that `uv_build` builds: https://docs.astral.sh/uv/concepts/build-backend/#modules."""

from __future__ import annotations

from pathlib import Path

from packaging.utils import canonicalize_name

from uv_workspace_function.code.layouts.layout import Layout
from uv_workspace_function.code.layouts.modules import exclusions, is_package, join, module_at
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.definitions.toml import strings


def layout(pyproject: Pyproject, folder: Path) -> Layout:
    """`[tool.uv.build-backend]`: one or several modules below one root."""
    settings = pyproject.tool("uv", "build-backend")
    root = str(settings.get("module-root", "src"))
    names = strings(settings.get("module-name")) or (_uv_module_name(pyproject.written_name),)
    modules = [module_at(name, join(root, name.replace(".", "/"))) for name in names]
    if settings.get("namespace") is not True:
        modules = [module for module in modules if is_package(folder / module.path)]
    patterns = [*strings(settings.get("source-exclude")), *strings(settings.get("wheel-exclude"))]
    excluded = exclusions(patterns, lambda pattern: pattern.startswith("/"))
    return Layout(modules=tuple(modules), complete=True, excluded=excluded)


def _uv_module_name(name: str) -> str:
    stem = canonicalize_name(name)
    suffix = "-stubs" if stem.endswith("-stubs") else ""  # PEP 561 keeps this dash
    return stem.removesuffix("-stubs").replace("-", "_") + suffix
