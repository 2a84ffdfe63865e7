"""The folders of a base image, read from its layers once per digest: what a layer above them is written by, and checked against."""

import gzip
import hashlib
import posixpath
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv_workspace_function.builder.layer import EPOCH
from uv_workspace_function.oci import tar
from uv_workspace_function.oci.base import BaseImage
from uv_workspace_function.oci.descriptors import COMPRESSED_LAYER, Descriptor
from uv_workspace_function.oci.store import Store, key_of

_GONE, _ALL_GONE = ".wh.", ".wh..wh..opq"
_LIBRARY = re.compile(r"libc(-2\.\d+)?\.so(\.6)?")
_GLIBC = re.compile(rb"GNU C Library [^\n]*? version \d+\.\d+")
_DEEPEST = 5
"""Folders that may hold programs or libraries lie no deeper."""
_LINKS_FOLLOWED = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A root file system, without nearly all of its files."""

    folders: Mapping[str, tuple[int, int, int, int]]
    """By path without slashes around it: mode, owner, group and time."""
    links: Mapping[str, str]
    files: Mapping[str, str]
    """Programs by path, and C libraries with what they say of themselves."""
    equal: Mapping[str, tuple[int, int, int, str]]
    """Files of the time that ours have: mode, owner, group and digest. BuildKit writes no file that is there already."""

    def real(self, path: str) -> str:
        """Where a path leads, without slashes around it."""
        path = path.strip("/")
        for _ in range(_LINKS_FOLLOWED):
            parts = path.split("/")
            for depth in range(1, len(parts) + 1):
                here = "/".join(parts[:depth])
                if here in self.links:
                    start = posixpath.join("/", posixpath.dirname(here), self.links[here])
                    path = posixpath.normpath("/".join([start, *parts[depth:]])).strip("/")
                    break
            else:
                return path
        return path

    def way(self, path: str) -> list[tar.Entry]:
        """The folders that lead to a folder of ours, and itself: those that are there keep their owner, mode and time."""
        parts = self.real(path).split("/")
        found = [self.entry("/".join(parts[:depth])) for depth in range(1, len(parts) + 1)]
        last = found[-1]
        found[-1] = tar.Entry(name=last.name, kind="folder", mode=last.mode, uid=last.uid, gid=last.gid, time=EPOCH)
        return found

    def entry(self, path: str) -> tar.Entry:
        """A folder as a layer has it."""
        mode, uid, gid, time = self.folders.get(path, (0o755, 0, 0, EPOCH))
        return tar.Entry(name=f"{path}/", kind="folder", mode=mode, uid=uid, gid=gid, time=time)

    def write(self, root: Path, *, target_folder: str) -> None:
        """Lay it out for the builder to look at: the folders near the root, and those around the target folder."""
        root.mkdir()
        target = self.real(target_folder)
        for path in sorted(self.folders):
            if path.count("/") < _DEEPEST or f"{target}/".startswith(f"{path}/"):
                (root / path).mkdir(parents=True, exist_ok=True)
        for path, target in self.links.items():
            place = root / path
            if place.parent.is_dir() and not place.is_symlink() and not place.exists():
                place.symlink_to(target)
        for path, content in self.files.items():
            place = root / path
            if place.parent.is_dir() and not place.is_symlink():
                place.write_text(content, encoding="latin-1")


def read(store: Store, base: BaseImage) -> Tree:
    """The tree of a base image: its layers are fetched and read where that was not done before."""
    kept = [store.record("trees", key_of(layer.digest)) for layer in base.layers]
    if None in kept:
        base.fetch(store)
        for index, layer in enumerate(base.layers):
            if kept[index] is None:
                kept[index] = _read_layer(store, layer)
                store.keep("trees", key_of(layer.digest), kept[index])
    return _laid_over(kept)


def _laid_over(layers: list[Any]) -> Tree:
    merged: dict[str, dict[str, Any]] = {"folders": {}, "links": {}, "files": {}, "equal": {}}
    for layer in layers:
        for gone in layer["gone"]:
            for found in merged.values():
                for path in [p for p in found if p == gone or p.startswith(f"{gone}/")]:
                    del found[path]
        for folder in layer["emptied"]:
            for found in merged.values():
                for path in [p for p in found if p.startswith(f"{folder}/")]:
                    del found[path]
        for path in layer["others"]:
            for found in merged.values():
                found.pop(path, None)
        for kind, found in merged.items():
            for path, value in layer[kind].items():
                for other in merged.values():
                    if kind == "files" or other is merged["files"] or other is merged["equal"]:
                        continue
                    other.pop(path, None)
                found[path] = tuple(value) if isinstance(value, list) else value
    return Tree(folders=merged["folders"], links=merged["links"], files=merged["files"], equal=merged["equal"])


def _read_layer(store: Store, layer: Descriptor) -> dict[str, Any]:
    found: dict[str, Any] = {
        "folders": {},
        "links": {},
        "files": {},
        "equal": {},
        "gone": [],
        "emptied": [],
        "others": [],
    }
    for archive, member in _members(store, layer):
        path = posixpath.normpath(member.name).strip("/")
        folder, name = posixpath.split(path)
        if name == _ALL_GONE:
            found["emptied"].append(folder)
        elif name.startswith(_GONE):
            found["gone"].append(posixpath.join(folder, name.removeprefix(_GONE)))
        elif member.isdir():
            if path != ".":
                found["folders"][path] = [member.mode & 0o7777, member.uid, member.gid, int(member.mtime // 1)]
        elif member.issym():
            found["links"][path] = member.linkname
        else:
            found["others"].append(path) if path.count("/") < _DEEPEST else None
            if posixpath.basename(folder) == "bin" and name.startswith("python3"):
                found["files"][path] = ""
            elif _LIBRARY.fullmatch(name) and member.isfile() and (stream := archive.extractfile(member)):
                said = _GLIBC.search(stream.read())
                found["files"][path] = said[0].decode("latin-1") if said else ""
            elif name.startswith("ld-musl-"):
                found["files"][path] = ""
            elif member.isfile() and int(member.mtime) == EPOCH and (stream := archive.extractfile(member)):
                digest = hashlib.file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
                found["equal"][path] = [member.mode & 0o7777, member.uid, member.gid, digest]
    return found


def _members(store: Store, layer: Descriptor) -> Iterator[tuple[tarfile.TarFile, tarfile.TarInfo]]:
    with store.path(layer.digest).open("rb") as stream:
        content: Any = gzip.GzipFile(fileobj=stream) if layer.media_type == COMPRESSED_LAYER else stream
        with tarfile.open(fileobj=content, mode="r|") as archive:
            for member in archive:
                yield archive, member
