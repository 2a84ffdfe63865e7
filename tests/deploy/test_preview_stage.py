"""A stage per pull request: it builds nothing that another stage has built, and takes nothing with it when it goes."""

import json
import time
from collections.abc import Iterator

import boto3
import pytest
from deploy.container_program import ContainerProgram
from deploy.registry import RegistryImage, count, services_built

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT, REGION
from local_cloud.state import PROJECT


@pytest.fixture(scope="module")
def copy(container_program: ContainerProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy with a service that no build has seen."""
    made = container_program.copy_to(
        tmp_path_factory.mktemp("preview") / "repository", app="python tests/deploy/preview_app.py"
    )
    made.append("services/query_api/src/query_api/main.py", f"COPIED_FOR_A_TEST = {time.time_ns()}")
    if stack.status("CDKToolkit") is None:
        made.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    yield made
    made.remove_images()


def deploy(copy: Checkout, stage: str) -> list[list[str]]:
    """Deploy a stage; the docker commands that it took."""
    before = len(copy.calls)
    copy.cdk("deploy", f"{stage}/*", "--require-approval", "never")
    return copy.calls[before:]


def image_of(name: str) -> str:
    """The image that a stack's function runs."""
    function = boto3.client("lambda").get_function(FunctionName=stack.outputs(name)["FunctionName"])
    return str(function["Code"]["ImageUri"])


def test_a_preview_builds_nothing_and_leaves_the_others_image(copy: Checkout) -> None:
    first = deploy(copy, "Main")
    assert ["query-api"] == services_built(first)
    assert 1 == count("push", first)

    preview = deploy(copy, "PR-17")
    assert [] == services_built(preview)
    assert 0 == count("push", preview)
    assert image_of("Main-Query") == image_of("PR-17-Query")

    copy.cdk("destroy", "PR-17/*", "--force")
    assert stack.status("PR-17-Query") in (None, "DELETE_COMPLETE")
    assert RegistryImage.of(image_of("Main-Query")).layers
    request = (PROJECT / "services/query_api/events/bad-limit.json").read_bytes()
    name = stack.outputs("Main-Query")["FunctionName"]
    answer = boto3.client("lambda").invoke(FunctionName=name, Payload=request)
    assert 400 == json.loads(answer["Payload"].read())["statusCode"]
