"""Images that were built, pushed to one repository with a tag each."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from uv_workspace_function.oci.image import Image
from uv_workspace_function.oci.push import push
from uv_workspace_function.oci.store import Store
from uv_workspace_function.oci.stored_image import StoredImage
from uv_workspace_function.target.image_reference import ImageReference

_AT_ONCE = 4
_LONGEST_TAG = 128
"""Characters: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """An image in a registry."""

    image: ImageReference
    """With its tag."""
    digest: str
    sent: int
    """Bytes that were sent, the manifest left out."""
    mounted: int
    """Bytes that the registry took from another of its repositories."""

    def as_json(self) -> dict[str, Any]:
        """Itself for JSON."""
        return {"image": str(self.image), "digest": self.digest, "sent": self.sent, "mounted": self.mounted}


def deliver(store: Store, images: Sequence[Image], to: ImageReference) -> dict[str, Delivery]:
    """Push images that were built into a store.

    Args:
        store: which one.
        images: by any service.
        to: the repository, and the tag where there is one; otherwise each image has the tag `SERVICE-DIGEST`.

    Returns:
        What came of it, by service.

    Raises:
        WorkspaceError: when one of them cannot be pushed.
    """
    there: set[str] = set()

    def one(image: Image) -> Delivery:
        named = replace(to, tag=to.tag or _tag(image))
        stored = StoredImage(store=store, digest=image.digest)
        base = stored.base_image
        done = push(stored.manifest(), stored, named, store=store, mount_from=[base] if base else [], there=there)
        sent, mounted = (sum(content.size for content in found) for found in (done.sent, done.mounted))
        return Delivery(image=named, digest=done.digest, sent=sent, mounted=mounted)

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        return dict(zip((image.service for image in images), pool.map(one, images), strict=True))


def _tag(image: Image) -> str:
    digest = image.digest.partition(":")[2]
    return f"{image.service[: _LONGEST_TAG - len(digest) - 1]}-{digest}"
