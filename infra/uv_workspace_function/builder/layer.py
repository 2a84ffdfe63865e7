"""A layer's folder: files in place, with equal times, modes and metadata in every build, and compiled."""

import multiprocessing
import os
import py_compile
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from .distributions import Distribution, record_text, shebang_free

EPOCH = 315532800
"""The time of every file: the first one that a zip archive can hold, 1980-01-01, in seconds."""


def place(distributions: Sequence[Distribution], layer: Path, environment: Path) -> None:
    """Move the files of distributions into a layer, and write their lists of files anew."""
    for distribution in distributions:
        placed = {}
        for path, source in distribution.files.items():
            target = layer / path
            placed[path] = target
            if target.exists():
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(source, target)
            if path.parts[0] == "bin":
                target.write_bytes(shebang_free(target.read_bytes(), environment))
        (layer / distribution.record).write_text(record_text(placed, distribution.record), encoding="utf-8")


def compile_all(layer: Path, target_folder: str) -> None:
    """Give every module that compiles a `.pyc` that Python never checks against its source again.

    The files of one package are compiled by a process of their own, in a fixed order: what `marshal` writes depends on which
    strings the process has seen before.
    """
    jobs = [(layer, folder, target_folder) for folder in sorted(layer.iterdir())] if layer.is_dir() else []
    with multiprocessing.get_context("fork").Pool(maxtasksperchild=1) as pool:
        pool.starmap(_compile, jobs, chunksize=1)


def _compile(layer: Path, top: Path, target_folder: str) -> None:
    warnings.simplefilter("ignore")
    paths = [top] if top.is_file() else sorted(top.rglob("*.py"))
    for path in paths:
        if path.suffix != ".py" or not path.is_file():
            continue
        try:
            py_compile.compile(
                str(path),
                dfile=str(PurePosixPath(target_folder) / path.relative_to(layer)),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (py_compile.PyCompileError, ValueError, RecursionError):
            continue


def normalize(layer: Path) -> None:
    """Give everything in a layer, and the layer, one time and modes that no umask decides."""
    layer.mkdir(parents=True, exist_ok=True)
    for folder, _, names in os.walk(layer, topdown=False):
        for name in names:
            path = Path(folder, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & 0o100 else 0o644)
            os.utime(path, (EPOCH, EPOCH), follow_symlinks=False)
        Path(folder).chmod(0o755)
        os.utime(folder, (EPOCH, EPOCH))
