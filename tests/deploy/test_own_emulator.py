"""`python -m local_cloud run`, by which `make test` runs the tests: with the engine that answers, and an emulator of its own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest

from local_cloud import emulator, engine, own_emulator
from local_cloud.state import command_line, home, wait_until

PROJECT = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "local_cloud", "run"]
NO_ENGINE = (
    "tests: no container engine answers, so tests that need one are skipped; `make local` starts one, or start Docker\n"
)
TEMPLATE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "orders"}}}})
# What the deploy tests do, in small: a stack of the same name, where AWS's variables lead.
_DEPLOY = f"""
import boto3, os
boto3.client("cloudformation").create_stack(StackName="ServiceStack", TemplateBody={TEMPLATE!r})
boto3.client("sqs").create_queue(QueueName="made-by-a-test")
print(os.environ["AWS_ENDPOINT_URL"], os.environ["AWS_ACCESS_KEY_ID"], os.environ.get("AWS_PROFILE"))
"""


def nothing_in_reach(tmp_path: Path) -> dict[str, str]:
    """An environment without an engine: an empty state folder, and no Docker."""
    return {"PATH": str(tmp_path), "HOME": str(tmp_path), "LOCAL_CLOUD_HOME": str(tmp_path / "state")}


def run(*command: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command by `local_cloud run`."""
    return subprocess.run([*RUN, *command], cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("code", [0, 1, 5])
def test_without_an_engine_it_runs_and_says_what_skipped_tests_need(tmp_path: Path, code: int) -> None:
    """Nothing is started, and the exit code is the command's."""
    done = run(sys.executable, "-c", f"raise SystemExit({code})", environment=nothing_in_reach(tmp_path))
    assert (code, "", NO_ENGINE) == (done.returncode, done.stdout, done.stderr)


def test_an_engine_without_its_base_images_is_not_prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one that was brought along: then getting them takes minutes, which is said before."""
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path))
    assert not engine.is_prepared()
    (tmp_path / "engine.json").write_text('{"LOCAL_REGISTRY": ""}')
    assert engine.is_prepared()  # the machine's own Docker: `up` pulls what it has not
    with subprocess.Popen([sys.executable, "-c", "input()", tmp_path / "engine"], stdin=subprocess.PIPE) as running:
        (tmp_path / "engine").mkdir()
        (tmp_path / "engine/docker.pid").write_text(f"{running.pid}\n")
        wait_until(lambda: str(tmp_path) in command_line(running.pid), 10, "it did not start")
        assert not engine.is_prepared()
        for archive in engine._archives():
            engine._loaded(archive).parent.mkdir(exist_ok=True)
            engine._loaded(archive).touch()
        assert engine.is_prepared()
        running.communicate(b"\n")


def test_no_account_reaches_it(tmp_path: Path) -> None:
    """Nor an emulator that this shell has sourced, which somebody deployed to."""
    shell = {"AWS_PROFILE": "production", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "AWS_REGION": "eu-west-1"}
    program = "import os; print([name for name in os.environ if name.startswith('AWS_')])"
    done = run(sys.executable, "-c", program, environment=nothing_in_reach(tmp_path) | shell)
    assert "[]\n" == done.stdout


def test_a_command_that_is_not_there_is_named(tmp_path: Path) -> None:
    """In one line, without a traceback."""
    done = run("no-such-command", environment=nothing_in_reach(tmp_path))
    assert (1, f"{NO_ENGINE}local cloud: 'no-such-command' cannot be started: No such file or directory\n") == (
        done.returncode,
        done.stderr,
    )


def test_only_what_a_killed_command_left_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not what a living one uses, nor an emulator that somebody named."""
    monkeypatch.setenv("LOCAL_CLOUD_HOME", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()", "local_cloud", "run"], stdin=subprocess.PIPE) as alive:
        wait_until(lambda: "local_cloud run" in command_line(alive.pid), 10, "it did not start")
        for name in ("local", "run-", "run-x", f"run-{alive.pid}", f"run-{os.getpid()}", "run-99999999"):
            (tmp_path / "aws" / name).mkdir(parents=True)
        # A pid that was given to another program meanwhile: this one's.
        assert [f"run-{os.getpid()}", "run-99999999"] == own_emulator._left_behind()
        alive.communicate(b"\n")
        assert 0 == alive.returncode


@pytest.fixture(scope="module")
def deployed(cloud: None) -> Iterator[str]:
    """An emulator that somebody deployed to with `make local`, by its name."""
    name = f"as-local-{os.getpid()}"
    emulator.up(name, port_of="")
    try:
        queue = client(name, "sqs").create_queue(QueueName="orders")["QueueUrl"]
        client(name, "sqs").send_message(QueueUrl=queue, MessageBody="waiting")
        client(name, "cloudformation").create_stack(StackName="ServiceStack", TemplateBody='{"Resources": {}}')
        yield name
    finally:
        emulator.down(name)


def client(name: str, service: Any) -> Any:
    """A client of an emulator."""
    variables = emulator.environment(name)
    session = boto3.Session(variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    return session.client(service, endpoint_url=variables["AWS_ENDPOINT_URL"], region_name=variables["AWS_REGION"])


def seen(name: str) -> dict[str, object]:
    """What is deployed there, and the process that holds it."""
    sqs, cloudformation = client(name, "sqs"), client(name, "cloudformation")
    queues = sqs.list_queues()["QueueUrls"]
    waiting = "ApproximateNumberOfMessages"
    return {
        "stacks": cloudformation.describe_stacks()["Stacks"],
        "messages": {
            url: sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[waiting])["Attributes"][waiting]
            for url in queues
        },
        "pid": (home() / "aws" / name / "pid").read_text(),
    }


@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
@pytest.mark.parametrize("sourced", [False, True])
def test_what_make_local_deployed_is_untouched(deployed: str, sourced: bool) -> None:
    """Whether or not the shell has sourced its variables: the tests deploy the same stack beside it."""
    before = seen(deployed)
    shell = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    if sourced:
        shell |= emulator.environment(deployed)
    done = run(sys.executable, "-c", _DEPLOY, environment=shell | {"AWS_PROFILE": "production"})
    assert 0 == done.returncode, done.stderr
    address, *rest = done.stdout.split()
    assert [emulator.ACCOUNT, "None"] == rest
    assert address != emulator.environment(deployed)["AWS_ENDPOINT_URL"]
    assert before == seen(deployed)
    [line] = done.stderr.splitlines()
    assert line.startswith("tests: the engine is Docker at ")
    assert line.endswith(f"; the emulator, {address}, ends with the tests")


def test_its_emulator_ends_with_it_when_it_is_ended(cloud: None) -> None:
    """By its pid, and nothing of it is left."""
    command = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)"]
    with subprocess.Popen([*RUN, *command], cwd=PROJECT, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert b"up\n" == running.stdout.readline()
        folder = home() / "aws" / f"run-{running.pid}"
        pid = int((folder / "pid").read_text())
        assert "emulator_process.py" in command_line(pid)
        running.send_signal(signal.SIGTERM)
        assert 0 != running.wait(timeout=120)
    assert "emulator_process.py" not in command_line(pid)
    assert not folder.exists()
