"""Images of the engine that ours start from: another asset of the app, which it has built. They are read out of it once."""

import subprocess
from typing import Any

from uv_workspace_function.cdk_docker.named_images import NamedImage
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import descriptors
from uv_workspace_function.oci.compression import COMPRESSOR, compressed
from uv_workspace_function.oci.descriptors import Descriptor, digest_of
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.store import Store, key_of

_LOCAL, _ECR = "cdkasset-", ".dkr.ecr"
_KIND = "saved"


def find(name: str, engine: str, store: Store) -> NamedImage | None:
    """The engine's image of a name that the CDK CLI gives; None where it has none.

    Args:
        name: that of the image.
        engine: its program.
        store: where its contents are kept, with its layers compressed.

    Raises:
        WorkspaceError: when it cannot be read out of the engine.
    """
    if not (name.startswith(_LOCAL) or _ECR in name.partition("/")[0]):
        return None
    asked = _run(engine, "image", "inspect", "--format={{.Id}}", name)
    if asked.returncode:
        return None
    key = key_of(asked.stdout.strip(), COMPRESSOR)
    kept = store.record(_KIND, key)
    if kept is not None and (image := NamedImage.of(kept)).is_whole(store):
        return image
    image = _saved(name, engine, store)
    store.keep(_KIND, key, image.as_kept())
    return image


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _saved(name: str, engine: str, store: Store) -> NamedImage:
    with store.unpacking() as folder:
        archive = folder / "image.tar"
        done = _run(engine, "save", "--output", str(archive), name)
        if done.returncode:
            said = done.stderr.strip().splitlines() or ["it said nothing"]
            raise WorkspaceError(
                f"{name} could not be read out of the engine: {said[-1]}", "build this one with the engine, too"
            )
        return _read(Layout(archive), name, store)


def _read(layout: Layout, name: str, store: Store) -> NamedImage:
    document = descriptors.parsed(layout.manifest(""), name)
    if "layers" not in document:
        raise WorkspaceError(f"{name} is an index in the engine", "build it for one platform, without attestations")
    configuration = Descriptor.read(document["config"])
    store.add(layout.blob(configuration), expected=configuration.digest)
    layers = [_compressed(Descriptor.read(entry), layout, store) for entry in document["layers"]]
    rewritten: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": descriptors.MANIFEST,
        "config": configuration.document(),
        "layers": [layer.document() for layer in layers],
    }
    manifest = descriptors.encoded(rewritten)
    own = (configuration.digest, *(layer.digest for layer in layers))
    return NamedImage(digest=digest_of(manifest), manifest=manifest.decode(), own=own)


def _compressed(layer: Descriptor, layout: Layout, store: Store) -> Descriptor:
    """A layer as registries and Lambda take it; engines keep them uncompressed."""
    if layer.media_type == descriptors.LAYER:
        media_type, blob = descriptors.COMPRESSED_LAYER, store.add(compressed(layout.blob(layer)))
    else:
        media_type, blob = layer.media_type, store.add(layout.blob(layer), expected=layer.digest)
    return Descriptor(media_type=media_type, digest=blob.digest, size=blob.size)
