"""What is in the layers of a built image, read from what `docker image save` prints.

Source of the format: https://github.com/opencontainers/image-spec and https://github.com/moby/docker-image-spec
"""

import csv
import io
import json
import posixpath
import re
import subprocess
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import IO, Any

from packaging.utils import canonicalize_name

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.insight.sizes import LayerSize, PackageSize, ServiceSize

# Each layer of ours is one COPY from such a folder of the builder; see Dockerfile.
_OUR_COPY = re.compile(r"COPY /layers/(?P<layer>[\w-]+)/ ")
_LAYER_NAMES = {
    "heavy": "third-party, heavy",
    "medium": "third-party, medium",
    "light": "third-party, light",
}
_DIST_INFO = re.compile(r"(?P<name>[^/]+?)-(?P<version>[^/-]+)\.dist-info")
_BYTECODE = re.compile(r"(?P<stem>.+?)\.[^./]+\.pyc")
# docker's words and podman's
_NO_SUCH_IMAGE = re.compile("no such image|not known|not found|no such object", re.IGNORECASE)
_KNOWN_STARTS = {b"{": "json", b"[": "json", b"\x1f": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Archive:
    """The files of one layer, by path, with their sizes; and the lists of files of the distributions in it."""

    sizes: Mapping[str, int]
    records: Mapping[str, bytes]


def size_of_image(service: str, image: str, *, docker: str) -> ServiceSize:
    """The size of a service in its image.

    Args:
        service: the service's name.
        image: the image's name or id.
        docker: the program that builds images.

    Raises:
        WorkspaceError: when there is no such program or image, or it was built by another Dockerfile.
    """
    try:
        inspect = [docker, "image", "inspect", "--format={{json .RepoTags}}", image]
        there = subprocess.run(inspect, capture_output=True, text=True, check=False)
    except OSError as error:
        raise WorkspaceError(
            f"{docker} cannot be run: {error.strerror}",
            "install a container engine, or leave the image out to get the sizes in the lock",
        ) from error
    if there.returncode:
        said = " ".join(there.stderr.split())
        if not _NO_SUCH_IMAGE.search(said):
            raise WorkspaceError(f"{docker} cannot inspect {image}: {said}", "start its engine and try again")
        raise WorkspaceError(
            f"{image}, the image of {service}, is not built here",
            f"build it: `services prune {service} --output DIR`, then "
            f"`{docker} build --platform linux/arm64 --build-arg SERVICE_NAME={service} --tag {image} DIR`; `cdk deploy` "
            "builds the images of a stack",
        )
    # A name without a tag is the latest one's everywhere but in `docker image save`, which takes all tags of that name.
    latest = f"{image}:latest"
    saved = latest if latest in (json.loads(there.stdout) or ()) else image
    with subprocess.Popen([docker, "image", "save", saved], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        if process.stdout is None or process.stderr is None:  # pragma: no cover - both are pipes
            raise WorkspaceError(f"{docker} image save gave no output")
        try:
            documents, layers = _saved(process.stdout)
        except (tarfile.TarError, EOFError) as error:
            process.kill()
            raise WorkspaceError(
                f"{docker} image save {image} cannot be read: {error}; {process.stderr.read().decode().strip()}"
            ) from error
        process.stdout.read()
    return read_image(service, image, documents, layers)


def read_image(service: str, image: str, documents: Mapping[str, Any], layers: Mapping[str, _Archive]) -> ServiceSize:
    """The sizes in a saved image, from its JSON documents and its layers, both by their path in the archive.

    Raises:
        WorkspaceError: when it was built by another Dockerfile.
    """
    if any(map(_is_index, documents.values())):
        raise WorkspaceError(
            f"{image} is an image index, which Lambda does not take: it carries provenance or an SBOM, or is for several platforms",
            "build it for one platform with `--provenance=false --sbom=false`",
        )
    manifest = documents["manifest.json"][0]
    history = [entry for entry in documents[manifest["Config"]]["history"] if not entry.get("empty_layer")]
    ours = []
    base = 0
    owners: dict[str, tuple[str, str]] = {}
    for path, entry in zip(manifest["Layers"], history, strict=True):
        layer = layers[path]
        match = _OUR_COPY.search(entry.get("created_by", ""))
        if match is None:
            base += sum(layer.sizes.values())
            continue
        ours.append((_LAYER_NAMES.get(match["layer"], match["layer"]), layer))
        owners |= _owners(layer)
    if not ours:
        raise WorkspaceError(
            f"{image} was not built by this package's Dockerfile: no layer of it is a COPY from /layers",
            f"build it from a context of `services prune {service}`",
        )
    sizes = tuple(_layer_size(name, layer, owners) for name, layer in ours)
    return ServiceSize(service=service, source=image, layers=sizes, base=base)


def _is_index(document: Any) -> bool:
    """Whether a document of a saved image lists several manifests, or an index: an OCI layout's own list names one image.

    Source: https://github.com/opencontainers/image-spec/blob/main/image-index.md
    """
    match document:
        case {"manifests": [{"mediaType": str(media_type)}]}:
            return media_type.endswith((".index.v1+json", ".manifest.list.v2+json"))
        case {"manifests": [_, _, *_]}:
            return True
        case _:
            return False


def _layer_size(name: str, layer: _Archive, owners: Mapping[str, tuple[str, str]]) -> LayerSize:
    sizes: dict[tuple[str, str | None], int] = {}
    for path, size in layer.sizes.items():
        # what no distribution owns was copied (a member that is no package): it goes by the name of its top folder
        owner = owners.get(_source_of(path)) or (_top(path, layer.sizes), None)
        sizes[owner] = sizes.get(owner, 0) + size
    return LayerSize.of(name, (PackageSize(name=n, version=v, size=s) for (n, v), s in sizes.items()))


def _owners(layer: _Archive) -> dict[str, tuple[str, str]]:
    """The package and version that each file belongs to, by the distributions' own lists of files."""
    owners: dict[str, tuple[str, str]] = {}
    for path, record in layer.records.items():
        metadata = PurePosixPath(path).parent
        match = _DIST_INFO.fullmatch(metadata.name)
        if match is None:
            continue
        for row in csv.reader(io.StringIO(record.decode(errors="replace"))):
            if row:
                owners[str(metadata.parent / row[0])] = canonicalize_name(match["name"]), match["version"]
    return owners


def _source_of(path: str) -> str:
    """The module of a bytecode file, any other file itself."""
    file = PurePosixPath(path)
    match = _BYTECODE.fullmatch(file.name)
    return str(file.parent.parent / f"{match['stem']}.py") if match and file.parent.name == "__pycache__" else path


def _top(path: str, paths: Iterable[str]) -> str:
    """The first part of a path below the folder that all files of a layer are in."""
    common = PurePosixPath(posixpath.commonpath([posixpath.dirname(each) for each in paths]))
    # Lambda's own folder is two deep (/var/task); below it a single package may be all there is.
    parts = PurePosixPath(_source_of(path)).relative_to(PurePosixPath(*common.parts[:2])).parts
    return parts[0] if parts else path


def _saved(stream: IO[bytes]) -> tuple[dict[str, Any], dict[str, _Archive]]:
    """The JSON documents and the layers of a saved image, by path."""
    documents: dict[str, Any] = {}
    layers: dict[str, _Archive] = {}
    links: dict[str, str] = {}
    with tarfile.open(fileobj=stream, mode="r|") as archive:
        for entry in archive:
            if entry.issym():  # podman and older dockers name a layer that two images share by a link
                links[entry.name] = posixpath.normpath(posixpath.join(posixpath.dirname(entry.name), entry.linkname))
            content = archive.extractfile(entry) if entry.isfile() else None
            if content is None or entry.size == 0:
                continue
            start = content.peek(4)  # type: ignore[attr-defined] # it is a BufferedReader
            kind = next((kind for known, kind in _KNOWN_STARTS.items() if start.startswith(known)), "tar")
            if kind == "json":
                documents[entry.name] = json.load(content)
            elif kind == "zstd":
                raise WorkspaceError("the image's layers are compressed as zstd", "build it without compression=zstd")
            elif kind == "gzip" or entry.size % tarfile.BLOCKSIZE == 0:
                layers[entry.name] = _layer(content, gzipped=kind == "gzip")
    return documents, layers | {link: layers[to] for link, to in links.items() if to in layers}


def _layer(stream: IO[bytes], *, gzipped: bool) -> _Archive:
    sizes, records = {}, {}
    with tarfile.open(fileobj=stream, mode="r|gz" if gzipped else "r|") as layer:
        for entry in layer:
            if entry.isfile():
                sizes[entry.name] = entry.size
                if entry.name.endswith(".dist-info/RECORD"):
                    content = layer.extractfile(entry)
                    records[entry.name] = content.read() if content else b""
    return _Archive(sizes=sizes, records=records)
