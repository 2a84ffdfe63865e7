"""What the local cloud refuses, and says when it does. No engine and no emulator is needed."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from local_cloud import engine, stack, tour
from local_cloud.emulator import is_loopback, refuse_real_credentials
from local_cloud.state import Daemon, LocalCloudError, choose_port, command_line, wait_until

Capture = pytest.CaptureFixture[str]
PROJECT = Path(__file__).parents[2]


def make_local(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run what `make local` runs, with an empty state folder and no Docker in reach."""
    programs = tmp_path / "programs"
    programs.mkdir()
    return subprocess.run(
        [sys.executable, "-m", "local_cloud", "up"],
        cwd=PROJECT,
        env={"PATH": str(programs), "HOME": str(tmp_path), "LOCAL_CLOUD_HOME": str(tmp_path / "state"), **variables},
        check=False,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "production"),
        ("AWS_SESSION_TOKEN", "IQoJb3JpZ2luX2Vj"),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE"),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/run/secrets/token"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://169.254.170.2/v2/credentials"),
    ],
)
def test_credentials_of_a_real_account_are_refused_by_name(tmp_path: Path, name: str, value: str) -> None:
    """Nothing is started beside credentials that could reach an account, and their value is not repeated."""
    done = make_local(tmp_path, **{name: value})
    assert done.returncode == 1
    assert done.stderr == (
        f"local cloud: credentials of a real account are in the environment ({name}); the local cloud deploys to this "
        f"machine only and will not run beside them: env -u {name} ...\n"
    )
    assert done.stdout == ""


@pytest.mark.parametrize(
    "address",
    [
        "https://dynamodb.eu-west-1.amazonaws.com",
        "http://10.0.0.5:4566",
        "http://127.0.0.1.example.org",
        "http://0.0.0.0:4566",
    ],
)
def test_an_endpoint_elsewhere_is_refused(address: str) -> None:
    """What is not on this machine is no local cloud."""
    assert not is_loopback(address)
    with pytest.raises(LocalCloudError, match=r"^AWS_ENDPOINT_URL is .*, which is not on this machine; unset it$"):
        refuse_real_credentials({"AWS_ENDPOINT_URL": address})


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:4566", "http://localhost:4566/", "http://[::1]:4566", "http://127.1.2.3"]
)
def test_a_loopback_endpoint_is_taken(address: str) -> None:
    """The emulator's own address and key are no reason to refuse."""
    refuse_real_credentials({"AWS_ENDPOINT_URL": address, "AWS_ACCESS_KEY_ID": "123456789012"})


def test_without_an_engine_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no engine answers and none can be brought along, the way out is named, and what works without."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalCloudError) as refused:
        engine.up()
    assert str(refused.value) == (
        "no container engine answers, and one can be brought along on Debian as root only. Install Docker and start it "
        "(macOS: Docker Desktop; Linux: your distribution's docker and docker-buildx, and your user in the group "
        "'docker'), then run this again. `make synth` and `make test` need no engine"
    )


@pytest.mark.parametrize(("lives", "answers"), [((0.2, 0.2, 60), True), ((0.2, 0.2, 0.2), False)])
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_an_engine_that_ends_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture, lives: tuple[float, ...], answers: bool
) -> None:
    """dockerd gives up after a quarter of a minute where its containerd still waits for the disk; why it did is said."""
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path))
    own, log, started = Daemon(pid_file=tmp_path / "pid", word="sleep"), tmp_path / "engine/dockerd.log", iter(lives)
    log.parent.mkdir()

    def start(own: Daemon) -> None:
        life = next(started)
        # One program from its start to its end: between a shell and what it becomes there is a moment with no command line.
        program = f"import time; print('timeout waiting for containerd', flush=True); time.sleep({life})"
        own.start([sys.executable, "-c", program], log=log)

    monkeypatch.setattr(engine, "_start_engine", start)
    monkeypatch.setattr(engine, "_answers", lambda reach: "sleep(60)" in command_line(own.pid or 0))
    start(own)
    try:
        if answers:
            engine._wait_for_engine(own, {})
        else:
            with pytest.raises(
                LocalCloudError, match=r"^dockerd ended 3 times: timeout waiting for containerd; its log"
            ):
                engine._wait_for_engine(own, {})
    finally:
        own.stop(seconds=10)
    again = "local cloud: dockerd ended and is started again: timeout waiting for containerd\n"
    assert capsys.readouterr().err == 2 * again


def test_an_interrupted_wipe_leaves_no_half_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is being deleted is out of the next command's way from the first moment, and deleted by the next wipe."""
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path / "state"))
    (tmp_path / "state/engine/data").mkdir(parents=True)
    (tmp_path / "state/images").mkdir()

    def interrupted(path: Path) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            engine.down(wipe=True)
    assert [path.name.partition("-")[0] for path in (tmp_path / "state").iterdir()] == ["deleted"]
    monkeypatch.setattr("os.getpid", lambda: 0)
    engine.down(wipe=True)
    assert not (tmp_path / "state").exists()


def test_an_asked_for_port_that_is_in_use_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for a port relies on it; who doesn't gets the next free one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("AWS_PORT", str(port))
        with pytest.raises(LocalCloudError, match=f"^port {port}, which AWS_PORT asks for, is in use; "):
            choose_port("AWS_PORT", 4566)
        monkeypatch.delenv("AWS_PORT")
        assert choose_port("AWS_PORT", port) > port


