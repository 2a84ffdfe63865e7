"""OCI layouts: images as folders or archives of files, https://github.com/opencontainers/image-spec/blob/main/image-layout.md."""

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.descriptors import CONTAINERD_NAME, REFERENCE_NAME, Descriptor

_READ = 1 << 20


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout on disk, as a folder or as an archive.

    Args:
        path: which one.
    """

    path: Path

    def manifest(self, reference: str) -> bytes:
        """A manifest or an index, by the name that the layout's index has for it, or by digest; the only one where it is "".

        Raises:
            WorkspaceError: when there is none.
        """
        if not reference.startswith("sha256:"):
            entries = self.entries()
            fitting = [e for e in entries if not reference or reference in _names(e)]
            if len(fitting) != 1:
                known = ", ".join(sorted({name for entry in entries for name in _names(entry)})) or "none"
                wanted = f"an image {reference!r}" if reference else "just one image"
                raise WorkspaceError(f"{self.path} does not hold {wanted}; its names are: {known}", "name one of them")
            reference = str(fitting[0]["digest"])
        return b"".join(self._read(_blob(reference)))

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A content, in pieces."""
        return self._read(_blob(descriptor.digest))

    def entries(self) -> list[dict[str, Any]]:
        """What its index has of each image.

        Raises:
            WorkspaceError: when it is no layout.
        """
        try:
            entries = json.loads(b"".join(self._read("index.json")))["manifests"]
        except (ValueError, KeyError, TypeError) as error:
            raise WorkspaceError(
                f"{self.path} is not an OCI layout", "name one, as `skopeo copy` and `docker save` write them"
            ) from error
        found: list[dict[str, Any]] = entries
        return found

    def _read(self, name: str) -> Iterator[bytes]:
        try:
            if self.path.is_dir():
                with (self.path / name).open("rb") as stream:
                    yield from iter(lambda: stream.read(_READ), b"")
                return
            with tarfile.open(self.path, "r:") as archive:
                content = archive.extractfile(name)
                yield from iter(lambda: content.read(_READ) if content else b"", b"")
        except (OSError, KeyError, tarfile.TarError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is not there"
            raise WorkspaceError(
                f"{name} of the OCI layout {self.path} cannot be read: {reason.lower()}",
                "name a layout, as `skopeo copy` and `docker save` write them",
            ) from error


def _names(entry: dict[str, Any]) -> set[str]:
    return {
        value for key, value in (entry.get("annotations") or {}).items() if key in {REFERENCE_NAME, CONTAINERD_NAME}
    }


def _blob(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
