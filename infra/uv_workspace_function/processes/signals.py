"""Signals that end a command: what was started ends with it, and what was being made is undone on the way up.

A signal's default leaves programs running, with the variables and credentials that they were given.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_UNHANDLED = (signal.SIGTERM, signal.SIGHUP)
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Ended(BaseException):
    """The signal that ends this command; what was being made is undone on the way up."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell shows of a command that a signal ended."""
        return 128 + self.number


class Groups:
    """The process groups that were started, and the signal that came, if one did."""

    def __init__(self) -> None:
        self.running: set[int] = set()
        self.signal: int | None = None
        self.starting = 0

    def end(self, number: int, _: FrameType | None) -> None:
        """Handle a signal: the first one ends all groups and the work; what follows it waits for that."""
        if self.signal is not None:
            return
        self.signal = number
        for group in tuple(self.running):
            kill(group)
        if not self.starting:
            raise Ended(number)

    def raise_ended(self) -> None:
        """End the work where a signal came and could not do it."""
        if self.signal is not None:
            raise Ended(self.signal)


GROUPS = Groups()


@contextmanager
def ending_with_signals() -> Iterator[None]:
    """Work that SIGINT, SIGTERM, SIGHUP and SIGQUIT end by an `Ended`; one that is ignored (`nohup`) stays so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _ENDING}
    for number in _ENDING:
        if before[number] is not signal.SIG_IGN:
            signal.signal(number, GROUPS.end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        GROUPS.signal = None


@contextmanager
def unwinding() -> Iterator[None]:
    """Work inside another program, a CDK app, that SIGTERM and SIGHUP leave by an `Ended` before they end the program.

    Only where nobody else has a handler for them, and in the main thread: elsewhere Python has no say. SIGINT is an exception
    by itself. More of them on the way up change nothing.
    """
    taken: list[signal.Signals] = []
    ended: list[int] = []

    def unwind(number: int, _: FrameType | None) -> None:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        ended.append(number)
        raise Ended(number)

    if threading.current_thread() is threading.main_thread():
        taken += [each for each in _UNHANDLED if signal.getsignal(each) is signal.SIG_DFL]
    try:
        for each in taken:
            signal.signal(each, unwind)
        yield
    except Ended:
        if not ended:  # another stretch around this one has taken it
            raise
    finally:
        for each in taken:
            signal.signal(each, signal.SIG_DFL)
        if ended:
            signal.raise_signal(ended[0])


def kill(group: int) -> None:
    """End a process group, if there is one left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
