"""The fuzzer of `make fuzz`, in short; and that it sees what it is there to see."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hostile.fuzz import Ended, broken

RUNS, SEED = 500, 12


def test_500_odd_workspaces_end_as_documented() -> None:
    """In a process of its own, which forks: of one with threads, such as pytest-xdist's, no copy can be made."""
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-m", "hostile.fuzz", "--runs", str(RUNS), "--seed", str(SEED)]
    environment = {**os.environ, "PYTHONPATH": tests}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1200, check=False)
    assert 0 == done.returncode, done.stdout[-20_000:] + done.stderr


def ended(code: int = 0, stdout: str = "", stderr: str = "", seconds: float = 1, *, left: bool = False) -> Ended:
    return Ended(code=code, stdout=stdout, stderr=stderr, seconds=seconds, left=left)


@pytest.mark.parametrize(
    ("line", "how", "expected"),
    [
        (["list"], ended(70), ["exit code 70"]),
        (["list"], ended(-9), ["exit code -9"]),
        (["list"], ended(-9, seconds=31), ["it took 31 s"]),
        (["list"], ended(2), ["refused without a word"]),
        (["list"], ended(1, stderr="Traceback (most recent call last)"), ["a traceback"]),
        (["list"], ended(left=True), ["processes left behind"]),
        (["list"], ended(stdout="a\n::add-mask::b"), ["printed 'a\\n::add-mask::b'"]),
        (["list"], ended(stdout="\x1b[31m"), ["printed '\\x1b[31m'"]),
        (["list", "--json"], ended(stdout="[1"), ["no JSON: Expecting ',' delimiter: line 1 column 3 (char 2)"]),
        (["check", "--format", "github"], ended(1, "::error file=x::y"), []),
        (["list"], ended(stdout="a ::b"), []),
    ],
)
def test_what_does_not_hold_is_seen(line: list[str], how: Ended, expected: list[str], tmp_path: Path) -> None:
    assert expected == [*broken(line, how, {}, {}, tmp_path / "out")]


def test_what_is_written_elsewhere_is_seen(tmp_path: Path) -> None:
    out = tmp_path / "out"
    file = (0o644, 1, 1, "")
    after = {str(out): file, str(tmp_path / "tmp/x"): file}
    assert [f"changed '{tmp_path}/tmp/x'"] == [*broken(["prune"], ended(), {}, after, out)]
    assert 2 == len([*broken(["prune"], ended(2, stderr="error: no"), {}, after, out)])
