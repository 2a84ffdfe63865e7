"""The `pyproject.toml` files of a build context: the closure's own, reduced to what can matter to a build.

A closed list of tables that cannot matter is dropped. Any table not on it stays: a needless rebuild beats a broken one.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import tomli_w
from packaging.utils import canonicalize_name

from uv_workspace_function.code.layouts.finding import build_requirements
from uv_workspace_function.configuration import OF_A_PROJECT
from uv_workspace_function.documents import Table, table
from uv_workspace_function.workspace import membership
from uv_workspace_function.workspace.settings import Relevance, carried, named_indexes
from uv_workspace_function.workspace.workspace import OUR_TABLE, Closure, Member

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
# Where a build's own requirements can stand beside `pyproject.toml`.
_BUILD_PROGRAMS = ("setup.py", "setup.cfg", "hatch.toml", "hatch_build.py", "pdm_build.py")
_NAME_END = re.compile(r"[^A-Za-z0-9._-]")
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


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
    # an empty file still counts before what a [tool.uv] has of the same settings
    overridden = carried(table(closure.project.pyproject, "tool", "uv"), relevance, where=membership.PYPROJECT)
    return tomli_w.dumps(kept) if kept or overridden.keys() - OF_A_PROJECT else None


def relevance_of(closure: Closure) -> Relevance:
    """Which names the settings of a closure may speak of."""
    names = {package.name for package in closure.selection.packages} | {m.name for m in closure.builders}
    building = names | {name for member in closure.sources for name in build_requirements(member.pyproject)}
    locked = closure.project.lock.names
    local = {member.name for member in closure.sources}
    required = {*_required(closure), *(_hinted(closure) - local)}
    read: set[str] = set()
    used: set[str] = set()
    for document in (closure.project.pyproject, *(member.pyproject for member in closure.sources)):
        for key, entry in table(document, "tool", "uv", "sources").items():
            name = canonicalize_name(key)
            indexes = named_indexes({key: entry})
            # an index is also where uv takes the credentials from for what is locked from it
            if name in required or (indexes and name in names):
                read.add(name)
                used |= indexes
    return Relevance(
        closure=names,
        local=local,
        building=lambda name: name in building or name not in locked,
        sources=read,
        indexes=used,
    )


def _required(closure: Closure) -> Iterator[str]:
    """What the closure's local packages require themselves, to run and to be built, by normalized name."""
    for package in closure.selection.local:
        yield from (step.to.name for step in closure.selection.steps(package))
    builders = {member.name for member in closure.builders}
    project = closure.project
    inherited = [table(project.pyproject, "tool", "uv"), project.uv_toml or {}]
    for member in closure.sources:
        others = {other.name for other in closure.sources if other is not member}
        metadata = table(member.pyproject, "project")
        # without the table a build is setuptools', as PEP 517 has it
        requirements = [*table(member.pyproject, "build-system").get("requires", ["setuptools"])]
        if member.name in builders:  # what builds a package is resolved anew, from the metadata and not from the lock
            requirements += metadata.get("dependencies", ())
        optional = [r for extra in table(metadata, "optional-dependencies").values() for r in extra]
        # whatever is asked for, uv wants a source for each member of the workspace that a package can require
        requirements += optional if member.name in builders else (r for r in optional if _name_of(r) in others)
        for settings in (*inherited, table(member.pyproject, "tool", "uv")):
            for name, extra in table(settings, "extra-build-dependencies").items():
                if canonicalize_name(name) == member.name:
                    requirements += (r.get("requirement", "") if isinstance(r, dict) else r for r in extra)
        for requirement in requirements:
            yield _name_of(requirement)


def _hinted(closure: Closure) -> set[str]:
    """Names that a backend may ask for while it builds: in its tables (a hook's dependencies) and in programs beside them.

    uv looks up the sources of such requirements, too.
    """
    found: set[str] = set()
    for member in closure.sources:
        text = tomli_w.dumps({"tool": table(_reduced(member.pyproject), "tool")})
        for file in _BUILD_PROGRAMS:
            path = member.path / file
            text += path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
        found.update(map(canonicalize_name, _WORD.findall(text)))
    return found


def version_variables(member: Member) -> Mapping[str, str]:
    """Environment variables that give a member's build the version it would take from `.git`.

    A context has no `.git`, and a version that counts commits would rebuild every image at every commit. It is
    `version` of `[tool.uv-workspace-function]`, by default 0.0.0.
    """
    if "version" not in table(member.pyproject, "project").get("dynamic", ()) and "project" in member.pyproject:
        return {}
    requires = table(member.pyproject, "build-system").get("requires", ())
    builders = {_name_of(requirement) for requirement in requires}
    version = str(member.settings.get("version", _DEFAULT_VERSION))
    name = re.sub(r"[-_.]+", "_", member.name).upper()
    return {variable.format(name=name): version for builder, variable in _VERSION_VARIABLES if builder in builders}


def _name_of(requirement: str) -> str:
    return canonicalize_name(_NAME_END.split(requirement.strip(), maxsplit=1)[0])


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
