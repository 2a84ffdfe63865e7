"""Manifests, indexes and configurations as documents: https://github.com/opencontainers/image-spec."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

from uv_workspace_function.errors import WorkspaceError

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIGURATION = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
COMPRESSED_LAYER = f"{LAYER}+gzip"
# Annotations in an index by which an image is found: a tag, and containerd's whole name.
REFERENCE_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
_OF_DOCKER = {
    "application/vnd.docker.distribution.manifest.v2+json": MANIFEST,
    "application/vnd.docker.distribution.manifest.list.v2+json": INDEX,
    "application/vnd.docker.container.image.v1+json": CONFIGURATION,
    "application/vnd.docker.image.rootfs.diff.tar": LAYER,
    "application/vnd.docker.image.rootfs.diff.tar.gzip": COMPRESSED_LAYER,
}
ACCEPTED = (MANIFEST, INDEX, *(name for name, type_ in _OF_DOCKER.items() if type_ in {MANIFEST, INDEX}))
"""The media types of what a registry is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Descriptor:
    """A content by its digest."""

    media_type: str
    """OCI's name of it, also where Docker's stood."""
    digest: str
    size: int
    platform: str | None = None
    """`linux/arm64` and the like, in an index."""

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self:
        """One as a manifest or an index has it."""
        given = document.get("platform") or {}
        platform = f"{given['os']}/{given['architecture']}" if given.get("architecture") else None
        media_type = str(document["mediaType"])
        return cls(
            media_type=_OF_DOCKER.get(media_type, media_type),
            digest=str(document["digest"]),
            size=int(document["size"]),
            platform=platform,
        )

    def document(self) -> dict[str, Any]:
        """Itself for a manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


class Source(Protocol):
    """Where an image can be read from."""

    def manifest(self, reference: str) -> bytes:
        """A manifest or an index, by tag or digest."""
        ...

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A content, in pieces."""
        ...


def parsed(content: bytes, name: str) -> Mapping[str, Any]:
    """A document, of an image of that name.

    Raises:
        WorkspaceError: when it is none.
    """
    try:
        document = json.loads(content)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise WorkspaceError(f"{name} has a manifest or configuration that is no JSON object", "name another image")
    return document


def encoded(document: Any) -> bytes:
    """A document, the same bytes each time."""
    return json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def digest_of(content: bytes) -> str:
    """A content's digest."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
