"""The `pyproject.toml` files of a build context: the closure's own, reduced to what can matter to a build.

A closed list of tables that cannot matter is dropped. Any table not on it stays: a needless rebuild beats a broken one.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping
from typing import Any

import tomli_w
from packaging.utils import canonicalize_name

from uv_workspace_function.boundary import absolute, read_file
from uv_workspace_function.builder.credentials import without_credentials
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT, Pyproject, requirement_name
from uv_workspace_function.definitions.uv_settings import OF_A_PROJECT
from uv_workspace_function.workspace.carried_settings import Relevance, carried
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.configuration import UV_TOML
from uv_workspace_function.workspace.members import Member

# Linters, formatters, type checkers, test runners, release tools: no build backend reads their tables.
DROPPED_TOOLS = frozenset(
    {
        *("autoflake", "autopep8", "bandit", "basedpyright", "black", "bump2version", "bumpversion"),
        *("bumpver", "cibuildwheel", "codespell", "commitizen", "coverage", "creosote", "cruft", "deptry"),
        *("djlint", "docformatter", "fixit", "flake8", "flakeheaven", "hypothesis", "import-linter"),
        *("importlinter", "interrogate", "isort", "jupytext", "mutmut", "mypy", "nbqa", "nitpick", "nox"),
        *("pdoc", "pixi", "poe", "poethepoet", "pre-commit", "pycln", "pycodestyle", "pydoclint"),
        *("pydocstyle", "pylint", "pyrefly", "pyre", "pyright", "pytest", "pytest-enabler", "pytest_env"),
        *("pytype", "pyupgrade", "refurb", "rope", "ruff", "semantic_release", "slotscheck", "sqlfluff"),
        *("taskipy", "tbump", "tox", "towncrier", "ty", "typos", "unasync", "unimport", "vulture", "yapf"),
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
    # It gives setuptools-scm no name, so a variable for only this package is not read.
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
REQUIREMENT_FILES = re.compile(
    r"setup\.(?:py|cfg)|hatch\.toml|(?:hatch|pdm)_build\.py|(?:pdm|poetry)\.toml|pip\.conf"
    r"|(?:.*[-_.])?(?:requirements|constraints)(?:[-_.].*)?\.(?:txt|in)"
)
"""Names of files beside `pyproject.toml` that a backend can take requirements or settings from."""
_FILE_URL = re.compile(r"@\s*file:(?://[^/]*)?(?P<path>[^\s;]*)", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")


def member_definition(member: Member, closure: Closure, relevance: Relevance) -> str | None:
    """A local package's `pyproject.toml` for the context; None where it has none (only a `setup.py`)."""
    if member.pyproject.is_empty:
        return None
    for requirement in _requirements(member.pyproject):
        if (location := _FILE_URL.search(requirement)) is not None:
            raise absolute(f"{member.folder / PYPROJECT}: {requirement_name(requirement)}", location["path"])
    document = _reduced(member.pyproject)
    kept = carried(member.pyproject.uv.table, relevance, where=str(member.folder / PYPROJECT))
    if member.folder == closure.project.folder:
        kept |= _workspace(closure)
    if kept:
        document.setdefault("tool", {})["uv"] = kept
    return tomli_w.dumps(document)


def _requirements(pyproject: Pyproject) -> Iterator[str]:
    yield from pyproject.build_system.requires
    yield from pyproject.metadata.dependencies
    for listed in pyproject.metadata.optional_dependencies.values():
        yield from listed


def root_definition(closure: Closure, relevance: Relevance) -> str:
    """The root's `pyproject.toml` where the root itself is outside the closure: a virtual root with uv's settings."""
    kept = carried(closure.project.pyproject.uv.table, relevance, where=PYPROJECT)
    for key in ("build-backend", "managed", "package"):  # they speak of the root as a package, which it is not here
        kept.pop(key, None)
    return tomli_w.dumps({"tool": {"uv": kept | _workspace(closure)}})


def configuration(closure: Closure, relevance: Relevance) -> str | None:
    """The project's `uv.toml` for the context; None where it has none, or one that says nothing."""
    if closure.project.uv_toml is None:
        return None
    kept = carried(closure.project.uv_toml.table, relevance, where=UV_TOML)
    # an empty file still counts before what a [tool.uv] has of the same settings
    overridden = carried(closure.project.pyproject.uv.table, relevance, where=PYPROJECT)
    return tomli_w.dumps(kept) if kept or overridden.keys() - OF_A_PROJECT else None


