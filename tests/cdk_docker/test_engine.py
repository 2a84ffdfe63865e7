"""Calls that are not about an image of ours, passed on: the same process with the same arguments, streams and signals.

Covers also: cdk_docker/settings.py.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from uv_workspace_function.cdk_docker.settings import ENGINE

PROGRAM = Path(sys.executable).with_name("uv-workspace-docker")
# Tells all that it can be told: its process, arguments, stdin, ignored signals, a variable; then waits where it is asked to.
FAKE = """\
#!/bin/sh
echo "$$"
for argument in "$@"; do printf '%s\\0' "$argument"; done
echo
grep SigIgn /proc/self/status
echo "config $DOCKER_CONFIG"
cat
echo problem >&2
[ "$1" != wait ] || exec sleep 600
exit 37
"""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """With an engine that tells what it is told."""
    (tmp_path / "engine").write_text(FAKE)
    (tmp_path / "engine").chmod(0o755)
    return {**os.environ, ENGINE: str(tmp_path / "engine"), "UV_WORKSPACE_DOCKER_CACHE": str(tmp_path / "cache")}


@pytest.mark.skipif(sys.platform != "linux", reason="signals are read from /proc")
@pytest.mark.parametrize(
    "arguments",
    [
        [b"run", b"--rm", b"-v", b"/a b:/x", b"--env", b"A=\n\xff", b"image", b"sh", b"-c", b"true && false"],
        [b"--config", b"/c", b"build", b"--tag", b"cdkasset-1", b"--file", b"D", b"--platform", b"linux/arm64", b"."],
        [b"build", b"-t", b"x", b"--no-such-option", b"."],
        [b"inspect", b"cdkasset-1"],
        [b"images", b"-q", b"cdk-1"],
        [b"tag", b"a", b"b"],
        [b"push", b"a"],
        [b"create", b"x"],
        [b"buildx", b"build", b"."],
        [b"-H", b"tcp://x", b"version"],
    ],
    ids=lambda arguments: arguments[0].decode(),
)
def test_a_call_is_passed_on_unchanged(variables: dict[str, str], tmp_path: Path, arguments: list[bytes]) -> None:
    """In the process that was started: so its exit code, its signals and its streams are the engine's own."""
    ignored = subprocess.run(
        ["grep", "SigIgn", "/proc/self/status"], capture_output=True, check=True, restore_signals=True
    ).stdout
    with subprocess.Popen(
        [PROGRAM, *arguments], env=variables, cwd=tmp_path, stdin=-1, stdout=-1, stderr=-1
    ) as process:
        output, error = process.communicate(b"in\0put")
    pid, _, rest = output.partition(b"\n")
    told, _, rest = rest.partition(b"\n" + ignored)
    assert (process.pid, 37, b"problem\n") == (int(pid), process.returncode, error)
    assert arguments == told.split(b"\0")[:-1]
    assert f"config {os.environ.get('DOCKER_CONFIG', '')}\n".encode() + b"in\0put" == rest


def test_a_signal_ends_the_engine(variables: dict[str, str]) -> None:
    """Nothing stands between."""
    with subprocess.Popen([PROGRAM, "wait"], env=variables, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert -signal.SIGTERM == process.returncode


def test_an_engine_that_is_this_program_is_refused(variables: dict[str, str]) -> None:
    """It would call itself for ever."""
    done = subprocess.run(
        [PROGRAM, "run", "x"], env={**variables, ENGINE: PROGRAM.name}, capture_output=True, text=True, check=False
    )
    assert 2 == done.returncode
    assert (
        "error: uv-workspace-docker leads to this program itself, which has no engine to pass a call on to; name the engine's own program "
        "with UV_WORKSPACE_DOCKER_ENGINE\n"
    ) == done.stderr


@pytest.mark.parametrize("how", ["exec", ""])
def test_a_script_that_calls_this_program_is_refused(variables: dict[str, str], tmp_path: Path, how: str) -> None:
    """As one called `docker` may, for whoever calls that: it would call itself for ever."""
    (tmp_path / "docker").write_text(f'#!/bin/sh\n{how} {PROGRAM} "$@"\n')
    (tmp_path / "docker").chmod(0o755)
    engine = {ENGINE: str(tmp_path / "docker")}
    done = subprocess.run(
        [PROGRAM, "run", "x"], env={**variables, **engine}, capture_output=True, text=True, check=False, timeout=60
    )
    assert 2 == done.returncode
    assert done.stderr.startswith(
        f"error: {tmp_path / 'docker'} leads to this program itself, which has no engine to pass "
    )


def test_docker_is_the_engine_where_none_is_named(tmp_path: Path) -> None:
    """The one on PATH."""
    (tmp_path / "docker").write_text("#!/bin/sh\necho docker $*\n")
    (tmp_path / "docker").chmod(0o755)
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    variables = {**{k: v for k, v in os.environ.items() if k != ENGINE}, "PATH": path}
    done = subprocess.run([PROGRAM, "run", "x"], env=variables, capture_output=True, text=True, check=False)
    assert ("docker run x\n", 0) == (done.stdout, done.returncode)


def test_without_the_extra_what_needs_it_is_named_and_the_rest_is_passed_on(
    variables: dict[str, str], tmp_path: Path
) -> None:
    """`uv-workspace-function` alone has the program, and not what pushes images."""
    (tmp_path / "asset/.uv-workspace-function").mkdir(parents=True)
    (tmp_path / "asset/Dockerfile").write_text("")
    code = (
        "import sys; sys.modules.update(deflate=None, dxf=None); "
        "from uv_workspace_function.cli.uv_workspace_docker import main; main()"
    )

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", code, *arguments]
        return subprocess.run(
            command, env=variables, cwd=tmp_path / "asset", capture_output=True, text=True, check=False, input=""
        )

    refused = run("build", "--tag", "x", "--platform", "linux/arm64", ".")
    expected = "error: uv-workspace-docker needs deflate, which is not installed; install uv-workspace-function[oci]\n"
    assert (2, expected) == (refused.returncode, refused.stderr)
    assert 37 == run("inspect", "x").returncode
