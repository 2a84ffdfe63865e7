"""Deployments by the stock CDK CLI with no docker on its PATH: `uv-workspace-docker` stands in its place. Functions run as before."""

import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from deploy.container_program import ContainerProgram
from deploy.registry import RegistryImage, count, services_built
from images import twins

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT, REGION
from local_cloud.stand_ins import LAMBDA_IMAGE_BY_ARCH
from local_cloud.state import PROJECT, LocalCloudError

CODE, LIBRARY = "services/query_api/src/query_api/requests.py", "services/common/logging/src/common_logging/text.py"


@pytest.fixture(scope="module")
def copy(without_docker: ContainerProgram, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of this repository."""
    folder = tmp_path_factory.mktemp("copy") / "repository"
    made = without_docker.copy_to(folder, app="python tests/deploy/without_docker_app.py")
    made.append(CODE, f"COPIED_FOR_A_TEST = {time.time_ns()}")
    made.append("services/ingestion_worker/src/ingestion_worker/main.py", f"COPIED_FOR_A_TEST = {time.time_ns()}")
    if stack.status("CDKToolkit") is None:
        made.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    return made


@pytest.fixture(scope="module")
def deployed(copy: Checkout) -> Checkout:
    """The copy, its two stacks deployed at the same moment by a CLI each, from nothing."""
    commands = [(name, "--require-approval", "never", "--output", f"cdk.out/{name}") for name in ("One", "Two")]
    running = [copy.start_cdk("deploy", *command) for command in commands]
    for process in running:
        output, _ = process.communicate()
        assert process.returncode == 0, output[-3000:]
    return copy


def deploy(copy: Checkout, name: str, *options: str, **variables: str) -> list[list[str]]:
    """Deploy a stack; the calls that this took."""
    before = len(copy.calls)
    copy.cdk("deploy", name, "--require-approval", "never", "--exclusively", *options, variables=variables)
    return copy.calls[before:]


def image_uri(name: str) -> str:
    """The image of a stack's function."""
    function = boto3.client("lambda").get_function(FunctionName=stack.outputs(name)["FunctionName"])
    uri: str = function["Code"]["ImageUri"]
    return uri


def answer(name: str) -> Any:
    """What a function says to a request that it refuses: no table is needed for that."""
    request = (PROJECT / "services/query_api/events/bad-limit.json").read_bytes()
    invoked = boto3.client("lambda").invoke(FunctionName=stack.outputs(name)["FunctionName"], Payload=request)
    return json.loads(invoked["Payload"].read())


def test_two_stacks_are_deployed_at_once_from_nothing(deployed: Checkout) -> None:
    """Each image is built and pushed once, the login comes first, and the function runs."""
    calls = [call for call in deployed.calls if call[0] != "images"]
    assert ["ingestion-worker", "query-api"] == services_built(calls)
    assert (2, 2, 2) == (count("push", calls), count("tag", calls), count("login", calls))
    assert "login" == calls[0][0]
    credentials = Path(deployed.variables["DOCKER_CONFIG"], "config.json")
    assert 0o600 == credentials.stat().st_mode & 0o777
    assert 400 == answer("One")["statusCode"]


def test_a_changed_library_is_one_layer_and_a_hotswap_back_builds_nothing(deployed: Checkout) -> None:
    """No other layer is new; a rollback finds the image in the registry and asks for nothing, by hotswap as by CloudFormation."""
    before, layers = image_uri("One"), set(RegistryImage.of(image_uri("One")).layers)
    deployed.append(LIBRARY, f"CHANGED_BY_A_TEST = {time.time_ns()}")
    calls = deploy(deployed, "One")
    assert (["query-api"], 1) == (services_built(calls), count("push", calls))
    image = RegistryImage.of(image_uri("One"))
    (new,) = set(image.layers) - layers
    assert "var/task/common_logging/text.py" in image.files(new)
    assert 400 == answer("One")["statusCode"]

    deployed.remove_last_line(LIBRARY)
    assert [] == deploy(deployed, "One", "--hotswap")
    assert before.rpartition("/")[2] == image_uri("One").rpartition("/")[2]


def test_what_another_job_built_is_deployed_and_nothing_is_built(
    deployed: Checkout, without_docker: ContainerProgram, tmp_path: Path
) -> None:
    """That job has no credentials; this one runs neither the app nor a backend, and its cache is empty."""
    deployed.append(CODE, f"CHANGED_BY_A_TEST = {time.time_ns()}")
    deployed.cdk("synth", "One", "--quiet", "--output", str(tmp_path / "cdk.out"))
    build = [str(PROJECT / ".venv/bin/services"), "build", "query-api", f"--output={tmp_path / 'images/query-api.tar'}"]
    build += [f"--base-image={without_docker.mirror}/lambda/python:3.14", f"--interpreter={twins.interpreter()}"]
    build += [f"--cache={deployed.variables['UV_WORKSPACE_DOCKER_CACHE']}"]
    without = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    subprocess.run(build, check=True, cwd=deployed.folder, env={**without, **deployed.variables}, capture_output=True)

    given = {
        "UV_WORKSPACE_DOCKER_IMAGES": str(tmp_path / "images"),
        "UV_WORKSPACE_DOCKER_CACHE": str(tmp_path / "cache"),
        "UV_WORKSPACE_DOCKER_INTERPRETER": "/no/such/python",
    }
    before = len(deployed.calls)
    synthesized = dataclasses.replace(deployed, app=str(tmp_path / "cdk.out"))
    synthesized.cdk("deploy", "One", "--hotswap", "--require-approval", "never", variables=given)
    assert 1 == count("push", deployed.calls[before:])
    assert 400 == answer("One")["statusCode"]


@pytest.fixture
def mixed(deployed: Checkout, without_docker: ContainerProgram) -> Iterator[dict[str, str]]:
    """Variables of the app that has another image asset and a bundled function; its images are removed from the engine."""
    deployed.append("tests/deploy/own_base/library.txt", f"made at {time.time_ns()}")
    yield {"MIXED": LAMBDA_IMAGE_BY_ARCH["amd64"], **without_docker.with_an_engine}
    deployed.remove_images()


def test_other_assets_and_bundling_are_dockers(deployed: Checkout, mixed: dict[str, str]) -> None:
    """Docker is given by a variable: it bundles, and builds and pushes the base image, which ours then starts from."""
    before = len(deployed.calls)
    deploy(deployed, "Mixed", **mixed)
    calls = deployed.calls[before:]
    assert (1, 2, 2) == (count("run", calls), count("build", calls), count("push", calls))
    image = RegistryImage.of(image_uri("Mixed"))
    assert "BASE_OF=Mixed" in image.config["config"]["Env"]
    steps = [step["created_by"] for step in image.config["history"] if not step.get("empty_layer")]
    (added,) = [layer for layer, step in zip(image.layers, steps, strict=True) if "library.txt" in step]
    assert b"made at " in image.files(added)["opt/library.txt"]
    assert 400 == answer("Mixed")["statusCode"]


def test_without_docker_they_are_refused_in_one_sentence(deployed: Checkout, tmp_path: Path) -> None:
    """At synth already, where the bundling is."""
    with pytest.raises(LocalCloudError) as raised:
        variables = {"MIXED": LAMBDA_IMAGE_BY_ARCH["amd64"]}
        deployed.cdk("synth", "Mixed", "--quiet", "--output", str(tmp_path / "cdk.out"), variables=variables)
    assert (
        "error: `docker run` is not about an image of a uv workspace, so it needs a container engine, and there is no program docker; "
        "install one, or name its program with UV_WORKSPACE_DOCKER_ENGINE"
    ) in str(raised.value)
