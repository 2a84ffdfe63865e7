"""Base images made by hand, as OCI layouts: what a build without an engine looks into, and no more."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

GLIBC = b"GNU C Library (GNU libc) stable release version 2.34.\n"
FILES: Mapping[str, bytes] = {"var/lang/bin/python3.14": b"", "usr/lib64/libc.so.6": GLIBC}
LINKS: Mapping[str, str] = {"var/lang/bin/python3": "python3.14", "lib64": "usr/lib64"}
FOLDERS = ("var", "var/task", "var/lang", "var/lang/bin", "usr", "usr/lib64")
TO_RUN: Mapping[str, Any] = {
    "Env": ["PATH=/var/lang/bin"],
    "Entrypoint": ["/lambda-entrypoint.sh"],
    "WorkingDir": "/var/task",
}


def write_base(
    folder: Path,
    *,
    architecture: str = "arm64",
    files: Mapping[str, bytes] = FILES,
    links: Mapping[str, str] = LINKS,
    folders: Sequence[str] = FOLDERS,
    time: int = 1_700_000_000,
    to_run: Mapping[str, Any] = TO_RUN,
) -> Path:
    """Write one; where it is."""
    layer = _layer(files, links, folders, time)
    configuration = {
        "architecture": architecture,
        "os": "linux",
        "variant": "v8",
        "config": to_run,
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
        "history": [{"created_by": "by hand"}],
    }
    blobs: dict[str, bytes] = {}

    def add(content: bytes, kind: str) -> dict[str, Any]:
        blobs[_digest(content)] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": _digest(content), "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "config": add(json.dumps(configuration).encode(), "config.v1+json"),
        "layers": [add(layer, "layer.v1.tar")],
    }
    platform = {"os": "linux", "architecture": architecture}
    index = {
        "schemaVersion": 2,
        "manifests": [{**add(json.dumps(manifest).encode(), "manifest.v1+json"), "platform": platform}],
    }
    entry = add(json.dumps(index).encode(), "index.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "3.14"}
    (folder / "blobs/sha256").mkdir(parents=True)
    for digest, content in blobs.items():
        (folder / "blobs" / digest.replace(":", "/")).write_bytes(content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return folder


def write_layers(
    folder: Path,
    number: int,
    *,
    media_type: str = "oci",
    layer: str = "gzip",
    compressed: bool = True,
    parents: bool = True,
) -> Path:
    """Write an image of some layers, as the layout's `image`; where it is.

    Args:
        folder: where.
        number: of layers, of 100 kB each that do not compress.
        media_type: `oci` or `docker`.
        layer: how layers say that they are compressed.
        compressed: whether they say so, and are.
        parents: whether they have the folders that their files are in.
    """
    blobs: dict[str, bytes] = {}

    def add(content: bytes, kind: str) -> dict[str, Any]:
        blobs[_digest(content)] = content
        return {"mediaType": kind, "digest": _digest(content), "size": len(content)}

    raw = [
        _layer(
            {f"opt/{index}": hashlib.shake_128(str(index).encode()).digest(100_000)}, {}, ["opt"] if parents else [], 0
        )
        for index in range(number)
    ]
    kinds = {
        "oci": ("oci.image.manifest.v1+json", "oci.image.config.v1+json", "oci.image.layer.v1.tar", "+"),
        "docker": (
            "docker.distribution.manifest.v2+json",
            "docker.container.image.v1+json",
            "docker.image.rootfs.diff.tar",
            ".",
        ),
    }
    manifest_type, configuration_type, layer_type, sign = (f"application/vnd.{kind}" for kind in kinds[media_type])
    ending = f"{sign.removeprefix('application/vnd.')}{layer}" if compressed else ""
    configuration = {"rootfs": {"type": "layers", "diff_ids": [*map(_digest, raw)]}, "os": "linux"}
    manifest = {
        "schemaVersion": 2,
        "mediaType": manifest_type,
        "config": add(json.dumps(configuration).encode(), configuration_type),
        "layers": [add(gzip.compress(one, mtime=0) if compressed else one, layer_type + ending) for one in raw],
    }
    entry = add(json.dumps(manifest).encode(), manifest_type)
    entry["annotations"] = {"org.opencontainers.image.ref.name": "image"}
    (folder / "blobs/sha256").mkdir(parents=True)
    for digest, content in blobs.items():
        (folder / "blobs" / digest.replace(":", "/")).write_bytes(content)
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return folder


def _layer(files: Mapping[str, bytes], links: Mapping[str, str], folders: Sequence[str], time: int) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for folder in folders:
            member = tarfile.TarInfo(folder)
            member.type, member.mode, member.mtime = tarfile.DIRTYPE, 0o755, time
            archive.addfile(member)
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size, member.mtime = len(content), time
            archive.addfile(member, io.BytesIO(content))
        for path, target in links.items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname = tarfile.SYMTYPE, target
            archive.addfile(member)
    return raw.getvalue()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
