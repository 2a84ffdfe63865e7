"""Files as a folder on the disk: whole or absent, whoever interferes, and believed only after they were compared.

What is written grows in a folder of ours beside its place, or in it, and is renamed when it is whole. Each writer holds a lock on
that folder, which the system takes back when the writer ends however it ends: what has no lock on it is a killed writer's and is
taken away by the next one.
"""

import errno
import fcntl
import json
import os
import secrets
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from uv_workspace_function.context.content import ContextFile, digest_of
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.processes.signals import unwinding

Files = Mapping[str, ContextFile]
"""By path relative to the folder, with `/`."""

_OURS = ".uv-workspace-function-"
ROOMS = f"{_OURS}*"
"""The folders of writers, in the folder that they write to or beside it."""
_WHOLE = "whole"
_MOVING = "moving.json"
_ATTEMPTS = 10
_PRIVATE = 0o700
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR, errno.EISDIR)


def write(files: Files, folder: Path) -> None:
    """Write files as a folder, which must be absent or empty, or hold just them already.

    Raises:
        WorkspaceError: when it holds something else, or cannot be written; it is then as it was.
    """
    with _writing(folder) as rooms:
        if folder.is_dir():
            with locked(folder) as is_ours:
                _fill_empty(folder, files, rooms, is_ours=is_ours)
        elif os.path.lexists(folder):
            raise _taken(folder)
        else:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with _beside(folder.parent, rooms) as room:
                _fill(room / _WHOLE, files)
                try:
                    (room / _WHOLE).rename(folder)
                except OSError as error:
                    if error.errno not in _TAKEN or not holds(folder, files):
                        raise (_taken(folder) if error.errno in _TAKEN else error) from error


def stage(files: Files, folder: Path) -> None:
    """Make a folder of ours hold just these files: one that does already is left as it is, another one is replaced.

    Raises:
        WorkspaceError: when it cannot be written; it is then as it was.
    """
    if holds(folder, files):
        return
    with _writing(folder) as rooms:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _beside(folder.parent, rooms) as room:
            _fill(room / _WHOLE, files)
            for attempt in range(_ATTEMPTS):
                with suppress(FileNotFoundError):
                    folder.rename(room / f"before-{attempt}")
                try:
                    (room / _WHOLE).rename(folder)
                except OSError as error:  # somebody else was quicker
                    if error.errno not in _TAKEN:
                        raise
                    if holds(folder, files):
                        return
                else:
                    return
            raise WorkspaceError(
                f"{folder} keeps changing, since something else writes to it", "stop that, and try again"
            )


def holds(folder: Path, files: Files) -> bool:
    """Whether a folder holds just these files: their bytes and modes, as files of their own, and nothing beside them."""
    try:
        return stat.S_ISDIR(folder.lstat().st_mode) and _holds(str(folder), "", files, _folders(files)) == len(files)
    except OSError:
        return False


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """A stretch in which no other process of ours is between the same lines for a folder; False where no lock can be had."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError:  # some network file systems have none
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def _holds(real: str, above: str, files: Files, folders: set[str]) -> int:
    """How many of the files a folder holds; -1 at the first thing in it that is not as it has to be."""
    count = 0
    if above and stat.S_IMODE(os.stat(real, follow_symlinks=False).st_mode) != 0o755:  # noqa: PTH116 (a string)
        return -1
    with os.scandir(real) as entries:
        for entry in entries:
            path = f"{above}{entry.name}"
            if entry.is_dir(follow_symlinks=False) and path in folders:
                found = _holds(entry.path, f"{path}/", files, folders)
            else:
                found = 1 if path in files and _is(entry.path, files[path]) else -1
            if found < 0:
                return -1
            count += found
    return count


def _is(path: str, file: ContextFile) -> bool:
    """Whether a file is another one's like, by itself: an edit of it shows nowhere else."""
    status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 (the path is a string)
    if (stat.S_IFMT(status.st_mode), status.st_size, status.st_nlink) != (stat.S_IFREG, file.size, 1):
        return False
    if stat.S_IMODE(status.st_mode) != _mode(file):
        return False
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb", buffering=0) as stream:
        return digest_of(stream, file.size) == file.sha256


