"""Modules compiled once and for all: Python takes such a `.pyc` as it is, whatever happens to the source's time."""

import os
import py_compile
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

# Files that one process compiles. Up to Python 3.13 the bytes depend on what the process compiled before, so the split into
# processes must depend on the files alone, never on the machine.
_CHUNK = 250


def compile_modules(layer: Path, target_folder: str, packages: Iterable[Sequence[PurePosixPath]]) -> None:
    """Compile every module that compiles, by this Python and for its own version.

    Args:
        layer: the folder that the modules lie in.
        target_folder: where they will be in the image: the path that a traceback shows.
        packages: the files of each package, relative to `layer`. A package's bytecode doesn't depend on its neighbours.
    """
    jobs = [(layer, target_folder, chunk) for files in packages for chunk in _chunks(files)]
    if len(jobs) == 1:
        _compile(*jobs[0])
    elif jobs:
        import multiprocessing  # noqa: PLC0415 - the import costs more than compiling a small service does

        workers = min(len(jobs), os.cpu_count() or 1)
        with multiprocessing.get_context("fork").Pool(workers, maxtasksperchild=1) as pool:
            pool.starmap(_compile, jobs, chunksize=1)


def _chunks(files: Sequence[PurePosixPath]) -> Iterator[list[PurePosixPath]]:
    modules = sorted(path for path in files if path.suffix == ".py")
    for start in range(0, len(modules), _CHUNK):
        yield modules[start : start + _CHUNK]


def _compile(layer: Path, target_folder: str, modules: Sequence[PurePosixPath]) -> None:
    warnings.simplefilter("ignore")
    for module in modules:
        # A file that is no Python of this version (a template, another version's syntax) stays without.
        try:
            py_compile.compile(
                str(layer / module),
                dfile=str(PurePosixPath(target_folder) / module),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except (py_compile.PyCompileError, ValueError, RecursionError, MemoryError):
            continue
