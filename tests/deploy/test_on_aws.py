"""scripts/on_aws.py, which somebody with an account runs: here against the emulator, from deployment to removal."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from deploy.container_program import ContainerProgram
from images import twins

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT

ROOT = Path(__file__).parents[2]
BASE = "public.ecr.aws/lambda/python:3.14-arm64"
NAME = "UvWorkspaceFunctionTrial"


def try_on(account: str, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the script with the environment of this test."""
    command = [sys.executable, str(ROOT / "scripts" / "on_aws.py"), "--account", account, *options]
    # The target's Python, which the archive of the zip function is compiled by.
    path = os.pathsep.join([variables.get("PATH", os.environ["PATH"]), str(twins.interpreter().parent)])
    environment = {**os.environ, **variables, "PATH": path}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def patched_base(container_program: ContainerProgram) -> Iterator[str]:
    """The base image with a label more: another digest, the same Python."""
    name = "patched-base-of-a-test:1"
    dockerfile = f"FROM {BASE}\nLABEL patched=yes\n"
    build = ["docker", "build", "--quiet", "--platform", "linux/arm64", "--tag", name, "-"]
    subprocess.run(build, input=dockerfile, text=True, check=True, capture_output=True)
    yield container_program.within_reach(name, f"patched-base-{time.time_ns()}:1")
    subprocess.run(["docker", "image", "rm", "--force", name], check=True, capture_output=True)


def test_every_step_holds_and_nothing_is_left(
    deployed: Checkout, container_program: ContainerProgram, patched_base: str
) -> None:
    """`deployed` has bootstrapped the account."""
    variables = container_program.environment
    if container_program.mirror:
        variables["TRIAL_BASE_IMAGE"] = f"{container_program.mirror}/lambda/python:3.14"
    done = try_on(ACCOUNT, "--cold-starts", "1", "--patched-base", patched_base, **variables)
    assert "" == done.stderr
    assert [
        "deployed in N s",
        "a changed line deployed in N s",
        "the line put back, deployed in N s",
        "the base image patched, deployed in N s",
        "destroyed",
    ] == re.sub(r"\d+ s$", "N s", done.stdout, flags=re.MULTILINE).splitlines()[:5]
    assert re.fullmatch(r"image: .*Init Duration.*", done.stdout.splitlines()[5])
    assert re.fullmatch(r"zip: .*Init Duration.*", done.stdout.splitlines()[6])
    assert stack.status(NAME) is None


def test_another_account_than_the_named_one_is_refused(cloud: None) -> None:
    """Before anything is done there."""
    done = try_on("999999999999")
    expected = f"error: the credentials are for account {ACCOUNT}, and --account is 999999999999; nothing was done\n"
    assert (1, "", expected) == (done.returncode, done.stdout, done.stderr)
