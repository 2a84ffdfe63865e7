"""Deployments that are killed, refused or run twice at once, and the deployment after: it completes, and functions answer."""

import contextlib
import http.server
import json
import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from deploy.container_program import ContainerProgram
from deploy.registry import FUNCTIONS, RegistryImage, changed, functions

from local_cloud import stack
from local_cloud.checkout import Checkout
from local_cloud.state import LocalCloudError, wait_until

REQUESTS = "services/query_api/src/query_api/requests.py"
STORE = "services/ingestion_worker/src/ingestion_worker/store.py"
# Sourced by `sh` where the CDK CLI calls docker; `kill 0` is the CLI, its children and this shell.
KILLED_WHILE_DOCKER_WORKS = """\
#!/bin/sh
[ "$1" = {command} ] || exit 0
"$DOCKER" "$@" >/dev/null 2>&1 &
sleep 0.5
touch {marker}
kill -KILL 0
"""
REGISTRY_ELSEWHERE = """\
#!/bin/sh
[ "$1" = push ] || exit 0
touch {marker}
"$DOCKER" tag "$2" 127.0.0.1:{port}/elsewhere:latest && "$DOCKER" push 127.0.0.1:{port}/elsewhere:latest
status=$?
"$DOCKER" image rm 127.0.0.1:{port}/elsewhere:latest >/dev/null 2>&1
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
        # Docker tries TLS first, and goes on without where what it gets begins with "HTTP/".
        default_request_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):  # docker hangs up on an answer to its TLS greeting
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


def abort(checkout: Checkout, variables: dict[str, str]) -> tuple[int, str]:
    """Start a deployment that does not get to its end; returns the exit code and what it printed, once all of it has ended."""
    process = checkout.start_cdk("deploy", stack.STACK, "--require-approval", "never", variables=variables)
    try:
        output, _ = process.communicate(timeout=300)
    finally:
        end_group(process.pid)
    # Node runs below a starter of its own, and the CDK CLI takes a dead process that nobody has reaped yet for one that
    # still works in cdk.out.
    wait_until(lambda: not group_exists(process.pid), 60, "some of the aborted deployment is still there")
    return process.returncode, output


def end_group(leader: int) -> None:
    """Leave nothing of a deployment behind, whatever became of the test."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def group_exists(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def change(checkout: Checkout, path: str = REQUESTS) -> None:
    checkout.append(path, f"CHANGED_BY_A_TEST = {time.time_ns()}")


def declared_tags(checkout: Checkout) -> dict[str, str]:
    """The image tag of each function, as the template says that the copy's last deployment synthesized."""
    template = json.loads((checkout.folder / f"cdk.out/{stack.STACK}.template.json").read_text())
    uris = {
        identity: json.dumps(resource["Properties"]["Code"]["ImageUri"])
        for identity, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function"
    }
    return {
        name: re.findall(r":([0-9a-f]{64})\b", uri)[0]
        for name in FUNCTIONS
        for identity, uri in uris.items()
        if identity.startswith(name)
    }


def assert_answers() -> None:
    """The two functions that the tests change can be invoked: a function whose image is not there deploys, and fails then.

    They get some tries: an emulated processor on a busy machine takes longer to start than a function may.
    """
    outputs = stack.outputs()

    def query_api() -> bool:
        return stack.get(outputs["QueryApiUrl"], "/events/no-such-event")[0] == 404

    def worker() -> bool:
        try:
            return bool(stack.invoke(outputs["IngestionWorkerFunction"], {"Records": []}) == {"batchItemFailures": []})
        except LocalCloudError:
            return False

    wait_until(query_api, 120, "query_api does not answer")
    wait_until(worker, 120, "ingestion_worker does not answer")


def test_a_deployment_killed_in_the_build_and_in_the_push_completes_when_repeated(
    deployed: Checkout, hook: Hook, tmp_path: Path
) -> None:
    """Killed while an image is built, and again while it is pushed: nothing is deployed. The same command then deploys all of it."""
    before = functions()
    change(deployed)
    for command in ("build", "push"):
        code, _ = abort(deployed, hook(KILLED_WHILE_DOCKER_WORKS, command=command))
        assert code == -signal.SIGKILL
        (tmp_path / "happened").unlink()
        assert functions() == before

    deployed.deploy()
    after = functions()
    assert changed(before, after) == {"QueryApi"}
    image = RegistryImage.of(after["QueryApi"].image_uri)
    for layer in image.layers[-3:]:
        image.blob(layer)
    assert_answers()


def test_a_deployment_without_a_registry_completes_once_it_is_back(
    deployed: Checkout, hook: Hook, tmp_path: Path, refusing_registry: int
) -> None:
    """Nobody listens where the registry should, then it refuses: each is said, and nothing deployed. Once it is back, all of it is."""
    before = functions()
    change(deployed)
    # Port 1 is reserved, so nobody listens there. Docker's words for a refusal differ with its image store, and ours from both.
    for port, said in (
        (1, "connection refused|cannot be reached"),
        (refusing_registry, "403 Forbidden|denied|does not let us push"),
    ):
        code, output = abort(deployed, hook(REGISTRY_ELSEWHERE, port=port))
        assert code == 1
        assert re.search(said, output), stack.last_lines(output, 20)
        (tmp_path / "happened").unlink()
        assert functions() == before

    deployed.deploy()
    assert changed(before, functions()) == {"QueryApi"}
    assert_answers()


def test_two_deployments_at_once_leave_a_stack_that_the_next_one_mends(
    deployed: Checkout, container_program: ContainerProgram, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two copies with a change each. AWS refuses the later one; an emulator may let both through, or mix them: no claim here.

    What holds in any case: no image is damaged, every function answers, and the next deployment makes its own state whole.
    """
    other = container_program.copy_to(tmp_path_factory.mktemp("other") / "repository")
    both: list[subprocess.Popen[str]] = []
    try:
        change(deployed, REQUESTS)
        change(other, STORE)
        both = [copy.start_cdk("deploy", stack.STACK, "--require-approval", "never") for copy in (deployed, other)]
        ends = [(process.communicate(timeout=300)[0], process.returncode) for process in both]
        for output, code in ends:
            # One finds the stack busy, or its change set taken away or carried out by the other: they share its name.
            overtaken = re.search(r"failed to deploy\n.*(IN_PROGRESS|ChangeSet)", output)
            assert code == 0 or overtaken, stack.last_lines(output, 20)
        assert 0 in [code for _, code in ends]
        assert_answers()
        for function in functions().values():
            image = RegistryImage.of(function.image_uri)
            for layer in image.layers[-3:]:
                image.blob(layer)

        deployed.deploy()
        tags = {name: function.image_uri.rpartition(":")[2] for name, function in functions().items()}
        assert tags == declared_tags(deployed)
        assert_answers()
    finally:
        for process in both:
            end_group(process.pid)
        other.remove_images()
