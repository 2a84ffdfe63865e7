"""A signal ends the command and all that it started: no handler goes on with the credentials of a shell that is gone.

Covers also: processes/.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from made import handler, lock, workspace
from wheelhouse import _environment

MAIN = (sys.executable, "-c", "from uv_workspace_function.cli.main import main; main()")
# It ignores what asks it to end, has a child, and says who they are.
HANDLER = """
import os, signal, subprocess, time


def handler(event, context):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen(["sleep", "60"])
    with open(event["said"] + "~", "w") as stream:
        stream.write(f"{os.getpid()} {child.pid}")
    os.rename(event["said"] + "~", event["said"])
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose service does not answer."""
    root = workspace(tmp_path_factory.mktemp("signals") / "w", ["orders"])
    handler(root / "orders", HANDLER)
    return lock(root)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def awaited(path: Path, seconds: float = 60) -> str:
    """What a file says, as soon as it is there."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if path.exists():
            return path.read_text()
        time.sleep(0.05)
    raise AssertionError(f"there is no {path} after {seconds} s")


def started(shop: Path, folder: Path, *, ignoring_hangups: bool = False) -> "subprocess.Popen[str]":
    """`services invoke`, whose temporary folders go to a folder of the test."""
    (folder / "tmp").mkdir()
    (folder / "event.json").write_text(f'{{"said": "{folder}/said"}}')
    return subprocess.Popen(
        [
            *(["nohup"] if ignoring_hangups else []),
            *MAIN,
            "invoke",
            "orders",
            "--workspace",
            str(shop),
            "--event",
            str(folder / "event.json"),
        ],
        env={**_environment(), "TMPDIR": str(folder / "tmp"), "AWS_SECRET_ACCESS_KEY": "secret"},
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT], ids=lambda s: s.name)
def test_a_signal_ends_the_handler_and_what_it_started(shop: Path, tmp_path: Path, sent: signal.Signals) -> None:
    """With the exit code that shells have for it, and no folder left."""
    process = started(shop, tmp_path)
    pids = [*map(int, awaited(tmp_path / "said").split())]
    process.send_signal(sent)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + sent
    assert said.splitlines()[-1] == f"ended by {sent.name}"
    assert [pid for pid in pids if is_running(pid)] == []
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_a_signal_while_the_closure_is_installed_ends_uv(shop: Path, tmp_path: Path) -> None:
    """A uv that takes its time, with all that it started."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/uv"
    program.write_text(
        f'#!/bin/sh\n[ "$5" = python ] && exit 1\n[ "$4" = lock ] && exit 0\nsleep 60 &\n'
        f'echo "$$ $!" > {tmp_path}/said~; mv {tmp_path}/said~ {tmp_path}/said\nwait\n'
    )
    program.chmod(0o755)
    os.environ["PATH"], path = f"{program.parent}:{os.environ['PATH']}", os.environ["PATH"]
    try:
        _environment.cache_clear()
        process = started(shop, tmp_path)
    finally:
        os.environ["PATH"] = path
        _environment.cache_clear()
    pids = [*map(int, awaited(tmp_path / "said").split())]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert (process.returncode, [pid for pid in pids if is_running(pid)]) == (143, [])
    assert [*(tmp_path / "tmp").iterdir()] == []


def test_a_hangup_that_is_ignored_stays_so(shop: Path, tmp_path: Path) -> None:
    """As `nohup` has it; other signals count."""
    process = started(shop, tmp_path, ignoring_hangups=True)
    (pid, _) = map(int, awaited(tmp_path / "said").split())
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert (process.poll(), is_running(pid)) == (None, True)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert (process.returncode, is_running(pid)) == (143, False)


def test_without_the_command_a_signal_leaves_such_a_handler_running(tmp_path: Path) -> None:
    """The test can fail: a program of its own session outlives whoever started it."""
    text = (
        "import subprocess, sys, time\n"
        "process = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        f"open({str(tmp_path / 'said')!r}, 'w').write(str(process.pid))\n"
        "time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", text])
    until = time.monotonic() + 20
    while not (tmp_path / "said").exists() or not (tmp_path / "said").read_text():
        assert time.monotonic() < until
        time.sleep(0.05)
    pid = int((tmp_path / "said").read_text())
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert is_running(pid)
    os.kill(pid, signal.SIGKILL)
