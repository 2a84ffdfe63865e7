"""Base images made by hand, as OCI layouts: what a build without an engine looks into, and no more."""

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
