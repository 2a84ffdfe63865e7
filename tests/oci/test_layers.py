"""Layers: what is known of one is used again only where everything that decided it is the same."""

import gzip
import hashlib
import tracemalloc
from collections.abc import Mapping
from pathlib import Path

import pytest
from uv_workspace_function.builder.layer import EPOCH
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import layers, tar
from uv_workspace_function.oci.layers import Layer
from uv_workspace_function.oci.steps import tree_digest
from uv_workspace_function.oci.store import Store

WAY = [tar.Entry(name=name, kind="folder", mode=0o755, time=EPOCH) for name in ("var/", "var/task/")]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty one."""
    return Store(tmp_path / "store")


def _layer(store: Store, folder: Path, files: Mapping[str, bytes]) -> Layer:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o644)
    return layers.write(store, WAY, tar.entries(folder, "var/task/"))


def _names(store: Store, layer: Layer) -> list[str]:
    with layers.opened(store, layer) as archive:
        return [member.name for member in archive if not member.isdir()]


def _file(content: bytes, *, mode: int = 0o644, owner: int = 0) -> tuple[int, int, int, str]:
    return mode, owner, 0, hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    "moved", [_file(b"v2"), _file(b"v1", mode=0o755), _file(b"v1", owner=1000)], ids=["content", "mode", "owner"]
)
def test_a_base_image_that_has_another_file_at_the_same_path_takes_nothing_away(
    store: Store, tmp_path: Path, moved: tuple[int, int, int, str]
) -> None:
    """Also when the one before it had the same file, and the layer without it is known."""
    layer = _layer(store, tmp_path / "code", {"common.py": b"v1", "main.py": b"main"})
    before = layers.without_equal_files(store, layer, WAY, {}, {"var/task/common.py": _file(b"v1")})
    assert ["var/task/main.py"] == _names(store, before)
    after = layers.without_equal_files(store, layer, WAY, {}, {"var/task/common.py": moved})
    assert ["var/task/common.py", "var/task/main.py"] == _names(store, after)
    assert before == layers.without_equal_files(store, layer, WAY, {}, {"var/task/common.py": _file(b"v1")})


def test_another_compressor_makes_what_is_known_anew(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The contents are the same, their compressed bytes are not."""
    layer = _layer(store, tmp_path / "code", {"common.py": b"v1", "main.py": b"main"})
    other_way = [tar.Entry(name=name, kind="folder", mode=0o755, time=EPOCH) for name in ("opt/", "opt/task/")]

    def made() -> list[Layer]:
        reduced = layers.without_equal_files(store, layer, WAY, {}, {"var/task/common.py": _file(b"v1")})
        return [reduced, layers.on_another_way(store, layer, other_way)]

    before = made()
    monkeypatch.setattr(layers, "COMPRESSOR", "another")
    monkeypatch.setattr(layers, "compressed", lambda pieces: (gzip.compress(piece, mtime=0) for piece in pieces))
    after = made()
    assert [one.diff_id for one in before] == [one.diff_id for one in after]
    assert {one.blob for one in before}.isdisjoint(one.blob for one in after)


def test_no_file_is_held_whole(store: Store, tmp_path: Path) -> None:
    """One of a layer that a layer below it may have, and one of a step's input: it may be a model or a wheel of any size."""
    content = bytes(20_000_000)
    layer = _layer(store, tmp_path / "code", {"model.bin": content})
    there = {"var/task/model.bin": _file(content)}
    tracemalloc.start()
    try:
        layers.without_equal_files(store, layer, WAY, {}, there)
        tree_digest(tmp_path / "code")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 10_000_000


def test_a_python_that_cannot_unpack_safely_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python before 3.11.4 has no filters, unless its distribution has added them."""
    layer = _layer(store, tmp_path / "code", {"main.py": b"main"})
    monkeypatch.delattr("tarfile.tar_filter")
    monkeypatch.setattr("platform.python_version", lambda: "3.11.3")
    with pytest.raises(WorkspaceError) as caught:
        layers.unpack(store, layer, tmp_path / "there")
    assert str(caught.value) == (
        "Python 3.11.3 cannot unpack a layer without trusting it; run this with Python 3.11.4 or later"
    )
