"""Layers as archives, byte for byte as BuildKit writes them.

Go's `archive/tar` takes plain `ustar` for whatever fits into it, and PAX records for the rest, which it writes in another way than
Python's `tarfile`: https://github.com/golang/go/blob/master/src/archive/tar/writer.go.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_BLOCK = 512
_NAME, _PREFIX = 100, 155
_LARGEST_SIZE = 0o77777777777
_LARGEST_ID = 0o7777777
_READ = 1 << 20

END = bytes(2 * _BLOCK)
"""What ends an archive; an empty layer is nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a layer."""

    name: str
    """Relative to the image's root; a folder's ends with `/`."""
    kind: Literal["file", "folder", "link"]
    mode: int
    time: int
    """Seconds."""
    uid: int = 0
    gid: int = 0
    size: int = 0
    target: str = ""
    """Where a symbolic link leads."""
    source: Path | None = None
    """Where a file's content is."""


def entries(folder: Path, name: str = "") -> Iterator[Entry]:
    """What lies below a folder, in a walk's order, with names sorted by their bytes; owned by root.

    Args:
        folder: which one; itself is no entry.
        name: where its content goes in the image, with `/` at the end.
    """
    for found in sorted(os.scandir(folder), key=lambda entry: os.fsencode(entry.name)):
        status = found.stat(follow_symlinks=False)
        path, time = f"{name}{found.name}", int(status.st_mtime_ns // 1_000_000_000)
        if found.is_symlink():
            target = os.readlink(found.path)  # noqa: PTH115 - a Path would tidy it up
            yield Entry(name=path, kind="link", mode=0o777, time=time, target=target)
        elif found.is_dir():
            yield Entry(name=f"{path}/", kind="folder", mode=status.st_mode & 0o7777, time=time)
            yield from entries(Path(found.path), f"{path}/")
        else:
            mode = status.st_mode & 0o7777
            yield Entry(name=path, kind="file", mode=mode, time=time, size=status.st_size, source=Path(found.path))


def archive(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The archive of entries, in pieces of no more than a megabyte."""
    for entry in entries:
        yield header(entry)
        if entry.source is not None:
            yield from _content(entry.source, entry.size)
    yield END


def header(entry: Entry) -> bytes:
    """What stands before an entry's content."""
    name, target = os.fsencode(entry.name), os.fsencode(entry.target)
    records = {}
    split = _split(name) if len(name) > _NAME and name.isascii() else None
    if not name.isascii() or (len(name) > _NAME and split is None):
        records["path"] = name
    if not target.isascii() or len(target) > _NAME:
        records["linkpath"] = target
    for key, number, largest in (
        ("gid", entry.gid, _LARGEST_ID),
        ("size", entry.size, _LARGEST_SIZE),
        ("uid", entry.uid, _LARGEST_ID),
    ):
        if number > largest:
            records[key] = str(number).encode()
    if not 0 <= entry.time <= _LARGEST_SIZE:
        records["mtime"] = str(entry.time).encode()
    if records:
        return _extended(name, records) + _block(entry, _ascii(name), _ascii(target), b"")
    prefix, rest = split or (b"", name)
    return _block(entry, rest, target, prefix)


def _block(entry: Entry, name: bytes, target: bytes, prefix: bytes) -> bytes:
    kind = {"file": b"0", "folder": b"5", "link": b"2"}[entry.kind]
    numbers = _octal(entry.mode, 8) + _octal(entry.uid, 8) + _octal(entry.gid, 8)
    numbers += _octal(entry.size, 12) + _octal(entry.time, 12)
    devices = _octal(0, 8) + _octal(0, 8)
    return _summed(_text(name), numbers, kind, _text(target), b"\0" * 64 + devices, prefix)


def _extended(name: bytes, records: dict[str, bytes]) -> bytes:
    """An entry of PAX records, for the one after it."""
    data = b"".join(_record(key.encode(), value) for key, value in sorted(records.items()))
    # Go's path.Split and path.Join: what follows the last slash, which for a folder is nothing.
    folder, _, file = name.rpartition(b"/")
    parts = [part for part in (folder, b"PaxHeaders.0", file) if part]
    path = _ascii(b"/".join(parts))[:_NAME].rstrip(b"/")
    numbers = _octal(0, 8) * 3 + _octal(len(data), 12) + _octal(0, 12)
    return _summed(_text(path), numbers, b"x", b"\0" * 100, b"\0" * 80, b"") + data + bytes(-len(data) % _BLOCK)


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" %b=%b\n" % (key, value)
    size = len(rest)
    while size != len(rest) + len(str(size)):
        size = len(rest) + len(str(size))
    return b"%d" % size + rest


def _summed(name: bytes, numbers: bytes, kind: bytes, target: bytes, owner: bytes, prefix: bytes) -> bytes:
    before, after = name + numbers, kind + target + b"ustar\x0000" + owner + prefix.ljust(_PREFIX, b"\0")
    block = (before + b" " * 8 + after).ljust(_BLOCK, b"\0")
    return before + b"%06o\0 " % sum(block) + block[len(before) + 8 :]


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """A name in two, where it fits into `ustar` so: Go's splitUSTARPath."""
    length = len(name)
    if length > _PREFIX + 1:
        length = _PREFIX + 1
    elif name.endswith(b"/"):
        length -= 1
    at = name[:length].rfind(b"/")
    rest = len(name) - at - 1
    return None if at <= 0 or rest > _NAME or rest == 0 or at > _PREFIX else (name[:at], name[at + 1 :])


def _text(text: bytes) -> bytes:
    """A name or a link's target in its field."""
    if len(text) <= _NAME:
        return text.ljust(_NAME, b"\0")
    cut = text[:_NAME]
    # Some readers take a file whose field ends with a slash for a folder: Go leaves the slash out.
    return cut.rstrip(b"/").ljust(_NAME, b"\0") if cut.endswith(b"/") else cut


def _octal(number: int, width: int) -> bytes:
    text = b"%o" % max(number, 0)
    return text.rjust(width - 1, b"0") + b"\0" if len(text) < width else b"0" * (width - 1) + b"\0"


def _ascii(text: bytes) -> bytes:
    return bytes(byte for byte in text if byte < 0x80)


def _content(source: Path, size: int) -> Iterator[bytes]:
    left = size
    with source.open("rb") as stream:
        while left and (piece := stream.read(min(left, _READ))):
            left -= len(piece)
            yield piece
    if left:
        raise OSError(f"{source} became shorter while it was read")
    if size % _BLOCK:
        yield bytes(-size % _BLOCK)
