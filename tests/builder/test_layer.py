"""A layer's folder: one time and one mode for each file, whoever owns what it is linked to."""

import os
from pathlib import Path

import pytest
from uv_workspace_function.builder import layer


def test_a_linked_file_of_somebody_else_becomes_one_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system lets only its owner change a file's time; in a cache that several share, that may be another user."""
    (tmp_path / "cache").mkdir()
    (tmp_path / "layer").mkdir()
    theirs, ours = tmp_path / "cache/module.py", tmp_path / "layer/module.py"
    theirs.write_text("x = 1\n")
    theirs.chmod(0o775)
    os.utime(theirs, (1, 1))
    os.link(theirs, ours)
    of_the_system = os.chmod

    def chmod(path: str | Path, mode: int, **options: bool) -> None:
        if theirs.samefile(path):
            raise PermissionError(1, "Operation not permitted", str(path))
        of_the_system(path, mode, **options)

    monkeypatch.setattr("os.chmod", chmod)
    layer.normalize(tmp_path / "layer")
    assert ["module.py"] == [path.name for path in (tmp_path / "layer").iterdir()]
    assert ("x = 1\n", 0o755, layer.EPOCH) == (ours.read_text(), ours.stat().st_mode & 0o777, ours.stat().st_mtime)
    assert (0o775, 1) == (theirs.stat().st_mode & 0o777, theirs.stat().st_mtime)
