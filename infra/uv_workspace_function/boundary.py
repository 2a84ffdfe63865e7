"""Where a workspace's files may lie, and how they are read: in the repository, in none of git's own folders, regular, and not endless.

Whatever a workspace holds (links, globs, paths in its tables and its lock), each file that enters a build context is asked about here.
"""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError

LARGEST = 100_000_000
"""Bytes: no file that is read to understand a workspace (definitions, locks, code) is as large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boundary:
    """The repository that a workspace lies in: the nearest folder at or above it that holds a `.git`, else the workspace's root."""

    top: str
    """Absolute and free of links."""
    git_folder: str | None
    """Where git keeps the repository, where a file says so instead of a folder: worktrees, submodules, `--separate-git-dir`."""

    @classmethod
    def around(cls, root: Path | str) -> "Boundary":
        """The boundary of the workspace at a root."""
        real = Path(os.path.realpath(root))
        top = next((folder for folder in (real, *real.parents) if os.path.lexists(folder / ".git")), real)
        return cls(top=str(top), git_folder=_separate_git_folder(top))

    def refusal(self, real: str) -> str | None:
        """Why a file or folder may not enter a context, None where it may.

        Args:
            real: its path, absolute and free of links.
        """
        if not is_within(real, self.top):
            return f"outside the repository {self.top}"
        # on a file system that does not tell cases apart, all of them are git's
        if ".git" in real[len(self.top) :].casefold().split("/"):
            return "below .git"
        return "below .git" if self.git_folder is not None and is_within(real, self.git_folder) else None


def check_definition(root: Path, path: Path) -> Path:
    """Refuse a file that says what a workspace is and lies elsewhere.

    Args:
        root: the workspace's root.
        path: where the file is looked for.

    Returns:
        The path as it is given.

    Raises:
        WorkspaceError: when it leads out of the repository, or below its `.git`.
    """
    real = os.path.realpath(path)
    if real == str(path) and "/.git/" not in real.casefold():
        return path
    refusal = Boundary.around(root).refusal(real)
    if refusal is not None:
        raise WorkspaceError(f"{path} leads to {real}, {refusal}", "put the file itself there")
    return path


def absolute(what: str, path: str) -> WorkspaceError:
    """What is wrong with an absolute path in a definition or a lock, inside the repository or not."""
    return WorkspaceError(
        f"{what} lies at {path}, an absolute path: it is another one on each machine, and none in an image's build",
        "name it relative to its pyproject.toml, and run `uv lock`",
    )


def outside(what: str, path: str) -> WorkspaceError:
    """What is wrong with a path in a lock that leaves the workspace."""
    return WorkspaceError(
        f"{what} lies at {path}, outside the workspace's root, where no build context reaches",
        "move it below the root, or publish it to an index",
    )


def read_file(path: Path | str, *, largest: int = LARGEST) -> bytes:
    """All bytes of a regular file.

    Args:
        path: the file.
        largest: more bytes than that are not read.

    Raises:
        OSError: when it cannot be read, is no regular file (a pipe, a device), or is larger.
    """
    # Opening a pipe would wait for somebody to write to it, and opening a device can do something.
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (it may be a string)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
        content = stream.read(largest + 1)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"larger than {largest:,} bytes", str(path))
    return content


def is_within(path: str, folder: str) -> bool:
    """Whether a path is a folder's own or lies below it."""
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _separate_git_folder(top: Path) -> str | None:
    try:
        said = read_file(top / ".git", largest=10_000).decode(errors="surrogateescape")
    except (OSError, ValueError):
        return None
    name, _, where = said.partition(":")
    return os.path.realpath(top / where.strip()) if name == "gitdir" and where.strip() else None
