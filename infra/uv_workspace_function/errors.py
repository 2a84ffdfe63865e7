"""What can be wrong with a workspace, said so that it can be fixed: what was asked, what exists, what to do."""

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from uv_workspace_function.builder.credentials import redacted


class WorkspaceError(Exception):
    """Something in the workspace, its lock or a request to it that stops the work before anything was written.

    A URL in it hides its credentials, whoever prints it, and nothing in it starts a line or moves a cursor.

    Example:
        What is wrong, and what to do::

            try:
                workspace.closure("query-apo")
            except WorkspaceError as error:
                print(f"{error.problem}; {error.remedy}")

    Args:
        problem: what was asked and what exists, lower case, no final period.
        remedy: what to do about it; None where `problem` already says it.
    """

    def __init__(self, problem: str, remedy: str | None = None) -> None:
        self.problem = printable(redacted(problem))
        self.remedy = None if remedy is None else printable(redacted(remedy))
        super().__init__(self.problem, self.remedy)

    @classmethod
    def of_lines(cls, lines: Iterable[object]) -> Self:
        """Several problems of one kind, each a line."""
        error = cls("")
        error.problem = "\n".join(printable(redacted(str(line))) for line in lines)
        error.args = (error.problem, None)
        return error

    def __str__(self) -> str:
        return self.problem if self.remedy is None else f"{self.problem}; {self.remedy}"


class NoWorkspaceError(WorkspaceError):
    """A folder that is not the root of a uv workspace."""


# Controls (of C0 and C1), line and paragraph ends, what changes the direction of text, and bytes that are no UTF-8.
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    """A text that starts no line and no escape sequence, whatever names and values of a workspace are in it.

    CI takes lines that begin with `::` or `##[` for commands, and a terminal does what an escape sequence says.
    """
    return _UNPRINTABLE.sub(lambda found: _escaped(found[0]), text)


def _escaped(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # a byte of a file's name
        return f"\\x{ord(sign) - 0xDC00:02x}"
    return sign.encode("unicode_escape").decode()


class LockError(WorkspaceError):
    """A lock that is not that of its project, or not whole: `uv lock` writes it anew."""


@contextmanager
def reading(root: Path | None = None) -> Iterator[None]:
    """A stretch of reading, in which what the system refuses becomes a WorkspaceError that names the path.

    Args:
        root: the workspace's root, from where paths are named; None where there is none yet.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise unreadable(error, root) from error
    except RecursionError as error:
        raise nested_too_deeply() from error


def nested_too_deeply() -> WorkspaceError:
    """The error for brackets by the thousand, in a marker say: what Python's own stack is too small for."""
    return WorkspaceError(
        "something in the workspace is nested too deeply to be read", "look for thousands of nested brackets"
    )


def unreadable(error: OSError, root: Path | None = None) -> WorkspaceError:
    """The error for what the system refuses to read, with its path, seen from a workspace's root where it lies below it."""
    shown = seen_from(root, Path(os.fsdecode(error.filename)))
    return WorkspaceError(f"cannot read {shown}: {(error.strerror or str(error)).lower()}", "make it readable")


def seen_from(root: Path | None, path: Path) -> Path:
    """A path as messages show it: relative to the workspace's root where it lies below it."""
    return path.relative_to(root) if root is not None and path.is_relative_to(root) else path
