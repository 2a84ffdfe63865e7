"""Folders that are whole or absent, whoever interferes: other writers, signals, and what a killed writer has left."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from made import files
from uv_workspace_function.context import staging
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.errors import WorkspaceError

FILES = {
    "Dockerfile": ContextFile.of(b"FROM scratch\n"),
    "bin/run": ContextFile.of(b"#!/bin/sh\n", executable=True),
    "src/a.py": ContextFile.of(b"A = 1\n"),
}
TEXTS = {"Dockerfile": "FROM scratch\n", "bin/run": "#!/bin/sh\n", "src/a.py": "A = 1\n"}

# Writes the same files over and over in another process, slowly where it is told to.
_WRITER = """
import sys, time
from pathlib import Path
from uv_workspace_function.context import staging
from uv_workspace_function.context.content import ContextFile
way, folder, pause, count = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
FILES = {f"folder{at % 7}/{at}.txt": ContextFile.of(f"{at}".encode() * 100) for at in range(count)}
fill, rename = staging._write_file, Path.rename
def slowly(path, file):
    fill(path, file)
    time.sleep(pause)
def slow_rename(path, target):
    done = rename(path, target)
    if pause:
        print("moved", flush=True)
        time.sleep(pause * 20)
    return done
staging._write_file, Path.rename = slowly, slow_rename
print("ready", flush=True)
getattr(staging, way)(FILES, folder)
"""


def writer(way: str, folder: Path, *, pause: float = 0.0, count: int = 60) -> subprocess.Popen[str]:
    """A process that writes some files as a folder."""
    command = [sys.executable, "-c", _WRITER, way, str(folder), str(pause), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def rooms(folder: Path) -> list[Path]:
    """What a writer has of its own beside or in what it writes."""
    return list(folder.glob(".uv-workspace-function-*"))


@pytest.mark.parametrize("way", ["write", "stage"])
@pytest.mark.parametrize("is_there", [True, False])
def test_several_writers_of_one_folder_all_succeed(tmp_path: Path, way: str, is_there: bool) -> None:
    """The bytes are the same, whoever was first."""
    folder = tmp_path / "out"
    if is_there:
        folder.mkdir()
    writers = [writer(way, folder) for _ in range(6)]
    said = [process.communicate() for process in writers]
    assert [(0, "")] * 6 == [(w.returncode, errors) for w, (_, errors) in zip(writers, said, strict=True)]
    assert 60 == len(files(folder))
    assert [folder] == list(tmp_path.iterdir())
    assert [] == rooms(folder)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_signal_leaves_nothing(tmp_path: Path, number: signal.Signals, is_there: bool) -> None:
    """The process ends as the signal would have ended it."""
    folder = tmp_path / "out"
    if is_there:
        folder.mkdir()
    process = writer("write", folder, pause=0.05)
    _wait_for(lambda: rooms(folder if is_there else tmp_path))
    process.send_signal(number)
    process.communicate(timeout=20)
    assert -number == process.returncode
    assert ([folder] if is_there else []) == list(tmp_path.iterdir())
    assert not is_there or [] == list(folder.iterdir())


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize(("owner", "name"), [(Path, "mkdir"), (Path, "rename"), (os, "open")])
def test_a_signal_right_after_a_step_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, owner: object, name: str, is_there: bool
) -> None:
    """When the system has done it, and Python knows nothing of it yet."""
    folder = tmp_path / "out"
    if is_there:
        folder.mkdir()
    step = getattr(owner, name)

    def then_a_signal(*arguments: object, **options: object) -> object:
        done = step(*arguments, **options)
        if any(staging.ROOMS[:-1] in str(argument) for argument in arguments):
            monkeypatch.undo()
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(owner, name, then_a_signal)
    with pytest.raises(KeyboardInterrupt):
        staging.write(FILES, folder)
    assert [] == rooms(tmp_path) + rooms(folder)
    assert ({} if is_there or name != "rename" else TEXTS) == (files(folder) if folder.is_dir() else {})


@pytest.mark.parametrize("way", ["write", "stage"])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_killed_writer_blocks_nobody(tmp_path: Path, way: str, is_there: bool) -> None:
    """What it had left is gone after the next one."""
    folder = tmp_path / "out"
    if is_there:
        folder.mkdir()
    process = writer(way, folder, pause=0.05)
    _wait_for(lambda: rooms(folder) + rooms(tmp_path))
    process.kill()
    process.communicate()
    assert rooms(folder) + rooms(tmp_path)
    getattr(staging, way)(FILES, folder)
    assert TEXTS == files(folder)
    assert [folder] == list(tmp_path.iterdir())


def test_what_a_killed_writer_had_moved_up_already_goes_too(tmp_path: Path) -> None:
    """And nothing else."""
    folder = tmp_path / "out"
    folder.mkdir()
    process = writer("write", folder, pause=0.01)
    assert process.stdout is not None
    while process.stdout.readline() != "moved\n":
        pass
    process.kill()
    process.communicate()
    assert [path for path in folder.iterdir() if path.name.startswith("folder")]
    staging.write(FILES, folder)
    assert TEXTS == files(folder)


def test_what_a_repository_holds_is_no_writers_leaving(tmp_path: Path) -> None:
    """Nobody names files of others to be taken away."""
    room = tmp_path / "out/.uv-workspace-function-x"
    room.mkdir(parents=True)
    (room / "moving.json").write_text('["mine", "..", "../victim"]')
    for path in (tmp_path / "out/mine", tmp_path / "victim"):
        path.write_text("keep")
    with pytest.raises(WorkspaceError, match="is not an empty folder"):
        staging.write(FILES, tmp_path / "out")
    assert "keep" == (tmp_path / "out/mine").read_text() == (tmp_path / "victim").read_text()


def test_a_live_writers_room_is_left_to_it(tmp_path: Path) -> None:
    process = writer("write", tmp_path / "slow", pause=0.02)
    _wait_for(lambda: rooms(tmp_path))
    staging.write(FILES, tmp_path / "quick")
    _, errors = process.communicate(timeout=30)
    assert (0, "") == (process.returncode, errors)
    assert 60 == len(files(tmp_path / "slow"))


def test_a_folder_that_holds_just_these_files_is_taken_for_done(tmp_path: Path) -> None:
    for _ in range(2):
        staging.write(FILES, tmp_path / "out")
    assert TEXTS == files(tmp_path / "out")


def test_no_file_is_one_of_another_folder(tmp_path: Path) -> None:
    """An edit in one shows in no other."""
    for name in ("one", "two"):
        staging.stage(FILES, tmp_path / name)
    assert {1} == {path.stat().st_nlink for path in tmp_path.rglob("*") if path.is_file()}


def test_modes_are_no_umasks(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        staging.stage(FILES, tmp_path / "out")
    finally:
        os.umask(old)
    modes = {str(p.relative_to(tmp_path)): stat.S_IMODE(p.stat().st_mode) for p in tmp_path.rglob("*")}
    assert {
        "out": 0o755,
        "out/Dockerfile": 0o644,
        "out/bin": 0o755,
        "out/bin/run": 0o755,
        "out/src": 0o755,
        "out/src/a.py": 0o644,
    } == modes


def _wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
