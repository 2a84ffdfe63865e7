"""The compressor: one result, however and wherever."""

import gzip
import hashlib
import random

from uv_workspace_function.oci import compression

SAMPLE = b"".join(f"def f{number}(): return {number * 7919 % 1013!r}\n".encode() for number in range(400_000))
DIGEST = "2b2b1ae7ef8667118f132f608fa846cf9683d021602a05ca1da439516fe76ba4"


def test_a_known_layer_has_known_bytes() -> None:
    """Another version of the compressor may make others: then everybody sends everything again, and should know why."""
    assert DIGEST == hashlib.sha256(b"".join(compression.compressed([SAMPLE]))).hexdigest()


def test_it_does_not_matter_how_it_was_cut() -> None:
    """And gzip reads it."""
    noise = random.Random(1)
    pieces, at = [], 0
    while at < len(SAMPLE):
        size = noise.randint(1, 2_000_000)
        pieces.append(SAMPLE[at : at + size])
        at += size
    whole = b"".join(compression.compressed(pieces))
    assert whole == b"".join(compression.compressed([SAMPLE]))
    assert SAMPLE == gzip.decompress(whole)


def room() -> int:
    """Take all that there is, and give it back."""
    taken = 0
    while compression._ROOM.acquire(blocking=False):
        taken += 1
    for _ in range(taken):
        compression._ROOM.release()
    return taken


def test_a_layer_that_finds_no_room_is_compressed_by_itself() -> None:
    """To the same bytes."""
    everything = room()
    for _ in range(everything):
        compression._ROOM.acquire()
    try:
        alone = b"".join(compression.compressed([SAMPLE]))
    finally:
        for _ in range(everything):
            compression._ROOM.release()
    assert DIGEST == hashlib.sha256(alone).hexdigest()


def test_a_layer_that_nobody_takes_any_more_gives_its_room_back() -> None:
    """A full disk ends a build in the middle of one."""
    everything = room()
    left = compression.compressed([SAMPLE, SAMPLE])
    next(left)
    del left
    assert everything == room()


def test_nothing_is_nothing() -> None:
    assert [] == [*compression.compressed([b""])]
