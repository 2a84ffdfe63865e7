"""Programs that end with the command that started them: each has a process group of its own, which a signal ends as well."""

import os
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from uv_workspace_function.processes.signals import GROUPS, kill


def processors() -> int:
    """How many processors this process may use; a container or `taskset` can leave it fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def started(command: Sequence[str | Path], **options: Any) -> Iterator["subprocess.Popen[Any]"]:
    """A program, which is ended with all that it started when the block is left.

    Args:
        command: the program and its arguments.
        options: those of `subprocess.Popen`.

    Raises:
        OSError: when it cannot be started.
        Ended: when a signal came meanwhile.
    """
    # A signal between the start of a program and the note of its group would lose it.
    main = threading.current_thread() is threading.main_thread()
    GROUPS.starting += main
    try:
        process = subprocess.Popen(command, start_new_session=True, **options)
        GROUPS.running.add(process.pid)
    except OSError:
        GROUPS.raise_ended()
        raise
    finally:
        GROUPS.starting -= main
    try:
        with process:
            try:
                GROUPS.raise_ended()
                yield process
            finally:
                kill(process.pid)
    finally:
        GROUPS.running.discard(process.pid)


def end(process: "subprocess.Popen[Any]") -> None:
    """End a program that was `started`, with all that it started, before its block is left."""
    kill(process.pid)
    process.wait()


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], timeout: float | None = None, **options: Any
) -> "subprocess.CompletedProcess[str]":
    """Run a program to its end, with nothing to read; what it wrote is text.

    Raises:
        OSError: when it cannot be started.
        TimeoutExpired: when it took longer than `timeout`, in seconds.
    """
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "errors": "replace", **options}
    with started(command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, **options) as process:
        output, text = process.communicate(timeout=timeout)
        return subprocess.CompletedProcess(process.args, process.returncode, output, text)
