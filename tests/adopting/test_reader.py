"""The shell of somebody who reads the documentation: what it has of this repository's, and what not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from adopting.reader import REPOSITORY, shell


def program(folder: Path, name: str, text: str) -> None:
    """A program that prints a text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho {text}\n")
    (folder / name).chmod(0o755)


def tools(monkeypatch: pytest.MonkeyPatch, *folders: str | Path) -> None:
    """What `scripts/with-tools` makes of a machine's PATH."""
    ours = [REPOSITORY / "node_modules/.bin", REPOSITORY / ".venv/bin"]
    monkeypatch.setenv("PATH", os.pathsep.join(str(folder) for folder in (*ours, *folders, os.defpath)))


def test_the_uv_that_was_fetched_is_a_reader_s_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a machine that has none, and before one that is too old."""
    fetched, old = REPOSITORY / ".local/uv-of-a-test/bin", tmp_path / "old"
    program(fetched, "uv", "fetched")
    program(old, "uv", "old")
    try:
        for machine in ([], [old]):
            tools(monkeypatch, fetched, *machine)
            assert "fetched\n" == shell("uv", tmp_path)
    finally:
        shutil.rmtree(fetched.parent)


def test_a_machine_s_own_uv_is_a_reader_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing was fetched where it is recent enough."""
    program(tmp_path / "machine", "uv", "of the machine")
    tools(monkeypatch, tmp_path / "machine")
    assert "of the machine\n" == shell("uv", tmp_path)


def test_a_reader_has_no_command_of_this_repository_s(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also where PATH names the repository by a link: `services` is what the reader installs."""
    linked = tmp_path / "linked"
    linked.symlink_to(REPOSITORY)
    tools(monkeypatch, linked / ".venv/bin")
    with pytest.raises(AssertionError, match=r"services: command not found"):
        shell("services --help", tmp_path)
    environment = {"PATH": os.environ["PATH"]}
    assert 0 == subprocess.run(["services", "--help"], env=environment, capture_output=True, check=False).returncode
