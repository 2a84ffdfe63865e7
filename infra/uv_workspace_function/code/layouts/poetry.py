"""The layout that `poetry-core` builds: https://python-poetry.org/docs/pyproject/#packages and its `module.py`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

from uv_workspace_function.code.layouts.layout import Layout, Module
from uv_workspace_function.code.layouts.modules import (
    distributed,
    exclusions,
    is_importable,
    items,
    join,
    literal_prefix,
    module_at,
    normal,
)
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.definitions.toml import strings


def layout(pyproject: Pyproject, folder: Path) -> Layout:
    """`packages` and `include`, else the module named like the package."""
    settings = pyproject.tool("poetry")
    name = canonicalize_name(pyproject.written_name).replace("-", "_")
    packages = items(settings.get("packages"))
    complete = "build" not in settings
    # what `include` names stands above what is excluded
    patterns = () if items(settings.get("include")) else strings(settings.get("exclude"))
    excluded = exclusions(patterns, lambda _: True)
    if not packages:
        candidates = (name, f"{name}.py", f"src/{name}", f"src/{name}.py")
        found = next((path for path in candidates if (folder / path).exists()), None)
        return Layout(modules=(module_at(name, found),) if found else (), complete=complete, excluded=excluded)
    modules: list[Module] = []
    for package in (package for package in packages if isinstance(package, Mapping)):
        formats = strings(package.get("format"))
        if formats and "wheel" not in formats:
            continue
        include, source = str(package.get("include", "")), str(package.get("from", ""))
        literal = literal_prefix(include)
        complete = complete and bool(literal)
        target = join(str(package.get("to", "")), literal)
        modules += distributed(folder, join(source, literal), target)
    for include in items(settings.get("include")):
        # What is only included is data in most packages, but a folder of modules can be imported all the same.
        entry = include if isinstance(include, Mapping) else {"path": include, "format": "sdist"}
        path = normal(str(entry.get("path", "")))
        if "wheel" in strings(entry.get("format")) and literal_prefix(path) == path:
            modules += (m for m in distributed(folder, path, path) if is_importable(folder / m.path))
    return Layout(modules=tuple(modules), complete=complete, excluded=excluded)
