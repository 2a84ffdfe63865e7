"""Archives of layers, read back by Python's own tarfile; that the bytes are Go's is shown against BuildKit, by tests/images."""

import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uv_workspace_function.oci import tar

PARTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=90).filter(
    lambda part: part not in {".", ".."}
)


def _read(raw: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(raw)) as archive:
        return [*archive]


@given(st.lists(PARTS, min_size=1, max_size=5), st.sampled_from(["file", "folder"]))
def test_any_name_comes_back(parts: list[str], kind: str) -> None:
    """Short and long ones, of any characters, files and folders."""
    name = "/".join(parts)
    entry = tar.Entry(
        name=name if kind == "file" else f"{name}/",
        kind="file" if kind == "file" else "folder",
        mode=0o644,
        time=315532800,
    )
    (member,) = _read(b"".join(tar.archive([entry])))
    assert (name, kind == "folder", 315532800, 0o644) == (member.name, member.isdir(), member.mtime, member.mode)


@given(st.lists(PARTS, min_size=1, max_size=5))
def test_any_link_comes_back(parts: list[str]) -> None:
    """By where it leads."""
    target = "/".join(parts)
    (member,) = _read(b"".join(tar.archive([tar.Entry(name="a", kind="link", mode=0o777, time=0, target=target)])))
    assert (target, True) == (member.linkname, member.issym())


def test_large_numbers_have_records() -> None:
    """A file of 9 GB, and an owner above two million."""
    entry = tar.Entry(name="a", kind="file", mode=0o644, time=1, uid=3_000_000, gid=4_000_000, size=9_000_000_000)
    raw = tar.header(entry)
    assert b"gid=4000000\n" in raw
    assert b"size=9000000000\n" in raw
    assert b"uid=3000000\n" in raw


def test_names_are_sorted_by_their_bytes_in_each_folder(tmp_path: Path) -> None:
    """`a.b` comes after all that is in `a`."""
    for path in ("a/z", "a.b", "B", "é"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("")
    assert ["x/B", "x/a/", "x/a/z", "x/a.b", "x/é"] == [entry.name for entry in tar.entries(tmp_path, "x/")]


def test_a_file_that_becomes_shorter_is_an_error(tmp_path: Path) -> None:
    """Not an archive that says other sizes than it has."""
    (tmp_path / "a").write_text("1234")
    (entry,) = tar.entries(tmp_path)
    (tmp_path / "a").write_text("1")
    with pytest.raises(OSError, match="became shorter"):
        b"".join(tar.archive([entry]))


def test_nothing_is_two_zero_blocks() -> None:
    assert bytes(1024) == b"".join(tar.archive([]))
