"""uv's own cache in the store: bounded, by uv itself. What else is done with uv is in tests/oci/test_service_build.py."""

import os
import shutil
import time
from pathlib import Path

import pytest
from images.wheels import write_wheel
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.store import Store
from uv_workspace_function.oci.uv_program import UV_CACHE, bound_cache, fetched
from wheelhouse import uv

UV = Path(os.environ.get("UV") or shutil.which("uv") or "uv")


def filled(folder: Path) -> Store:
    """A store whose uv has installed something."""
    write_wheel(folder / "wheels", "heavy", "1.0", {"heavy.bin": b"0" * 100_000})
    cache = folder / "store" / UV_CACHE
    uv(
        "pip",
        "install",
        "heavy",
        "--no-index",
        "--find-links=wheels",
        f"--cache-dir={cache}",
        "--target=made",
        cwd=folder,
    )
    return Store(folder / "store")


def size(store: Store) -> int:
    """Bytes of uv's cache."""
    return sum(path.lstat().st_size for path in (store.folder / UV_CACHE).rglob("*") if path.is_file())


def test_a_cache_over_the_limit_is_emptied(tmp_path: Path) -> None:
    """One within it is left as it is."""
    store = filled(tmp_path)
    before = size(store)
    assert before > 100_000
    bound_cache(store, UV, limit=1_000_000)
    assert before == size(store)
    _a_day_later(store)
    bound_cache(store, UV, limit=100_000)
    assert 0 == size(store)


def test_it_is_looked_at_once_a_day(tmp_path: Path) -> None:
    """It is many files."""
    store = filled(tmp_path)
    bound_cache(store, UV, limit=1_000_000)
    before = size(store)
    bound_cache(store, UV, limit=0)
    assert before == size(store)


def test_a_full_disk_is_said_of_what_uv_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its words further down, for which an index is not to blame."""
    program = tmp_path / "uv"
    program.write_text(
        "#!/bin/sh\nmkdir -p 0.13.9.part/bin\n"
        "printf 'error: Failed to install: uv.whl (uv==0.13.9)\\n  Caused by: No space left on device (os error 28)\\n' >&2\nexit 2\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    store = Store(tmp_path / "store")
    message = r"uv/0.13.9.part could not be written or read: the disk is full; make room"
    with pytest.raises(WorkspaceError, match=message), store.explaining():
        fetched(store, "0.13.9")
    assert [] == [*(store.folder / "uv").iterdir()]


def _a_day_later(store: Store) -> None:
    long_ago = time.time() - 25 * 60 * 60
    os.utime(store.folder / "uv-cache.looked-at", (long_ago, long_ago))
