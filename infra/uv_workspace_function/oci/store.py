"""The cache of images without an engine: contents by their digest, and records by what made them."""

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import Any, Protocol

from platformdirs import user_cache_path

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.compression import Digest

_IN_USE = 3600
"""Seconds after its last use in which nothing is deleted: another process may be about to read it."""
_WANTED = 30 * 24 * _IN_USE
"""The same for a builder's program, which is small and wanted again by the same version of this package."""
DEFAULT_LIMIT = 10_000_000_000
_READ = 1 << 20
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A content of the store."""

    digest: str
    size: int


class Shared(Protocol):
    """Records of other machines."""

    def find(self, kind: str, key: str) -> Any:
        """What one of them kept for a key; None where none did."""
        ...

    def note(self, kind: str, key: str) -> None:
        """Remember that a record was needed."""
        ...


@dataclass(frozen=True, slots=True)
class Store:
    """A folder that processes share. Whatever is in it is complete: it is written beside its place, and moved there.

    Args:
        folder: which one; it is made when it is needed.
        shared: is asked for the records that are not in it.
    """

    folder: Path
    shared: Shared | None = None

    @classmethod
    def at(cls, folder: Path | None) -> "Store":
        """That in a folder; None for the user's."""
        return cls.default() if folder is None else cls(folder.absolute())

    @classmethod
    def default(cls) -> "Store":
        """That of the user."""
        return cls(_users_folder())

    def path(self, digest: str) -> Path:
        """Where a content is, or would be."""
        return self.folder / "blobs" / digest.replace(":", "/")

    def holds(self, blob: Blob) -> bool:
        """Whether it is there whole; it is in use then."""
        path = self.path(blob.digest)
        try:
            if path.stat().st_size != blob.size:
                return False
            os.utime(path)
        except OSError:
            return False
        return True

    def add(self, pieces: Iterable[bytes], *, expected: str | None = None) -> Blob:
        """Keep a content.

        Args:
            pieces: of it.
            expected: its digest, where that is known.

        Raises:
            WorkspaceError: when it has another digest; nothing is kept then.
        """
        digest = Digest()
        with self._temporary() as place:
            with place.open("wb") as stream:
                for piece in digest.passing(pieces):
                    stream.write(piece)
            if expected is not None and str(digest) != expected:
                raise WorkspaceError(
                    f"what was read as {expected} is {digest}", "try again; whoever serves it does not serve it whole"
                )
            path = self.path(str(digest))
            path.parent.mkdir(parents=True, exist_ok=True)
            place.replace(path)
        return Blob(digest=str(digest), size=digest.size)

    def read(self, blob: Blob, *, start: int = 0) -> Iterator[bytes]:
        """A content, in pieces.

        Raises:
            WorkspaceError: when it is another one by now; where it is read whole.
        """
        digest = Digest()
        with self.path(blob.digest).open("rb") as stream:
            stream.seek(start)
            yield from digest.passing(iter(lambda: stream.read(_READ), b""))
        if start == 0 and str(digest) != blob.digest:
            self.path(blob.digest).unlink(missing_ok=True)
            raise WorkspaceError(f"the cache's {blob.digest} was damaged", "it was deleted; run the command again")

    def record(self, kind: str, key: str) -> Any:
        """What was kept for a key; None where nothing was, or it is no JSON any more."""
        path = self._record(kind, key)
        try:
            content = json.loads(path.read_bytes())
            os.utime(path)
        except (OSError, ValueError):
            content = None
        if self.shared is not None:
            self.shared.note(kind, key)
            if content is None and (content := self.shared.find(kind, key)) is not None:
                self.keep(kind, key, content)
        return content

    def forget(self, kind: str, key: str) -> None:
        """Keep nothing for a key."""
        self._record(kind, key).unlink(missing_ok=True)

    def keep(self, kind: str, key: str, value: Any) -> None:
        """Keep something for a key."""
        if self.shared is not None:
            self.shared.note(kind, key)
        with self._temporary() as place:
            place.write_text(json.dumps(value), encoding="utf-8")
            path = self._record(kind, key)
            path.parent.mkdir(parents=True, exist_ok=True)
            place.replace(path)

    @contextmanager
    def locked(self, name: str) -> Iterator[int]:
        """Only one process, and one thread, at a time; the lock's file.

        A child that inherits it holds the lock for as long as it lives, also when this process was killed: a package that lets others
        wait by the name of a file does not give it away.
        """
        path = self.folder / "locks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _locked(path)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def work_folder(self, name: str) -> Iterator[tuple[Path, int]]:
        """An empty folder that nobody else uses, with its lock: children that write there must inherit it.

        It has the same place each time, since uv remembers builds by their place.
        """
        with self.locked(f"work-{name}") as lock:
            folder = self.folder / "work" / name
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            try:
                yield folder, lock
            finally:
                self.discard(folder)

    def discard(self, folder: Path) -> None:
        """Delete a folder while the work goes on; a process ends when its folders are gone, and `bound` finds what a killed one left."""
        aside = self.folder / "unpacked" / secrets.token_hex(8)
        try:
            aside.parent.mkdir(parents=True, exist_ok=True)
            folder.rename(aside)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
            return
        try:
            Thread(target=shutil.rmtree, args=(aside,), kwargs={"ignore_errors": True}).start()
        except RuntimeError:  # the system lets this process start no further thread
            shutil.rmtree(aside, ignore_errors=True)

    @contextmanager
    def unpacking(self) -> Iterator[Path]:
        """An empty folder for files on their way; what a process that was killed leaves of one is deleted by `bound`."""
        parent = self.folder / "unpacked"
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=parent) as folder:
            yield Path(folder)

    def bound(self, limit: int = DEFAULT_LIMIT) -> None:
        """Delete what was not used for longest, until contents and records take no more than a limit in bytes; and what killed processes left."""
        _delete_left(self.folder)
        _delete_unused(self.folder, limit)

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Say what the system refuses of a path in here.

        Raises:
            WorkspaceError: in place of the system's own error.
        """
        try:
            yield
        except OSError as error:
            if error.filename is None:
                is_ours = error.errno in _NO_ROOM  # a write that finds no room names no file
            else:
                is_ours = Path(os.fsdecode(error.filename)).is_relative_to(self.folder)
            if not is_ours:
                raise
            raise self.unusable(error) from error

    def unusable(self, error: OSError) -> WorkspaceError:
        """What to say where the system does not let it be written or read."""
        reason = "the disk is full" if error.errno in _NO_ROOM else (error.strerror or str(error)).lower()
        return WorkspaceError(
            f"{error.filename or self.folder} could not be written or read: {reason}",
            "make room, or give another folder with --cache (CDK_DOCKER: UV_WORKSPACE_DOCKER_CACHE)",
        )

    def _record(self, kind: str, key: str) -> Path:
        return self.folder / "records" / kind / f"{key}.json"

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        folder = self.folder / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=folder)
        os.close(descriptor)
        place = Path(name)
        try:
            yield place
        finally:
            place.unlink(missing_ok=True)


def _users_folder() -> Path:
    """Where a user's caches are; a relative `XDG_CACHE_HOME` is none, as its specification says."""
    with suppress(RuntimeError):  # nobody knows a home for this user, as in a container that runs as a number
        folder = user_cache_path("uv-workspace-function")
        return folder if folder.is_absolute() else Path.home() / ".cache/uv-workspace-function"
    raise WorkspaceError(
        "there is no folder to keep layers in: this user has no home",
        "set HOME, or give a folder with --cache (CDK_DOCKER: UV_WORKSPACE_DOCKER_CACHE)",
    )


