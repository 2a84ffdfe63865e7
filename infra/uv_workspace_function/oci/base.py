"""The image that ours starts from: its manifest and configuration, and what its layers say of folders."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import descriptors
from uv_workspace_function.oci.descriptors import Descriptor, Source, digest_of
from uv_workspace_function.oci.store import Blob, Store


@dataclass(frozen=True, kw_only=True)
class BaseImage:
    """A base image for one platform."""

    name: str
    digest: str
    """Of its manifest."""
    configuration: Mapping[str, Any]
    layers: tuple[Descriptor, ...]
    source: Source

    def fetch(self, store: Store) -> tuple[Blob, ...]:
        """Have its layers in the store."""
        blobs = []
        for layer in self.layers:
            blob = Blob(digest=layer.digest, size=layer.size)
            if not store.holds(blob):
                with store.locked(f"blob-{layer.digest.partition(':')[2]}"):
                    if not store.holds(blob):
                        store.add(self.source.blob(layer), expected=layer.digest)
            blobs.append(blob)
        return tuple(blobs)


def resolve(store: Store, source: Source, *, name: str, reference: str, platform: str) -> BaseImage:
    """Read a base image's manifest and configuration.

    Args:
        store: where what has a digest is kept.
        source: where it is.
        name: what to call it.
        reference: its tag or digest there.
        platform: `linux/arm64` and the like.

    Raises:
        WorkspaceError: when it is not there, not for that platform, or of a kind that cannot be read.
    """
    descriptor, manifest = _manifest(store, source, name, reference, platform)
    configuration = descriptors.parsed(_small(store, source, Descriptor.read(manifest["config"])), name)
    own = f"{configuration.get('os')}/{configuration.get('architecture')}"
    if own != platform:
        raise WorkspaceError(f"{name} is for {own}, but the image for {platform}", "give a base image of that platform")
    if configuration.get("config", {}).get("OnBuild"):
        raise WorkspaceError(
            f"{name} has ONBUILD instructions, which only an engine carries out", "build with the engine"
        )
    layers = tuple(Descriptor.read(layer) for layer in manifest["layers"])
    for layer in layers:
        if layer.media_type not in {descriptors.LAYER, descriptors.COMPRESSED_LAYER}:
            raise WorkspaceError(
                f"{name} has a layer of type {layer.media_type}, and without an engine only tar and tar+gzip are read",
                "name another image, or build with the engine",
            )
    return BaseImage(name=name, digest=descriptor, configuration=configuration, layers=layers, source=source)


def _manifest(store: Store, source: Source, name: str, reference: str, platform: str) -> tuple[str, Mapping[str, Any]]:
    content = _by_reference(store, source, reference)
    document = descriptors.parsed(content, name)
    if "manifests" in document:
        found = [Descriptor.read(entry) for entry in document["manifests"]]
        fitting = [entry for entry in found if entry.platform == platform]
        if not fitting:
            there = ", ".join(
                sorted({entry.platform for entry in found if entry.platform and "unknown" not in entry.platform})
            )
            raise WorkspaceError(
                f"{name} is not for {platform}; it is for: {there}", "give another base image or architecture"
            )
        return _manifest(store, source, name, fitting[0].digest, platform)
    if "layers" not in document or "config" not in document:
        raise WorkspaceError(f"{name} is no image", "name another one")
    return digest_of(content), document


def _by_reference(store: Store, source: Source, reference: str) -> bytes:
    """What has a digest is asked for once, and never again."""
    if reference.startswith("sha256:"):
        path = store.path(reference)
        if path.is_file():
            return b"".join(store.read(Blob(digest=reference, size=path.stat().st_size)))
        content = source.manifest(reference)
        store.add([content], expected=reference)
        return content
    content = source.manifest(reference)
    store.add([content])
    return content


def _small(store: Store, source: Source, descriptor: Descriptor) -> bytes:
    blob = Blob(digest=descriptor.digest, size=descriptor.size)
    if not store.holds(blob):
        store.add(source.blob(descriptor), expected=descriptor.digest)
    return b"".join(store.read(blob))
