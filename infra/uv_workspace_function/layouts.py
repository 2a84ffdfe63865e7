"""Where a local package's importable code lies, by what its build backend would put into a wheel.

Each backend has its own rules; each function here states one backend's, and the tests build small packages with the
backends themselves and compare.
"""

from __future__ import annotations

import ast
import configparser
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from uv_workspace_function.documents import Table, foreign_table, strings

_SKIPPED = frozenset({"__pycache__", "node_modules", "__pypackages__"})
_WILDCARDS = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One importable module or package of a local package.

    `name` is what one imports (`acme.orders`), `path` the folder or `.py` file it is, relative to the package's folder.
    `declared` is False when nothing names the module and only a look at the folder found it.
    """

    name: str
    path: PurePosixPath
    declared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All the importable code of one local package.

    `complete` is False when the backend can put anything into the wheel (a `setup.py`, a build hook, a backend unknown
    here): then every file that nothing excludes is a source, and `modules` is a guess.
    """

    modules: tuple[Module, ...]
    complete: bool


def layout_of(pyproject: Table, folder: Path) -> Layout:
    """The layout that a package's `pyproject.toml` declares.

    Args:
        pyproject: the parsed `pyproject.toml`.
        folder: the package's folder; it is looked at where the backend would look.

    Returns:
        The modules that exist, outermost ones only, sorted by name.
    """
    if is_virtual(pyproject):
        return _virtual(pyproject, folder)
    build_system = foreign_table(pyproject, "build-system")
    backend = str(build_system.get("build-backend", "setuptools.build_meta:__legacy__")).partition(":")[0]
    find = _BACKENDS.get(backend)
    if find is None:
        return _guess(pyproject, folder)
    layout = find(pyproject, folder)
    # A backend of the package's own (backend-path) wraps another one and can add to what that one does.
    complete = layout.complete and not build_system.get("backend-path")
    modules = _outermost(module for module in layout.modules if _exists(folder, module))
    return Layout(modules=modules, complete=complete)


def is_virtual(pyproject: Table) -> bool:
    """Whether uv installs no package for this project, only its dependencies.

    uv's rule: https://docs.astral.sh/uv/concepts/projects/config/#project-packaging
    """
    package = foreign_table(pyproject, "tool", "uv").get("package")
    # Without a [project] there is nothing to install dependencies of: such a folder is built by setuptools, as pip does.
    return "build-system" not in pyproject and "project" in pyproject if package is None else package is False


def _virtual(_pyproject: Table, folder: Path) -> Layout:
    # Nothing builds such a project: it is copied. With a src/ folder that is what one puts on the path; without one,
    # the project's own folder is, with the data files that lie beside the modules.
    if (folder / "src").is_dir():
        return Layout(modules=_outermost(_top_level(folder, "src", declared=False)), complete=True)
    return Layout(modules=_outermost(_beside_the_table(folder)), complete=False)


def _beside_the_table(folder: Path) -> Iterator[Module]:
    """What lies in the project's own folder and is no test, tool or output by its name."""
    return (m for m in _top_level(folder, "", declared=False) if not _matches(m.name, _NO_MODULES))


_NO_MODULES = ("test", "tests", "test_*", "*_test", "conftest", "setup", "noxfile", "build", "dist", "docs")


def _guess(pyproject: Table, folder: Path) -> Layout:
    maturin = foreign_table(pyproject, "tool", "maturin")
    scikit = foreign_table(pyproject, "tool", "scikit-build", "wheel").get("packages")
    modules: list[Module] = []
    if isinstance(scikit, Mapping):
        modules += [_module(name.replace("/", "."), str(path)) for name, path in scikit.items()]
    else:
        modules += [_module(PurePosixPath(path).name, path) for path in strings(scikit)]
    roots = dict.fromkeys((*strings(maturin.get("python-source")), "src", "python", "lib"))
    for root in roots:
        modules += _top_level(folder, root, declared=False)
    modules += (m for m in _beside_the_table(folder) if str(m.path) not in roots or _is_package(folder / m.path))
    return Layout(modules=_outermost(m for m in modules if _exists(folder, m)), complete=False)


