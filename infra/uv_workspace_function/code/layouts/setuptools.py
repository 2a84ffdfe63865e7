"""The layout that `setuptools` builds: https://setuptools.pypa.io/en/latest/userguide/package_discovery.html."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from uv_workspace_function.boundary import read_file
from uv_workspace_function.code.layouts.layout import Layout, Module
from uv_workspace_function.code.layouts.modules import (
    SKIPPED,
    folders_in,
    join,
    matches,
    module_at,
    normal,
    pairs,
    top_level,
)
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.definitions.toml import Table, foreign_table, strings


def layout(pyproject: Pyproject, folder: Path) -> Layout:
    """Listed packages and modules, those that `find` finds, else setuptools' own discovery."""
    # A table of pyproject.toml stands above an argument of setup.py, and that above the same of setup.cfg.
    setup_py = _setup_py(folder)
    settings = {**_setup_cfg(folder), **_arguments(setup_py), **pyproject.tool("setuptools")}
    package_dir = {name: normal(path) for name, path in pairs(settings.get("package-dir"))}
    packages = settings.get("packages")
    single = settings.get("py-modules")
    complete = not settings.get("ext-modules") and not settings.get("cmdclass") and not _does_something(setup_py)
    modules: list[Module] = []
    if isinstance(packages, list):
        modules += [module_at(name, _package_path(name, package_dir)) for name in strings(packages)]
    elif isinstance(packages, Mapping):
        modules += _found(folder, foreign_table(packages, "find"), package_dir)
    if single is not None:
        root = package_dir.get("", "")
        modules += [module_at(name, join(root, name.replace(".", "/") + ".py")) for name in strings(single)]
    if packages is None and single is None:
        modules += _discovered(folder, package_dir)
    return Layout(modules=tuple(modules), complete=complete, packages=_shipped(pyproject, folder, settings, modules))


def _shipped(pyproject: Pyproject, folder: Path, settings: Table, modules: Iterable[Module]) -> frozenset[str] | None:
    """The packages that are listed or found; None where others' modules may come, too, as data, extensions or by code."""
    # what finds files for setuptools (setuptools-scm, -git) makes those of any folder below a package its data
    if any(name.startswith("setuptools-") for name in pyproject.build_system.names):
        return None
    if (folder / "MANIFEST.in").exists() or any(settings.get(key) for key in _MORE_MODULES):
        return None
    packages = settings.get("packages")
    if isinstance(packages, list):
        return frozenset(strings(packages))
    if not isinstance(packages, Mapping):
        return None
    find = foreign_table(packages, "find")
    tops = [module for module in modules if module.path.suffix != ".py"]
    below = (name for top in tops for name in _packages_below(folder / top.path, f"{top.name}.", find, nested=True))
    return frozenset(top.name for top in tops).union(below)


# Settings, and arguments of setup(), by which a module can come into the wheel that lies in none of the packages.
_MORE_MODULES = ("cmdclass", "distclass", "ext-modules", "package-data", "setup-requires", "use-scm-version", "unread")


def _package_path(name: str, package_dir: Mapping[str, str]) -> str:
    """Where setuptools looks for a package: the nearest name above it in `package-dir` decides."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        root = package_dir.get(".".join(parts[:length]))
        if root is not None:
            return join(root, *parts[length:])
    return join(package_dir.get("", ""), *parts)


def _found(folder: Path, find: Table, package_dir: Mapping[str, str]) -> Iterator[Module]:
    """What `[tool.setuptools.packages.find]` finds."""
    for where in strings(find.get("where")) or (".",):
        for name in _packages_below(folder / where, "", find):
            path = join(normal(where), name.replace(".", "/"))
            mapped = _package_path(name, package_dir)
            yield module_at(name, mapped if (folder / mapped).is_dir() else path, declared=False)


def _packages_below(root: Path, prefix: str, find: Table, *, nested: bool = False) -> Iterator[str]:
    """The packages that `find` takes below a folder (`PackageFinder` in its `discovery.py`); `nested`: those in others, too."""
    include = strings(find.get("include")) or ("*",)
    exclude = strings(find.get("exclude"))
    namespaces = find.get("namespaces", True) is True
    for entry in folders_in(root):
        name = f"{prefix}{entry.name}"
        if "." in entry.name or entry.name in SKIPPED or not (namespaces or (entry / "__init__.py").is_file()):
            continue
        is_taken = matches(name, include) and not matches(name, exclude)
        if is_taken:
            yield name
        if nested or not is_taken:
            yield from _packages_below(entry, f"{name}.", find, nested=nested)


def _discovered(folder: Path, package_dir: Mapping[str, str]) -> list[Module]:
    """What setuptools finds by itself: packages of `package-dir`, else a src layout, else a flat one."""
    explicit = {name: path for name, path in package_dir.items() if name}
    if explicit:
        return [module_at(name, path) for name, path in explicit.items()]
    source = package_dir.get("", "src")
    if (folder / source).is_dir():
        return list(top_level(folder, source, declared=False, with_data_folders=True))
    flat = top_level(folder, "", declared=False, with_data_folders=True)
    wanted = [
        module
        for module in flat
        if not matches(module.name, _FLAT_MODULES if module.path.suffix == ".py" else _FLAT_PACKAGES)
    ]
    return [module for module in wanted if module.path.suffix != ".py"] or wanted


def read_setup_cfg(folder: Path) -> configparser.ConfigParser:
    """A package's `setup.cfg`; without sections where there is none, or one that setuptools would refuse."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return configparser.ConfigParser()
    return parser


