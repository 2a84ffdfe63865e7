"""Zip archives by hand: read by Python's `zipfile`, equal on every machine."""

import hashlib
import os
import random
import re
import stat
import zipfile
from pathlib import Path

import pytest
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import zip_format
from uv_workspace_function.oci.zip_format import Entry

DIGEST = "f2789834b68e36466711b3f7c6eb71f5e9945e04aa9e5c79aafeab30584dcd54"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of every kind, in the order of nobody."""
    root = tmp_path / "content"
    noise = random.Random(1)
    for name, content in {
        "z.py": b"x = 1\n" * 1000,
        "a/é.txt": "naïve\n".encode(),
        "a-b.txt": b"",
        "a.bin": noise.randbytes(100_000),
        "a/run": b"#!/bin/sh\n",
        "empty/below/file": b"x",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
        (root / name).chmod(0o644)
    (root / "a/run").chmod(0o755)
    (root / "link").symlink_to("a/run")
    (root / "linked").symlink_to("a")
    (root / "nothing").mkdir()
    return root


def written(folder: Path, place: Path) -> Path:
    place.write_bytes(b"".join(zip_format.archive(zip_format.entries(folder))))
    return place


def test_another_program_reads_what_was_there(folder: Path, tmp_path: Path) -> None:
    """Names, contents, modes and links; and every sum is right."""
    with zipfile.ZipFile(written(folder, tmp_path / "one.zip")) as archive:
        assert archive.testzip() is None
        assert [
            "a-b.txt",
            "a.bin",
            "a/run",
            "a/é.txt",
            "empty/below/file",
            "link",
            "linked",
            "z.py",
        ] == archive.namelist()
        found = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        contents = {name: archive.read(name) for name in found}
        times = {entry.date_time for entry in archive.infolist()}
    assert {(1980, 1, 1, 0, 0, 0)} == times
    for name, mode in found.items():
        path = folder / name
        assert path.lstat().st_mode == mode
        expected = bytes(path.readlink()) if stat.S_ISLNK(mode) else path.read_bytes()
        assert expected == contents[name]


def test_a_known_folder_has_known_bytes(tmp_path: Path) -> None:
    """Another version of the compressor may make others: the hash of every zip function has to change then."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code/main.py").write_text("def handler(event, context):\n    return event\n" * 100)
    (tmp_path / "code/main.py").chmod(0o644)
    whole = b"".join(zip_format.archive(zip_format.entries(tmp_path / "code")))
    assert DIGEST == hashlib.sha256(whole).hexdigest()


def test_a_link_has_the_mode_that_linux_gives_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS takes the umask off it."""
    original = Path.lstat

    def of_macos(path: Path) -> os.stat_result:
        mode, *rest = original(path)
        return os.stat_result((stat.S_IFLNK | 0o755 if stat.S_ISLNK(mode) else mode, *rest))

    monkeypatch.setattr(Path, "lstat", of_macos)
    modes = {entry.name: entry.mode for entry in zip_format.entries(folder)}
    assert (0o120777, 0o100755) == (modes["link"], modes["a/run"])


def test_neither_times_nor_the_order_of_a_disk_are_in_it(folder: Path, tmp_path: Path) -> None:
    one = written(folder, tmp_path / "one.zip").read_bytes()
    other = tmp_path / "other"
    for path in sorted(folder.rglob("*"), reverse=True):
        place = other / path.relative_to(folder)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink():
            place.symlink_to(path.readlink())
        elif path.is_file():
            place.write_bytes(path.read_bytes())
            place.chmod(path.stat().st_mode)
    assert one == written(other, tmp_path / "two.zip").read_bytes()


def test_only_archives_of_ours_are_taken_for_ours(folder: Path, tmp_path: Path) -> None:
    assert zip_format.is_ours(written(folder, tmp_path / "ours.zip"))
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr(zipfile.ZipInfo("a.py", (2024, 1, 1, 0, 0, 0)), "x")
    (tmp_path / "text.zip").write_text("mine")
    assert not zip_format.is_ours(tmp_path / "mine.zip")
    assert not zip_format.is_ours(tmp_path / "text.zip")


def test_what_the_format_has_no_room_for_is_refused(tmp_path: Path) -> None:
    """Before anything is published."""
    (tmp_path / "file").write_text("")
    many = [Entry(name=str(number), source=tmp_path / "file") for number in range(0xFFFF)]
    message = "65,535 files are too many for a zip archive as Lambda takes it; take an image, which knows no such limit"
    with pytest.raises(WorkspaceError, match=f"^{re.escape(message)}$"):
        [*zip_format.archive(many)]
    odd = Entry(name="a\udcff", source=tmp_path / "file")
    message = r"a\xff has a name that is no UTF-8, which no zip archive holds; rename it, or leave it out by exclude"
    with pytest.raises(WorkspaceError, match=f"^{re.escape(message)}$"):
        [*zip_format.archive([odd])]
