"""Contents that the store need not have itself: a registry's cache has them, and they are fetched when something reads them."""

from collections.abc import Iterator

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import descriptors
from uv_workspace_function.oci.descriptors import Descriptor
from uv_workspace_function.oci.store import Blob, Store
from uv_workspace_function.target.image_reference import ImageReference

_KIND = "elsewhere"


def keep(store: Store, blob: Blob, image: ImageReference) -> None:
    """Remember which repository has a content."""
    store.keep(_KIND, _key(blob), str(image))


def reaches(store: Store, blob: Blob) -> bool:
    """Whether a content is in the store, or can be had."""
    return store.holds(blob) or store.record(_KIND, _key(blob)) is not None


def pieces(store: Store, blob: Blob) -> Iterator[bytes]:
    """A content, in pieces, from wherever it is; it is not written to the store.

    Raises:
        WorkspaceError: when it is nowhere.
    """
    if store.holds(blob):
        return store.read(blob)
    return _from_registry(store, blob)


def content(store: Store, descriptor: Descriptor) -> Iterator[bytes] | None:
    """A content, in pieces, as `pieces` has it; None where the store cannot have it."""
    blob = Blob(digest=descriptor.digest, size=descriptor.size)
    return pieces(store, blob) if reaches(store, blob) else None


def fetch(store: Store, blob: Blob) -> None:
    """Have a content in the store.

    Raises:
        WorkspaceError: when it is nowhere.
    """
    if not store.holds(blob):
        with store.locked(f"blob-{_key(blob)}"):
            if not store.holds(blob):
                store.add(_from_registry(store, blob), expected=blob.digest)


def image_of(store: Store, blob: Blob) -> ImageReference | None:
    """The image whose repository has a content, where one is known."""
    kept = store.record(_KIND, _key(blob))
    return None if kept is None else ImageReference.parse(kept)


def _from_registry(store: Store, blob: Blob) -> Iterator[bytes]:
    from uv_workspace_function.oci.registry import Repository  # noqa: PLC0415 - it takes its time, and nearly no build needs it

    image = image_of(store, blob)
    if image is None:
        raise WorkspaceError(f"the cache has {blob.digest} no more", "run the command again")
    content = Descriptor(media_type=descriptors.COMPRESSED_LAYER, digest=blob.digest, size=blob.size)
    try:
        yield from Repository(image).blob(content)
    except WorkspaceError as error:
        store.forget(_KIND, _key(blob))
        raise WorkspaceError(
            f"the cache {image} no longer gives a layer: {error.problem}", "run the command again, which builds it"
        ) from error


def _key(blob: Blob) -> str:
    return blob.digest.partition(":")[2]
