"""What the tests of builds without an engine share: a small monorepo, a base image by hand, a cache, a Python 3.14."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from images import twins
from images.shop import write_shop
from oci.bases import write_base
from uv_workspace_function.cli.main import main

Build = Callable[..., Any]


@pytest.fixture(scope="session")
def python_314() -> Path:
    """A Python 3.14 of this machine."""
    return twins.interpreter()


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The monorepo before any change."""
    return write_shop(tmp_path_factory.mktemp("oci-shop") / "repository")


@pytest.fixture
def shop(original: Path, tmp_path: Path) -> Path:
    """A copy of the monorepo, to be changed."""
    return Path(shutil.copytree(original, tmp_path / "repository"))


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base image for arm64."""
    return write_base(tmp_path_factory.mktemp("oci-base") / "base")


@pytest.fixture(scope="session")
def uv_of_the_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that has uv's wheel, so that no test fetches it but one."""
    return tmp_path_factory.mktemp("oci-uv")


@pytest.fixture
def cache(uv_of_the_image: Path, tmp_path: Path) -> Path:
    """A cache with nothing in it but uv."""
    folder = tmp_path / "cache"
    folder.mkdir()
    (folder / "uv").symlink_to(uv_of_the_image, target_is_directory=True)
    return folder


@pytest.fixture
def build(shop: Path, base: Path, cache: Path, python_314: Path) -> Build:
    """`services build` of the monorepo: what it answers."""

    def run(*arguments: str | os.PathLike[str], code: int = 0, **more: Path) -> Any:
        places = {"workspace": shop, "cache": cache, "interpreter": python_314, **more}
        command = ["build", *map(str, arguments), "--json", *(f"--{name}={path}" for name, path in places.items())]
        if not any(str(argument).startswith(("--base-image", "--format=zip")) for argument in arguments):
            command.append(f"--base-image=oci:{base}")
        result = CliRunner().invoke(main, command)
        assert code == result.exit_code, result.output
        return json.loads(result.stdout) if code == 0 else result.stderr.removeprefix("error: ").rstrip("\n")

    return run


def digests(answer: Mapping[str, Any]) -> dict[str, str]:
    """The DiffIDs of an answer, by layer."""
    return {layer["name"]: layer["diff_id"] for layer in answer["layers"]}


def reused(answer: Mapping[str, Any]) -> set[str]:
    """The layers that no step was run for."""
    return {layer["name"] for layer in answer["layers"] if layer["reused"]}
