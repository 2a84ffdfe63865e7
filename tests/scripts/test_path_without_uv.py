"""`.ci/path-without-uv`: what hides a machine's uv from the steps of continuous integration."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci/path-without-uv"


def without_uv(folder: Path, *folders: Path) -> str:
    """The PATH that the script makes of these folders and the system's."""
    path = os.pathsep.join([*map(str, folders), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", SCRIPT, folder], env={"PATH": path}, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.removesuffix("\n")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with uv, uvx and another program, with a blank and a quote in its name."""
    folder = tmp_path / "it's local" / "bin"
    folder.mkdir(parents=True)
    for name in ("uv", "uvx", "other"):
        (folder / name).write_text('#!/bin/sh\necho "$0 $*"\n')
        (folder / name).chmod(0o755)
    (folder / "data").write_text("not a program")
    return folder


def test_no_uv_is_left_wherever_it_was(machine: Path, tmp_path: Path) -> None:
    """In a folder of its own, and in several at once."""
    second = tmp_path / "second"
    shutil.copytree(machine, second)
    path = without_uv(tmp_path / "instead", machine, second)
    assert [None, None] == [shutil.which(name, path=path) for name in ("uv", "uvx")]


def test_what_lies_beside_uv_still_starts_by_its_own_path(machine: Path, tmp_path: Path) -> None:
    """With its arguments; a Python that was linked to would look for its packages beside the link."""
    path = without_uv(tmp_path / "instead", machine)
    found = shutil.which("other", path=path)
    assert found is not None
    assert found != str(machine / "other")
    done = subprocess.run([found, "a b", "$c"], capture_output=True, text=True, check=True)
    assert f"{machine}/other a b $c\n" == done.stdout
    assert shutil.which("data", path=path) is None


def test_other_folders_stay_in_their_order(tmp_path: Path) -> None:
    """Where there is no uv, PATH is what it was."""
    system = [folder for folder in os.environ["PATH"].split(os.pathsep) if not (Path(folder) / "uv").exists()]
    kept = without_uv(tmp_path / "instead", tmp_path).split(os.pathsep)
    assert [str(tmp_path), *system] == [folder for folder in kept if not folder.startswith(str(tmp_path / "instead"))]