@pytest.mark.parametrize("asked", ["0", "65536", "http", "-1", ""])
def test_a_port_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, asked: str) -> None:
    """The variable, its value and what a port is are named."""
    monkeypatch.setenv("AWS_PORT", asked)
    with pytest.raises(LocalCloudError) as refused:
        choose_port("AWS_PORT", 4566)
    assert str(refused.value) == f"AWS_PORT is '{asked}', which is not a port; ports are 1 to 65535"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "is not JSON: "),
        ("[]", "is not an event of a queue: it has no Records with a body each"),
        ('{"Records": [{"id": 1}]}', "is not an event of a queue: it has no Records with a body each"),
    ],
)
def test_an_event_file_that_is_none_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """Before anything is started, the file and what is wrong with it are named."""
    file = tmp_path / "event.json"
    file.write_text(text)
    with pytest.raises(LocalCloudError) as refused:
        stack.bodies(file)
    assert str(refused.value).startswith(f"{file} {reason}")


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_FAILED", "DELETE_FAILED", "CREATE_FAILED"])
def test_a_stack_in_a_failed_state_is_not_deployed_over(monkeypatch: pytest.MonkeyPatch, status: str) -> None:
    """CloudFormation would refuse after minutes of building; the way out is named before."""
    monkeypatch.setattr(stack, "status", lambda: status)
    with pytest.raises(LocalCloudError) as refused:
        tour.refuse_broken_stack()
    assert str(refused.value) == (
        f"the stack is in {status} from an earlier run, and CloudFormation does not update it from there; "
        "`make local-down` and then `make local` start afresh"
    )


@pytest.mark.parametrize("status", [None, "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"])
def test_a_stack_that_can_be_updated_is(monkeypatch: pytest.MonkeyPatch, status: str | None) -> None:
    """None at all, a good one, and one that went back to what it was before."""
    monkeypatch.setattr(stack, "status", lambda: status)
    tour.refuse_broken_stack()


def test_an_event_is_asked_for_until_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not stored yet, or a cold start that took longer than the function has, as on a busy machine; any other answer ends it."""
    slow = (502, {"errorMessage": "Task timed out after 70.00 seconds", "errorType": "Sandbox.Timedout"})
    answers = [slow, (404, None), (200, {"id": "order-1"})]
    monkeypatch.setattr(stack, "get", lambda url, path: answers.pop(0))
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    assert {"id": "order-1"} == tour._read_back("https://query", "order-1")
    answers = [slow, (502, {"errorType": "KeyError"})]
    with pytest.raises(
        LocalCloudError, match=r"^query_api answers 502 for order-1: {'errorType': 'KeyError'}; the emulator's log is "
    ):
        tour._read_back("https://query", "order-1")
    assert [] == answers


NO_EMULATOR = "AWS_ENDPOINT_URL is not set. `make test` starts one where a container engine answers"


@pytest.mark.parametrize(
    ("variables", "code", "said"),
    [
        ({"REQUIRE_CLOUD": "0"}, 0, ["1 skipped", NO_EMULATOR]),
        ({"REQUIRE_CLOUD": "1"}, 1, ["REQUIRE_CLOUD=1, but no AWS emulator", NO_EMULATOR]),
        ({"AWS_ENDPOINT_URL": "https://10.0.0.5:4566"}, 1, ["which is not on this machine; unset it"]),
        ({"AWS_PROFILE": "production"}, 1, ["credentials of a real account are in the environment (AWS_PROFILE)"]),
    ],
)
def test_the_deployments_run_on_an_emulator_on_this_machine_or_not_at_all(
    variables: dict[str, str], code: int, said: list[str]
) -> None:
    """Without one a skip that names what to start; in CI, where it is a part of it, a failure. Near a real account always one."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    test = "tests/deploy/test_deploy.py::test_every_service_is_built_and_pushed_once"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", test],
        cwd=PROJECT,
        env={**kept, **variables},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == code
    assert [] == [text for text in said if text not in done.stdout]


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
def test_a_process_that_was_just_started_is_known(tmp_path: Path) -> None:
    """The kernel sets a new process's command line after it has let go of the one that started it: it is waited for."""
    for number in range(20):
        daemon = Daemon(pid_file=tmp_path / f"{number}", word="sleep")
        daemon.start(["sleep", "60"], log=tmp_path / "log")
        try:
            assert daemon.pid is not None
        finally:
            daemon.stop(seconds=10)


def test_a_process_that_took_over_a_pid_is_not_ours(tmp_path: Path) -> None:
    """A pid file that outlived its process ends nobody else's."""
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        # Until then it still has the command line of this process.
        wait_until(lambda: "sleep" in command_line(sleeper.pid), 10, "sleep did not start")
        (tmp_path / "pid").write_text(f"{sleeper.pid}\n")
        assert Daemon(pid_file=tmp_path / "pid", word="dockerd").stop(seconds=1) is False
        assert sleeper.poll() is None
        (tmp_path / "pid").write_text(f"{sleeper.pid}\n")
        assert Daemon(pid_file=tmp_path / "pid", word="sleep").stop(seconds=10) is True
    finally:
        sleeper.kill()
        sleeper.wait()


def test_uv_is_the_one_that_the_dockerfile_pins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in for uv's image carries the version of the Dockerfile's one line."""
    monkeypatch.delenv("UV_VERSION", raising=False)
    dockerfile = (PROJECT / "infra/uv_workspace_function/Dockerfile").read_text()
    assert f"uv:{engine.uv_version()}" in dockerfile
