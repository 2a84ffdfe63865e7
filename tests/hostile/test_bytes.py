"""No byte is lost between a source and a build context: large files, files that change meanwhile, a full disk.

Covers also: context/content.py.
"""

import hashlib
import os
import resource
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from made import handler, lock, workspace
from uv_workspace_function.context import content
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service with a data file that is too large to be held."""
    root = workspace(tmp_path / "shop", {"svc": ""})
    handler(root / "svc")
    (root / "svc/src/svc/model.bin").write_bytes(os.urandom(3_000_000))
    return lock(root)


@pytest.fixture
def at_most_2_kb() -> Iterator[None]:
    """No file of this process gets larger: as a full disk does, that makes a write take fewer bytes than it was given."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_cannot_be_written_whole_is_refused(shop: Path, tmp_path: Path, at_most_2_kb: None) -> None:
    made = BuildContext.of(Workspace.load(shop), "svc")
    with pytest.raises(WorkspaceError) as caught:
        made.write(tmp_path / "out")
    assert f"the build context could not be written to {tmp_path}/out: File too large" == str(caught.value)
    assert [tmp_path / "shop"] == list(tmp_path.iterdir())


def test_a_large_file_is_written_byte_for_byte(shop: Path, tmp_path: Path) -> None:
    made = BuildContext.of(Workspace.load(shop), "svc")
    made.write(tmp_path / "out")
    source = (shop / "svc/src/svc/model.bin").read_bytes()
    assert source == (tmp_path / "out/svc/src/svc/model.bin").read_bytes()
    assert hashlib.sha256(source).hexdigest() == made.files["svc/src/svc/model.bin"].sha256


def test_a_file_of_2_gib_is_read_whole_and_not_held(tmp_path: Path) -> None:
    """One read(2) or write(2) takes at most 2,147,479,552 bytes."""
    size = 2_147_483_648 + 5
    with (tmp_path / "large").open("wb") as stream:
        stream.truncate(size)
    tracemalloc.start()
    file = ContextFile.read(str(tmp_path / "large"))
    assert file is not None
    assert size == file.size == sum(map(len, file.chunks()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000_000


def test_a_large_file_that_changes_before_it_is_written_is_refused(shop: Path, tmp_path: Path) -> None:
    """Its digest was told already."""
    made = BuildContext.of(Workspace.load(shop), "svc")
    path = shop / "svc/src/svc/model.bin"
    with path.open("r+b") as stream:
        stream.seek(1_500_000)
        stream.write(b"another one")
    with pytest.raises(WorkspaceError) as caught:
        made.write(tmp_path / "out")
    assert f"{path} was written to while it was read; run this again when nothing writes to it" == str(caught.value)
    assert [tmp_path / "shop"] == list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_file_that_never_stops_growing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    path = tmp_path / "log"
    path.write_bytes(bytes(size))
    opened = content._opened

    def growing(name: str) -> int:
        descriptor = opened(name)
        status = os.fstat(descriptor)
        monkeypatch.setattr(os, "fstat", lambda _: status)
        with path.open("ab") as stream:
            stream.write(b"a line\n")
        return descriptor

    monkeypatch.setattr(content, "_opened", growing)
    with pytest.raises(WorkspaceError) as caught:
        ContextFile.read(str(path))
    assert f"{path} was written to while it was read" == caught.value.problem


def test_a_private_key_across_two_pieces_is_found(shop: Path) -> None:
    """A large file is looked at piece by piece."""
    rows = "\n".join(["QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3ODkwQUJDREVGR0hJSktMTU5P"] * 40)
    key = f"\n-----BEGIN RSA PRIVATE KEY-----\n{rows}\n-----END RSA PRIVATE KEY-----\n".encode()
    path = shop / "svc/src/svc/model.bin"
    path.write_bytes(bytes(content._CHUNK - 1000) + key + bytes(1000))
    made = BuildContext.of(Workspace.load(shop), "svc")
    assert [("svc/src/svc/model.bin", "holds a private key")] == [(d.path, d.reason) for d in made.dropped]
