"""Signals that end a process, taken as exceptions for as long as something is half-done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_ENDING = (signal.SIGTERM, signal.SIGHUP)


class _EndedError(BaseException):
    """The process is to end; what is half-done goes away on the way out."""


@contextmanager
def unwinding() -> Iterator[None]:
    """A stretch that SIGTERM and SIGHUP leave through every `finally`, before they end the process as they always do.

    Only where nobody else has a handler for them, and in the main thread: elsewhere Python has no say. SIGINT is an exception
    by itself. More of them on the way out change nothing.
    """
    taken: list[signal.Signals] = []
    ended: list[int] = []

    def unwind(number: int, _: FrameType | None) -> None:
        for each in taken:
            signal.signal(each, signal.SIG_IGN)
        ended.append(number)
        raise _EndedError

    if threading.current_thread() is threading.main_thread():
        taken += [each for each in _ENDING if signal.getsignal(each) is signal.SIG_DFL]
    try:
        for each in taken:
            signal.signal(each, unwind)
        yield
    except _EndedError:
        if not ended:  # another stretch around this one has taken it
            raise
    finally:
        for each in taken:
            signal.signal(each, signal.SIG_DFL)
        if ended:
            signal.raise_signal(ended[0])