def _uv_build(pyproject: Table, folder: Path) -> Layout:
    # https://docs.astral.sh/uv/concepts/build-backend/#modules
    settings = foreign_table(pyproject, "tool", "uv", "build-backend")
    root = str(settings.get("module-root", "src"))
    names = strings(settings.get("module-name")) or (_uv_module_name(_name(pyproject)),)
    modules = [_module(name, _join(root, name.replace(".", "/"))) for name in names]
    if settings.get("namespace") is not True:
        modules = [module for module in modules if _is_package(folder / module.path)]
    return Layout(modules=tuple(modules), complete=True)


def _uv_module_name(name: str) -> str:
    stem = canonicalize_name(name)
    suffix = "-stubs" if stem.endswith("-stubs") else ""
    return stem.removesuffix("-stubs").replace("-", "_") + suffix


def _hatchling(pyproject: Table, folder: Path) -> Layout:
    # https://hatch.pypa.io/latest/plugins/builder/wheel/#default-file-selection and hatchling/builders/config.py:
    # a wheel target's option replaces the build-level one of the same name.
    build = foreign_table(pyproject, "tool", "hatch", "build")
    wheel = foreign_table(build, "targets", "wheel")

    def option(name: str) -> Any:
        return wheel.get(name, build.get(name))

    packages = sorted(_normal(path) for path in strings(option("packages")))
    only_include = [_normal(path) for path in strings(option("only-include"))]
    include = list(strings(option("include")))
    force_include = option("force-include")
    forced = {_normal(source): _normal(target) for source, target in _pairs(force_include)}
    if not (packages or only_include or include):
        packages, only_include = _hatchling_default(pyproject, folder)
    sources = _hatchling_sources(option("sources"), packages)

    complete = not _has_hook(foreign_table(pyproject, "tool", "hatch"), build, wheel)
    modules: list[Module] = []
    paths = only_include or packages
    if not paths:
        paths = []
        for pattern in include:
            literal = _literal_prefix(pattern.lstrip("/"))
            complete = complete and bool(literal) and not pattern.startswith("!")
            paths.append(literal)
    for path in paths:
        modules += _distributed(folder, path, _hatchling_target(path, sources))
    for source, target in forced.items():
        modules += _distributed(folder, source, _hatchling_target(target, sources))
    return Layout(modules=tuple(modules), complete=complete)


def _hatchling_default(pyproject: Table, folder: Path) -> tuple[list[str], list[str]]:
    """What hatchling takes when nothing is selected: (packages, only-include)."""
    name = _name(pyproject)
    for spelling in dict.fromkeys(re.sub(r"[^\w.]+", "_", form) for form in (name, canonicalize_name(name))):
        if (folder / spelling / "__init__.py").is_file():
            return [spelling], []
        if (folder / "src" / spelling / "__init__.py").is_file():
            return [f"src/{spelling}"], []
        if (folder / f"{spelling}.py").is_file():
            return [], [f"{spelling}.py"]
        namespaces = sorted(entry.name for entry in _folders(folder) if (entry / spelling / "__init__.py").is_file())
        if len(namespaces) == 1:
            return namespaces, []
    return [], []


def _hatchling_sources(raw: Any, packages: Iterable[str]) -> dict[str, str]:
    """From where a path's beginning is taken off, and what replaces it."""
    sources: dict[str, str] = {}
    if isinstance(raw, Mapping):
        for source, target in _pairs(raw):
            normal = _normal(target)
            sources[_normal(source) + "/" if source else ""] = f"{normal}/" if normal else ""
    else:
        sources = {_normal(source) + "/": "" for source in strings(raw)}
    for path in packages:
        parent = path.rpartition("/")[0]
        if parent and path + "/" not in sources:
            sources[parent + "/"] = ""
    return dict(sorted(sources.items()))


def _hatchling_target(path: str, sources: Mapping[str, str]) -> str:
    """The path inside the wheel."""
    for source, target in sources.items():
        if not source:
            return target + path
        if (path + "/").startswith(source):
            return (path + "/").replace(source, target, 1).removesuffix("/")
    return path


