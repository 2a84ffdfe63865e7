"""A base image that is another asset: the CDK CLI builds it first, and the function runs on it."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from deploy.container_program import ContainerProgram
from deploy.registry import RegistryImage, count

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT, REGION
from local_cloud.state import PROJECT


@pytest.fixture(scope="module")
def copy(container_program: ContainerProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy whose base image no build has seen."""
    made = container_program.copy_to(
        tmp_path_factory.mktemp("base") / "repository", app="python tests/deploy/own_base_app.py"
    )
    made.append("tests/deploy/own_base/library.txt", f"made at {time.time_ns()}")
    if stack.status("CDKToolkit") is None:
        made.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    yield made
    made.remove_images()


@pytest.fixture
def in_ecr(tmp_path: Path) -> Iterator[Path]:
    """A program that gives each image the name that it has in ECR, where AWS's CLI gives it: the emulator's registry has another."""
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    program = tmp_path / "in-ecr"
    program.write_text(f'#!/bin/sh\n[ "$1" != tag ] || exec "$DOCKER" tag "$2" "{registry}/${{3#*/*.}}"\n')
    program.chmod(0o755)
    yield program
    named = ["docker", "image", "ls", "--format={{.Repository}}:{{.Tag}}", f"--filter=reference={registry}/*"]
    names = subprocess.run(named, check=True, capture_output=True, text=True).stdout.split()
    subprocess.run(["docker", "image", "rm", "--force", *names], check=True, capture_output=True)


@pytest.mark.parametrize("name", ["Known", "Anywhere"])
def test_a_function_runs_on_another_assets_image(
    copy: Checkout, container_program: ContainerProgram, in_ecr: Path, name: str
) -> None:
    """Found in ECR where account and region are known, else by the CLI's own tag; either way it is the base of what is pushed."""
    before = len(copy.calls)
    variables = {"BEFORE_DOCKER": str(in_ecr), **container_program.with_an_engine}
    copy.cdk("deploy", name, "--require-approval", "never", "--exclusively", variables=variables)
    assert count("build", copy.calls[before:]) == count("push", copy.calls[before:]) == 2

    client = boto3.client("lambda")
    function = client.get_function(FunctionName=stack.outputs(name)["FunctionName"])
    image = RegistryImage.of(function["Code"]["ImageUri"])
    assert f"BASE_OF={name}" in image.config["config"]["Env"]
    steps = [step["created_by"] for step in image.config["history"] if not step.get("empty_layer")]
    (added,) = [layer for layer, step in zip(image.layers, steps, strict=True) if "library.txt" in step]
    assert b"made at " in image.files(added)["opt/library.txt"]

    request = (PROJECT / "services/query_api/events/bad-limit.json").read_bytes()
    answer = client.invoke(FunctionName=function["Configuration"]["FunctionName"], Payload=request)
    assert json.loads(answer["Payload"].read())["statusCode"] == 400
