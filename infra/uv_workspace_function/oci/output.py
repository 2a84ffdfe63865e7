"""What a build leaves behind: an image or a zip as an archive, or the task folder. Whole, or not at all."""

import errno
import os
import secrets
import shutil
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from uv_workspace_function.builder.layer import EPOCH
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import descriptors, elsewhere, layers, zip_format
from uv_workspace_function.oci.image import Image
from uv_workspace_function.oci.origin import ANNOTATION, Origin
from uv_workspace_function.oci.store import Blob, Store

_LAYOUT = descriptors.encoded({"imageLayoutVersion": "1.0.0"})


Form = Literal["image", "folder", "zip"]
"""What is written."""


def check_place(path: Path, form: Form) -> None:
    """Refuse to write over what is no output of an earlier build.

    Raises:
        WorkspaceError: when something else is there.
    """
    if not os.path.lexists(path):
        if path.parent.exists() and not path.parent.is_dir():
            raise WorkspaceError(f"{path.parent} is no folder", "give another --output")
        return
    kind = _KINDS[form]
    if not kind.is_ours(path):
        raise WorkspaceError(
            f"{path} exists, and is not {kind.what}; it was left as it is", "give another --output, or remove it"
        )


def ending(form: Form) -> str:
    """What the names of its files end with, where there are several."""
    return _KINDS[form].ending


def write_archive(store: Store, image: Image, path: Path, *, name: str, origin: Origin) -> None:
    """Write an image as an OCI layout in an archive, which `docker load` takes, too.

    Args:
        store: where its contents are.
        image: which one.
        path: where; an earlier build's is replaced.
        name: what engines call it, `repository:tag`.
        origin: what it was made from, by which it is found again.

    Raises:
        WorkspaceError: when it cannot be written; nothing is left then.
    """
    image.base.fetch(store)
    for layer in image.layers.values():
        elsewhere.fetch(store, layer.blob)
    with _writing(path) as place, place.open("wb") as stream:
        contents = {blob.digest: blob for blob in (image.manifest, image.configuration)}
        contents |= {d.digest: Blob(digest=d.digest, size=d.size) for d in image.blobs}
        with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for member, content in _small_files(image, name, origin).items():
                _add(archive, member, len(content), iter([content]))
            for digest in sorted(contents):
                blob = contents[digest]
                _add(archive, f"blobs/{digest.replace(':', '/')}", blob.size, store.read(blob))


def write_zip(store: Store, blob: Blob, path: Path) -> None:
    """Write a zip archive.

    Args:
        store: where it is.
        blob: which one.
        path: where; an earlier build's is replaced.

    Raises:
        WorkspaceError: when it cannot be written; nothing is left then.
    """
    with _writing(path) as place, place.open("wb") as stream:
        for piece in store.read(blob):
            stream.write(piece)


def write_sbom(content: bytes, path: Path) -> None:
    """Write a list of what is in an image or an archive.

    Args:
        content: the document.
        path: where; a file that is there is replaced.

    Raises:
        WorkspaceError: when it cannot be written; nothing is left then.
    """
    with _writing(path, option="--sbom") as place:
        place.write_bytes(content)


def write_folder(store: Store, image: Image, path: Path, *, target: str) -> None:
    """Write the files that an image has in its task folder.

    Args:
        store: where its contents are.
        image: which one.
        path: where; an earlier build's is replaced.
        target: the task folder, as it is in the layers.

    Raises:
        WorkspaceError: when it cannot be written; nothing is left then.
    """
    with _writing(path, is_folder=True) as place:
        for name, layer in image.layers.items():
            if name != "root":
                layers.unpack(store, layer, place / "root")
        task = place / "root" / target
        task.mkdir(parents=True, exist_ok=True)
        task.chmod(0o755)
        for folder, _, _ in os.walk(task, topdown=False):
            os.utime(folder, (EPOCH, EPOCH))
        task.rename(place / "task")
        shutil.rmtree(place / "root", ignore_errors=True)
        os.utime(place / "task", (EPOCH, EPOCH))


