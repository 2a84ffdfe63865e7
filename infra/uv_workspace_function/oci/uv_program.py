"""uv itself: the version that the image is built with, fetched as its wheel, whatever uv the machine has."""

import contextlib
import errno
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from uv_workspace_function import uv
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.store import DEFAULT_LIMIT, Store
from uv_workspace_function.target.image_reference import ImageReference

UV_CACHE = "uv-cache"
"""Where that uv keeps what it fetched and built, in the store's folder."""
_DAY = 24 * 60 * 60  # seconds
_VERSION = re.compile(r"(\d+\.\d+\.\d+)(-.*)?")


def version_of(image: ImageReference) -> str:
    """The version of uv that an image's name tells.

    Raises:
        WorkspaceError: when it tells none.
    """
    match = _VERSION.fullmatch(image.tag or "")
    if match is None or image.repository.rpartition("/")[2] != "uv":
        raise WorkspaceError(
            f"without an engine, uv is installed from its wheel, and {str(image)!r} does not say which version",
            "give a uv image whose tag is a version, such as ghcr.io/astral-sh/uv:0.13.9, or build this one with the engine",
        )
    return match[1]


def fetched(store: Store, version: str) -> Path:
    """The program, fetched from the package index that this machine's uv or pip uses, where it is not there yet.

    Raises:
        WorkspaceError: when it cannot be fetched.
        OSError: when the disk is full.
    """
    folder = store.folder / "uv" / version
    program = folder / "bin/uv"
    if program.is_file():
        return program
    with store.locked(f"uv-{version}"):
        if program.is_file():
            return program
        part = folder.with_name(f"{version}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(parents=True, exist_ok=True)
        _install(f"uv=={version}", part)
        part.replace(folder)
    return program


def bound_cache(store: Store, program: Path, *, limit: int = DEFAULT_LIMIT) -> None:
    """Empty uv's cache when it takes more than a limit; looked at once a day, since it is many files.

    Args:
        store: whose.
        program: uv, which waits for others that use the cache.
        limit: bytes.
    """
    looked_at = store.folder / "uv-cache.looked-at"
    if looked_at.is_file() and time.time() - looked_at.stat().st_mtime < _DAY:
        return
    store.folder.mkdir(parents=True, exist_ok=True)
    looked_at.touch()
    cache = store.folder / UV_CACHE
    with contextlib.suppress(FileNotFoundError):  # what another process removes meanwhile
        if sum(path.lstat().st_size for path in cache.rglob("*")) > limit:
            uv.clean_cache(program, cache)


def _install(requirement: str, folder: Path) -> None:
    answer = uv.fetch(requirement, folder)
    if answer is not None and answer.code == 0 and (folder / "bin/uv").is_file():
        return
    if answer is not None and os.strerror(errno.ENOSPC) in answer.text:
        shutil.rmtree(folder, ignore_errors=True)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    said = [f"uv: {'it is not here' if answer is None else answer.reason}"]
    shutil.rmtree(folder, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
    command += ["--no-deps", "--target", str(folder), requirement]
    done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode == 0 and (folder / "bin/uv").is_file():
        return
    said.append(f"pip: {(done.stderr.strip() or 'no program came').splitlines()[-1]}")
    raise WorkspaceError(
        f"{requirement} could not be fetched ({'; '.join(said)})",
        "have uv or pip reach a package index that has it, or build with the engine",
    )
