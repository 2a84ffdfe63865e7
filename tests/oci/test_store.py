"""The cache: whole whatever happens, bounded, shared."""

import os
import pwd
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci.store import Blob, Store, key_of


def test_a_content_is_kept_by_its_digest(tmp_path: Path) -> None:
    """The digest: printf hello | sha256sum."""
    blob = Store(tmp_path).add([b"hel", b"lo"])
    assert Blob(digest="sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824", size=5) == blob
    assert b"hello" == b"".join(Store(tmp_path).read(blob))


def test_a_damaged_content_is_found_when_it_is_read(tmp_path: Path) -> None:
    """And gone afterwards, so that it is made anew."""
    store = Store(tmp_path)
    blob = store.add([b"hello"])
    store.path(blob.digest).write_bytes(b"jello")
    assert store.holds(blob)
    with pytest.raises(WorkspaceError, match="was damaged; it was deleted; run the command again"):
        list(store.read(blob))
    assert not store.holds(blob)


def test_a_relative_cache_folder_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Store.default().folder.is_relative_to(tmp_path)


def test_a_user_without_a_home_is_told_what_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a container that runs as a number that no file has."""

    def unknown(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(WorkspaceError, match="this user has no home; set HOME, or give a folder with --cache"):
        Store.default()


def test_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Of a content, and of a record."""
    store = Store(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            store.add([b"x" * 100])
        with pytest.raises(OSError, match="File too large"):
            store.keep("kind", "key", "x" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]
    assert store.record("kind", "key") is None


def test_a_content_of_another_digest_is_not_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(WorkspaceError, match="is sha256:2cf2"):
        store.add([b"hello"], expected="sha256:" + "0" * 64)
    assert [] == [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_process_that_is_killed_leaves_nothing_that_is_taken_for_whole(tmp_path: Path) -> None:
    """While it writes a content."""
    code = (
        "import sys, time; from pathlib import Path; from uv_workspace_function.oci.store import Store\n"
        "def pieces():\n    yield b'x' * 1000000\n    print('half', flush=True)\n    time.sleep(600)\n"
        "Store(Path(sys.argv[1])).add(pieces())"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert b"half\n" == process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert [] == [*tmp_path.glob("blobs/*/*")]
    # What it left in the way of pieces goes with the next cleaning that comes an hour later.
    (left,) = tmp_path.glob("tmp/*")
    os.utime(left, (0, 0))
    Store(tmp_path).bound()
    assert not left.exists()


def test_what_a_killed_process_was_unpacking_goes_later(tmp_path: Path) -> None:
    """Its folder with all that is in it; one that is in use stays."""
    code = (
        "import os, signal, sys; from pathlib import Path; from uv_workspace_function.oci.store import Store\n"
        "with Store(Path(sys.argv[1])).unpacking() as folder:\n"
        "    (folder / 'var').mkdir()\n    (folder / 'var/x').write_text('x')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert -signal.SIGKILL == killed.returncode
    store = Store(tmp_path)
    (left,) = tmp_path.glob("unpacked/*")
    store.bound()
    assert (left / "var/x").exists()
    os.utime(left, (0, 0))
    with store.unpacking() as used:
        store.bound()
        assert [used] == [*tmp_path.glob("unpacked/*")]
    assert [] == [*tmp_path.glob("unpacked/*")]


def test_locks_that_nobody_has_go_later(tmp_path: Path) -> None:
    """One that somebody has stays, however old it is."""
    store = Store(tmp_path)
    with store.locked("old"), store.locked("new"):
        pass
    with store.locked("held"):
        for name in ("old", "held"):
            os.utime(tmp_path / "locks" / name, (0, 0))
        store.bound()
        assert {"new", "held"} == {path.name for path in tmp_path.glob("locks/*")}


def test_a_lock_that_is_deleted_while_somebody_waits_for_it_is_taken_anew(tmp_path: Path) -> None:
    """Otherwise two would have it: the one that waited, and the next one, which makes the file again."""
    store = Store(tmp_path)
    path = tmp_path / "locks/x"
    with ThreadPoolExecutor(1) as pool:
        with store.locked("x"):

            def wait() -> bool:
                with store.locked("x") as descriptor:
                    return os.path.samestat(os.fstat(descriptor), path.stat())

            waiting = pool.submit(wait)
            time.sleep(0.2)
            path.unlink()
        assert waiting.result()


def test_a_record_that_is_broken_is_none(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.keep("steps", "a", {"b": 1})
    assert {"b": 1} == store.record("steps", "a")
    next(tmp_path.glob("records/steps/*")).write_text("{")
    assert store.record("steps", "a") is None


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    """And nothing that was used within the hour, whatever the limit."""
    store = Store(tmp_path)
    old, older, used = (store.add([bytes([number]) * 1000]) for number in range(3))
    now = time.time()
    os.utime(store.path(old.digest), (now - 8000, now - 8000))
    os.utime(store.path(older.digest), (now - 9000, now - 9000))
    store.bound(2000)
    assert [True, False, True] == [store.path(blob.digest).exists() for blob in (old, older, used)]
    store.bound(0)
    assert [False, False, True] == [store.path(blob.digest).exists() for blob in (old, older, used)]


def test_one_at_a_time_has_a_work_folder(tmp_path: Path) -> None:
    """Threads as well as processes; it is empty each time."""
    store = Store(tmp_path)
    busy = []

    def work(_: int) -> None:
        with store.work_folder("orders") as (folder, _lock):
            busy.append(folder)
            assert 1 == len(busy)
            assert [] == [*folder.iterdir()]
            (folder / "x").write_text("")
            time.sleep(0.01)
            busy.clear()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(8)))


def test_a_key_is_another_one_for_other_parts() -> None:
    assert key_of("a", "b") != key_of("ab") != key_of("a", ["b"])
    assert key_of({"a": 1, "b": 2}) == key_of({"b": 2, "a": 1})
