"""What can be wrong with a workspace, said so that it can be fixed: what was asked, what exists, what to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uv_workspace_function.builder.credentials import redacted


class WorkspaceError(Exception):
    """Something in the workspace, its lock or a request to it that stops the work before anything was written.

    A URL in it hides its credentials, whoever prints it.

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
        self.problem = redacted(problem)
        self.remedy = None if remedy is None else redacted(remedy)
        super().__init__(self.problem, self.remedy)

    def __str__(self) -> str:
        return self.problem if self.remedy is None else f"{self.problem}; {self.remedy}"


class NoWorkspaceError(WorkspaceError):
    """A folder that is not the root of a uv workspace."""


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


def unreadable(error: OSError, root: Path | None = None) -> WorkspaceError:
    """The error for what the system refuses to read, with its path, seen from a workspace's root where it lies below it."""
    shown = seen_from(root, Path(os.fsdecode(error.filename)))
    return WorkspaceError(f"cannot read {shown}: {(error.strerror or str(error)).lower()}", "make it readable")


def seen_from(root: Path | None, path: Path) -> Path:
    """A path as messages show it: relative to the workspace's root where it lies below it."""
    return path.relative_to(root) if root is not None and path.is_relative_to(root) else path
