"""Layers: folders written as archives, compressed, and kept."""

import gzip
import hashlib
import itertools
import os
import platform
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import elsewhere, tar
from uv_workspace_function.oci.compression import COMPRESSOR, Digest, compressed
from uv_workspace_function.oci.store import Blob, Store, key_of

NAMES = ("root", "heavy", "medium", "light", "local", "code")
"""The layers, lowest first."""
_READ = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A layer of an image."""

    diff_id: str
    """The digest of the archive."""
    blob: Blob
    """The archive, compressed."""
    head: int
    """Compressed bytes of the folders on the way to the content, which are the base image's; 0 where there is no content."""
    way: str
    """Which folders these are: a key of them."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """One that `as_kept` described."""
        return cls(**{**kept, "blob": Blob(**kept["blob"])})

    def as_kept(self) -> dict[str, Any]:
        """Itself as JSON has it."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Built:
    """The layers of a service, and what came of building them."""

    layers: Mapping[str, Layer]
    """By `NAMES`, lowest first."""
    reused: frozenset[str]
    """The names of the layers that no step was run for."""
    remarks: tuple[str, ...]
    task_folder: str
    """Its path in the layers, which has no slash at either end."""


def write(store: Store, way: Sequence[tar.Entry], content: Iterable[tar.Entry]) -> Layer:
    """Write a layer and keep it, with the paths of its files.

    Args:
        store: where.
        way: the folders that lead to the content, and the one that holds it.
        content: what is in that; where there is nothing, the layer has no folders either, as BuildKit's hasn't.
    """
    listed = list(content)
    if not listed:
        way = ()
    head = _head(way)
    digest = Digest()
    # The head has a member of its own, so that it can be replaced.
    raw = itertools.chain(compressed(digest.passing(head)), compressed(digest.passing(tar.archive(listed))))
    blob = store.add(raw)
    layer = Layer(diff_id=str(digest), blob=blob, head=sum(map(len, compressed(head))), way=key_of_way(way))
    store.keep("paths", layer.diff_id.partition(":")[2], [entry.name for entry in listed if entry.kind != "folder"])
    return layer


def on_another_way(store: Store, layer: Layer, way: Sequence[tar.Entry]) -> Layer:
    """The same content behind other folders: nothing is compressed again but these."""
    if layer.head == 0 or layer.way == key_of_way(way):
        return layer
    key = key_of(layer.diff_id, key_of_way(way), COMPRESSOR)
    kept = store.record("rebased", key)
    if kept is not None and elsewhere.reaches(store, (known := Layer.of(kept)).blob):
        return known
    elsewhere.fetch(store, layer.blob)
    head, digest = _head(way), Digest()
    start = list(compressed(digest.passing(head)))
    for _ in digest.passing(_uncompressed(store, layer, start=layer.head)):
        pass
    blob = store.add(itertools.chain(start, store.read(layer.blob, start=layer.head)))
    moved = Layer(diff_id=str(digest), blob=blob, head=sum(map(len, start)), way=key_of_way(way))
    store.keep("rebased", key, moved.as_kept())
    paths = store.record("paths", layer.diff_id.partition(":")[2])
    store.keep("paths", moved.diff_id.partition(":")[2], paths)
    return moved


def key_of_way(way: Sequence[tar.Entry]) -> str:
    """A key of folders."""
    return key_of([asdict(entry) for entry in way])


def paths(store: Store, layer: Layer) -> frozenset[str]:
    """The paths of what is in a layer, without folders."""
    kept = store.record("paths", layer.diff_id.partition(":")[2])
    if kept is None:
        with opened(store, layer) as archive:
            kept = [member.name for member in archive if not member.isdir()]
    return frozenset(kept)


def without_equal_files(
    store: Store,
    layer: Layer,
    way: Sequence[tar.Entry],
    below: Mapping[Layer, AbstractSet[str]],
    there: Mapping[str, Sequence[Any]],
) -> Layer:
    """A layer without the files that layers below have as they are: BuildKit compares, and writes none of these again.

    Args:
        store: where layers are kept.
        layer: which one.
        way: its way.
        below: ours below it with their paths, the lowest first.
        there: the base image's files, with mode, owner, group and digest.
    """
    own = paths(store, layer)
    in_base = {path: [*there[path]] for path in own & there.keys()}
    if not in_base and not any(own & theirs for theirs in below.values()):
        return layer
    # A base image may get another file at the same path: what is equal to it is part of the key, not only where.
    key = key_of(layer.diff_id, [other.diff_id for other in below], in_base, COMPRESSOR)
    kept = store.record("reduced", key)
    if kept is not None and elsewhere.reaches(store, (known := Layer.of(kept)).blob):
        return known
    lower: dict[str, Sequence[Any]] = {**in_base}
    for other, theirs in below.items():
        lower |= _described(store, other, own & theirs)
    equal = {path for path, found in _described(store, layer, lower.keys()).items() if [*lower[path]] == [*found]}
    reduced = _written_without(store, layer, way, equal) if equal else layer
    store.keep("reduced", key, reduced.as_kept())
    return reduced


def _described(store: Store, layer: Layer, wanted: Collection[str]) -> dict[str, Sequence[Any]]:
    found: dict[str, Sequence[Any]] = {}
    with opened(store, layer) as archive:
        for member in archive:
            if member.name in wanted and (stream := archive.extractfile(member)):
                digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
                found[member.name] = (member.mode, member.uid, member.gid, digest)
    return found


def _written_without(store: Store, layer: Layer, way: Sequence[tar.Entry], left_out: Collection[str]) -> Layer:
    with store.unpacking() as root:
        unpack(store, layer, root)
        for path in left_out:
            (root / path).unlink()
        content = root / way[-1].name
        for place, _, _ in os.walk(content, topdown=False):
            if place != str(content) and not os.listdir(place):  # noqa: PTH208 - a walk gives texts
                os.rmdir(place)  # noqa: PTH106
            else:
                os.utime(place, (way[-1].time, way[-1].time))
        return write(store, way, tar.entries(content, way[-1].name))


def opened(store: Store, layer: Layer) -> tarfile.TarFile:
    """A layer, to be read from its start to its end."""
    elsewhere.fetch(store, layer.blob)
    return tarfile.open(fileobj=gzip.open(store.path(layer.blob.digest)), mode="r|")


def unpack(store: Store, layer: Layer, folder: Path) -> None:
    """Write a layer's files below a folder, with their times and modes.

    Raises:
        WorkspaceError: when this Python cannot keep an archive from writing elsewhere: https://peps.python.org/pep-0706/.
    """
    if not hasattr(tarfile, "tar_filter"):
        raise WorkspaceError(
            f"Python {platform.python_version()} cannot unpack a layer without trusting it",
            "run this with Python 3.11.4 or later",
        )
    with opened(store, layer) as archive:
        archive.extractall(folder, filter="tar")


def _head(way: Sequence[tar.Entry]) -> list[bytes]:
    return [tar.header(entry) for entry in way]


def _uncompressed(store: Store, layer: Layer, *, start: int) -> Iterator[bytes]:
    with store.path(layer.blob.digest).open("rb") as stream:
        stream.seek(start)
        with gzip.open(stream) as content:
            yield from iter(lambda: content.read(_READ), b"")