def _has_hook(hatch: Table, *levels: Table) -> bool:
    """Whether code of the package's own takes part in the build."""
    return (
        any("custom" in foreign_table(level, "hooks") for level in levels)
        or "custom" in foreign_table(hatch, "metadata", "hooks")
        or foreign_table(hatch, "build", "targets", "custom") != {}
    )


def _setuptools(pyproject: Table, folder: Path) -> Layout:
    # https://setuptools.pypa.io/en/latest/userguide/package_discovery.html; a table of pyproject.toml stands above the
    # same of setup.cfg.
    settings = {**_setup_cfg(folder), **foreign_table(pyproject, "tool", "setuptools")}
    package_dir = {name: _normal(path) for name, path in _pairs(settings.get("package-dir"))}
    packages = settings.get("packages")
    single = settings.get("py-modules")
    complete = (
        not settings.get("ext-modules") and not settings.get("cmdclass") and not _does_something(folder / "setup.py")
    )
    modules: list[Module] = []
    if isinstance(packages, list):
        modules += [_module(name, _package_path(name, package_dir)) for name in strings(packages)]
    elif isinstance(packages, Mapping):
        modules += _found(folder, foreign_table(packages, "find"), package_dir)
    if single is not None:
        root = package_dir.get("", "")
        modules += [_module(name, _join(root, name.replace(".", "/") + ".py")) for name in strings(single)]
    if packages is None and single is None:
        modules += _discovered(folder, package_dir)
    return Layout(modules=tuple(modules), complete=complete)


def _package_path(name: str, package_dir: Mapping[str, str]) -> str:
    """Where setuptools looks for a package: the nearest name above it in `package-dir` decides."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        root = package_dir.get(".".join(parts[:length]))
        if root is not None:
            return _join(root, *parts[length:])
    return _join(package_dir.get("", ""), *parts)


def _found(folder: Path, find: Table, package_dir: Mapping[str, str]) -> Iterator[Module]:
    """What `[tool.setuptools.packages.find]` finds."""
    include = strings(find.get("include")) or ("*",)
    exclude = strings(find.get("exclude"))
    namespaces = find.get("namespaces", True) is True
    for where in strings(find.get("where")) or (".",):
        for name in _packages_below(folder / where, "", include, exclude, namespaces=namespaces):
            path = _join(_normal(where), name.replace(".", "/"))
            mapped = _package_path(name, package_dir)
            yield _module(name, mapped if (folder / mapped).is_dir() else path, declared=False)


def _packages_below(
    root: Path, prefix: str, include: Iterable[str], exclude: Iterable[str], *, namespaces: bool
) -> Iterator[str]:
    for entry in _folders(root):
        name = f"{prefix}{entry.name}"
        if "." in entry.name or entry.name in _SKIPPED or not (namespaces or (entry / "__init__.py").is_file()):
            continue
        if _matches(name, include) and not _matches(name, exclude):
            yield name
        else:
            yield from _packages_below(entry, f"{name}.", include, exclude, namespaces=namespaces)


def _discovered(folder: Path, package_dir: Mapping[str, str]) -> list[Module]:
    """What setuptools finds by itself: packages of `package-dir`, else a src layout, else a flat one."""
    explicit = {name: path for name, path in package_dir.items() if name}
    if explicit:
        return [_module(name, path) for name, path in explicit.items()]
    source = package_dir.get("", "src")
    if (folder / source).is_dir():
        return list(_top_level(folder, source, declared=False, with_data_folders=True))
    flat = _top_level(folder, "", declared=False, with_data_folders=True)
    wanted = [
        module
        for module in flat
        if not _matches(module.name, _FLAT_MODULES if module.path.suffix == ".py" else _FLAT_PACKAGES)
    ]
    return [module for module in wanted if module.path.suffix != ".py"] or wanted


def _setup_cfg(folder: Path) -> dict[str, Any]:
    """What a `setup.cfg` says of packages, in the words of `[tool.setuptools]`."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read(folder / "setup.cfg", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
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
    return settings


def _lines(value: str) -> list[str]:
    return [item for item in (part.strip() for part in re.split(r"[\n,]", value)) if item]


