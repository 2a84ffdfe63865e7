"""The layout that `pdm-backend` builds: https://backend.pdm-project.org/build_config/ and its `base.py`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from uv_workspace_function.code.layouts.layout import Layout, Module
from uv_workspace_function.code.layouts.modules import (
    distributed,
    exclusions,
    is_package,
    literal_prefix,
    normal,
    top_level,
)
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.definitions.toml import strings


def layout(pyproject: Pyproject, folder: Path) -> Layout:
    """`includes` below `package-dir`, else every package in it, else every module."""
    settings = pyproject.tool("pdm", "build")
    includes = strings(settings.get("includes"))
    excludes = strings(settings.get("excludes"))
    root = settings.get("package-dir")
    if root is None:
        below_src = any(PurePosixPath(path).parts[:1] == ("src",) for path in includes)
        without_src = "src" in excludes or "src/" in excludes
        root = "src" if ((folder / "src").is_dir() and not includes) or (below_src and not without_src) else ""
    root = normal(str(root))
    hook = str(settings.get("custom-hook", "pdm_build.py"))
    complete = not (folder / hook).exists() and settings.get("run-setuptools") is not True
    modules: list[Module] = []
    if not includes:
        top = [module for module in top_level(folder, root, declared=False) if is_package(folder / module.path)]
        modules = top or [m for m in top_level(folder, root, declared=False) if m.path.suffix == ".py"]
        kept = strings(settings.get("source-includes")) or ("tests",)
        modules = [m for m in modules if not any(fnmatchcase(str(m.path), p.rstrip("/")) for p in (*kept, *excludes))]
    for include in includes:
        literal = normal(literal_prefix(include))
        complete = complete and bool(literal)
        target = literal.removeprefix(f"{root}/") if root else literal
        if target != root:
            modules += distributed(folder, literal, target)
        else:
            modules += top_level(folder, root, declared=False)
    # of a path that both name, the longer of the two patterns decides
    longest = max((include.count("/") for include in includes), default=-1)
    excluded = exclusions((pattern for pattern in excludes if pattern.count("/") > longest), lambda _: True)
    return Layout(modules=tuple(modules), complete=complete, excluded=excluded)
