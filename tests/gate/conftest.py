"""The corpus' score, told at the end of the run."""

from collections import Counter
from typing import Any

import pytest
from _pytest.terminal import TerminalReporter


def pytest_terminal_summary(terminalreporter: TerminalReporter) -> None:
    """Print precision and recall over every case that was run, and for each code that was expected or found."""
    right, alarms, missed = (Counter[str]() for _ in range(3))
    reports: list[Any] = [r for key in ("passed", "failed") for r in terminalreporter.stats.get(key, ())]
    for report in reports:
        for kind, text in getattr(report, "user_properties", ()):
            codes = [line.split()[0] for line in text.splitlines()]
            counter = {"corpus-right": right, "corpus-alarm": alarms, "corpus-missed": missed}.get(kind)
            if counter is not None:
                counter.update(codes)
    if not right and not alarms and not missed:
        return
    terminalreporter.section("corpus of the gate")
    for code in sorted(right.keys() | alarms.keys() | missed.keys()):
        terminalreporter.write_line(_score(code, right[code], alarms[code], missed[code]))
    terminalreporter.write_line(_score("all", right.total(), alarms.total(), missed.total()))


def _score(name: str, right: int, alarms: int, missed: int) -> str:
    precision = right / (right + alarms) if right + alarms else 1.0
    recall = right / (right + missed) if right + missed else 1.0
    return f"{name:7} precision {precision:.3f} ({alarms} false alarms), recall {recall:.3f} ({missed} missed), {right} found"


@pytest.fixture(autouse=True)
def uv_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """The gate runs uv as the tests do: offline, with a cache of its own, and no file cache of the user."""
    from wheelhouse import _environment

    for key, value in _environment().items():
        if key.startswith(("UV_", "XDG_")):
            monkeypatch.setenv(key, value)
    for key in ("VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"):
        monkeypatch.delenv(key, raising=False)
    # One that no other test has filled: what lies there counts as known.
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path_factory.mktemp("uv-cache")))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "facts"))
