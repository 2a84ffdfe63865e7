"""One file of a build context: its bytes, or where they lie until the context is written."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from uv_workspace_function.errors import WorkspaceError

# Bytes: a file up to this size is held in memory, a larger one is read once more when its context is written.
_HELD = 1 << 18
_CHUNK = 1 << 20
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextFile:
    """One file of a build context: what it holds, and whether its owner may execute it.

    Two are equal where their bytes and the executable bit are.
    """

    sha256: str
    """Of its bytes, in hex."""
    size: int
    """Bytes."""
    executable: bool
    _held: bytes | None = field(repr=False, compare=False)
    _source: str = field(default="", repr=False, compare=False)

    @classmethod
    def of(cls, content: bytes, *, executable: bool = False) -> ContextFile:
        """A file with bytes that are in memory."""
        digest = hashlib.sha256(content).hexdigest()
        return cls(sha256=digest, size=len(content), executable=executable, _held=content)

    @classmethod
    def read(cls, path: str, *, look: Callable[[bytes], None] = lambda _: None) -> ContextFile | None:
        """A file of the disk; None where there is something else than a regular file.

        A large one stays where it is: it is read here for its digest, and again when it is written, which is refused when
        it is another one by then.

        Args:
            path: the file, with no link in it.
            look: what looks at the bytes, in order and piece by piece.

        Raises:
            OSError: when it cannot be read.
            WorkspaceError: when it changes all the while.
        """
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116 (the path is a string)
            return None  # opening a socket fails, and opening a device can do something
        for _ in range(_ATTEMPTS):
            with os.fdopen(_opened(path), "rb", buffering=0) as stream:
                status = os.fstat(stream.fileno())
                if not stat.S_ISREG(status.st_mode):
                    return None
                executable = bool(status.st_mode & stat.S_IXUSR)
                if status.st_size <= _HELD:
                    held = stream.read(status.st_size + 1)
                    if len(held) == status.st_size:
                        look(held)
                        return cls.of(held, executable=executable)
                    continue
                digest = digest_of(stream, status.st_size, look=look)
                if digest is not None:
                    size = status.st_size
                    return cls(sha256=digest, size=size, executable=executable, _held=None, _source=path)
        raise _changed(path)

    @property
    def content(self) -> bytes:
        """All of its bytes; a large file's are read from the disk, so ask for them only where `chunks` does not do.

        Raises:
            WorkspaceError: when it cannot be read, or is another one by now.
        """
        return self._held if self._held is not None else b"".join(self.chunks())

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, piece by piece.

        Raises:
            WorkspaceError: when it cannot be read, or turned out to be another one by now: no piece may be believed then.
        """
        if self._held is not None:
            yield self._held
            return
        digest, size = hashlib.sha256(), 0
        for chunk in self._pieces():
            digest.update(chunk)
            size += len(chunk)
            yield chunk
        if (size, digest.hexdigest()) != (self.size, self.sha256):
            raise _changed(self._source)

    def _pieces(self) -> Iterator[bytes]:
        try:
            with os.fdopen(_opened(self._source), "rb", buffering=0) as stream:
                yield from _chunks(stream, self.size)
        except OSError as error:
            raise WorkspaceError(f"cannot read {self._source}: {error.strerror}", "restore it") from error


def digest_of(stream: BinaryIO, size: int, *, look: Callable[[bytes], None] = lambda _: None) -> str | None:
    """The SHA-256, in hex, of what an unbuffered stream holds, each piece of which is looked at; None where that is not just so many bytes."""
    digest, found = hashlib.sha256(), 0
    for chunk in _chunks(stream, size):
        digest.update(chunk)
        look(chunk)
        found += len(chunk)
    return digest.hexdigest() if found == size else None


def _opened(path: str) -> int:
    # Without O_NONBLOCK, opening a named pipe waits for somebody to write to it.
    return os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)


def _chunks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    """What a stream holds, up to one byte more than a size: enough to see that a file grows, however long it does."""
    left = size + 1
    while left and (chunk := stream.read(min(left, _CHUNK))):
        left -= len(chunk)
        yield chunk


def _changed(path: str) -> WorkspaceError:
    return WorkspaceError(f"{path} was written to while it was read", "run this again when nothing writes to it")


def digest_of_files(files: Mapping[str, ContextFile]) -> str:
    """SHA-256, in hex, over every file's path, executable bit and content."""
    whole = hashlib.sha256()
    for path, file in files.items():
        whole.update(f"{len(path.encode())} {path} {'x' if file.executable else '-'} {file.sha256}\n".encode())
    return whole.hexdigest()
