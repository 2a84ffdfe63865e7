"""Images that were built before, by a job without credentials: found by context, build arguments and platform."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from uv_workspace_function.cdk_docker.named_images import NamedImage
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.descriptors import digest_of
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.origin import ANNOTATION, Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prebuilt:
    """An archive in the folder."""

    path: Path
    digest: str
    origin: Origin


def find(folder: Path, wanted: Origin) -> NamedImage:
    """The image that was made from the same.

    Args:
        folder: where `services build --output` wrote archives; in folders below it as well.
        wanted: what it has to be made from.

    Raises:
        WorkspaceError: when none was.
    """
    if not folder.is_dir():
        raise WorkspaceError(
            f"there is no folder {folder} of images that were built before",
            "write one with `services build --all --output DIR`",
        )
    of_service = [found for found in _archives(folder) if found.origin.service == wanted.service]
    for found in of_service:
        if found.origin == wanted:
            return _read(found)
    remedy = f"build it with `services build {wanted.service} --output DIR` and the options that the app gives it"
    if not of_service:
        raise WorkspaceError(f"{folder} holds no image of {wanted.service}", remedy)
    reasons = "; ".join(
        f"{found.path.relative_to(folder)} has {', '.join(wanted.differences(found.origin))}" for found in of_service
    )
    raise WorkspaceError(f"{folder} holds no image of {wanted.service} as it is asked for: {reasons}", remedy)


def _archives(folder: Path) -> Iterator[_Prebuilt]:
    for path in sorted(path for path in folder.rglob("*.tar") if path.is_file()):
        with contextlib.suppress(WorkspaceError):  # whatever else lies there is not ours to judge
            for entry in Layout(path).entries():
                origin = Origin.read((entry.get("annotations") or {}).get(ANNOTATION, ""))
                if origin is not None:
                    yield _Prebuilt(path=path, digest=str(entry["digest"]), origin=origin)


def _read(found: _Prebuilt) -> NamedImage:
    manifest = Layout(found.path).manifest(found.digest)
    if digest_of(manifest) != found.digest:
        raise WorkspaceError(f"{found.path} is damaged: its manifest is another one", "build it anew")
    return NamedImage(digest=found.digest, manifest=manifest.decode(), own=(), layout=str(found.path))
