"""How far a long command is: shown to people, never to machines."""

import io

import pytest
from uv_workspace_function.cli.progress import at_work, progress


class Terminal(io.StringIO):
    """A stderr that people look at."""

    def isatty(self) -> bool:
        return True


def shown(monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO) -> str:
    """What is written while three items are gone through."""
    monkeypatch.setattr("sys.stderr", stderr)
    assert ["a", "b", "c"] == list(progress(["a", "b", "c"], "adding up"))
    return stderr.getvalue()


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what is done, and with which item."""
    monkeypatch.delenv("CI", raising=False)
    text = shown(monkeypatch, Terminal())
    assert "adding up" in text
    assert "100%" in text


def test_ci_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some CI systems give a terminal; a bar there is a line for each step."""
    monkeypatch.setenv("CI", "true")
    assert "" == shown(monkeypatch, Terminal())


def test_a_file_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody watches a log."""
    monkeypatch.delenv("CI", raising=False)
    assert "" == shown(monkeypatch, io.StringIO())


def said(monkeypatch: pytest.MonkeyPatch, stderr: io.StringIO) -> str:
    """What is written while one long thing is done."""
    monkeypatch.setattr("sys.stderr", stderr)
    with at_work("building"):
        during = stderr.getvalue()
    assert stderr.getvalue().startswith(during)
    return stderr.getvalue()


def test_one_long_thing_is_told_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then the line is wiped, so that what comes next stands at its start."""
    monkeypatch.delenv("CI", raising=False)
    assert "\r\033[Kbuilding ...\r\033[K" == said(monkeypatch, Terminal())


def test_its_steps_are_told_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one stands there, cut to the terminal's width."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stderr", stderr := Terminal())
    with at_work("building") as tell:
        tell("orders: install-third-party")
        tell("orders: layout")
    lines = stderr.getvalue().split("\r\033[K")
    assert ["", "building ...", "building: orders: install-thi", "building: orders: layout ...", ""] == lines


def test_one_long_thing_is_not_told_to_machines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in CI nor in a file."""
    monkeypatch.delenv("CI", raising=False)
    assert "" == said(monkeypatch, io.StringIO())
    monkeypatch.setenv("CI", "true")
    assert "" == said(monkeypatch, Terminal())
