"""`scripts/floors.py`: the lowest versions must answer like those of uv.lock, and both must answer."""

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/floors.py"
SPEC = importlib.util.spec_from_file_location("floors", SCRIPT)
assert SPEC is not None
assert SPEC.loader is not None
floors = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(floors)


def environment(folder: Path, answer: str, code: int = 0) -> Path:
    """An environment in which each program answers like that."""
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "services"):
        (folder / "bin" / name).write_text(f"#!/bin/sh\nprintf '{answer}\\n'\nexit {code}\n")
        (folder / "bin" / name).chmod(0o755)
    return folder


@pytest.mark.parametrize(
    ("lowest", "ours", "same", "said"),
    [
        (("a", 0), ("a", 0), True, "services synth: the same\n"),
        (("b", 0), ("a", 0), False, "services synth: differs\n"),
        (("a", 2), ("a", 0), False, "services synth: differs\n"),
        (("a", 2), ("a", 2), False, "services synth: fails with the versions of uv.lock\na\nexit code 2\n"),
    ],
)
def test_an_answer_counts_when_it_is_the_same_and_there_is_one(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    lowest: tuple[str, int],
    ours: tuple[str, int],
    same: bool,
    said: str,
) -> None:
    """A command that fails in both environments has shown nothing."""
    found = floors._same("synth", environment(tmp_path / "lowest", *lowest), environment(tmp_path / "ours", *ours))
    assert same is found
    assert capsys.readouterr().out.startswith(said)
