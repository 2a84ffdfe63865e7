"""A command run with the engine that answers and an emulator of its own, which ends with it: how `make test` runs the tests."""

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from local_cloud import emulator, engine
from local_cloud.state import LocalCloudError, command_line, home, locked

_NAME = "run-"
_WORDS = "local_cloud run"
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run(command: Sequence[str]) -> int:
    """Run a command; returns its exit code.

    It reaches the engine that answers: the environment's, else the one that `make local` started. None of the AWS variables
    of this shell reach it, so no account and no emulator that somebody deployed to. Where no engine answers, none is started.

    Raises `LocalCloudError` where the command cannot be started.
    """
    process: subprocess.Popen[bytes] | None = None

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if process is None:
            raise KeyboardInterrupt
        # A terminal sends its own to the command as well.
        if number != signal.SIGINT:
            process.send_signal(number)

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    name = f"{_NAME}{os.getpid()}"
    variables = {variable: value for variable, value in os.environ.items() if not variable.startswith("AWS_")}
    try:
        variables |= _start(name)
        process = subprocess.Popen(list(command), env=variables)
        return process.wait()
    except OSError as error:
        raise LocalCloudError(f"'{command[0]}' cannot be started: {error.strerror}") from error
    finally:
        with locked(), contextlib.redirect_stdout(io.StringIO()):
            emulator.down(name)
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(name: str) -> dict[str, str]:
    """Start an emulator beside the engine that answers; returns what reaches both. Nothing where there is no engine."""
    if not engine.is_up():
        _tell(
            "no container engine answers, so tests that need one are skipped; `make local` starts one, or start Docker"
        )
        return {}
    if not engine.is_prepared():
        _tell("the engine has no base images yet, or old ones; to get them takes minutes")
    try:
        with locked(), contextlib.redirect_stdout(io.StringIO()):
            engine.up()
            for left in _left_behind():
                emulator.down(left)
            emulator.up(name, port_of="")
            variables = emulator.environment(name)
    except LocalCloudError as error:
        _tell(f"no emulator of AWS starts, so tests that need one are skipped: {error}")
        return engine.environment()
    reached = variables.get("DOCKER_HOST") or os.environ.get("DOCKER_HOST") or "its default address"
    _tell(f"the engine is Docker at {reached}; the emulator, {variables['AWS_ENDPOINT_URL']}, ends with the tests")
    return variables


def _left_behind() -> list[str]:
    """The emulators of commands that were killed before they could end theirs."""
    folder = home() / "aws"
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    pids = {name: name.removeprefix(_NAME) for name in names if name.startswith(_NAME)}
    return sorted(name for name, pid in pids.items() if pid.isdecimal() and _WORDS not in command_line(int(pid)))


def _tell(message: str) -> None:
    print(f"tests: {message}", file=sys.stderr, flush=True)
