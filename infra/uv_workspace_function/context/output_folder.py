"""An output folder for build contexts: filled where it is empty, replaced whole where it holds what was written before.

A record beside the folder says what was written into it. A folder is replaced only while it holds just that, compared byte by byte: what
was added or edited by hand is never removed.
"""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path

from uv_workspace_function.context import staging
from uv_workspace_function.context.content import ContextFile, digest_of_files
from uv_workspace_function.errors import WorkspaceError

_KEPT = 4
"""Digests in a record: of what is written now, and before it of what a writer that was killed may have left."""


def write(files: staging.Files, folder: Path) -> None:
    """Make a folder hold these files and nothing else.

    Args:
        files: by path relative to the folder.
        folder: where; it must be absent or empty, or hold these files or what was written here before.

    Raises:
        WorkspaceError: when it holds something else, or cannot be written; it is then as it was.
    """
    if folder.is_dir():
        folder = folder.resolve()  # a link to it stays
    if staging.holds(folder, files):
        return
    record = folder.parent / f".{folder.name}.uv-workspace-function"
    written = _digests(record)
    is_ours = bool(written) and folder.is_dir() and _digest(_found(folder)) in written
    if written and not is_ours and folder.is_dir() and any(folder.iterdir()) and not _left_over(folder):
        raise WorkspaceError(
            f"{folder} has other files in it than those that were written there",
            "it was left as it is: choose another, or empty it",
        )
    with suppress(OSError):  # what cannot be remembered is written all the same: the next writer is refused then
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remember(record, [_digest(files), *written])
    try:
        (staging.stage if is_ours else staging.write)(files, folder)
    except WorkspaceError:
        with suppress(OSError):
            _remember(record, written)
        raise


def _left_over(folder: Path) -> bool:
    """Whether a killed writer has left something of its own in a folder, which the next one takes away."""
    return any(folder.glob(staging.ROOMS))


def _found(folder: Path) -> dict[str, ContextFile]:
    """The files of a folder; none where it has a link, a device or an empty folder, which are never written here."""
    files: dict[str, ContextFile] = {}
    for path, folders, names in os.walk(folder):
        if path != str(folder) and not folders and not names:
            return {}
        if any(Path(path, name).is_symlink() for name in folders):
            return {}
        for name in names:
            file = Path(path, name)
            if not stat.S_ISREG(file.lstat().st_mode):
                return {}
            read = ContextFile.read(str(file))
            if read is None:
                return {}
            files[file.relative_to(folder).as_posix()] = read
    return files


def _digest(files: staging.Files) -> str:
    return digest_of_files({path: files[path] for path in sorted(files)})


def _digests(record: Path) -> list[str]:
    try:
        document = json.loads(record.read_bytes())
    except (OSError, ValueError):
        return []
    found = document.get("written") if isinstance(document, dict) else None
    return [digest for digest in found if isinstance(digest, str)] if isinstance(found, list) else []


def _remember(record: Path, written: list[str]) -> None:
    if not written:
        record.unlink(missing_ok=True)
        return
    part = record.with_name(f"{record.name}.{os.getpid()}")
    part.write_text(json.dumps({"written": list(dict.fromkeys(written))[:_KEPT]}) + "\n")
    part.replace(record)
