"""Files that a package's own build tables name: what a build needs beside the importable code.

A readme, licence files, a file that holds the version, fragments of a long description, build hooks, data directories:
each stands as a string in `[project]`, `[build-system]` or the tables of the backend and its plugins.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from uv_workspace_function.code.layouts.hatchling import HATCH_TOML, hatch_table
from uv_workspace_function.code.layouts.modules import WILDCARDS
from uv_workspace_function.code.layouts.setuptools import read_setup_cfg
from uv_workspace_function.context.gitignore import parse_rule
from uv_workspace_function.definitions.pyproject import OUR_TABLE, Pyproject, license_globs
from uv_workspace_function.definitions.toml import Table, foreign_table, strings
from uv_workspace_function.globs import translate

# Without `license-files`, setuptools, hatchling, flit, pdm and poetry take these from the package's folder; uv_build none.
_DEFAULT_LICENCES = ("LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*", "LICENSES/**")

# Tables whose keys are the files, and whose values are places inside the wheel.
_KEYED_BY_PATH = frozenset({"force-include", "bricks", "shared-data", "shared-scripts", "extra-metadata"})

# Settings whose strings name packages, folders to search, outputs or things for a source distribution alone: the layout
# reads the first, and no build of a wheel reads the others.
_NOT_FILES = frozenset(
    {
        *("packages", "py-modules", "package-dir", "package-data", "sources", "dev-mode-dirs", "directory"),
        *("search-paths", "where", "source-includes", "source-include", "sdist"),
        *("module-root", "module-name", "python-source", "relative-to", "reference-dir", "from", "to", "root"),
    }
)

# Where hatch takes patterns in the manner of `.gitignore`, at any depth unless anchored.
_UNANCHORED = frozenset({"include", "artifacts"})

# Settings under which a string with wildcards is a glob, and not a regular expression or a template.
_GLOBS = frozenset(
    {
        *("include", "includes", "artifacts", "data-files", "wheel-data", "script-files", "license-files"),
        *("files", "paths", "path", "globs"),
    }
)

# Files that the backend or its plugin writes while it builds. A checkout in which a build has run holds an old one.
_WRITTEN = (
    ("setuptools_scm", "write_to"),
    ("setuptools_scm", "version_file"),
    ("setuptools-scm", "write_to"),
    ("setuptools-scm", "version_file"),
    ("hatch", "build", "hooks", "vcs", "version-file"),
    ("hatch", "build", "targets", "wheel", "hooks", "vcs", "version-file"),
    ("pdm", "version", "write_to"),
    ("versioningit", "write", "file"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Glob:
    """A pattern for files and folders, relative to the package's folder; a folder it matches comes with all below it.

    `regex` says what it matches and `folders` which folders can hold a match, None where only the package's own folder
    can. `wins` says that it stands above `.gitignore`.
    """

    regex: re.Pattern[str]
    folders: re.Pattern[str] | None
    wins: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFiles:
    """All that a package's tables name, relative to its folder.

    `paths` maps a path that exists (a file or a folder; it can start with `../`) to whether it stands above `.gitignore`
    with all below it. `written` are paths that the build itself writes.
    """

    paths: Mapping[str, bool]
    globs: tuple[Glob, ...]
    written: frozenset[str]


def anchored_glob(pattern: str, *, wins: bool) -> Glob:
    """A glob as uv's and PEP 639's are: from the package's folder on, `*` within a segment, `**` across.

    Raises:
        ValueError: the pattern is malformed.
    """
    clean = os.path.normpath(pattern.lstrip("/"))
    above, _, _ = clean.rpartition("/")
    folders: list[str] = []
    for segment in above.split("/") if above else ():
        if segment == "**":
            folders.append(f"{folders[-1]}(?:/.*)?" if folders else ".*")
            break
        folders.append((f"{folders[-1]}/" if folders else "") + translate(segment))
    return Glob(
        regex=re.compile(translate(clean) + r"\Z", re.DOTALL),
        folders=re.compile(f"(?:{'|'.join(folders)})\\Z", re.DOTALL) if folders else None,
        wins=wins,
    )


def named_files(pyproject: Pyproject, folder: Path, *, virtual: bool) -> NamedFiles:
    """The files that the tables of a package's `pyproject.toml` (and `setup.cfg`, `hatch.toml`) name.

    Args:
        pyproject: the parsed `pyproject.toml`.
        folder: the package's folder; a string counts when something of that name exists there.
        virtual: whether it is copied and not built.
    """
    if virtual:
        # Such a project is copied, and all of its src folder is what one then puts on the path.
        src = {"src": False} if (folder / "src").is_dir() else {}
        return NamedFiles(paths=src, globs=(), written=frozenset())
    paths: dict[str, bool] = {}
    globs: list[Glob] = []

    def name(value: str, *, wins: bool, pattern: bool = False) -> None:
        if pattern and WILDCARDS.search(value):
            globs.extend(_glob(value, wins=wins))
            return
        clean = os.path.normpath(value) if 0 < len(value) < 1024 and "\0" not in value and "\n" not in value else "."
        if clean != "." and not clean.startswith("/") and clean.strip("./") and os.path.lexists(folder / clean):
            is_folder = (folder / clean).is_dir()
            paths[clean] = paths.get(clean, False) or wins or not is_folder

    backend = pyproject.build_system.backend
    for value in _metadata_strings(pyproject):
        name(value, wins=True, pattern=True)
    for value in pyproject.build_system.backend_path:
        name(value, wins=False)
    for table in _build_tables(pyproject, folder):
        for key, value, parent in _strings_below(table, ""):
            wins = key not in ("include", "includes", "only-include")
            if key in _UNANCHORED and backend == "hatchling.build":
                globs.extend(_unanchored(value, wins=key == "artifacts"))
            elif key == "attr" or parent == "cmdclass":
                for file in _module_files(value):
                    name(file, wins=False)
            else:
                name(value, wins=wins or "poetry" in backend, pattern=key in _GLOBS or parent in _GLOBS)
    if backend not in _WITHOUT_SETUP_PY:
        for file in ("setup.py", "setup.cfg", "MANIFEST.in"):
            name(file, wins=True)
        for value in _setup_cfg_strings(folder):
            name(value, wins=True, pattern=True)
    for file in _beside(backend):
        name(file, wins=True)
    return NamedFiles(paths=paths, globs=tuple(globs), written=frozenset(_written(pyproject, folder)))


_WITHOUT_SETUP_PY = frozenset(
    {"uv_build", "hatchling.build", "flit_core.buildapi", "flit.buildapi", "poetry.core.masonry.api", "pdm.backend"}
)


def _metadata_strings(pyproject: Pyproject) -> Iterator[str]:
    """What `[project]` (PEP 621, PEP 639) and `[tool.poetry]` name as readme and licence files, or what stands for it."""
    metadata = pyproject.metadata
    readme = pyproject.tool("poetry").get("readme")
    yield from metadata.readme_files
    yield from strings(readme.get("file") if isinstance(readme, Mapping) else readme)
    yield from metadata.license_files
    of_setuptools = pyproject.tool("setuptools").get("license-files")
    if metadata.license_globs is not None:
        yield from metadata.license_globs
    elif of_setuptools is not None:
        yield from license_globs(of_setuptools)
    elif pyproject.build_system.build_backend != "uv_build":
        yield from _DEFAULT_LICENCES


def _build_tables(pyproject: Pyproject, folder: Path) -> Iterator[Table]:
    """The tables that the backend and the plugins among its build requirements read."""
    backend, table_names = pyproject.build_system.backend, pyproject.build_system.table_names
    yield pyproject.tool("uv", "build-backend") if backend == "uv_build" else {}
    if backend == "hatchling.build":
        hatch = hatch_table(pyproject, folder)
        build = foreign_table(hatch, "build")
        yield {key: value for key, value in build.items() if key != "targets"}
        yield foreign_table(build, "targets", "wheel")
        yield foreign_table(hatch, "version")
        yield foreign_table(hatch, "metadata")
    if backend == "pdm.backend":
        yield pyproject.tool("pdm", "build")
        yield pyproject.tool("pdm", "version")
    if backend.startswith("poetry."):
        poetry = pyproject.tool("poetry")
        yield {key: poetry[key] for key in ("build", "include", "scripts") if key in poetry}
    if backend.startswith("flit"):
        yield {"data": pyproject.tool("flit", "external-data").get("directory")}
    if not _POLYLITH.isdisjoint(table_names):
        yield {"bricks": pyproject.tool("polylith", "bricks")}
    readers = {canonicalize_name(backend.partition(".")[0]), *table_names} - _SPOKEN_FOR
    yield from (pyproject.tool(key) for key in pyproject.tools if canonicalize_name(key) in readers)


# Build hooks that take the paths in [tool.polylith.bricks] into the wheel.
_POLYLITH = frozenset({"hatch-polylith-bricks", "pdm-polylith-bricks"})

# Tables read above, or that tell setuptools-scm where to write and what to ask git.
_SPOKEN_FOR = frozenset({"uv", "hatch", "hatchling", "pdm", "poetry", "flit", "setuptools-scm", OUR_TABLE})


def _strings_below(value: Any, key: str, parent: str = "") -> Iterator[tuple[str, str, str]]:
    """Each string of a table with the key it stands under and the key above that; excludes and sdist settings left out."""
    if isinstance(value, str):
        yield key, value, parent
    elif isinstance(value, list):
        for item in value:
            yield from _strings_below(item, key, parent)
    elif isinstance(value, Mapping):
        if strings(value.get("format")) == ("sdist",):
            return
        for inner, item in value.items():
            requirements = inner in ("dependencies", "requires") and isinstance(item, list)
            if inner in _NOT_FILES or "exclude" in inner or inner == "format" or requirements:
                continue
            if key in _KEYED_BY_PATH:
                yield key, inner, parent
            else:
                yield from _strings_below(item, inner, key)


def _glob(pattern: str, *, wins: bool) -> Iterator[Glob]:
    with suppress(ValueError):
        yield anchored_glob(pattern, wins=wins)


def _unanchored(pattern: str, *, wins: bool) -> Iterator[Glob]:
    rule = parse_rule(pattern)
    if rule is None or rule.negated:
        return
    if rule.by_name:
        anywhere = re.compile(r"(?:.*/)?" + rule.regex.pattern, re.DOTALL)
        yield Glob(regex=anywhere, folders=re.compile(""), wins=wins)
        return
    folders: re.Pattern[str] | None = re.compile("")
    # of a slash that a backslash or a bracket has: git's rule holds, and what lies where is not told by its parts
    with suppress(ValueError):
        folders = anchored_glob(pattern.rstrip("/"), wins=wins).folders
    yield Glob(regex=rule.regex, folders=folders, wins=wins)


def _module_files(dotted: str) -> Iterator[str]:
    """Where the module of a dotted attribute can lie: `acme.version.VERSION` in `acme/version.py`, below `src` too."""
    parts = dotted.split(".")
    for length in range(len(parts) - 1, 0, -1):
        path = "/".join(parts[:length])
        yield from (f"{path}.py", f"{path}/__init__.py", f"src/{path}.py", f"src/{path}/__init__.py")


def _setup_cfg_strings(folder: Path) -> Iterator[str]:
    """What `setup.cfg` names: `file:` directives, licence files, data files, scripts."""
    parser = read_setup_cfg(folder)
    for section in ("metadata", "options", "options.data_files"):
        if not parser.has_section(section):
            continue
        for key, value in parser[section].items():
            items = [item.strip() for item in re.split(r"[\n,]", value) if item.strip()]
            if items and items[0].startswith(("file:", "attr:")):
                kind = items[0][:5]
                items[0] = items[0][5:].strip()
                yield from items if kind == "file:" else [file for item in items for file in _module_files(item)]
            elif section == "options.data_files" or key.replace("-", "_") in (
                "license_file",
                "license_files",
                "scripts",
            ):
                yield from items


def _beside(backend: str) -> Iterator[str]:
    """What a backend reads beside the table: settings, and the default file of a build hook that is declared without one."""
    if backend == "hatchling.build":
        yield from (HATCH_TOML, "hatch_build.py")
    if backend == "pdm.backend":
        yield "pdm_build.py"


def _written(pyproject: Pyproject, folder: Path) -> Iterator[str]:
    is_hatchling = pyproject.build_system.backend == "hatchling.build"
    tool = {**pyproject.tools, "hatch": hatch_table(pyproject, folder)} if is_hatchling else pyproject.tools
    for keys in _WRITTEN:
        for value in strings(foreign_table(tool, *keys[:-1]).get(keys[-1])):
            root = strings(foreign_table(tool, "pdm", "build").get("package-dir")) if keys[0] == "pdm" else ()
            yield os.path.normpath("/".join((*root, value)))
            if keys[0] == "pdm" and not root:
                yield os.path.normpath(f"src/{value}")
