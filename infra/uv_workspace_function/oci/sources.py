"""Where a base image comes from, by the name that it is given."""

from collections.abc import Mapping
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import base
from uv_workspace_function.oci.base import BaseImage
from uv_workspace_function.oci.descriptors import Source
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference

LAYOUT = "oci:"
"""Stands before the path of an OCI layout, a folder or an archive."""


def base_image(store: Store, name: str, platform: str, *, mirrors: Mapping[str, str]) -> BaseImage:
    """A base image of a registry, or of an OCI layout on disk.

    Args:
        store: where what has a digest is kept.
        name: `repository[:tag][@digest]`, or `oci:PATH` of a layout, with `:NAME` where it holds several images.
        platform: `linux/arm64` and the like.
        mirrors: see `ImageReference.redirected`.

    Raises:
        WorkspaceError: when it is not there, not for that platform, or of a kind that cannot be read.
    """
    image = name if name.startswith(LAYOUT) else str(ImageReference.parse(name).redirected(mirrors))
    found, reference = source(image)
    return base.resolve(store, found, name=image, reference=reference, platform=platform)


def source(name: str) -> tuple[Source, str]:
    """Where an image is, and what it is called there.

    Args:
        name: of a registry's image, or of a layout, as `base_image` has it.

    Raises:
        WorkspaceError: when it is no name of an image, or there is no such layout.
    """
    if name.startswith(LAYOUT):
        path, reference = _layout(name.removeprefix(LAYOUT))
        return Layout(path), reference
    from uv_workspace_function.oci.registry import Repository  # noqa: PLC0415 - it takes its time, and a layout needs none

    image = ImageReference.parse(name)
    return Repository(image), image.digest or image.tag or "latest"


def _layout(text: str) -> tuple[Path, str]:
    path, reference = Path(text), ""
    if not path.exists() and ":" in text:
        before, _, reference = text.partition(":")
        path = Path(before)
    if not path.exists():
        raise WorkspaceError(f"there is not an OCI layout {text}", "name the folder or the archive of one")
    return path, reference
