"""What the image tests share: the requirement `engine`, and the workspaces that images are built of."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from images import twins
from images.engine import START, Engine, answers
from images.shop import write_shop


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A container engine. Without one a skip; with REQUIRE_ENGINE=1 a failure."""
    if not answers():
        if os.environ.get("REQUIRE_ENGINE") == "1":
            pytest.fail(f"REQUIRE_ENGINE=1, but {START}", pytrace=False)
        pytest.skip(START)
    found = Engine()
    yield found
    found.clean()
    twins.clean()


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The monorepo of `images.shop`, before any change."""
    return write_shop(tmp_path_factory.mktemp("shop") / "repository")


@pytest.fixture
def shop(original: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return Path(shutil.copytree(original, tmp_path / "repository"))
