"""How a call went."""

import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What is called."""

    handler: str
    event: bytes
    """JSON."""
    timeout: int
    """Seconds."""
    declared: Mapping[str, str]
    """Variables that hold where nothing else says one."""
    asked: Mapping[str, str]
    """Variables that hold over all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOutcome:
    """What came of a call."""

    answer: str | None
    """JSON; None where there is no answer."""
    failure: str | None
    """What was raised, with its traceback where one is known; None where there is an answer."""
    initialisation: float | None
    """Seconds until the handler could be called; None where that did not come to an end."""
    duration: float | None
    """Seconds of the call itself; None where it did not begin."""
    memory: int | None
    """Bytes of resident memory at the peak; None if unknown."""
    where: str
    """What it ran on, in words."""

    @classmethod
    def of(cls, report: dict[str, Any], where: str) -> "CallOutcome":
        """Read what one of the two programs reported."""
        return cls(
            answer=report.get("answer"),
            failure=report.get("failure"),
            initialisation=report.get("initialisation"),
            duration=report.get("duration"),
            memory=report.get("memory"),
            where=where,
        )


def too_late(timeout: int, *, initialised: bool) -> str:
    """The failure of what took too long."""
    what = "call" if initialised else "initialisation"
    return f"the {what} took more than {timeout} s and was ended; give it more with --timeout SECONDS"


def how_it_ended(code: int) -> str:
    """The exit code of a process in words, as `subprocess` gives it."""
    if code >= 0:
        return f"exit status {code}"
    known = -code in {number.value for number in signal.Signals}  # most real-time signals have no name
    return f"signal {signal.Signals(-code).name if known else -code}"


def advice(report: dict[str, Any], error: str, text: str) -> str:
    """What may fix a failure, to be added to it; empty where nothing is known.

    Args:
        report: of the program.
        error: the type of what was raised.
        text: what it says.
    """
    name = text.strip("'\"")
    if "initialisation" not in report and error == "KeyError" and re.fullmatch(r"[A-Z][A-Z0-9_]*", name):
        return f"\nif {name} is a variable of the function's, give it with --env {name}=VALUE"
    return ""
