"""A cache in a registry: what made a layer, what is known of it and the layer itself, for machines that have none of it.

An entry is an image manifest with a tag of its own, `TAG-KEY`: entries of one key are the same, so nobody writes over somebody else's.
Its first layer is a document, compressed: the record as the store has it, and the paths of each layer's files, so that a layer has to be
read by nobody. The others are the layers.
"""

import contextlib
import gzip
import json
import re
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import requests
from dxf.exceptions import DXFError

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import descriptors, elsewhere
from uv_workspace_function.oci.descriptors import Descriptor, digest_of
from uv_workspace_function.oci.layers import Layer
from uv_workspace_function.oci.push import push
from uv_workspace_function.oci.registry import ACCEPT, Client, Repository, status_of
from uv_workspace_function.oci.store import Blob, Store, key_of
from uv_workspace_function.target.image_reference import ImageReference

KINDS = ("steps", "rebased", "reduced", "trees")
"""The records that are shared: layers by what made them, and the folders of base images."""

_DOCUMENT = "application/vnd.uv-workspace-function.record.v1+json+gzip"
_TYPE = "application/vnd.uv-workspace-function.cache.v1+json"
_EMPTY = b"{}"
_EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
_AT_ONCE = 4
_DIGEST = re.compile("[0-9a-f]{64}")
_NOT_ANSWERED = (WorkspaceError, requests.RequestException, DXFError)
_DAMAGED = (OSError, EOFError, zlib.error, AttributeError, LookupError, TypeError, ValueError, RecursionError)
"""What comes of an entry that is not what this module writes."""


@dataclass(kw_only=True)
class SharedCache:
    """Entries of registries, read as they are needed; and those of this run, to be written.

    Args:
        store: where what is found is kept.
        read: the caches that are believed, by repository and the beginning of the tags.
    """

    store: Store
    read: Sequence[ImageReference]
    notes: list[str] = field(default_factory=list)
    """What went wrong: a build goes on without a cache."""
    _used: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """What this run needed, and the caches that have it."""
    _clients: dict[str, Client] = field(default_factory=dict)
    _open: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, kind: str, key: str) -> Any:
        """A record of one of the caches; None where none has it."""
        for cache in self.read if kind in KINDS else ():
            try:
                value = self._found(cache, kind, key)
            except (*_NOT_ANSWERED, *_DAMAGED) as error:
                self._note(f"the cache {cache} was not read", error)
                continue
            if value is not None:
                self._used.setdefault((kind, key), set()).add(str(cache))
                return value
        return None

    def note(self, kind: str, key: str) -> None:
        """Remember that a record was needed."""
        if kind in KINDS:
            self._used.setdefault((kind, key), set())

    def write(self, to: ImageReference) -> None:
        """Write what this run needed and a cache has not."""
        missing = [entry for entry, caches in self._used.items() if str(to) not in caches]
        with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
            list(pool.map(lambda entry: self._write(to, *entry), missing))

    def close(self) -> None:
        """End the connections."""
        self._open.close()

    def _found(self, cache: ImageReference, kind: str, key: str) -> Any:
        client = self._client(cache)
        try:
            content = client.ask("get", f"manifests/{_tag(cache, kind, key)}", headers=ACCEPT).content
        except requests.HTTPError as error:
            if status_of(error) != 404:
                raise
            return None
        first, *layers = [Descriptor.read(entry) for entry in json.loads(content)["layers"]]
        raw = b"".join(Repository(cache).blob(first))
        document: Mapping[str, Any] = json.loads(gzip.decompress(raw))
        if document["kind"] != kind or document["key"] != key:
            raise ValueError(key)
        known = {layer.digest for layer in layers}
        found = _layers(kind, document["value"])
        for layer in found:
            if layer.blob.digest not in known:
                raise ValueError(layer.blob.digest)
        # Nothing of an entry is kept before all of it was looked at.
        of_layers = {layer.diff_id.partition(":")[2]: _paths(document, layer) for layer in found}
        for layer in found:
            elsewhere.keep(self.store, layer.blob, cache)
        for diff_id, paths in of_layers.items():
            self.store.keep("paths", diff_id, paths)
        return document["value"]

    def _write(self, to: ImageReference, kind: str, key: str) -> None:
        value = self.store.record(kind, key)
        if value is None:
            return
        found = _layers(kind, value)
        paths = {}
        for layer in found:
            diff_id = layer.diff_id.partition(":")[2]
            paths[diff_id] = self.store.record("paths", diff_id)
        document = gzip.compress(
            descriptors.encoded({"kind": kind, "key": key, "value": value, "paths": paths}), mtime=0
        )
        source = _Entry(store=self.store, small={digest_of(content): content for content in (document, _EMPTY)})
        manifest = {
            "schemaVersion": 2,
            "mediaType": descriptors.MANIFEST,
            "artifactType": _TYPE,
            "config": {"mediaType": _EMPTY_TYPE, "digest": digest_of(_EMPTY), "size": len(_EMPTY)},
            "layers": [
                {"mediaType": _DOCUMENT, "digest": digest_of(document), "size": len(document)},
                *(
                    {"mediaType": descriptors.COMPRESSED_LAYER, "digest": blob.digest, "size": blob.size}
                    for blob in dict.fromkeys(layer.blob for layer in found)
                ),
            ],
        }
        try:
            push(
                descriptors.encoded(manifest),
                source,
                replace(to, tag=_tag(to, kind, key)),
                store=self.store,
                keeps_what_is_there=True,
            )
        except WorkspaceError as error:
            self._note(f"the cache {to} was not written", error)

    def _client(self, cache: ImageReference) -> Client:
        with self._lock:
            if str(cache) not in self._clients:
                self._clients[str(cache)] = self._open.enter_context(Repository(cache).client())
            return self._clients[str(cache)]

    def _note(self, what: str, error: Exception) -> None:
        text = f"{what}: {_reason(error)}"
        if text not in self.notes:
            self.notes.append(text)


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """The contents of an entry, as a source to push from."""

    store: Store
    small: Mapping[str, bytes]

    def manifest(self, reference: str) -> bytes:
        """It has none to be looked up."""
        raise WorkspaceError(f"there is no manifest {reference}")

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A content, in pieces."""
        if descriptor.digest in self.small:
            return iter([self.small[descriptor.digest]])
        return elsewhere.pieces(self.store, Blob(digest=descriptor.digest, size=descriptor.size))


def _layers(kind: str, value: Mapping[str, Any]) -> list[Layer]:
    if kind == "trees":
        return []
    return [Layer.of(kept) for kept in (value["layers"].values() if kind == "steps" else [value])]


def _paths(document: Mapping[str, Any], layer: Layer) -> list[str] | None:
    """The paths of a layer's files, as its entry has them."""
    digest = layer.diff_id.partition(":")[2]
    found = document["paths"].get(digest)
    if not _DIGEST.fullmatch(digest) or not (found is None or all(isinstance(path, str) for path in found)):
        raise ValueError(digest)
    return None if found is None else list(found)


def _reason(error: Exception) -> str:
    if isinstance(error, WorkspaceError):
        return error.problem
    if (status := status_of(error)) is not None:
        return f"it answered {status}"
    return "it gave no answer" if isinstance(error, _NOT_ANSWERED) else "an entry of it is damaged"


def _tag(cache: ImageReference, kind: str, key: str) -> str:
    return f"{cache.tag or 'cache'}-{key_of(kind, key)[:40]}"
