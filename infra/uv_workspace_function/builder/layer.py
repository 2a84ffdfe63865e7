"""A layer's folder: files in place, with equal times, modes and metadata in every build."""

import csv
import os
import stat
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from .distributions import Distribution, File
from .files import copy_file, make_own

EPOCH = 315532800
"""The time of every file, in seconds: 1980-01-01, the first one that a zip archive can hold."""


def place(distributions: Iterable[Distribution], layer: Path, *, placed: set[PurePosixPath] | None = None) -> None:
    """Move the files of distributions into a layer, and write their lists of files anew.

    Args:
        distributions: whose files.
        layer: the layer's folder.
        placed: what is in some layer already, which is added to: a file that packages share is in one layer.
    """
    placed = set() if placed is None else placed
    made = set()
    for distribution in distributions:
        for path, file in distribution.files.items():
            if path in placed:
                continue
            placed.add(path)
            target = f"{layer}/{path}"  # as text: of thousands of files, paths would take most of the time
            folder, _, _ = target.rpartition("/")
            if folder not in made:
                os.makedirs(folder, exist_ok=True)  # noqa: PTH103
                made.add(folder)
            if distribution.record is None:
                # It is copied, since it lies in the build context and not beside the layers.
                copy_file(file.source, Path(target))
            else:
                os.rename(file.source, target)  # noqa: PTH104
        if distribution.record is not None:
            _write_record(distribution, distribution.record, layer)


def normalize(layer: Path) -> None:
    """Give everything in a layer, and its folder, one time, and modes that no umask decides."""
    layer.mkdir(parents=True, exist_ok=True)
    for folder, _, names in os.walk(layer, topdown=False):
        for name in names:
            path = f"{folder}/{name}"
            try:
                _normalize_file(path)
            except PermissionError:  # a link to a file in a cache that several share, and that somebody else put there
                make_own(Path(path))
                _normalize_file(path)
        os.chmod(folder, 0o755)  # noqa: PTH101, S103
        os.utime(folder, (EPOCH, EPOCH))


def _normalize_file(path: str) -> None:
    mode = os.lstat(path).st_mode
    wanted = 0o755 if mode & 0o100 else 0o644
    if stat.S_IMODE(mode) != wanted and not stat.S_ISLNK(mode):
        os.chmod(path, wanted)  # noqa: PTH101 - paths take their time, of thousands of files
    os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)


def make_like(folder: Path, other: Path) -> None:
    """Give a folder the owner, mode and time of another one."""
    there = other.stat()
    os.chown(folder, there.st_uid, there.st_gid)
    folder.chmod(stat.S_IMODE(there.st_mode))
    os.utime(folder, ns=(there.st_atime_ns, there.st_mtime_ns))


def _write_record(distribution: Distribution, record: PurePosixPath, layer: Path) -> None:
    """Write a `RECORD` of what is there: https://packaging.python.org/specifications/recording-installed-packages."""
    rows = {**distribution.files, record: File(source=layer / record, digest="", size="")}
    with (layer / record).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows(
            (str(path), file.digest, file.size) for path, file in sorted(rows.items())
        )
