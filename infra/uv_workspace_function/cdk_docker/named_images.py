"""Images by the names that the CDK CLI gives them: each call is a process of its own, and several run at once."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import elsewhere
from uv_workspace_function.oci.descriptors import Descriptor, Source
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.store import Blob, Store, key_of
from uv_workspace_function.target.image_reference import ImageReference


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImage:
    """An image, and where its contents are: in the store or a registry's cache, else where the base image came from."""

    digest: str
    """The manifest's."""
    manifest: str
    """The manifest itself."""
    own: tuple[str, ...]
    """The digests of what the store, or a registry's cache, has to have."""
    base_repository: str = ""
    """An image of the repository that has the base image's layers."""
    layout: str = ""
    """The path of an OCI layout that has its contents, or the base image's."""
    base: "NamedImage | None" = None
    """The base image, where that is one of these."""

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """One that was kept as JSON."""
        base = kept["base"]
        return cls(**{**kept, "own": tuple(kept["own"]), "base": None if base is None else NamedImage.of(base)})

    def as_kept(self) -> dict[str, Any]:
        """Itself as JSON has it."""
        return asdict(self)

    @property
    def contents(self) -> tuple[Descriptor, ...]:
        """Its layers, lowest first, and its configuration."""
        document = json.loads(self.manifest)
        return tuple(Descriptor.read(entry) for entry in (*document["layers"], document["config"]))

    def is_whole(self, store: Store) -> bool:
        """Whether everything that has to be on this machine is there."""
        sizes = {content.digest: content.size for content in self.contents}
        return (
            all(elsewhere.reaches(store, Blob(digest=digest, size=sizes[digest])) for digest in self.own)
            and (not self.layout or Path(self.layout).exists())
            and (self.base is None or self.base.is_whole(store))
        )


@dataclass(frozen=True, slots=True)
class Contents:
    """Where an image's contents are read from.

    Args:
        image: which one.
        store: this machine's.
    """

    image: NamedImage
    store: Store

    def manifest(self, reference: str) -> bytes:  # noqa: ARG002 - a Source's
        """Its manifest, by whatever reference; there is only one."""
        return self.image.manifest.encode()

    def blob(self, descriptor: Descriptor) -> Iterator[bytes]:
        """A content, in pieces.

        Raises:
            WorkspaceError: when it is nowhere.
        """
        own = elsewhere.content(self.store, descriptor)
        return own if own is not None else self._elsewhere(descriptor).blob(descriptor)

    def _elsewhere(self, descriptor: Descriptor) -> Source:
        if self.image.base is not None:
            return Contents(self.image.base, self.store)
        if self.image.layout:
            return Layout(Path(self.image.layout))
        if self.image.base_repository:
            from uv_workspace_function.oci.registry import Repository  # noqa: PLC0415 - it takes its time, and most calls need none

            return Repository(ImageReference.parse(self.image.base_repository))
        raise WorkspaceError(
            f"{descriptor.digest} of the image {self.image.digest} is not in the cache any more", "build it anew"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImages:
    """All images that have a name.

    Args:
        store: where they are kept.
        of: a folder of images that were built before: then only those of it have names.
    """

    store: Store
    of: Path | None = None

    def get(self, name: str) -> NamedImage | None:
        """The image of a name, where all of it is there."""
        kept = self.store.record(self._kind, key_of(name))
        image = None if kept is None else NamedImage.of(kept["image"])
        return image if image is not None and image.is_whole(self.store) else None

    def name(self, image: NamedImage, name: str) -> None:
        """Give an image a name; whatever had it before has it no more."""
        self.store.keep(self._kind, key_of(name), {"name": name, "image": image.as_kept()})

    def with_tag(self, tag: str) -> tuple[str, ...]:
        """The names of images `HOST/REPOSITORY:TAG`, with that tag."""
        folder = self.store.folder / "records" / self._kind
        records = (self.store.record(self._kind, path.stem) for path in sorted(folder.glob("*.json")))
        names = sorted(record["name"] for record in records if record is not None)
        fitting = (name for name in names if name.count("/") == 1 and name.endswith(f":{tag}"))
        return tuple(name for name in fitting if self.get(name) is not None)

    @property
    def _kind(self) -> str:
        return "names" if self.of is None else f"names-{key_of(str(self.of))[:16]}"
