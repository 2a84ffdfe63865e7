"""Layouts that no table declares: of projects that nothing builds, and of backends unknown here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath

from uv_workspace_function.boundary import read_file
from uv_workspace_function.code.layouts.layout import Layout, Module
from uv_workspace_function.code.layouts.modules import is_package, matches, module_at, outermost, top_level
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.definitions.toml import strings


def virtual_layout(folder: Path, include: Iterable[str] = ()) -> Layout:
    """The layout of a project that nothing builds: it is copied.

    With a src folder, that is what one puts on the path; without one, the project's own folder is, with the data files
    that lie beside the modules. So it is where `src` is itself the package: code imports from it by that name, or it has an
    `__init__.py` and no module in it imports one beside it as if `src` were on the path.

    Args:
        folder: the project's.
        include: globs of its own table, which bring in what its name would leave out.
    """
    if (folder / "src").is_dir():
        if _is_itself_package(folder):
            found = [
                module for module in _beside_the_table(folder) if module.name == "src" or module.path.suffix == ".py"
            ]
            alone = len(found) == 1
            return Layout(modules=outermost(found), complete=alone, source_is_package=True)
        return Layout(modules=outermost(top_level(folder, "src", declared=False)), complete=True)
    return Layout(modules=outermost(_beside_the_table(folder, include)), complete=False)


def _beside_the_table(folder: Path, include: Iterable[str] = ()) -> Iterator[Module]:
    """What lies in the project's own folder and is no test, tool or output by its name, or is included as a whole."""
    whole = {pattern.strip("/").removesuffix("/*").removesuffix("/**").removesuffix(".py") for pattern in include}
    found = [m for m in top_level(folder, "", declared=False) if m.name in whole or not matches(m.name, _NO_MODULES)]
    unsure = [m for m in found if m.name in _SELDOM_MODULES and not is_package(folder / m.path) and m.path.suffix == ""]
    sure = [module for module in found if module not in unsure]
    return (m for m in found if m in sure or _is_imported(m.name, [folder / other.path for other in sure]))


def _is_itself_package(folder: Path) -> bool:
    """Whether a project's `src` is what its code imports from."""
    beside = [folder / m.path for m in _beside_the_table(folder) if m.path.suffix == ".py"]
    if _is_imported("src", [folder / "src", *beside]):
        return True
    inside = [module.name for module in top_level(folder, "src", declared=False) if module.name != "__init__"]
    return is_package(folder / "src") and not any(_is_imported(name, [folder / "src"]) for name in inside)


def _is_imported(name: str, modules: Iterable[Path]) -> bool:
    statement = re.compile(rf"^[ \t]*(?:from|import)[ \t]+{name}\b".encode(), re.MULTILINE)
    files = (file for path in modules for file in (path.rglob("*.py") if path.is_dir() else [path]))
    return any(statement.search(read_file(file)) for file in files if file.is_file())


_NO_MODULES = (
    *("test", "tests", "test_*", "tests_*", "*_test", "*_tests", "conftest", "setup", "noxfile"),
    *("build", "dist", "docs"),
)
# Such a folder is a package where it has an `__init__.py`, or where another module imports from it.
_SELDOM_MODULES = frozenset(
    {"benchmark", "benchmarks", "doc", "documentation", "example", "examples", "notebooks", "scripts"}
)


def guessed_layout(pyproject: Pyproject, folder: Path) -> Layout:
    """The layout under a backend unknown here, by the folders that such backends use."""
    maturin = pyproject.tool("maturin")
    scikit = pyproject.tool("scikit-build", "wheel").get("packages")
    modules: list[Module] = []
    if isinstance(scikit, Mapping):
        modules += [module_at(name.replace("/", "."), str(path)) for name, path in scikit.items()]
    else:
        modules += [module_at(PurePosixPath(path).name, path) for path in strings(scikit)]
    roots = dict.fromkeys((*strings(maturin.get("python-source")), "src", "python", "lib"))
    for root in roots:
        modules += top_level(folder, root, declared=False)
    modules += (m for m in _beside_the_table(folder) if str(m.path) not in roots or is_package(folder / m.path))
    return Layout(modules=outermost(m for m in modules if (folder / m.path).exists()), complete=False)
