"""One build for several accounts and regions: docs/operations.md says how, and this holds it to it."""

import dataclasses
import time
from collections.abc import Iterator

import boto3
import pytest
from deploy.container_program import ContainerProgram
from deploy.registry import count, services_built

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT

pytestmark = pytest.mark.either_way

ENVIRONMENTS = {"Staging": (ACCOUNT, "us-east-1"), "Production": ("210987654321", "eu-central-1")}
EVERYWHERE = "python tests/deploy/two_environments_app.py"


@pytest.fixture(scope="module")
def bootstrapped(container_program: ContainerProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy that deploys to two environments, both bootstrapped; the second account trusts the first."""
    copy = container_program.copy_to(tmp_path_factory.mktemp("everywhere") / "repository", app=EVERYWHERE)
    started = []
    for account, region in ENVIRONMENTS.values():
        trust = [
            "--trust",
            ACCOUNT,
            "--cloudformation-execution-policies",
            "arn:aws:iam::aws:policy/AdministratorAccess",
        ]
        arguments = ["bootstrap", f"aws://{account}/{region}", *([] if account == ACCOUNT else trust)]
        # The emulator takes a key for the account that it is named as. Each has an output folder: the CLI locks it.
        output = ["--output", f"cdk.out.{region}"]
        started.append(copy.start_cdk(*arguments, *output, variables={"AWS_ACCESS_KEY_ID": account}))
    for process in started:
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, stack.last_lines(printed, 20)
    yield copy
    copy.remove_images()


def images(account: str, region: str) -> dict[str, str]:
    """The digest of each image in an environment's repository, by its tag."""
    ecr = boto3.client("ecr", region_name=region, aws_access_key_id=account, aws_secret_access_key="local")
    repository = f"cdk-hnb659fds-container-assets-{account}-{region}"
    details = ecr.describe_images(repositoryName=repository)["imageDetails"]
    return {tag: image["imageDigest"] for image in details for tag in image["imageTags"]}


def test_one_build_is_published_to_every_environment_under_one_digest(bootstrapped: Checkout) -> None:
    """`cdk publish-assets --all` builds each image once and pushes it to both accounts; a deployment of the same `cdk.out` needs no Docker."""
    bootstrapped.append("services/query_api/src/query_api/main.py", f"CHANGED_BY_A_TEST = {time.time_ns()}")
    bootstrapped.cdk("synth", "--quiet")
    pipeline = dataclasses.replace(bootstrapped, app="cdk.out")
    before = len(pipeline.calls)
    pipeline.cdk("publish-assets", "--all", "--unstable=publish-assets")
    calls = pipeline.calls[before:]

    assert "query-api" in services_built(calls)
    assert len(services_built(calls)) == len(set(services_built(calls)))
    assert count("push", calls) == 8
    pushed = {call[1].rpartition(":")[2] for call in calls if call[0] == "push"}
    staging, production = (
        {tag: digest for tag, digest in images(*environment).items() if tag in pushed}
        for environment in ENVIRONMENTS.values()
    )
    assert len(staging) == 4
    assert staging == production

    pipeline.cdk("deploy", "--all", "--require-approval", "never", "--concurrency", "2")
    assert pipeline.calls[before:] == calls
    for name, (account, region) in ENVIRONMENTS.items():
        client = boto3.client("lambda", region_name=region, aws_access_key_id=account, aws_secret_access_key="local")
        found = client.get_paginator("list_functions").paginate().build_full_result()["Functions"]
        uris = [
            client.get_function(FunctionName=function["FunctionName"])["Code"]["ImageUri"]
            for function in found
            if function["FunctionName"].startswith(f"{name}-")
        ]
        assert sorted(uri.rpartition(":")[2] for uri in uris) == sorted(staging)
        assert all(f"{account}.dkr.ecr.{region}." in uri for uri in uris)
