"""What the property tests went through, printed at the end of a run."""

from collections import Counter
from collections.abc import Iterator

import pytest

pytest.register_assert_rewrite("properties.laws")


@pytest.fixture
def seen(request: pytest.FixtureRequest) -> "Iterator[Counter[str]]":
    """How often each feature was in an example of this test."""
    counter: Counter[str] = Counter()
    yield counter
    request.node.user_properties.append(("seen", dict(counter)))  # a report travels from a worker of pytest-xdist too


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("", []):
        for counter in (
            value for name, value in report.user_properties if name == "seen" and report.when == "teardown"
        ):
            total = counter.pop("examples", 0)
            terminalreporter.section(f"{report.nodeid}: {total} examples")
            for feature, count in sorted(counter.items()):
                terminalreporter.write_line(f"{count / max(total, 1):6.1%}  {feature}")
