"""What the image tests share: the requirement `engine`, and the workspaces that images are built of."""

import os
from collections.abc import Iterator

import pytest
from images import twins
from images.engine import START, Engine, answers


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
