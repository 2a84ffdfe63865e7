"""Wheels that lie in the repository: a context has its closure's and its backends', whoever else uses the folder."""

from pathlib import Path

import pytest
from made import lock, member, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import sdist, wheel

BACKEND = '[build-system]\nrequires = ["backend>=1 ; python_version > \'3\'"]\nbuild-backend = "backend"\n'


def archives(root: Path, name: str = "api") -> list[str]:
    context = BuildContext.of(Workspace.load(root), name)
    return [path.removeprefix("wheels/") for path in context.files if path.startswith("wheels/")]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service and another one, with a folder of wheels as their index."""
    root = workspace(
        tmp_path / "shop",
        {"api": 'dependencies = ["used"]\n', "other": 'dependencies = ["others"]\n'},
        exclude=["wheels"],
        tail='find-links = ["wheels"]\n',
    )
    (root / "wheels").mkdir()
    for name in ("used", "others", "nobodys"):
        wheel(root / "wheels", name)
    return lock(root)


def test_a_context_has_the_wheels_of_its_closure(shop: Path) -> None:
    """Neither those of another service, nor those that nobody has locked."""
    assert archives(shop) == ["used-1.0-py3-none-any.whl"]


def test_a_backend_brings_all_its_versions_and_what_they_need(shop: Path) -> None:
    """A backend is in no lock, so nothing tells which version a build will take."""
    wheel(shop / "wheels", "backend", "1.0", requires=["tool[extra]>=1 ; sys_platform == 'linux'"])
    wheel(shop / "wheels", "backend", "2.0")
    wheel(shop / "wheels", "tool", requires=["Deep_Tool"])
    wheel(shop / "wheels", "deep-tool")
    member(shop / "api", 'dependencies = ["used"]\n', build_system=BACKEND)
    assert archives(shop) == [
        "backend-1.0-py3-none-any.whl",
        "backend-2.0-py3-none-any.whl",
        "deep_tool-1.0-py3-none-any.whl",
        "tool-1.0-py3-none-any.whl",
        "used-1.0-py3-none-any.whl",
    ]


def test_an_extra_build_dependency_comes_along(shop: Path) -> None:
    root = shop / "pyproject.toml"
    root.write_text(root.read_text() + '[tool.uv.extra-build-dependencies]\nApi = ["nobodys"]\n')
    assert archives(shop) == ["nobodys-1.0-py3-none-any.whl", "used-1.0-py3-none-any.whl"]
    assert archives(shop, "other") == ["others-1.0-py3-none-any.whl"]


def test_a_requirement_of_another_service_leaves_the_archives(shop: Path) -> None:
    """Also where it is a wheel that nobody had locked before."""
    before = archives(shop)
    member(shop / "other", 'dependencies = ["others", "nobodys"]\n')
    assert archives(lock(shop)) == before


@pytest.mark.parametrize("where", ["a locked package", "a backend"])
def test_where_an_sdist_is_built_the_whole_folder_comes_along(shop: Path, where: str) -> None:
    """What builds it is known to itself alone."""
    if where == "a backend":
        sdist(shop / "wheels", "backend")
        member(shop / "api", 'dependencies = ["used"]\n', build_system=BACKEND)
    else:
        (shop / "wheels" / "used-1.0-py3-none-any.whl").unlink()
        sdist(shop / "wheels", "used")
        (shop / "uv.lock").unlink()
        lock(shop)
    everything = sorted(path.name for path in (shop / "wheels").iterdir())
    assert archives(shop) == everything
