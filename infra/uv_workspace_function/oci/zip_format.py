"""Zip archives whose bytes are the same on every machine: entries in one order, of one time, by the one compressor.

Python's `zipfile` compresses by the zlib that the interpreter was built with, and can't be given bytes that are compressed already.
The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
"""

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.compression import deflated

_LOCAL, _CENTRAL, _END = 0x04034B50, 0x02014B50, 0x06054B50
_STORED, _DEFLATED = 0, 8
_DEFLATE_VERSION = 20  # of the format, in tenths: the first with deflate
_UNIX = 3
_UTF_8 = 0x800
_TIME, _DATE = 0, 0x21
"""Midnight of 1980-01-01, the first moment that an entry can have, and that of all files of ours."""
_MOST_ENTRIES = 0xFFFF
_LARGEST = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of an archive, or a symbolic link."""

    name: str
    """With `/`, relative to where it will be unpacked."""
    source: Path

    @property
    def mode(self) -> int:
        """Its kind and its permissions; a link's are Linux's, whichever the system that has it gives to links."""
        mode = self.source.lstat().st_mode
        return stat.S_IFLNK | 0o777 if stat.S_ISLNK(mode) else mode

    def content(self) -> bytes:
        """Its bytes; of a link, where it leads."""
        if stat.S_ISLNK(self.mode):
            return os.fsencode(os.readlink(self.source))  # noqa: PTH115 - a Path would tidy it up
        return self.source.read_bytes()


def entries(folder: Path) -> list[Entry]:
    """The files below a folder, in the order of their names' bytes. Folders are made by what is in them."""
    found = []
    for place, folders, names in os.walk(folder):
        for name in [*names, *(each for each in folders if Path(place, each).is_symlink())]:
            path = Path(place, name)
            found.append(Entry(name=path.relative_to(folder).as_posix(), source=path))
    return sorted(found, key=lambda entry: os.fsencode(entry.name))


def archive(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The archive of entries, in pieces; one file at a time is in memory.

    Raises:
        WorkspaceError: when a file's name is no UTF-8, or the format has no room for them.
    """
    offset, count, directory = 0, 0, bytearray()
    for entry in entries:
        name, flags = _name(entry)
        content = entry.content()
        packed, method = deflated(content), _DEFLATED
        if len(packed) >= len(content):
            packed, method = content, _STORED
        sizes = (zlib.crc32(content), len(packed), len(content), len(name), 0)
        fields = (_DEFLATE_VERSION, flags, method, _TIME, _DATE, *sizes)
        yield struct.pack("<IHHHHHIIIHH", _LOCAL, *fields)
        yield name
        yield packed
        made_by = _UNIX << 8 | _DEFLATE_VERSION
        rest = (0, 0, 0, entry.mode << 16, offset)
        directory += struct.pack("<IHHHHHHIIIHHHHHII", _CENTRAL, made_by, *fields, *rest) + name
        offset += 30 + len(name) + len(packed)
        count += 1
    if count >= _MOST_ENTRIES or offset + len(directory) >= _LARGEST:
        raise WorkspaceError(
            f"{count:,} files are too many for a zip archive as Lambda takes it",
            "take an image, which knows no such limit",
        )
    yield bytes(directory)
    yield struct.pack("<IHHHHIIH", _END, 0, 0, count, count, len(directory), offset, 0)


def is_ours(path: Path) -> bool:
    """Whether an archive is one that was written here, by the times of what is in it."""
    try:
        with zipfile.ZipFile(path) as found:
            return {(1980, 1, 1, 0, 0, 0)} == {entry.date_time for entry in found.infolist()}
    except (OSError, zipfile.BadZipFile):
        return False


def _name(entry: Entry) -> tuple[bytes, int]:
    try:
        name = entry.name.encode()
    except UnicodeEncodeError as error:
        raise WorkspaceError(
            f"{entry.name} has a name that is no UTF-8, which no zip archive holds",
            "rename it, or leave it out by exclude",
        ) from error
    return name, 0 if name.isascii() else _UTF_8
