"""Modules compiled once and for all: Python takes such a `.pyc` as it is, whatever happens to the source's time."""

import importlib.util
import marshal
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

# Files that one process compiles. Up to Python 3.13 the bytes depend on what the process compiled before, so the split into
# processes must depend on the files alone, never on the machine.
_CHUNK = 250
# PEP 552: by the source's hash (bit 0), which is not compared at run time (bit 1 is not set). Not by `py_compile`, whose import
# takes longer than compiling a small service does.
_HEADER = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")


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
        import multiprocessing  # noqa: PLC0415 - a service of a few modules does without

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
        source = (layer / module).read_bytes()
        try:
            code = compile(source, str(PurePosixPath(target_folder, module)), "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # No Python of this version: a template, or another version's syntax.
            continue
        compiled = layer / module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc"
        compiled.parent.mkdir(exist_ok=True)
        compiled.write_bytes(_HEADER + importlib.util.source_hash(source) + marshal.dumps(code))
