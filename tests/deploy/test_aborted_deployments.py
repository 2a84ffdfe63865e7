"""Deployments that are killed, refused or run twice at once, and the deployment after: it completes, and functions answer."""

import http.server
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deploy.registry import RegistryImage, changed, functions

from local_cloud import stack
from local_cloud.checkout import Checkout

REQUESTS = "services/query_api/src/query_api/requests.py"
STORE = "services/ingestion_worker/src/ingestion_worker/store.py"
# Sourced by `sh` where the CDK CLI calls docker; `kill 0` is the CLI, its children and this shell.
KILLED_WHILE_DOCKER_WORKS = """\
#!/bin/sh
[ "$1" = {command} ] || exit 0
docker "$@" >/dev/null 2>&1 &
sleep 0.5
touch {marker}
kill -KILL 0
"""
REGISTRY_ELSEWHERE = """\
#!/bin/sh
[ "$1" = push ] || exit 0
touch {marker}
docker tag "$2" 127.0.0.1:{port}/elsewhere:latest && docker push 127.0.0.1:{port}/elsewhere:latest
status=$?
docker image rm 127.0.0.1:{port}/elsewhere:latest >/dev/null
exit "$status"
"""

Hook = Callable[..., dict[str, str]]


@pytest.fixture
def hook(tmp_path: Path) -> Hook:
    """Puts a script before each docker command of the CDK CLI; it leaves a marker when it did what it is for."""

    def put(script: str, **values: object) -> dict[str, str]:
        path = tmp_path / "before-docker"
        path.write_text(script.format(marker=tmp_path / "happened", **values))
        path.chmod(0o755)
        return {"BEFORE_DOCKER": str(path)}

    return put


@pytest.fixture
def refusing_registry() -> Iterator[int]:
    """A registry on loopback that refuses whatever it is asked; its port."""

    class Refuse(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(403)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"errors": [{"code": "DENIED", "message": "the quota of images is used up"}]}')

        do_POST = do_HEAD = do_PUT = do_PATCH = do_GET  # noqa: N815, the base class's names

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the base class's name
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def change(checkout: Checkout, path: str = REQUESTS) -> None:
    checkout.append(path, f"CHANGED_BY_A_TEST = {time.time_ns()}")


def assert_answers() -> None:
    """The two functions that the tests change run the code that was deployed."""
    outputs = stack.outputs()
    assert stack.get(outputs["QueryApiUrl"], "/events/no-such-event")[0] == 404
    assert stack.invoke(outputs["IngestionWorkerFunction"], {"Records": []}) == {"batchItemFailures": []}


@pytest.mark.parametrize("command", ["build", "push"])
def test_a_deployment_killed_at_work_completes_when_repeated(
    deployed: Checkout, hook: Hook, tmp_path: Path, command: str
) -> None:
    """Killed while an image is built or pushed: nothing was deployed, and the same command then deploys all of it."""
    before = functions()
    change(deployed)
    variables = hook(KILLED_WHILE_DOCKER_WORKS, command=command)

    killed = deployed.start_cdk("deploy", stack.STACK, "--require-approval", "never", variables=variables)
    killed.communicate()

    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "happened").exists()
    assert functions() == before
    deployed.deploy()
    after = functions()
    assert changed(before, after) == {"QueryApi"}
    assert RegistryImage.of(after["QueryApi"]).layers
    assert_answers()


def test_a_deployment_without_a_registry_completes_once_it_is_back(
    deployed: Checkout, hook: Hook, tmp_path: Path
) -> None:
    """Nobody listens where the registry should: the deployment fails before CloudFormation starts, and can be repeated."""
    before = functions()
    change(deployed)
    # Port 1 is reserved, so nobody listens there.
    failed = deployed.start_cdk(
        "deploy", stack.STACK, "--require-approval", "never", variables=hook(REGISTRY_ELSEWHERE, port=1)
    )
    output, _ = failed.communicate()

    assert failed.returncode == 1
    assert (tmp_path / "happened").exists()
    assert "connection refused" in output
    assert functions() == before
    deployed.deploy()
    assert changed(before, functions()) == {"QueryApi"}
    assert_answers()


def test_a_refused_push_is_said_and_deploys_nothing(deployed: Checkout, hook: Hook, refusing_registry: int) -> None:
    """The registry's own words reach the one who deploys."""
    before = functions()
    change(deployed)
    failed = deployed.start_cdk(
        "deploy", stack.STACK, "--require-approval", "never", variables=hook(REGISTRY_ELSEWHERE, port=refusing_registry)
    )
    output, _ = failed.communicate()

    assert failed.returncode == 1
    assert "denied: the quota of images is used up" in output
    assert functions() == before
    deployed.deploy()
    assert changed(before, functions()) == {"QueryApi"}


def test_two_deployments_at_once_leave_a_stack_that_the_next_one_mends(
    deployed: Checkout, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two copies with a change each. AWS refuses the later one; an emulator may let both through, or mix them: no claim here.

    What holds in any case: no image is damaged, every function answers, and the next deployment makes its own state whole.
    """
    other = Checkout.copy_to(tmp_path_factory.mktemp("other") / "repository")
    try:
        change(deployed, REQUESTS)
        change(other, STORE)
        both = [copy.start_cdk("deploy", stack.STACK, "--require-approval", "never") for copy in (deployed, other)]
        ends = [(process.communicate()[0], process.returncode) for process in both]
        for output, code in ends:
            assert code == 0 or "IN_PROGRESS" in output, stack.last_lines(output, 20)
        assert 0 in [code for _, code in ends]
        assert_answers()
        for function in functions().values():
            image = RegistryImage.of(function)
            for layer in image.layers:
                image.blob(layer)

        deployed.deploy()
        mended = functions()
        assert deployed.deploy() == []
        assert functions() == mended
        assert_answers()
    finally:
        other.remove_images()
