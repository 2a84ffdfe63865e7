"""The one compressor of layers: libdeflate, whose bytes are the same on every processor and system (docs/decisions/061-one-compressor.md).

A layer is a sequence of gzip members, as RFC 1952 has them (2.2, "the members simply appear one after another"), each of a piece of no
more than four megabytes: the memory that it takes does not depend on the layer's size.
"""

import hashlib
from collections.abc import Iterable, Iterator

import deflate

COMPRESSOR = f"libdeflate by deflate {deflate.__version__}, level 6"
"""What is part of every key of the cache that has compressed bytes behind it."""

_LEVEL = 6
_MEMBER = 4 << 20


def compressed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pieces of a layer as gzip members: the same for the same content, however it was cut into pieces."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) >= _MEMBER:
            yield bytes(deflate.gzip_compress(held[:_MEMBER], _LEVEL))
            del held[:_MEMBER]
    if held:
        yield bytes(deflate.gzip_compress(held, _LEVEL))


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