def _does_something(setup_py: Path) -> bool:
    """Whether a `setup.py` is more than the customary `from setuptools import setup; setup()`."""
    try:
        tree = ast.parse(setup_py.read_bytes())
    except FileNotFoundError:
        return False
    except (OSError, SyntaxError, ValueError):
        return True
    for node in tree.body:
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
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", None)
    return name == "setup" and not call.args and not call.keywords


def _flit(pyproject: Table, _folder: Path) -> Layout:
    # https://flit.pypa.io/en/stable/pyproject_toml.html and flit_core/common.py
    name = str(foreign_table(pyproject, "tool", "flit", "module").get("name") or _name(pyproject).replace("-", "_"))
    path = name.replace(".", "/")
    candidates = (path, f"{path}.py", f"src/{path}", f"src/{path}.py")
    return Layout(modules=tuple(_module(name, candidate) for candidate in candidates), complete=True)


def _poetry(pyproject: Table, folder: Path) -> Layout:
    # https://python-poetry.org/docs/pyproject/#packages and poetry/core/masonry/utils/module.py
    settings = foreign_table(pyproject, "tool", "poetry")
    name = canonicalize_name(_name(pyproject)).replace("-", "_")
    packages = settings.get("packages")
    complete = "build" not in settings
    if not packages:
        candidates = (name, f"{name}.py", f"src/{name}", f"src/{name}.py")
        found = next((path for path in candidates if (folder / path).exists()), None)
        return Layout(modules=(_module(name, found),) if found else (), complete=complete)
    modules: list[Module] = []
    for package in packages:
        formats = strings(package.get("format"))
        if formats and "wheel" not in formats:
            continue
        include, source = str(package.get("include", "")), str(package.get("from", ""))
        literal = _literal_prefix(include)
        complete = complete and bool(literal)
        target = _join(str(package.get("to", "")), literal)
        modules += _distributed(folder, _join(source, literal), target)
    for include in settings.get("include", []):
        # What is only included is data in most packages, but a folder of modules can be imported all the same.
        entry = include if isinstance(include, Mapping) else {"path": include, "format": "sdist"}
        path = _normal(str(entry.get("path", "")))
        if "wheel" in strings(entry.get("format")) and _literal_prefix(path) == path:
            modules += (m for m in _distributed(folder, path, path) if _is_importable(folder / m.path))
    return Layout(modules=tuple(modules), complete=complete)


def _pdm(pyproject: Table, folder: Path) -> Layout:
    # https://backend.pdm-project.org/build_config/ and pdm/backend/base.py, config.py
    settings = foreign_table(pyproject, "tool", "pdm", "build")
    includes = strings(settings.get("includes"))
    excludes = strings(settings.get("excludes"))
    root = settings.get("package-dir")
    if root is None:
        below_src = any(PurePosixPath(path).parts[:1] == ("src",) for path in includes)
        excluded = "src" in excludes or "src/" in excludes
        root = "src" if ((folder / "src").is_dir() and not includes) or (below_src and not excluded) else ""
    root = _normal(str(root))
    hook = str(settings.get("custom-hook", "pdm_build.py"))
    complete = not (folder / hook).exists() and settings.get("run-setuptools") is not True
    modules: list[Module] = []
    if not includes:
        top = [module for module in _top_level(folder, root, declared=False) if _is_package(folder / module.path)]
        modules = top or [m for m in _top_level(folder, root, declared=False) if m.path.suffix == ".py"]
        kept = strings(settings.get("source-includes")) or ("tests",)
        modules = [m for m in modules if not any(fnmatchcase(str(m.path), p.rstrip("/")) for p in (*kept, *excludes))]
    for include in includes:
        literal = _normal(_literal_prefix(include))
        complete = complete and bool(literal)
        target = literal.removeprefix(f"{root}/") if root else literal
        if target != root:
            modules += _distributed(folder, literal, target)
        else:
            modules += _top_level(folder, root, declared=False)
    return Layout(modules=tuple(modules), complete=complete)


_BACKENDS: dict[str, Callable[[Table, Path], Layout]] = {
    "uv_build": _uv_build,
    "hatchling.build": _hatchling,
    "setuptools.build_meta": _setuptools,
    "flit_core.buildapi": _flit,
    "flit.buildapi": _flit,
    "poetry.core.masonry.api": _poetry,
    "poetry.masonry.api": _poetry,
    "pdm.backend": _pdm,
}

