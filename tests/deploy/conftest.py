"""What the deployment tests share: the requirement `cloud`, a copy of this repository to deploy from, and the deployed stack.

They run against the emulator that `AWS_ENDPOINT_URL` names, with the stock CDK CLI and a real container engine.
"""

import os
import time
from collections.abc import Iterator

import pytest
from deploy.container_program import IS_WITHOUT_DOCKER, ContainerProgram

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.emulator import ACCOUNT, REGION, refuse_real_credentials
from local_cloud.state import LocalCloudError

START = (
    "no AWS emulator: AWS_ENDPOINT_URL is not set. `make test` starts one where a container engine answers, and so does "
    "`scripts/with-tools python -m local_cloud run pytest`"
)


@pytest.fixture(scope="session")
def cloud() -> None:
    """An emulator of AWS on this machine. Without one a skip; with REQUIRE_CLOUD=1, or with a real account in reach, a failure."""
    try:
        refuse_real_credentials(os.environ)
    except LocalCloudError as error:
        pytest.fail(str(error), pytrace=False)
    if os.environ.get("AWS_ENDPOINT_URL"):
        return
    if os.environ.get("REQUIRE_CLOUD") == "1":
        pytest.fail(f"REQUIRE_CLOUD=1, but {START}", pytrace=False)
    pytest.skip(START)


@pytest.fixture(scope="session")
def without_docker(cloud: None, tmp_path_factory: pytest.TempPathFactory) -> ContainerProgram:
    """`uv-workspace-docker` in docker's place."""
    return ContainerProgram.without_docker(tmp_path_factory.mktemp("without-docker"))


@pytest.fixture(scope="session")
def container_program(cloud: None, request: pytest.FixtureRequest) -> ContainerProgram:
    """What the CDK CLI calls for images: docker or, where DEPLOY_WITHOUT_DOCKER=1, what stands in its place."""
    if not IS_WITHOUT_DOCKER:
        return ContainerProgram()
    found: ContainerProgram = request.getfixturevalue("without_docker")
    return found


@pytest.fixture(scope="session")
def checkout(container_program: ContainerProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A copy of this repository's files whose edits touch nothing else; the images built from it are removed at the end."""
    made = container_program.copy_to(tmp_path_factory.mktemp("checkout") / "repository")
    for service in ("daily_report", "ingestion_worker", "legacy_export", "query_api"):
        # A line that no build has seen: whoever deployed this tree before, with `make local` say, has all of its images.
        made.append(f"services/{service}/src/{service}/main.py", f"COPIED_FOR_A_TEST = {time.time_ns()}")
    yield made
    made.remove_images()


@pytest.fixture(scope="session")
def first_deployment(checkout: Checkout) -> list[list[str]]:
    """The docker commands that the first deployment of the copy took."""
    if stack.status("CDKToolkit") is None:
        checkout.cdk("bootstrap", f"aws://{ACCOUNT}/{REGION}")
    return checkout.deploy()


@pytest.fixture(scope="session")
def deployed(checkout: Checkout, first_deployment: list[list[str]]) -> Checkout:
    """The copy, bootstrapped and deployed once."""
    return checkout
