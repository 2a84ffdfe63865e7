"""An image's configuration and manifest, as BuildKit makes them of the shared Dockerfile."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from uv_workspace_function.oci import descriptors, stored_image
from uv_workspace_function.oci.base import BaseImage
from uv_workspace_function.oci.descriptors import Descriptor
from uv_workspace_function.oci.layers import Built, Layer
from uv_workspace_function.oci.store import Blob, Store

_SNAP_START = "com.amazonaws.lambda.feature.snapstart"
# What BuildKit keeps of a base image's configuration: https://github.com/moby/docker-image-spec. The platform is the one that was
# asked for, `linux/arm64`, which has no variant.
_KEPT = ("architecture", "author", "os")
_KEPT_TO_RUN = (
    *("ArgsEscaped", "Cmd", "Entrypoint", "Env", "ExposedPorts", "Healthcheck", "Labels", "Shell", "StopSignal"),
    *("StopTimeout", "User", "Volumes", "WorkingDir"),
)


@dataclass(frozen=True, kw_only=True)
class Image:
    """A finished image. What it consists of is in the store, but for the base image's layers, which may be where they came from."""

    service: str
    digest: str
    """The manifest's."""
    manifest: Blob
    configuration: Blob
    base: BaseImage
    built: Built

    @property
    def layers(self) -> Mapping[str, Layer]:
        """Its own, by `NAMES`, lowest first."""
        return self.built.layers

    @property
    def blobs(self) -> list[Descriptor]:
        """All layers, lowest first."""
        own = [_descriptor(layer.blob) for layer in self.layers.values()]
        return [*self.base.layers, *own]


def assemble(
    store: Store,
    base: BaseImage,
    built: Built,
    *,
    service: str,
    target_folder: str,
    snap_start: bool,
    moment: int,
) -> Image:
    """Put an image together.

    Args:
        store: where it is kept.
        base: what it starts from.
        built: its own layers.
        service: whose image it is.
        target_folder: where the layers' content goes.
        snap_start: whether it has the label that SnapStart asks for.
        moment: when it says it was made, in seconds since 1970.
    """
    configuration = _configuration(
        base.configuration, built.layers, target_folder=target_folder, snap_start=snap_start, moment=moment
    )
    kept = store.add([descriptors.encoded(configuration)])
    manifest = {
        "schemaVersion": 2,
        "mediaType": descriptors.MANIFEST,
        "config": {"mediaType": descriptors.CONFIGURATION, "digest": kept.digest, "size": kept.size},
        "layers": [
            *(layer.document() for layer in base.layers),
            *(_descriptor(layer.blob).document() for layer in built.layers.values()),
        ],
    }
    blob = store.add([descriptors.encoded(manifest)])
    stored_image.keep(store, blob, base)
    return Image(service=service, digest=blob.digest, manifest=blob, configuration=kept, base=base, built=built)


def _configuration(
    base: Mapping[str, Any], layers: Mapping[str, Layer], *, target_folder: str, snap_start: bool, moment: int
) -> dict[str, Any]:
    to_run = {key: value for key, value in (base.get("config") or {}).items() if key in _KEPT_TO_RUN and value}
    if snap_start:
        to_run["Labels"] = {**to_run.get("Labels", {}), _SNAP_START: "Allow"}
    created = datetime.fromtimestamp(moment, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    step = {"created": created, "comment": "buildkit.dockerfile.v0"}
    history: list[Mapping[str, Any]] = [*(base.get("history") or ())]
    for name in layers:
        target = "/" if name == "root" else f"{target_folder}/"
        history.append({**step, "created_by": f"COPY /layers/{name}/ {target} # buildkit"})
    if snap_start:
        history.append({**step, "created_by": f"LABEL {_SNAP_START}=Allow", "empty_layer": True})
    diff_ids = [*base["rootfs"]["diff_ids"], *(layer.diff_id for layer in layers.values())]
    return {
        **{key: base[key] for key in _KEPT if base.get(key)},
        "config": to_run,
        "created": created,
        "history": history,
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }


def _descriptor(blob: Blob) -> Descriptor:
    return Descriptor(media_type=descriptors.COMPRESSED_LAYER, digest=blob.digest, size=blob.size)
