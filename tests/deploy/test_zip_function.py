"""A zip function on the local cloud: published by the CDK CLI, invoked, published again only when it changed."""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest
from deploy.container_program import ContainerProgram
from images import twins

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT, REGION
from local_cloud.state import PROJECT, LocalCloudError

STACK = "ZipFunction"
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"


@pytest.fixture(scope="module")
def copy(container_program: ContainerProgram, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A copy of this repository with the function's stack as its app."""
    made = container_program.copy_to(
        tmp_path_factory.mktemp("zip") / "repository", app="python tests/deploy/zip_app.py"
    )
    if stack.status("CDKToolkit") is None:
        made.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    return made


@pytest.fixture(scope="module")
def variables(copy: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """A cache of its own, and the target's Python last on PATH."""
    tools = [PROJECT / "node_modules/.bin", PROJECT / ".venv/bin"]
    others = copy.variables.get("PATH", os.environ["PATH"])
    path = os.pathsep.join([*map(str, tools), others, str(twins.interpreter().parent)])
    return {"PATH": path, "XDG_CACHE_HOME": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture(scope="module")
def deployed(copy: Checkout, variables: Mapping[str, str]) -> Iterator[Checkout]:
    """The function, deployed once."""
    copy.cdk("deploy", STACK, "--require-approval", "never", variables=variables)
    yield copy
    copy.cdk("destroy", STACK, "--force", variables=variables)


def published() -> dict[str, str]:
    """The archives in the bucket, with the time of each."""
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {each["Key"]: str(each["LastModified"]) for each in listed if "." not in each["Key"]}


def answer() -> int:
    """Invoke the function with a request that it refuses by itself."""
    request = (PROJECT / "services/query_api/events/bad-limit.json").read_bytes()
    name = stack.outputs(STACK)["FunctionName"]
    done = boto3.client("lambda").invoke(FunctionName=name, Payload=request)
    payload = json.loads(done["Payload"].read())
    assert not done.get("FunctionError"), payload
    return int(payload["statusCode"])


def test_it_is_published_and_answers(deployed: Checkout) -> None:
    """On the emulator's runtime for zip functions; no image was built or pushed."""
    assert 400 == answer()
    name = stack.outputs(STACK)["FunctionName"]
    configuration = boto3.client("lambda").get_function(FunctionName=name)["Configuration"]
    assert ("Zip", "python3.14", ["arm64"]) == (
        configuration["PackageType"],
        configuration["Runtime"],
        configuration["Architectures"],
    )
    assert [] == deployed.calls


def test_only_a_change_is_published(deployed: Checkout, variables: Mapping[str, str]) -> None:
    """An unchanged archive is neither built nor sent: the program that would build it is not there."""
    before = published()
    bare = {**variables, "XDG_CACHE_HOME": "/nowhere"}
    deployed.cdk("deploy", STACK, "--require-approval", "never", variables=bare)
    assert before == published()
    deployed.append("services/query_api/src/query_api/main.py", "CHANGED_BY_A_TEST = True")
    deployed.cdk("deploy", STACK, "--require-approval", "never", variables=variables)
    assert 1 == len(published().keys() - before.keys())
    assert 400 == answer()


def test_a_program_that_fails_publishes_nothing_and_the_cli_shows_its_words(
    deployed: Checkout, variables: Mapping[str, str], tmp_path: Path
) -> None:
    """The assembly of another job, without the build contexts."""
    deployed.append("services/query_api/src/query_api/main.py", "CHANGED_ONCE_MORE = True")
    deployed.cdk("synth", "--quiet", f"--output={tmp_path / 'assembly'}", variables=variables)
    shutil.rmtree(tmp_path / "assembly/zip-functions")
    job = dataclasses.replace(deployed, app=str(tmp_path / "assembly"))
    before = published()
    with pytest.raises(LocalCloudError) as failed:
        job.cdk("deploy", STACK, "--require-approval", "never", variables=variables)
    assert "error: the build context zip-functions/query-api-" in str(failed.value)
    assert "set UV_WORKSPACE_FUNCTION_ASSEMBLY to the cloud assembly's folder" in str(failed.value)
    assert before == published()
