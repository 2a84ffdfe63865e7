"""A workspace that knows nothing of this repository, and what a reader of docs/adopting.md made of it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from adopting.reader import REPOSITORY, Reader, shell
from images.engine import START, answers


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this distribution."""
    folder = tmp_path_factory.mktemp("wheels")
    shell(f"uv build --quiet --package uv-workspace-function --wheel --out-dir {folder}", REPOSITORY)
    return folder


@pytest.fixture(scope="session")
def adopted(tmp_path_factory: pytest.TempPathFactory, wheels: Path) -> Iterator[Reader]:
    """Another layout, folders unlike package names, hatchling, a root that is a package; the page followed in it."""
    reader = Reader(root=tmp_path_factory.mktemp("adopting") / "acme", wheels=wheels, engine=answers())
    shutil.copytree(Path(__file__).parent / "acme", reader.root)
    shell("uv lock --quiet", reader.root)
    reader.follow(REPOSITORY / "docs/adopting.md")
    yield reader
    if reader.engine:
        subprocess.run(["docker", "image", "rm", "--force", "acme-mail-sender"], capture_output=True, check=False)


@pytest.fixture
def engine(adopted: Reader) -> None:
    """A container engine. Without one a skip; with REQUIRE_ENGINE=1 a failure."""
    if not adopted.engine:
        if os.environ.get("REQUIRE_ENGINE") == "1":
            pytest.fail(f"REQUIRE_ENGINE=1, but {START}", pytrace=False)
        pytest.skip(START)
