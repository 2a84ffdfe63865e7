"""Where the local cloud keeps its things, and the processes that it started there."""

import contextlib
import fcntl
import hashlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
"""The folder that holds this project's `app.py`."""

_STARTED = time.monotonic()
_SECONDS_TO_BECOME_ITSELF = 10


class LocalCloudError(Exception):
    """A step that cannot be done here; its text names what was tried and what to do."""


def home() -> Path:
    """The folder with everything the local cloud keeps: `$LOCAL_CLOUD_HOME`, else `~/.cache/local-cloud`."""
    folder = Path(os.environ.get("LOCAL_CLOUD_HOME") or "~/.cache/local-cloud").expanduser().absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()


def say(message: str) -> None:
    """Print one step that was done, with the seconds since the command began."""
    print(f"{time.monotonic() - _STARTED:6.1f} s  {message}", flush=True)


def have(program: str) -> bool:
    """Whether a program of that name is on PATH."""
    return shutil.which(program) is not None


def run(
    *command: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout: float | None = None,
) -> str:
    """Run a command and return what it printed.

    Raises `LocalCloudError` with the command and the end of its output where it fails or is not there.
    """
    arguments = [str(part) for part in command]
    try:
        done = subprocess.run(
            arguments,
            env=None if env is None else {**os.environ, **env},
            cwd=cwd,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError:
        raise LocalCloudError(f"'{arguments[0]}' is not installed") from None
    except subprocess.TimeoutExpired:
        raise LocalCloudError(f"'{' '.join(arguments[:4])}' did not end within {timeout:.0f} s") from None
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise LocalCloudError(f"'{' '.join(arguments[:4])}' failed with exit code {done.returncode}:\n{tail}")
    return done.stdout


@contextlib.contextmanager
def locked(seconds: float = 600) -> Iterator[None]:
    """One command at a time on one state folder; waits for the others up to `seconds`."""
    path = home() / "lock"
    with path.open("a") as file:
        until = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > until:
                    raise LocalCloudError(f"another command has held {path} for {seconds:.0f} s") from None
                time.sleep(0.2)
        yield


def delete_state() -> None:
    """Delete everything below `home`. It is moved aside first: deleting takes minutes, and half a state must not be taken for one."""
    folder = home()
    aside = folder / f"deleted-{os.getpid()}"
    aside.mkdir()
    for path in folder.iterdir():
        # The lock is held; what an interrupted command moved aside is deleted with the rest.
        if path not in (aside, folder / "lock"):
            path.rename(aside / path.name)
    shutil.rmtree(aside)
    (folder / "lock").unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        folder.rmdir()
    say(f"deleted {folder}")


def command_line(pid: int) -> str:
    """The command line of a running process; "" where there is none with that pid."""
    proc = Path("/proc")
    if (proc / "self").exists():
        with contextlib.suppress(OSError):
            return (proc / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return ""
    listed = subprocess.run(["ps", "-o", "command=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return listed.stdout.strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A process that outlives the command that started it, known by its pid and a word of its command line.

    The word keeps a pid that was given to another process meanwhile from being taken for ours.
    """

    pid_file: Path
    word: str

    @property
    def pid(self) -> int | None:
        """The pid, where the process is alive and ours."""
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if self.word in command_line(pid) else None

    def start(self, command: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None) -> None:
        """Start it in a session of its own, so that it does not end with the terminal; its output goes to `log`."""
        with log.open("wb") as output:
            process = subprocess.Popen(
                [str(part) for part in command],
                env=None if env is None else dict(env),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid_file.write_text(f"{process.pid}\n")
        # The kernel lets go of this process before it sets the new one's command line, by which `pid` knows it.
        until = time.monotonic() + _SECONDS_TO_BECOME_ITSELF
        while self.pid is None and process.poll() is None and time.monotonic() < until:
            time.sleep(0.005)

    def stop(self, *, seconds: float) -> bool:
        """End it and wait up to `seconds` before killing it. Returns whether there was anything to end."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            until = time.monotonic() + seconds
            while self.pid == pid:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)
                if time.monotonic() > until:
                    os.kill(pid, signal.SIGKILL)
                time.sleep(0.05)
        self.pid_file.unlink(missing_ok=True)
        return pid is not None


def port_is_free(port: int) -> bool:
    """Whether nobody listens at that port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(variable: str, default: int) -> int:
    """The port that an environment variable asks for, else `default` or the next one that is free.

    Raises `LocalCloudError` where the variable is no port, or names one that is in use: who asked for a port relies on it.
    """
    asked = os.environ.get(variable)
    if asked is None:
        return next(port for port in range(default, 65536) if port_is_free(port))
    if not asked.isdecimal() or not 0 < int(asked) < 65536:
        raise LocalCloudError(f"{variable} is '{asked}', which is not a port; ports are 1 to 65535")
    if not port_is_free(int(asked)):
        raise LocalCloudError(
            f"port {asked}, which {variable} asks for, is in use; end what listens there, name another port, "
            f"or unset {variable} to take the next free one"
        )
    return int(asked)


def answers(address: str) -> bool:
    """Whether something answers at `host:port/path`."""
    try:
        with urllib.request.urlopen(f"http://{address}", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def wait_until(condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Wait until the condition holds; raises `LocalCloudError` with the text `otherwise` after that many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise LocalCloudError(otherwise)
        time.sleep(0.1)


def short_hash(*parts: bytes) -> str:
    """Twelve hexadecimal digits that differ where the parts do."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:12]


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


def shell_exports(environment: Mapping[str, str]) -> str:
    """The lines that a shell sources to get these variables."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


def warn(message: str) -> None:
    """Print something that went otherwise than asked, on stderr."""
    print(f"local cloud: {message}", file=sys.stderr, flush=True)
