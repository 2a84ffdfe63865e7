"""The folder that somebody named for contexts: replaced whole where it holds what was written there, and otherwise left as it is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from made import files
from uv_workspace_function.context import output_folder, staging
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.errors import WorkspaceError

BEFORE = {"Dockerfile": ContextFile.of(b"FROM a\n"), "old/run": ContextFile.of(b"1\n", executable=True)}
AFTER = {"Dockerfile": ContextFile.of(b"FROM b\n"), "new.py": ContextFile.of(b"2\n")}


def test_what_was_written_before_is_replaced_whole(tmp_path: Path) -> None:
    """Nothing of it stays, and again and again."""
    folder = tmp_path / "out"
    for written in (BEFORE, AFTER, AFTER, BEFORE):
        output_folder.write(written, folder)
        assert staging.holds(folder, written)


def test_an_empty_folder_is_filled_and_replaced_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    output_folder.write(BEFORE, folder)
    output_folder.write(AFTER, folder)
    assert {"Dockerfile": "FROM b\n", "new.py": "2\n"} == files(folder)


def test_a_link_to_the_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "out").symlink_to("real")
    for written in (BEFORE, AFTER):
        output_folder.write(written, tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert staging.holds(tmp_path / "real", AFTER)


def edit(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM mine\n")


def add(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")


def add_a_folder(folder: Path) -> None:
    (folder / "mine").mkdir()


def remove(folder: Path) -> None:
    (folder / "Dockerfile").unlink()


def link(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    (folder / "Dockerfile").symlink_to("old/run")


def make_executable(folder: Path) -> None:
    (folder / "Dockerfile").chmod(0o755)


@pytest.mark.parametrize("change", [edit, add, add_a_folder, remove, link, make_executable])
def test_what_somebody_has_changed_is_left_as_it_is(change: Callable[[Path], None], tmp_path: Path) -> None:
    folder = tmp_path / "out"
    output_folder.write(BEFORE, folder)
    change(folder)
    before = files(tmp_path)
    with pytest.raises(WorkspaceError) as refused:
        output_folder.write(AFTER, folder)
    assert (
        f"{folder} has other files in it than those that were written there; it was left as it is: choose another, or empty it"
        == str(refused.value)
    )
    assert before == files(tmp_path)


@pytest.mark.parametrize("record", ["", "[]", "{}", '{"written": 1}', '{"written": [1]}', '{"written": ["0"]}'])
def test_a_folder_of_somebody_else_is_left_as_it_is(record: str, tmp_path: Path) -> None:
    """Whatever a file beside it says."""
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "mine.txt").write_text("keep")
    (tmp_path / ".out.uv-workspace-function").write_text(record)
    with pytest.raises(WorkspaceError, match="it was left as it is: choose another, or empty it"):
        output_folder.write(AFTER, folder)
    assert {"mine.txt": "keep"} == files(folder)


def test_a_folder_that_was_removed_is_written_anew(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    output_folder.write(BEFORE, folder)
    folder.rename(tmp_path / "elsewhere")
    output_folder.write(AFTER, folder)
    assert staging.holds(folder, AFTER)


def test_a_writer_that_fails_leaves_what_was_there_and_can_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing half-written; what was there is still known to be ours."""
    folder = tmp_path / "out"
    output_folder.write(BEFORE, folder)
    with monkeypatch.context() as patched, pytest.raises(WorkspaceError):
        patched.setattr(staging, "_fill", _full)
        output_folder.write(AFTER, folder)
    assert staging.holds(folder, BEFORE)
    assert {"out", ".out.uv-workspace-function"} == {entry.name for entry in tmp_path.iterdir()}
    output_folder.write(AFTER, folder)
    assert staging.holds(folder, AFTER)


def _full(root: Path, _: staging.Files) -> None:
    root.mkdir()
    raise OSError(28, "No space left on device")


def test_a_record_stays_short(tmp_path: Path) -> None:
    for at in range(20):
        output_folder.write({"a": ContextFile.of(str(at).encode())}, tmp_path / "out")
    assert len(json.loads((tmp_path / ".out.uv-workspace-function").read_text())["written"]) < 5
