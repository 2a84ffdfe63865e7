"""Zip archives of services: the files that an image has in its task folder."""

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import layers, runtime, zip_format
from uv_workspace_function.oci.compression import COMPRESSOR
from uv_workspace_function.oci.layer_builds import Options, layers_of
from uv_workspace_function.oci.layers import Built
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.store import Blob, Store, key_of
from uv_workspace_function.target.managed_runtime import ARCHIVE_LIMIT, REMEDY, largest, shown

FORMAT = 1
"""Part of every key: another one when archives are written in another way."""


@dataclass(frozen=True, kw_only=True)
class Zip:
    """An archive that was built."""

    service: str
    blob: Blob
    files: int
    unpacked: int
    """Bytes of its files."""
    is_reused: bool
    """Whether nothing was run for it."""
    remarks: tuple[str, ...]


def run(
    store: Store, requests: Sequence[Request], options: Options, *, left_out: Mapping[str, Collection[str]]
) -> list[Zip]:
    """Build archives.

    Args:
        store: where layers and archives are kept.
        requests: which ones.
        options: how.
        left_out: the packages that are not in a service's archive, since the runtime has them; by service.

    Raises:
        WorkspaceError: when one cannot be built, or is larger than Lambda takes.
    """
    grounds = [(f"runtime {request.python}", runtime.tree(request.python)) for request in requests]
    every = layers_of(store, requests, grounds, options)
    try:
        found = [
            _packed(store, request.service, built, sorted(left_out.get(request.service, ())))
            for request, built in zip(requests, every, strict=True)
        ]
    except OSError as error:
        raise store.unusable(error) from error
    store.bound()
    return found


def _packed(store: Store, service: str, built: Built, left_out: Sequence[str]) -> Zip:
    key = key_of(FORMAT, COMPRESSOR, [layer.diff_id for layer in built.layers.values()], left_out)
    kept = store.record("zips", key)
    if kept is not None and store.holds(blob := Blob(**kept["blob"])):
        is_reused = len(built.reused) == len(built.layers)
        return Zip(
            service=service,
            blob=blob,
            files=kept["files"],
            unpacked=kept["unpacked"],
            is_reused=is_reused,
            remarks=built.remarks,
        )
    with store.unpacking() as root:
        for name, layer in built.layers.items():
            if name != "root":
                layers.unpack(store, layer, root)
        task = root / built.task_folder
        dropped = _files_of(task, left_out)
        entries = [entry for entry in zip_format.entries(task) if entry.name not in dropped]
        if not entries:
            raise WorkspaceError(
                f"the archive of {service} would be empty: every file of it is of a package that is left to the runtime",
                "leave fewer packages out",
            )
        sizes = {entry.name: entry.source.lstat().st_size for entry in entries}
        unpacked = sum(sizes.values())
        _refuse_oversized(service, task, sizes, unpacked)
        blob = store.add(zip_format.archive(entries))
    store.keep("zips", key, {"blob": asdict(blob), "files": len(entries), "unpacked": unpacked})
    return Zip(
        service=service, blob=blob, files=len(entries), unpacked=unpacked, is_reused=False, remarks=built.remarks
    )


def _refuse_oversized(service: str, task: Path, sizes: Mapping[str, int], unpacked: int) -> None:
    if unpacked <= ARCHIVE_LIMIT:
        return
    by_package: Counter[str] = Counter()
    for name, files in _installed(task).items():
        by_package[name] = sum(sizes.get(file, 0) for file in files)
    raise WorkspaceError(
        f"the archive of {service} is {shown(unpacked)} unpacked, and Lambda takes {shown(ARCHIVE_LIMIT)}; the largest are "
        f"{largest(by_package)}",
        REMEDY,
    )


def _files_of(task: Path, names: Collection[str]) -> set[str]:
    """The files that only some packages have."""
    found = _installed(task) if names else {}
    others = {file for name, files in found.items() if name not in names for file in files}
    return {file for name in names for file in found.get(name, ())} - others


def _installed(task: Path) -> Mapping[str, set[str]]:
    """The files of each package, by its normalized name: what its `RECORD` lists, and the bytecode of that."""
    found: dict[str, set[str]] = {}
    for record in task.glob("*.dist-info/RECORD"):
        name = canonicalize_name(record.parent.name.removesuffix(".dist-info").rpartition("-")[0])
        rows = csv.reader(io.StringIO(record.read_text(encoding="utf-8")))
        files = {row[0] for row in rows if row}
        found[name] = files | {bytecode for file in files for bytecode in _bytecode(task, file)}
    return found


def _bytecode(task: Path, file: str) -> Iterator[str]:
    path = PurePosixPath(file)
    folder = task / path.parent / "__pycache__"
    if path.suffix == ".py" and folder.is_dir():
        for found in folder.iterdir():
            if found.name.startswith(f"{path.stem}.") and found.name.count(".") == path.name.count(".") + 1:
                yield found.relative_to(task).as_posix()
