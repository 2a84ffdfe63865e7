"""How a process ended, in words."""

import signal

import pytest
from uv_workspace_function.running.outcome import how_it_ended


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, "exit status 0"),
        (3, "exit status 3"),
        (-signal.SIGKILL, "signal SIGKILL"),
        (-(signal.SIGRTMIN + 6), f"signal {signal.SIGRTMIN + 6}"),
    ],
)
def test_an_exit_code_in_words(code: int, expected: str) -> None:
    """Signals by their names, as far as they have some."""
    assert expected == how_it_ended(code)
