"""The layout that `hatchling` builds.

https://hatch.pypa.io/latest/plugins/builder/wheel/#default-file-selection and its `builders/config.py`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from uv_workspace_function.boundary import read_file
from uv_workspace_function.code.layouts.layout import Layout, Module
from uv_workspace_function.code.layouts.modules import (
    distributed,
    exclusions,
    folders_in,
    join,
    literal_prefix,
    normal,
    pairs,
)
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.definitions.toml import Table, foreign_table, strings

HATCH_TOML = "hatch.toml"


def layout(pyproject: Pyproject, folder: Path) -> Layout:
    """The wheel target's selection, else hatchling's own look at the folder."""
    hatch = hatch_table(pyproject, folder)
    # A wheel target's option replaces the build-level one of the same name.
    build = foreign_table(hatch, "build")
    wheel = foreign_table(build, "targets", "wheel")

    def option(name: str) -> Any:
        return wheel.get(name, build.get(name))

    packages = sorted(normal(path) for path in strings(option("packages")))
    only_include = [normal(path) for path in strings(option("only-include"))]
    include = list(strings(option("include")))
    bricks = _bricks(pyproject, build, wheel)
    forced = {normal(source): normal(target) for source, target in (*pairs(option("force-include")), *bricks)}
    if not (packages or only_include or include):
        packages, only_include = _default(pyproject, folder)
    sources = _sources(option("sources"), packages)

    complete = not _has_hook(hatch, build, wheel)
    modules: list[Module] = []
    paths = only_include or packages
    if not paths:
        paths = [literal_prefix(pattern) for pattern in include]
        complete = complete and all(paths) and not any(pattern.startswith("!") for pattern in include)
    for path in paths:
        modules += distributed(folder, path, _target(path, sources))
    for source, target in forced.items():
        modules += distributed(folder, source, _target(target, sources))
    # As in a `.gitignore`; where a pattern takes another's back, or names what stands above it, nothing is known to be left out.
    patterns = strings(option("exclude"))
    if option("artifacts") or any(pattern.startswith("!") for pattern in patterns):
        patterns = ()
    excluded = exclusions(patterns, lambda pattern: "/" in pattern.rstrip("/"))
    return Layout(modules=tuple(modules), complete=complete, excluded=excluded)


def hatch_table(pyproject: Pyproject, folder: Path) -> Table:
    """The `[tool.hatch]` that hatchling takes: each table of a `hatch.toml` replaces the one in `pyproject.toml`.

    Source: `ProjectMetadata.hatch` in its `metadata/core.py`. A file that is no TOML is hatchling's to refuse.
    """
    try:
        settings = tomllib.loads(read_file(folder / HATCH_TOML).decode())
    except (OSError, ValueError, RecursionError):
        return pyproject.tool("hatch")
    return {**pyproject.tool("hatch"), **settings}


def _default(pyproject: Pyproject, folder: Path) -> tuple[list[str], list[str]]:
    """What hatchling takes when nothing is selected: (packages, only-include)."""
    name = pyproject.written_name
    for spelling in dict.fromkeys(re.sub(r"[^\w.]+", "_", form) for form in (name, canonicalize_name(name))):
        if (folder / spelling / "__init__.py").is_file():
            return [spelling], []
        if (folder / "src" / spelling / "__init__.py").is_file():
            return [f"src/{spelling}"], []
        if (folder / f"{spelling}.py").is_file():
            return [], [f"{spelling}.py"]
        namespaces = sorted(entry.name for entry in folders_in(folder) if (entry / spelling / "__init__.py").is_file())
        if len(namespaces) == 1:
            return namespaces, []
    return [], []


def _sources(raw: Any, packages: Iterable[str]) -> dict[str, str]:
    """From where a path's beginning is taken off, and what replaces it."""
    sources: dict[str, str] = {}
    if isinstance(raw, Mapping):
        for source, target in pairs(raw):
            place = normal(target)
            sources[normal(source) + "/" if source else ""] = f"{place}/" if place else ""
    else:
        sources = {normal(source) + "/": "" for source in strings(raw)}
    for path in packages:
        parent = path.rpartition("/")[0]
        if parent and path + "/" not in sources:
            sources[parent + "/"] = ""
    return dict(sorted(sources.items()))


def _target(path: str, sources: Mapping[str, str]) -> str:
    """The path inside the wheel."""
    for source, target in sources.items():
        if not source:
            return target + path
        if (path + "/").startswith(source):
            return (path + "/").replace(source, target, 1).removesuffix("/")
    return path


def _bricks(pyproject: Pyproject, *levels: Table) -> list[tuple[str, str]]:
    """What hatch-polylith-bricks adds to `force-include`; a top namespace of its own goes before each place."""
    required = "hatch-polylith-bricks" in pyproject.build_system.names
    if not required or not any("polylith-bricks" in foreign_table(level, "hooks") for level in levels):
        return []
    polylith = pyproject.tool("polylith")
    hooks = [foreign_table(level, "hooks", "polylith-bricks") for level in levels]
    said = [foreign_table(polylith, "build"), *reversed(hooks)]
    top = next((name for table in said for name in strings(table.get("top-namespace"))), "")
    return [(source, join(top, target)) for source, target in pairs(foreign_table(polylith, "bricks"))]


# Plugins that read no file but those their tables name: hatchling's own, hatch-vcs', hatch-mypyc's, hatch-fancy-pypi-readme's
# and uv-dynamic-versioning's. Another one, a `custom` one among them, can read anything.
_BUILD_HOOKS = frozenset({"mypyc", "vcs", "version"})
_METADATA_HOOKS = frozenset({"fancy-pypi-readme", "uv-dynamic-versioning", "vcs"})
_VERSION_SOURCES = frozenset({"code", "env", "regex", "uv-dynamic-versioning", "vcs"})


def _has_hook(hatch: Table, *levels: Table) -> bool:
    """Whether code that is not hatchling's takes part in the build: the package's own, or a plugin unknown here."""
    return (
        any(foreign_table(level, "hooks").keys() - _BUILD_HOOKS for level in levels)
        or bool(foreign_table(hatch, "metadata", "hooks").keys() - _METADATA_HOOKS)
        or not _VERSION_SOURCES.issuperset(strings(foreign_table(hatch, "version").get("source")))
        or foreign_table(hatch, "build", "targets", "custom") != {}
    )
