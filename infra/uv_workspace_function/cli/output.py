"""What the command line prints: each line stays one line and is no command of CI's, and nothing of it is lost."""

import io
import json
import os
import re
import select
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from uv_workspace_function.errors import printable


def say(*lines: object, err: bool = False) -> None:
    """Print lines of text, each of which stays one, and no command of CI's, whatever names of a workspace are in it.

    Args:
        lines: the lines.
        err: whether they go to stderr.
    """
    for line in lines:
        print(_COMMAND.sub(r"\1\\\2", printable(str(line))), file=sys.stderr if err else sys.stdout)


_COMMAND = re.compile(r"^(\s*)(::|##\[)")
"""What a runner of GitHub or of Azure takes for a command, at the start of a line."""


def say_json(document: object) -> None:
    """Print a document for programs: one that no name of a workspace can break."""
    print(json.dumps(document, indent=2).replace("\x7f", "\\u007f"))


def say_commands(lines: Iterable[str]) -> None:
    """Print the commands of GitHub's that a report consists of."""
    for line in lines:
        print(printable(line))


def pass_on(text: str, *, err: bool = False) -> None:
    """Print what a handler that was called has written or answered: it is its caller's code, and its caller's terminal.

    Args:
        text: with or without a line's end.
        err: whether it goes to stderr.
    """
    import click  # noqa: PLC0415 - what is ours has no colours to be left out, and `uv-workspace-docker` no need of it

    click.echo(text, nl=not text.endswith("\n"), err=err)


@contextmanager
def whole_output() -> Iterator[None]:
    """A stretch in which stdout and stderr lose nothing, where they are this process's own.

    A stream that Python does not buffer (`PYTHONUNBUFFERED`) drops what one write(2) did not take: on a full disk a cut JSON
    would look like a whole one. And a reader that has read enough (`services list | head -1`) is no failure: the rest is not
    for anybody, and the command ends as it would have.
    """
    before = sys.stdout, sys.stderr
    try:
        sys.stdout, sys.stderr = _whole(before[0], 1), _whole(before[1], 2)
        yield
        sys.stdout.flush()
    finally:
        sys.stdout, sys.stderr = before


def _whole(stream: TextIO | None, descriptor: int) -> TextIO:
    if stream is None:  # closed (`2>&-`): what is for it is for nobody, and `print` would take stdout instead
        return Path(os.devnull).open("w", encoding="utf-8")
    try:
        is_own = stream.fileno() == descriptor
    except (OSError, ValueError, AttributeError):  # closed, or somebody else's: a test's
        is_own = False
    if not is_own:
        return stream
    return io.TextIOWrapper(
        io.BufferedWriter(_Descriptor(descriptor)),
        encoding=stream.encoding,
        errors="backslashreplace",  # a file's name need not be UTF-8
        line_buffering=True,
    )


class _Descriptor(io.RawIOBase):
    """A file descriptor that is written to, and not closed."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._number = number
        self._is_read = True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        while self._is_read:
            try:
                return os.write(self._number, data)
            except BlockingIOError:  # who shares it, such as Node, has set it so, and whoever reads it is slower
                select.select([], [self._number], [])
            except BrokenPipeError:
                self._is_read = False
        return int(memoryview(data).nbytes)