# From setuptools/discovery.py: names that a flat layout never takes for packages and modules.
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


def _top_level(folder: Path, root: str, *, declared: bool, with_data_folders: bool = False) -> Iterator[Module]:
    """The modules directly in one folder: `.py` files, and folders that one can import something from."""
    try:
        with os.scandir(folder / root) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        stem = entry.name.removesuffix("-stubs")
        if entry.name.endswith(".py") and entry.name[:-3].isidentifier() and entry.is_file():
            yield _module(entry.name[:-3], _join(root, entry.name), declared=declared)
        elif (
            stem.isidentifier()
            and entry.name not in _SKIPPED
            and entry.is_dir()
            and (with_data_folders or _holds_python(entry.path))
        ):
            yield _module(entry.name, _join(root, entry.name), declared=declared)


def _holds_python(folder: str) -> bool:
    """Whether a `.py` file lies in the folder or below it, in folders that are packages or namespaces themselves."""
    with os.scandir(folder) as entries:
        listed = list(entries)
    if any(entry.name.endswith((".py", ".pyi", ".so")) for entry in listed):
        return True
    return any(
        entry.name.isidentifier()
        and entry.name not in _SKIPPED
        and entry.is_dir(follow_symlinks=False)
        and _holds_python(entry.path)
        for entry in listed
    )


def _distributed(folder: Path, source: str, target: str) -> Iterator[Module]:
    """The modules of one path that goes into the wheel as `target`; of a whole folder's content where that is empty."""
    path = folder / source
    if path.is_dir() and target:
        parts = target.split("/")
        if all(part.removesuffix("-stubs").isidentifier() for part in parts):
            yield _module(".".join(parts), source)
    elif path.is_dir():
        yield from _top_level(folder, source, declared=True)
    elif target.endswith(".py"):
        yield _module(target[:-3].removesuffix("/__init__").replace("/", "."), source)


def _outermost(modules: Iterable[Module]) -> tuple[Module, ...]:
    """The modules without those that lie in another one's folder at the place their name says."""
    by_name = {module.name: module for module in sorted(modules, key=lambda m: (m.name, str(m.path)), reverse=True)}
    kept: list[Module] = []
    for name, module in sorted(by_name.items(), key=lambda item: (item[0].count("."), item[0])):
        above = (other for other in kept if name.startswith(other.name + "."))
        if not any(module.path == other.path / name[len(other.name) + 1 :].replace(".", "/") for other in above):
            kept.append(module)
    return tuple(sorted(kept, key=lambda m: m.name))


def _module(name: str, path: str, *, declared: bool = True) -> Module:
    return Module(name=name, path=PurePosixPath(path), declared=declared)


def _exists(folder: Path, module: Module) -> bool:
    return (folder / module.path).exists()


def _is_importable(path: Path) -> bool:
    return _holds_python(str(path)) if path.is_dir() else path.suffix == ".py"


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file() or (folder / "__init__.pyi").is_file()


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [Path(path) for path in sorted(entry.path for entry in entries if entry.is_dir())]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _name(pyproject: Table) -> str:
    return str(
        foreign_table(pyproject, "project").get("name") or foreign_table(pyproject, "tool", "poetry").get("name") or ""
    )


def _normal(path: str) -> str:
    """A path as the backends normalize it: no leading, trailing or doubled slash, no `.` segment."""
    return os.path.normpath(path).strip("/").removeprefix("./").removesuffix("/.") if path not in ("", ".") else ""


def _join(*parts: str) -> str:
    return "/".join(part for part in map(_normal, parts) if part)


def _literal_prefix(pattern: str) -> str:
    """The folder (or the file) that holds all a glob can match."""
    segments: list[str] = []
    for segment in pattern.strip("/").split("/"):
        if _WILDCARDS.search(segment):
            break
        segments.append(segment)
    return "/".join(segments)


def _pairs(value: Any) -> list[tuple[str, str]]:
    return [(key, item) for key, item in value.items() if isinstance(item, str)] if isinstance(value, Mapping) else []
