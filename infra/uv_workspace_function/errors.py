"""What can be wrong with a workspace, said so that it can be fixed: what was asked, what exists, what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from uv_workspace_function.builder.credentials import redacted


class WorkspaceError(Exception):
    """Something in the workspace, its lock or a request to it that stops the work before anything was written.

    A URL in it hides its credentials, whoever prints it.

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


class LockError(WorkspaceError):
    """A lock that is not that of its project, or not whole: `uv lock` writes it anew."""


@contextmanager
def reading() -> Iterator[None]:
    """A stretch of reading, in which what the system refuses becomes a WorkspaceError that names the path."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise unreadable(error) from error


def unreadable(error: OSError) -> WorkspaceError:
    """The error for what the system refuses to read, with its path."""
    return WorkspaceError(f"cannot read {error.filename}: {(error.strerror or str(error)).lower()}", "make it readable")
