"""Layouts: what each build backend makes importable; the oracle is a wheel that the backend itself builds.

Covers also: code/layouts/.
"""

import subprocess
import tomllib
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from backends import BACKENDS, CASES, PROJECT, Case, build_wheels
from uv_workspace_function.code.layouts import Layout, layout_of
from uv_workspace_function.definitions.pyproject import Pyproject


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """For each case its folder and its wheel; a backend builds all of its cases at the first one asked for."""
    known: dict[str, tuple[Path, dict[str, bytes]]] = {}

    def of(case: Case) -> tuple[Path, dict[str, bytes]]:
        if str(case) not in known:
            cases = [other for other in CASES if other.backend == case.backend]
            base = tmp_path_factory.mktemp(case.backend)
            folders = [other.write(base / str(number)) for number, other in enumerate(cases)]
            wheels = build_wheels(case.backend, folders)
            known.update({str(other): (f, wheel) for other, f, wheel in zip(cases, folders, wheels, strict=True)})
        return known[str(case)]

    return of


def installed(folder: Path, layout: Layout) -> set[str]:
    """Where each file of the layout's modules stands once it is installed."""
    places = set()
    for module in layout.modules:
        path, place = folder / module.path, PurePosixPath(module.name.replace(".", "/"))
        if path.is_dir():
            below = [file for file in path.rglob("*") if file.is_file()]
            holders = {file: ".".join((module.name, *file.relative_to(path).parts[:-1])) for file in below}
            places |= {
                str(place / file.relative_to(path))
                for file in below
                if not layout.leaves_out(PurePosixPath(file.relative_to(folder)), holders[file])
            }
        else:
            places.add(f"{place}.py")
    return places


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_layout_is_what_the_backend_builds(case: Any, built: Any) -> None:
    """Every importable file of the wheel is in the layout, every module of the layout is in the wheel."""
    folder, wheel = built(case)
    layout = layout_of(Pyproject.from_dict(tomllib.loads(case.pyproject)), folder)
    assert sorted((module.name, str(module.path)) for module in layout.modules) == sorted(
        (name, path) for name, paths in case.modules.items() for path in paths.split()
    )
    assert layout.complete is case.complete
    assert wheel, f"{case.backend} did not build the package; its message is above"
    shipped = {name for name in wheel if not name.partition("/")[0].endswith((".dist-info", ".data"))}
    python = {name for name in shipped if name.endswith((".py", ".pyi"))}
    holders = {name.rpartition("/")[0].replace("/", ".") for name in python} - {""}
    assert layout.packages is None or holders <= layout.packages
    predicted = {name for name in installed(folder, layout) if name.endswith((".py", ".pyi"))}
    assert python == predicted
    for module in layout.modules:
        assert any(name.startswith(module.name.replace(".", "/")) for name in shipped), module


PACKAGING = {
    "with-build-system": ("[build-system]\nrequires = []\nbuild-backend = 'uv_build'\n", False),
    "without-build-system": ("", True),
    "declared-no-package": (
        "[build-system]\nrequires = []\nbuild-backend = 'uv_build'\n[tool.uv]\npackage = false\n",
        True,
    ),
    "declared-package": ("[tool.uv]\npackage = true\n", False),
}


def test_a_project_is_a_package_where_uv_says_so(tmp_path: Path) -> None:
    """uv's lock tells virtual members from those it builds."""
    members = [f"{name}/pyproject.toml" for name in PACKAGING]
    (tmp_path / "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = {list(PACKAGING)}\n")
    for name, (tables, _) in PACKAGING.items():
        (tmp_path / name).mkdir()
        project = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n'
        (tmp_path / name / "pyproject.toml").write_text(project + tables)
    subprocess.run(["uv", "lock", "--offline", "--quiet"], cwd=tmp_path, check=True)
    lock = tomllib.loads((tmp_path / "uv.lock").read_text())
    locked = {package["name"]: "virtual" in package["source"] for package in lock["package"]}
    said = {Path(member).parent.name: Pyproject.load(tmp_path / member).is_virtual for member in members}
    assert said == locked == {name: virtual for name, (_, virtual) in PACKAGING.items()}


def modules(folder: Path, pyproject: str, files: tuple[str, ...]) -> tuple[dict[str, str], bool]:
    for path in files:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).touch()
    layout = layout_of(Pyproject.from_dict(tomllib.loads(pyproject)), folder)
    return {module.name: str(module.path) for module in layout.modules}, layout.complete


def built_by(backend: str, tables: str = "") -> str:
    return f'{PROJECT}[build-system]\nrequires = []\nbuild-backend = "{backend}"\n{tables}'


def test_a_virtual_project_has_the_modules_of_its_src_folder(tmp_path: Path) -> None:
    """With a src folder, that is what one puts on the path."""
    files = ("src/orders/__init__.py", "src/tool.py", "src/data/x.json", "scripts/run.py", "main.py")
    assert modules(tmp_path, PROJECT, files) == ({"orders": "src/orders", "tool": "src/tool.py"}, True)


