"""Layouts: what each build backend makes importable; the oracle is a wheel that the backend itself builds."""

import tomllib
from pathlib import Path, PurePosixPath

import pytest
from backends import CASES, Case, build_wheels
from uv_workspace_function.layouts import Layout, layout_of


@pytest.fixture(scope="module")
def built(tmp_path_factory):
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
            places |= {str(place / file.relative_to(path)) for file in path.rglob("*") if file.is_file()}
        else:
            places.add(f"{place}.py")
    return places


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_layout_is_what_the_backend_builds(case, built):
    """Every importable file of the wheel is in the layout, every module of the layout is in the wheel."""
    folder, wheel = built(case)
    layout = layout_of(tomllib.loads(case.pyproject), folder)
    assert {module.name: str(module.path) for module in layout.modules} == dict(case.modules)
    assert layout.complete is case.complete
    assert wheel, f"{case.backend} did not build the package; its message is above"
    shipped = {name for name in wheel if not name.partition("/")[0].endswith((".dist-info", ".data"))}
    python = {name for name in shipped if name.endswith((".py", ".pyi"))}
    predicted = {name for name in installed(folder, layout) if name.endswith((".py", ".pyi"))}
    assert python <= predicted if case.only_part else python == predicted
    for module in layout.modules:
        assert any(name.startswith(module.name.replace(".", "/")) for name in shipped), module
