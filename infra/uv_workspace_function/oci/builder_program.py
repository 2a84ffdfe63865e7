"""The builder's program on this machine, kept with its bytecode: compiling it and what it imports takes longer than a small step does."""

import os
import shutil
from pathlib import Path

from uv_workspace_function.builder.workspace import BUILDER_FOLDER
from uv_workspace_function.oci.interpreter import Interpreter
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Store, key_of

_BYTECODE = "bytecode"


def kept(store: Store, context: StagedContext, interpreter: Interpreter) -> Path:
    """The folder that has a context's program `builder` in it, each file as it is in the context.

    Args:
        store: where.
        context: whose.
        interpreter: what runs it; the bytecode is its own.
    """
    name = key_of(context.program_digest, interpreter.exactly, str(interpreter.program))
    folder = store.folder / "programs" / name
    with store.locked(f"program-{name}"):
        for path, file in context.program.items():
            place = folder / path.removeprefix(f"{BUILDER_FOLDER}/")
            if not place.is_file() or place.read_bytes() != file.content:
                place.parent.mkdir(parents=True, exist_ok=True)
                part = place.with_suffix(".part")
                part.write_bytes(file.content)
                part.replace(place)
        os.utime(folder)
    return folder


def command(interpreter: Interpreter, folder: Path, step: str) -> list[str]:
    """What runs a step of it, in that folder.

    Python itself keeps the bytecode of the program and of what it imports, also of modules that come without any, as an
    interpreter of uv's does. Options say so: no variable, which backends would find.
    """
    return [str(interpreter.program), "-E", "-S", "-X", f"pycache_prefix={folder / _BYTECODE}", "-m", "builder", step]


def forget_bytecode(folder: Path) -> None:
    """Have the program compiled again."""
    shutil.rmtree(folder / _BYTECODE, ignore_errors=True)
