"""Images that were built into the store, whichever process built them: by their manifest's digest."""

from collections.abc import Iterator
from dataclasses import dataclass

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import elsewhere, sources
from uv_workspace_function.oci.base import BaseImage
from uv_workspace_function.oci.descriptors import Descriptor
from uv_workspace_function.oci.store import Blob, Store
from uv_workspace_function.target.image_reference import ImageReference

_KIND = "images"


def keep(store: Store, manifest: Blob, base: BaseImage) -> None:
    """Remember of an image where the contents are that the store need not have: those of its base."""
    store.keep(_KIND, manifest.digest.partition(":")[2], {"size": manifest.size, "base": base.name})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredImage:
    """An image of the store, to be read as from any other `Source`.

    Args:
        store: which one.
        digest: its manifest's.
    """

    store: Store
    digest: str

    @property
    def base_image(self) -> ImageReference | None:
        """The name of its base image; None where that is no registry's."""
        name = self._record()[1]
        return None if name.startswith(sources.LAYOUT) else ImageReference.parse(name)

    def manifest(self, reference: str = "") -> bytes:
        """Its manifest, which has no other name than its digest.

        Raises:
            WorkspaceError: when the store has it no more.
        """
        blob = Blob(digest=self.digest, size=self._record()[0])
        if reference not in {"", self.digest} or not self.store.holds(blob):
            raise self._gone()
        return b"".join(self.store.read(blob))

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A content, in pieces: from the store, or from where its base image is.

        Raises:
            WorkspaceError: when neither has it.
        """
        own = elsewhere.content(self.store, descriptor)
        return own if own is not None else sources.source(self._record()[1])[0].blob(descriptor)

    def _record(self) -> tuple[int, str]:
        kept = self.store.record(_KIND, self.digest.partition(":")[2])
        if kept is None:
            raise self._gone()
        return int(kept["size"]), str(kept["base"])

    def _gone(self) -> WorkspaceError:
        return WorkspaceError(f"{self.store.folder} has no image {self.digest}", "build it again")