def test_a_virtual_project_without_src_has_those_beside_its_table(tmp_path: Path) -> None:
    """Packages, namespaces and single modules; no tests, no tools, no folder without code."""
    files = (
        "main.py",
        "lib/deep/x.py",
        "data/x.json",
        "tests/test_main.py",
        "test_main.py",
        "conftest.py",
        ".hidden/x.py",
    )
    assert modules(tmp_path, PROJECT, (*files, "node_modules/x/y.py")) == ({"lib": "lib", "main": "main.py"}, False)


def test_a_backend_unknown_here_can_put_anything_in(tmp_path: Path) -> None:
    """Its modules are a guess by the usual folders."""
    files = ("python/acme/__init__.py", "src/lib.rs", "tests/test_x.py", "Cargo.toml", "plain.py")
    maturin = built_by("maturin", '[tool.maturin]\npython-source = "python"\n')
    assert modules(tmp_path, maturin, files) == ({"acme": "python/acme", "plain": "plain.py"}, False)


def test_scikit_build_core_names_its_packages(tmp_path: Path) -> None:
    """As a list of folders, or a mapping from the place in the wheel."""
    listed = built_by("scikit_build_core.build", '[tool.scikit-build]\nwheel.packages = ["python/acme"]\n')
    mapped = built_by("scikit_build_core.build", '[tool.scikit-build.wheel.packages]\n"acme/sub" = "elsewhere"\n')
    assert modules(tmp_path, listed, ("python/acme/__init__.py",)) == ({"acme": "python/acme"}, False)
    assert modules(tmp_path, mapped, ("elsewhere/x.py",))[0]["acme.sub"] == "elsewhere"


def test_a_backend_of_the_packages_own_can_put_anything_in(tmp_path: Path) -> None:
    """`backend-path` wraps a backend, and the wrapper adds what it likes."""
    pyproject = f'{PROJECT}[build-system]\nrequires = []\nbuild-backend = "uv_build"\nbackend-path = ["."]\n'
    assert modules(tmp_path, pyproject, ("src/acme_orders/__init__.py",)) == ({"acme_orders": "src/acme_orders"}, False)


@pytest.mark.parametrize(
    ("backend", "tables", "file"),
    [
        ("setuptools.build_meta", '[tool.setuptools]\next-modules = [{ name = "x", sources = ["x.c"] }]\n', "x.c"),
        ("setuptools.build_meta", '[tool.setuptools.cmdclass]\nbuild_py = "hook.Build"\n', "hook.py"),
        ("setuptools.build_meta", "", "setup.py: import setuptools; setuptools.setup(name='x')"),
        ("setuptools.build_meta", "", "setup.py: not python"),
        ("hatchling.build", '[tool.hatch.build.targets.wheel.hooks.custom]\npath = "hook.py"\n', "hook.py"),
        ("hatchling.build", "[tool.hatch.metadata.hooks.custom]\n", "hatch_build.py"),
        ("hatchling.build", '[tool.hatch.build.targets.wheel]\ninclude = ["*.py"]\n', "x.txt"),
        ("poetry.core.masonry.api", '[tool.poetry]\nbuild = "build.py"\n', "build.py"),
        ("pdm.backend", '[tool.pdm.build]\ncustom-hook = "hook.py"\n', "hook.py"),
        ("pdm.backend", "[tool.pdm.build]\nrun-setuptools = true\n", "x.txt"),
        ("pdm.backend", '[tool.pdm.build]\nincludes = ["**/*.py"]\n', "x.txt"),
    ],
)
def test_code_of_the_packages_own_in_the_build_can_put_anything_in(
    tmp_path: Path, backend: Any, tables: Any, file: Any
) -> None:
    """What an extension, a hook, a `setup.py` or a glob over everything brings into the wheel is not to be read off."""
    name, _, text = file.partition(": ")
    (tmp_path / name).write_text(text)
    assert modules(tmp_path, built_by(backend, tables), ("src/acme_orders/__init__.py",))[1] is False


@pytest.mark.parametrize("backend", ["uv_build", "hatchling.build", "flit_core.buildapi", "poetry.core.masonry.api"])
def test_a_package_whose_module_is_missing_has_none(tmp_path: Path, backend: Any) -> None:
    """Nothing is made up: the backend would refuse to build it."""
    assert modules(tmp_path, built_by(backend), ("src/another/__init__.py",)) == ({}, True)


WRONG = """
[tool.setuptools]
packages = 3
package-dir = "x"
py-modules = { x = 1 }
[tool.hatch.build.targets]
wheel = 3
[tool.hatch.build]
force-include = ["x"]
[tool.poetry]
packages = ["x", { include = 3 }]
include = [3, "x", { path = 3, format = 3 }]
[tool.pdm]
build = { includes = 3, package-dir = 3 }
[tool.uv.build-backend]
module-name = 3
module-root = 3
[tool.flit]
module = "x"
"""


@pytest.mark.parametrize("backend", [*BACKENDS.values(), "maturin"])
def test_tables_of_wrong_types_are_the_backends_to_refuse(tmp_path: Path, backend: Any) -> None:
    """A layout is read without an error of its own; the build says what is wrong."""
    assert modules(tmp_path, built_by(backend, WRONG), ())[0] == {}