def _small_files(image: Image, name: str, origin: Origin) -> dict[str, bytes]:
    annotations = {
        descriptors.CONTAINERD_NAME: _qualified(name),
        descriptors.REFERENCE_NAME: name.rpartition(":")[2],
        ANNOTATION: origin.as_text(),
    }
    entry = {
        "mediaType": descriptors.MANIFEST,
        "digest": image.digest,
        "size": image.manifest.size,
        "annotations": annotations,
    }
    index = {"schemaVersion": 2, "mediaType": descriptors.INDEX, "manifests": [entry]}
    # What an engine without containerd's store reads.
    blobs = [f"blobs/{descriptor.digest.replace(':', '/')}" for descriptor in image.blobs]
    of_docker = [
        {"Config": f"blobs/{image.configuration.digest.replace(':', '/')}", "RepoTags": [name], "Layers": blobs}
    ]
    return {
        "oci-layout": _LAYOUT,
        "index.json": descriptors.encoded(index),
        "manifest.json": descriptors.encoded(of_docker),
    }


def _qualified(name: str) -> str:
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _add(archive: tarfile.TarFile, name: str, size: int, pieces: Iterator[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mtime, member.mode = size, EPOCH, 0o644
    archive.addfile(member, _Stream(pieces))  # type: ignore[arg-type] # it reads, and does no more


class _Stream:
    """Pieces, to be read to their end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._held = pieces, bytearray()

    def read(self, size: int) -> bytes:
        while len(self._held) <= size and (piece := next(self._pieces, None)) is not None:
            self._held += piece
        found = bytes(self._held[:size])
        del self._held[:size]
        return found


@contextmanager
def _writing(path: Path, *, is_folder: bool = False, option: str = "--output") -> Iterator[Path]:
    """A place beside the path; what is written there takes the path's place at the end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staging = path.parent / f".{path.name[:40]}-{secrets.token_hex(8)}"  # whose name may be as long as one may be
        try:  # from here on, since a signal can come between any two lines
            staging.mkdir(0o700)
            if is_folder:
                yield staging
                _exchange(staging / "task", path, before=staging / "before")
            else:
                yield staging / "image"
                (staging / "image").replace(path)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else (error.strerror or str(error)).lower()
        raise WorkspaceError(
            f"{path} could not be written: {reason}", f"nothing of it was left; make room, or give another {option}"
        ) from error


def _exchange(folder: Path, path: Path, *, before: Path) -> None:
    """Have a folder take a place; where it cannot, or a signal comes between, what was there comes back."""
    try:
        if path.exists():
            path.rename(before)
        folder.rename(path)
    except BaseException:
        if before.exists() and not path.exists():
            before.rename(path)
        raise


def _is_our_archive(path: Path) -> bool:
    """Whether an archive is an OCI layout that was written here: the first of its files, and the time of that."""
    try:
        with tarfile.open(path, "r:") as archive:
            first = archive.next()
            return first is not None and first.name == "oci-layout" and int(first.mtime) == EPOCH
    except (OSError, tarfile.TarError):
        return False


def _is_our_folder(path: Path) -> bool:
    """Whether a folder is as a build left it: whatever is added or changed there has another time, or its folder has."""
    if path.is_symlink() or not path.is_dir():
        return False
    return all(int(each.lstat().st_mtime) == EPOCH for each in [path, *path.rglob("*")])


class _Kind(NamedTuple):
    is_ours: Callable[[Path], bool]
    """Whether what lies at a path is of an earlier build, and may be replaced."""
    what: str
    ending: str


_KINDS: Mapping[Form, _Kind] = {
    "image": _Kind(_is_our_archive, "an image of an earlier build", ".tar"),
    "folder": _Kind(_is_our_folder, "the task folder of an earlier build, unchanged", ""),
    "zip": _Kind(zip_format.is_ours, "a zip archive of an earlier build", ".zip"),
}
