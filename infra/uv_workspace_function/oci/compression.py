"""The one compressor of layers: libdeflate, whose bytes are the same on every processor and system (docs/decisions/061-one-compressor.md).

A layer is a sequence of gzip members, as RFC 1952 has them (2.2, "the members simply appear one after another"), each of a piece of no
more than four megabytes: the memory that it takes does not depend on the layer's size.
"""

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import BoundedSemaphore

import deflate

from uv_workspace_function.processes.programs import processors

_LEVEL = 5
COMPRESSOR = f"libdeflate by deflate {deflate.__version__}, level {_LEVEL}"
"""What is part of every key of the cache that has compressed bytes behind it."""

_MEMBER = 4 << 20
_COUNT = min(processors(), 8)
_PROCESSORS = ThreadPoolExecutor(max_workers=_COUNT)
"""For all layers of a process: libdeflate lets go of the interpreter while it compresses."""
_ROOM = BoundedSemaphore(2 * _COUNT)
"""Members on their way through it: whatever number of layers is written, no more of them are held."""


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of a layer as gzip members: the same for the same content, however it was cut into pieces.

    Members are compressed side by side, ahead of the one that is taken for as long as the process has room for them.
    """
    ahead: deque[Future[bytes]] = deque()

    def first() -> bytes:
        try:
            return ahead.popleft().result()
        finally:
            _ROOM.release()

    try:
        for member in _members(pieces):
            while ahead and (ahead[0].done() or len(ahead) > _COUNT):
                yield first()
            if _ROOM.acquire(blocking=False):
                ahead.append(_PROCESSORS.submit(_compress, member))
                continue
            while ahead:
                yield first()
            yield _compress(member)
        while ahead:
            yield first()
    finally:
        for _ in ahead:
            _ROOM.release()


def _members(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held: list[bytes] = []
    room = _MEMBER
    for piece in pieces:
        rest = piece
        while len(rest) >= room:
            yield b"".join((*held, rest[:room]))
            rest, held, room = rest[room:], [], _MEMBER
        held.append(rest)
        room -= len(rest)
    if room < _MEMBER:
        yield b"".join(held)


def _compress(member: bytes) -> bytes:
    return bytes(deflate.gzip_compress(member, _LEVEL))


def deflated(content: bytes) -> bytes:
    """A whole content as a zip archive holds it: only deflate, without a header."""
    return bytes(deflate.deflate_compress(content, _LEVEL))


class Digest:
    """A digest of what passes by."""

    def __init__(self) -> None:
        self._sum = hashlib.sha256()
        self.size = 0
        """Bytes so far."""

    def passing(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """The same pieces."""
        for piece in pieces:
            self._sum.update(piece)
            self.size += len(piece)
            yield piece

    def __str__(self) -> str:
        return f"sha256:{self._sum.hexdigest()}"
