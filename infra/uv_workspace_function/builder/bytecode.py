"""Modules compiled once and for all: Python takes such a `.pyc` as it is, whatever happens to the source's time."""

import errno
import importlib.util
import marshal
import os
import sys
import warnings
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from .errors import BuildError

# Files that one process compiles. Up to Python 3.13 the bytes depend on what the process compiled before, so the split into
# processes must depend on the files alone, never on the machine.
_CHUNK = 250
# PEP 552: by the source's hash (bit 0), which is not compared at run time (bit 1 is not set). Not by `py_compile`, whose import
# takes longer than compiling a small service does.
_HEADER = importlib.util.MAGIC_NUMBER + (0b01).to_bytes(4, "little")


def compile_modules(target_folder: str, layers: Mapping[Path, Iterable[Sequence[PurePosixPath]]]) -> Iterator[Path]:
    """Compile every module that compiles, by this Python and for its own version.

    Args:
        target_folder: where they will be in the image: the path that a traceback shows.
        layers: the folders that modules lie in, with the files of each package, relative to that. A package's bytecode doesn't depend
            on its neighbours.

    Yields:
        Each folder when its modules are compiled, while others may go on.
    """
    chunks = {folder: [chunk for files in packages for chunk in _chunks(files)] for folder, packages in layers.items()}
    # The first layer first, and of each the longest chunk: no processor waits for it at the end.
    waiting = [
        (folder, chunk)
        for folder, its in chunks.items()
        for chunk in sorted(its, key=lambda chunk: -sum((folder / module).stat().st_size for module in chunk))
    ]
    left = {folder: len(its) for folder, its in chunks.items()}
    yield from (folder for folder, count in left.items() if not count)
    if len(waiting) == 1:
        ((folder, chunk),) = waiting
        _compile(folder, chunk, target_folder)
        yield folder
        return
    waiting.reverse()
    running: dict[int, Path] = {}
    while waiting or running:
        while waiting and len(running) < (os.cpu_count() or 1):
            folder, chunk = waiting.pop()
            running[_start(folder, chunk, target_folder)] = folder
        folder = running.pop(_ended(running))
        left[folder] -= 1
        if not left[folder]:
            yield folder


# Not by `multiprocessing`: it wants shared memory, which not every builder's containers have, and its import takes its time.
def _start(layer: Path, modules: Sequence[PurePosixPath], target_folder: str) -> int:
    if process := os.fork():
        return process
    status = 1
    try:
        _compile(layer, modules, target_folder)
        status = 0
    except BaseException:  # noqa: BLE001 - the process must end here, whatever it is
        sys.excepthook(*sys.exc_info())
    finally:
        os._exit(status)


def _ended(running: Collection[int]) -> int:
    process, status = os.wait()
    while process not in running:  # the first process of a container is given what others leave behind
        process, status = os.wait()
    if status:
        raise BuildError(f"a process that compiled bytecode ended with {os.waitstatus_to_exitcode(status)}: see above")
    return process


def _chunks(files: Sequence[PurePosixPath]) -> Iterator[list[PurePosixPath]]:
    modules = sorted(path for path in files if path.suffix == ".py")
    for start in range(0, len(modules), _CHUNK):
        yield modules[start : start + _CHUNK]


def _compile(layer: Path, modules: Sequence[PurePosixPath], target_folder: str) -> None:
    warnings.simplefilter("ignore")
    made: set[Path] = set()
    for module in modules:
        source = (layer / module).read_bytes()
        try:
            code = compile(source, str(PurePosixPath(target_folder, module)), "exec", dont_inherit=True, optimize=0)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            # No Python of this version: a template, or another version's syntax.
            continue
        compiled = layer / module.parent / "__pycache__" / f"{module.stem}.{sys.implementation.cache_tag}.pyc"
        if (folder := compiled.parent) not in made:
            folder.mkdir(exist_ok=True)
            made.add(folder)
        try:
            compiled.write_bytes(_HEADER + importlib.util.source_hash(source) + marshal.dumps(code))
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:  # Python imports such a module without a cache, too
                raise