def _setup_cfg(folder: Path) -> dict[str, Any]:
    """What a `setup.cfg` says of packages, in the words of `[tool.setuptools]`."""
    parser = read_setup_cfg(folder)
    if not parser.has_section("options"):
        return {}
    options = {key.replace("-", "_"): value.strip() for key, value in parser["options"].items()}
    settings: dict[str, Any] = {}
    if "package_dir" in options:
        lines = (line.partition("=") for line in _lines(options["package_dir"]))
        settings["package-dir"] = {name.strip(): path.strip() for name, _, path in lines}
    if "py_modules" in options:
        settings["py-modules"] = _lines(options["py_modules"])
    if options.get("packages") in ("find:", "find_namespace:"):
        section = "options.packages.find"
        find = {key: _lines(value) for key, value in parser[section].items()} if parser.has_section(section) else {}
        settings["packages"] = {"find": {**find, "namespaces": options["packages"] == "find_namespace:"}}
    elif "packages" in options:
        settings["packages"] = _lines(options["packages"])
    if "cmdclass" in options:
        settings["cmdclass"] = options["cmdclass"]
    if parser.has_section("options.package_data"):
        settings["package-data"] = True
    if "setup_requires" in options:
        settings["setup-requires"] = True
    return settings


def _lines(value: str) -> list[str]:
    return [item for item in (part.strip() for part in re.split(r"[\n,]", value)) if item]


def _setup_py(folder: Path) -> ast.Module | None:
    """A package's `setup.py`: empty where there is none, None where it cannot be read."""
    try:
        return ast.parse(read_file(folder / "setup.py"))
    except FileNotFoundError:
        return ast.Module(body=[], type_ignores=[])
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _arguments(setup_py: ast.Module | None) -> dict[str, Any]:
    """What the arguments of its `setup()` say of packages as literals, in the words of `[tool.setuptools]`."""
    nodes = ast.walk(setup_py) if setup_py else ()
    calls = [node for node in nodes if isinstance(node, ast.Call) and _called(node) == "setup"]
    arguments = {keyword.arg: keyword.value for call in calls[-1:] for keyword in call.keywords}
    settings: dict[str, Any] = {}
    for argument in ("package_dir", "packages", "py_modules"):
        value = arguments.get(argument)
        if value is not None and (read := _literal(value) or _finding(value)) is not None:
            settings[argument.replace("_", "-")] = list(read) if isinstance(read, tuple) else read
        elif value is not None:
            settings["unread"] = True
    if None in arguments:  # of **something nobody knows what is in it
        settings["unread"] = True
    return settings | {key: True for key in _MORE_MODULES if key.replace("-", "_") in arguments}


def _finding(node: ast.expr) -> dict[str, Any] | None:
    """A call of `find_packages` or `find_namespace_packages` with literals, as the table `find` of `packages`."""
    if not (isinstance(node, ast.Call) and _called(node) in ("find_packages", "find_namespace_packages")):
        return None
    find: dict[str, Any] = {"namespaces": _called(node) == "find_namespace_packages"}
    given = [*zip(("where", "exclude", "include"), node.args, strict=False), *((k.arg, k.value) for k in node.keywords)]
    for name, value in given:
        read = _literal(value)
        if name is None or read is None:
            return None
        find[name] = list(read) if isinstance(read, tuple) else read
    return {"find": find}


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _called(call: ast.Call) -> str | None:
    """The last name of what is called."""
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)


def _does_something(setup_py: ast.Module | None) -> bool:
    """Whether it is more than the customary `from setuptools import setup; setup()`."""
    if setup_py is None:
        return True
    for node in setup_py.body:
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_docstring(node):
            continue
        body = node.body if isinstance(node, ast.If) else [node]
        if not all(_is_plain_setup(statement) for statement in body):
            return True
    return False


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_plain_setup(node: ast.stmt) -> bool:
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    call = node.value
    return _called(call) == "setup" and not call.args and not call.keywords


# From its `discovery.py`: names that a flat layout never takes for packages and modules.
_FLAT_PACKAGES = (
    *("ci", "bin", "debian", "doc", "docs", "documentation", "manpages", "news", "newsfragments", "changelog"),
    *("test", "tests", "unit_test", "unit_tests", "example", "examples", "scripts", "tools", "util", "utils"),
    *("python", "build", "dist", "venv", "env", "requirements", "tasks", "fabfile", "site_scons"),
    *("benchmark", "benchmarks", "exercise", "exercises", "htmlcov", "[._]*"),
)
_FLAT_MODULES = (
    *("setup", "conftest", "test", "tests", "example", "examples", "build", "toxfile", "noxfile", "pavement", "dodo"),
    *("tasks", "fabfile", "[Ss][Cc]onstruct", "conanfile", "manage", "benchmark", "benchmarks"),
    *("exercise", "exercises", "[._]*"),
)