def public_file(path: str, file: ContextFile) -> ContextFile:
    """A file that requirements of a build can stand in, without the credentials of its URLs; any other file as it is.

    A backend writes such a URL into the metadata of the wheel, and so into the image.
    """
    if not REQUIREMENT_FILES.fullmatch(path.rpartition("/")[2]) or b":" not in file.content:
        return file
    text = file.content.decode("utf-8", errors="surrogateescape")
    public = without_credentials(text)
    if public == text:
        return file
    return ContextFile.of(public.encode("utf-8", errors="surrogateescape"), executable=file.executable)


def relevance_of(closure: Closure) -> Relevance:
    """Which names the settings of a closure may speak of."""
    names = {package.name for package in closure.selection.packages} | {m.name for m in closure.builders}
    building = names | {name for member in closure.sources for name in member.pyproject.build_system.table_names}
    locked = closure.project.lock.names
    local = {member.name for member in closure.sources}
    required = {*_required(closure), *(_hinted(closure) - local)}
    read: set[str] = set()
    used: set[str] = set()
    for document in (closure.project.pyproject, *(member.pyproject for member in closure.sources)):
        for name, entries in document.uv.sources.items():
            indexes = {entry.index for entry in entries if entry.index is not None}
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
    for member in closure.sources:
        others = {other.name for other in closure.sources if other is not member}
        metadata = member.pyproject.metadata
        requirements = [*member.pyproject.build_system.requires]
        if member.name in builders:  # what builds a package is resolved anew, from the metadata and not from the lock
            requirements += metadata.dependencies
        optional = [r for extra in metadata.optional_dependencies.values() for r in extra]
        # whatever is asked for, uv wants a source for each member of the workspace that a package can require
        requirements += optional if member.name in builders else (r for r in optional if requirement_name(r) in others)
        requirements += project.extra_build_requirements(member)
        yield from filter(None, map(requirement_name, requirements))


def _hinted(closure: Closure) -> set[str]:
    """Names that a backend may ask for while it builds: in its tables (a hook's dependencies) and in programs beside them.

    uv looks up the sources of such requirements, too.
    """
    found: set[str] = set()
    for member in closure.sources:
        text = tomli_w.dumps({"tool": _reduced(member.pyproject).get("tool", {})})
        for file in _BUILD_PROGRAMS:
            path = member.path / file
            text += read_file(path).decode(errors="replace") if path.is_file() else ""
        found.update(map(canonicalize_name, _WORD.findall(text)))
    return found


def version_variables(member: Member) -> Mapping[str, str]:
    """Environment variables that give a member's build the version it would take from `.git`.

    A context has no `.git`, and a version that counts commits would rebuild every image at every commit. It is
    `version` of `[tool.uv-workspace-function]`, by default 0.0.0.
    """
    if "version" not in member.pyproject.metadata.dynamic and member.pyproject.has_project:
        return {}
    builders = member.pyproject.build_system.names
    version = member.settings.version or _DEFAULT_VERSION
    name = re.sub(r"[-_.]+", "_", member.name).upper()
    return {variable.format(name=name): version for builder, variable in _VERSION_VARIABLES if builder in builders}


def _reduced(pyproject: Pyproject) -> dict[str, Any]:
    document = {key: value for key, value in pyproject.document.items() if key not in ("dependency-groups", "tool")}
    tools = {
        tool: value
        for tool, value in pyproject.tools.items()
        if tool not in DROPPED_TOOLS and tool not in ("uv", OUR_TABLE)
    }
    for tool in ("pdm", "poetry"):  # where these tools, and no backend, look for packages
        if isinstance(tools.get(tool), dict) and isinstance(sources := tools[tool].get("source"), list):
            public = [
                {k: v for k, v in source.items() if k not in ("username", "password")}
                for source in sources
                if isinstance(source, dict)
            ]
            tools[tool] = {**tools[tool], "source": public}
    for tool, key in _DROPPED_BELOW:
        if isinstance(tools.get(tool), dict):
            tools[tool] = {k: v for k, v in tools[tool].items() if k != key}
    if tools := {tool: value for tool, value in tools.items() if value != {}}:
        document["tool"] = tools
    return document


def _workspace(closure: Closure) -> dict[str, Any]:
    """The workspace table with the closure's members; a standalone project that has none gets none."""
    if closure.project.pyproject.uv.workspace is None:
        return {}
    base = closure.project.folder
    locked = set(closure.project.lock.manifest.members)
    members = [posixpath.relpath(m.folder, base) for m in closure.sources if m.name in locked and m.folder != base]
    # as globs that match just them
    return {"workspace": {"members": sorted(re.sub(r"([*?\[])", r"[\1]", folder) for folder in members)}}