def _locked(path: Path) -> int:
    """Open a lock's file and lock it; once more where it was deleted in between, since others lock another one by then."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            os.utime(descriptor)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except FileNotFoundError:
            pass
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _delete_unused(store: Path, limit: int) -> None:
    found = []
    for path in [*store.glob("blobs/*/*"), *store.glob("records/*/*"), *store.glob("tmp/*")]:
        try:
            status = path.stat()
        except OSError:
            continue
        found.append((status.st_mtime, status.st_size, path))
    size, now = sum(size for _, size, _ in found), time.time()
    for used, own, path in sorted(found):
        if (size <= limit and path.parent.name != "tmp") or now - used < _IN_USE:
            continue
        path.unlink(missing_ok=True)
        size -= own


def _delete_left(store: Path) -> None:
    delete_folder = partial(shutil.rmtree, ignore_errors=True)
    for glob, age, delete in (
        ("unpacked/*", _IN_USE, delete_folder),
        ("programs/*", _WANTED, delete_folder),
        ("locks/*", _IN_USE, _delete_free),
    ):
        for path in store.glob(glob):
            with suppress(OSError):
                if time.time() - path.stat().st_mtime >= age:
                    delete(path)


def _delete_free(lock: Path) -> None:
    """Delete a lock's file, unless somebody has it locked."""
    descriptor = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.unlink()
    finally:
        os.close(descriptor)


def key_of(*parts: object) -> str:
    """A key that is another one when any of its parts is."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()
