"""The `pyproject.toml` files of a build context: the closure's own, reduced to what can matter to a build.

A closed list of tables that cannot matter is dropped. Any table not on it stays: a needless rebuild beats a broken one.
"""

import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

import tomli_w
from packaging.utils import canonicalize_name

from uv_workspace_function import membership
from uv_workspace_function.documents import Table, table
from uv_workspace_function.named_files import build_requirements
from uv_workspace_function.uv_settings import Relevance, carried, named_indexes
from uv_workspace_function.workspace import OUR_TABLE, Closure, Member

# Linters, formatters, type checkers, test runners, release tools: no build backend reads their tables.
DROPPED_TOOLS = frozenset(
    {
        "autoflake",
        "autopep8",
        "bandit",
        "basedpyright",
        "black",
        "bump2version",
        "bumpversion",
        "bumpver",
        "cibuildwheel",
        "codespell",
        "commitizen",
        "coverage",
        "creosote",
        "cruft",
        "deptry",
        "djlint",
        "docformatter",
        "fixit",
        "flake8",
        "flakeheaven",
        "hypothesis",
        "import-linter",
        "importlinter",
        "interrogate",
        "isort",
        "jupytext",
        "mutmut",
        "mypy",
        "nbqa",
        "nitpick",
        "nox",
        "pdoc",
        "pixi",
        "poe",
        "poethepoet",
        "pre-commit",
        "pycln",
        "pycodestyle",
        "pydoclint",
        "pydocstyle",
        "pylint",
        "pyrefly",
        "pyre",
        "pyright",
        "pytest",
        "pytest-enabler",
        "pytest_env",
        "pytype",
        "pyupgrade",
        "refurb",
        "rope",
        "ruff",
        "semantic_release",
        "slotscheck",
        "sqlfluff",
        "taskipy",
        "tbump",
        "tox",
        "towncrier",
        "ty",
        "typos",
        "unasync",
        "unimport",
        "vulture",
        "yapf",
    }
)
# Below a backend's table: its environments and groups for development.
_DROPPED_BELOW = (
    ("hatch", "envs"),
    ("hatch", "publish"),
    ("pdm", "dev-dependencies"),
    ("pdm", "scripts"),
    ("poetry", "dev-dependencies"),
    ("poetry", "group"),
)
# Backends that take a version from VCS -> the variable by which they take it from outside instead.
_VERSION_VARIABLES = (
    ("setuptools-scm", "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}"),
    # It tells setuptools-scm no name, so that a variable for this package alone is not looked at.
    ("hatch-vcs", "SETUPTOOLS_SCM_PRETEND_VERSION"),
    ("flit-scm", "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}"),
    ("vcs-versioning", "VCS_VERSIONING_PRETEND_VERSION_FOR_{name}"),
    ("pdm-backend", "PDM_BUILD_SCM_VERSION"),
    ("poetry-dynamic-versioning", "POETRY_DYNAMIC_VERSIONING_BYPASS"),
    ("uv-dynamic-versioning", "UV_DYNAMIC_VERSIONING_BYPASS"),
)
_DEFAULT_VERSION = "0.0.0"


def member_definition(member: Member, closure: Closure, relevance: Relevance) -> str | None:
    """A local package's `pyproject.toml` for the context; None where it has none (a `setup.py` alone)."""
    if not member.pyproject:
        return None
    document = _reduced(member.pyproject)
    settings = table(member.pyproject, "tool", "uv")
    where = str(member.path / membership.PYPROJECT)
    kept = carried(settings, relevance, where=where)
    if member.folder == closure.project.folder:
        kept |= _workspace(closure)
    _set_tool(document, "uv", kept)
    return tomli_w.dumps(document)


def root_definition(closure: Closure, relevance: Relevance) -> str:
    """The root's `pyproject.toml` where the root itself is outside the closure: a virtual root with uv's settings."""
    settings = table(closure.project.pyproject, "tool", "uv")
    kept = carried(settings, relevance, where=membership.PYPROJECT)
    for key in ("build-backend", "managed", "package"):  # they speak of the root as a package, which it is not here
        kept.pop(key, None)
    return tomli_w.dumps({"tool": {"uv": kept | _workspace(closure)}})


def configuration(closure: Closure, relevance: Relevance) -> str | None:
    """The project's `uv.toml` for the context; None where it has none, or one that says nothing."""
    if closure.project.uv_toml is None:
        return None
    kept = carried(closure.project.uv_toml, relevance, where="uv.toml")
    # an empty file still counts before a [tool.uv]
    return tomli_w.dumps(kept) if kept or "uv" in table(closure.project.pyproject, "tool") else None


def relevance_of(closure: Closure) -> Relevance:
    """Which names the settings of a closure may speak of."""
    names = {package.name for package in closure.selection.packages} | {m.name for m in closure.builders}
    building = names | {name for member in closure.sources for name in build_requirements(member.pyproject)}
    locked = closure.project.lock.names
    used: set[str] = set()
    for document in (closure.project.pyproject, *(member.pyproject for member in closure.sources)):
        sources = table(document, "tool", "uv", "sources")
        used |= named_indexes({key: entry for key, entry in sources.items() if canonicalize_name(key) in building})
    return Relevance(
        closure=names,
        local={member.name for member in closure.sources},
        building=lambda name: name in building or name not in locked,
        indexes=used,
    )


def version_variables(member: Member) -> Mapping[str, str]:
    """Environment variables that give a member's build the version it would take from `.git`.

    A context has no `.git`, and a version that counts commits would rebuild every image at every commit. It is
    `version` of `[tool.uv-workspace-function]`, by default 0.0.0.
    """
    if "version" not in table(member.pyproject, "project").get("dynamic", ()) and "project" in member.pyproject:
        return {}
    requires = table(member.pyproject, "build-system").get("requires", ())
    builders = {canonicalize_name(re.split(r"[^A-Za-z0-9._-]", r.strip(), maxsplit=1)[0]) for r in requires}
    version = str(member.settings.get("version", _DEFAULT_VERSION))
    name = re.sub(r"[-_.]+", "_", member.name).upper()
    return {variable.format(name=name): version for builder, variable in _VERSION_VARIABLES if builder in builders}


def _reduced(pyproject: Table) -> dict[str, Any]:
    document = {key: value for key, value in pyproject.items() if key not in ("dependency-groups", "tool")}
    tools = {
        tool: value
        for tool, value in table(pyproject, "tool").items()
        if tool not in DROPPED_TOOLS and tool not in ("uv", OUR_TABLE)
    }
    for tool, key in _DROPPED_BELOW:
        if isinstance(tools.get(tool), dict):
            tools[tool] = {k: v for k, v in tools[tool].items() if k != key}
    if tools := {tool: value for tool, value in tools.items() if value != {}}:
        document["tool"] = tools
    return document


def _set_tool(document: dict[str, Any], tool: str, value: dict[str, Any]) -> None:
    if value:
        document.setdefault("tool", {})[tool] = value


def _workspace(closure: Closure) -> dict[str, Any]:
    """The workspace table with the closure's members; a standalone project that has none gets none."""
    if "workspace" not in table(closure.project.pyproject, "tool", "uv"):
        return {}
    base = closure.project.folder
    locked = set(closure.project.lock.members)
    members = [posixpath.relpath(m.folder, base) for m in closure.sources if m.name in locked and m.folder != base]
    return {"workspace": {"members": sorted(_escaped(members))}}


def _escaped(folders: Iterable[str]) -> list[str]:
    """Folder names as globs that match just them."""
    return [re.sub(r"([*?\[])", r"[\1]", folder) for folder in folders]
