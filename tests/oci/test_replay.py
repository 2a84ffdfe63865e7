"""Twelve commits of a made monorepo: `affected` names every image that changes, and the registry gets no image twice.

`benchmarks/replay.py` does a hundred, of sixty services, and beside BuildKit.
"""

from pathlib import Path

import pytest
from oci import ecr
from oci.replay import History, Outcome, Replay
from uv_workspace_function.oci.layer_builds import Options
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference

EXPLAINED = {
    "named": {"a table of an unknown tool"},
    "changed": {"the commit before, undone"},
}
"""Which commits name services whose image stays, and which change images to ones that the registry has."""


@pytest.fixture(scope="module")
def outcomes(
    tmp_path_factory: pytest.TempPathFactory, base: Path, python_314: Path, uv_of_the_image: Path
) -> list[Outcome]:
    """What came of each commit; at the end, every image is built, and none is another one than it should be."""
    folder = tmp_path_factory.mktemp("replay")
    (folder / "cache").mkdir()
    (folder / "cache/uv").symlink_to(uv_of_the_image, target_is_directory=True)
    history = History.write(folder / "repository", 4)
    options = Options(base_image=f"oci:{base}", interpreter=python_314)
    with ecr.serving() as registry:
        to = ImageReference.parse(f"{registry.host}/shop")
        replay = Replay(history=history, store=Store(folder / "cache"), options=options, to=to)
        assert replay.all() > 0
        found = [replay.commit(kind) for kind in history.commits(12)]
        assert [] == replay.unnoticed()
        registry.assert_whole()
        assert {1} == set(registry.received.values())
    return found


def test_named_changed_and_pushed_each_hold_the_next(outcomes: list[Outcome]) -> None:
    """And each of them is something that happened."""
    assert [] == [found for found in outcomes if not found.pushed <= found.changed <= found.named]
    assert any(found.pushed for found in outcomes)


def test_every_difference_is_explained(outcomes: list[Outcome]) -> None:
    """A table that a backend might read makes a new context of the same image; what is undone makes an image that is there."""
    assert {found.kind for found in outcomes if found.named - found.changed} <= EXPLAINED["named"] | EXPLAINED[
        "changed"
    ]
    assert {found.kind for found in outcomes if found.changed - found.pushed} <= EXPLAINED["changed"]


def test_what_changes_no_image_sends_nothing(outcomes: list[Outcome]) -> None:
    quiet = [found for found in outcomes if found.kind in {"a document, a test", "a linter's table"}]
    assert quiet
    assert {(frozenset(), 0)} == {(found.named, found.sent) for found in quiet}