@contextmanager
def _writing(folder: Path) -> Iterator[list[Path]]:
    """A stretch that leaves none of the folders of ours it is told of before they are made: a signal can come at any time."""
    rooms: list[Path] = []
    try:
        with unwinding():
            try:
                yield rooms
            finally:
                for room in rooms:
                    shutil.rmtree(room, ignore_errors=True)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise WorkspaceError(f"the build context could not be written to {folder}: {reason}") from error


def _taken(folder: Path) -> WorkspaceError:
    return WorkspaceError(f"{folder} is not an empty folder", "it was left as it is: choose another, or empty it")


@contextmanager
def _beside(parent: Path, rooms: list[Path]) -> Iterator[Path]:
    """A folder of ours in another one, which goes away at the end; killed writers' are taken away first."""
    for entry in sorted(parent.glob(ROOMS)):
        _remove_abandoned(entry)
    room, descriptor = _room(parent, rooms)
    try:
        yield room
    finally:
        shutil.rmtree(room, ignore_errors=True)
        os.close(descriptor)


def _room(parent: Path, rooms: list[Path]) -> tuple[Path, int]:
    """A new folder of ours, and the descriptor that holds the lock on it."""
    while True:
        room = parent / f"{_OURS}{secrets.token_hex(8)}"
        rooms.append(room)
        room.mkdir(_PRIVATE)
        try:
            descriptor = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue  # taken away by a writer that saw it before its lock
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if room.exists():
            return room, descriptor
        os.close(descriptor)


def _remove_abandoned(room: Path) -> bool:
    """Take away a folder of a writer that has ended; False where it has not, or that cannot be known."""
    try:
        descriptor = os.open(room, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(room, ignore_errors=True)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True


def _fill_empty(folder: Path, files: Files, rooms: list[Path], *, is_ours: bool) -> None:
    """Fill an empty folder that stays the one it is: it can be a mount point, or what a link or a shell is at."""
    if is_ours:
        for room in sorted(folder.glob(ROOMS)):
            _take_back(room)
    if any(folder.iterdir()):
        if holds(folder, files):
            return
        raise _taken(folder)
    room, descriptor = _room(folder, rooms)
    moving: list[str] = []
    try:
        _fill(room / _WHOLE, files)
        moving += sorted(entry.name for entry in (room / _WHOLE).iterdir())
        (room / _MOVING).write_text(json.dumps(moving))
        for name in moving:
            (room / _WHOLE / name).rename(folder / name)
    except BaseException:
        for name in moving:
            if not os.path.lexists(room / _WHOLE / name):  # a signal can come between any two lines
                (folder / name).rename(room / _WHOLE / name)
        raise
    finally:
        shutil.rmtree(room, ignore_errors=True)
        os.close(descriptor)


def _take_back(room: Path) -> None:
    """Take away what a killed writer has left in a folder, with what it had moved up already."""
    with suppress(OSError, ValueError):
        # a mode that nothing out of a repository has: what lies there was written by nobody else
        moving = json.loads((room / _MOVING).read_bytes()) if stat.S_IMODE(room.lstat().st_mode) == _PRIVATE else []
        for name in moving:
            if name not in ("", ".", "..") and "/" not in name and not os.path.lexists(room / _WHOLE / name):
                _remove(room.parent / name)
    _remove_abandoned(room)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _folders(files: Files) -> set[str]:
    """The folders that files lie in, and those above, by path; the whole one's is empty."""
    folders = {""}
    for path in files:
        while (path := path.rpartition("/")[0]) not in folders:
            folders.add(path)
    return folders


def _fill(root: Path, files: Files) -> None:
    for folder in sorted(_folders(files)):  # each after the one above it
        path = root / folder
        path.mkdir()
        path.chmod(0o755)
    for name, file in files.items():
        _write_file(f"{root}/{name}", file)


def _write_file(path: str, file: ContextFile) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.fchmod(descriptor, _mode(file))
        # One write(2) takes no more than 2 GiB, and less where the disk is full: a buffered stream goes on until all is written.
        with open(descriptor, "wb", closefd=False) as stream:
            stream.writelines(file.chunks())
    finally:
        os.close(descriptor)


def _mode(file: ContextFile) -> int:
    return 0o755 if file.executable else 0o644
