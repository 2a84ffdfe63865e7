"""From a saved file to new code answering: each way to try an edit of a service, on the local cloud.

    scripts/with-tools python -m local_cloud.edit_to_answer [--runs 3]

It needs a container engine (`scripts/with-tools python -m local_cloud engine-up`), brings an emulator of its own and ends it. arm64 is
emulated on x86-64: there the calls after a deployment, which are cold starts, take several times what they take on AWS.
"""

import argparse
import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3

from local_cloud import emulator, engine, stack
from local_cloud.checkout import Checkout
from local_cloud.state import LocalCloudError, locked, say

EMULATOR = "edit-to-answer"
EDITED = "services/query_api/src/query_api/main.py"
ANSWER = "no event has the id"
PATH = "/events/unknown"
EVENT = "services/query_api/events/unknown-event.json"
PATIENCE = 300  # seconds

Taken = tuple[float | None, float]
"""Seconds until the function was deployed, where one is, and until an answer held what was saved."""


class Edits:
    """The lines of the service that are changed, one after the other."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.text = ANSWER

    def save(self) -> str:
        """Save a text that no answer has had so far."""
        new = f"{ANSWER} (edit {time.time_ns()})"
        self.checkout.replace(EDITED, self.text, new)
        self.text = new
        return new


def main() -> None:
    """Measure every way, and print a table of medians."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    emulator.refuse_real_credentials(os.environ)
    with locked():
        emulator.up(EMULATOR)
    try:
        os.environ.update(engine.environment())
        os.environ.update(emulator.environment(EMULATOR))
        with tempfile.TemporaryDirectory() as folder:
            checkout = Checkout.copy_to(Path(folder, "repository"))
            try:
                _measure(checkout, runs)
            finally:
                checkout.remove_images()
    finally:
        with locked():
            emulator.down(EMULATOR)


def _measure(checkout: Checkout, runs: int) -> None:
    checkout.cdk("bootstrap", f"aws://{emulator.ACCOUNT}/{emulator.REGION}")
    checkout.deploy()
    outputs = stack.outputs()
    say("deployed once")
    edits = Edits(checkout)

    def deployed(*options: str) -> Callable[[], Taken]:
        def once() -> Taken:
            begun, text = time.monotonic(), edits.save()
            checkout.deploy(*options)
            done = time.monotonic() - begun
            _wait_for(outputs["QueryApiUrl"], text)
            return done, time.monotonic() - begun

        return once

    def watched() -> Taken:
        before = _image(outputs["QueryApiFunction"])
        begun, text = time.monotonic(), edits.save()
        # not by asking it: the emulator keeps a request that its function's replacement cuts off for a minute
        while _image(outputs["QueryApiFunction"]) == before:
            if time.monotonic() - begun > PATIENCE:
                raise LocalCloudError(f"cdk watch deployed nothing within {PATIENCE} s")
            time.sleep(0.2)
        done = time.monotonic() - begun
        _wait_for(outputs["QueryApiUrl"], text)
        return done, time.monotonic() - begun

    def invoked(*options: str) -> Callable[[], Taken]:
        def once() -> Taken:
            begun, text = time.monotonic(), edits.save()
            _invoke(checkout, text, outputs["TableName"], *options)
            return None, time.monotonic() - begun

        return once

    native = {"x86_64": "x86_64", "aarch64": "arm64"}[os.uname().machine]
    results: dict[str, list[Taken]] = {}

    def take(name: str, once: Callable[[], Taken]) -> None:
        once()  # what only the first time takes is not measured
        results[name] = [once() for _ in range(runs)]
        say(f"{name}: {results[name]}")

    take("services invoke", invoked())
    take(f"services invoke --image --architecture {native}", invoked("--image", "--architecture", native))
    take("services invoke --image", invoked("--image"))
    take("cdk deploy", deployed())
    take("cdk deploy --hotswap", deployed("--hotswap"))
    with _watching(checkout):
        take("cdk watch", watched)
    base = statistics.median(answer for _, answer in results["services invoke"])
    print(
        "| from a saved file, in seconds | deployed after | new code answers after | ratio |\n| --- | ---: | ---: | ---: |"
    )
    for name, taken in results.items():
        ends = [first for first, _ in taken if first is not None]
        done = f"{statistics.median(ends):.1f}" if ends else ""
        answers = statistics.median(second for _, second in taken)
        print(f"| `{name}` | {done} | {answers:.1f} | {answers / base:.1f} |")


def _invoke(checkout: Checkout, text: str, table_name: str, *options: str) -> None:
    network = ["--network", "host", "--env", "AWS_*"] if "--image" in options else []
    command = [
        "services",
        "invoke",
        "query-api",
        "--event",
        EVENT,
        "--env",
        f"TABLE_NAME={table_name}",
        *options,
        *network,
    ]
    done = subprocess.run(command, cwd=checkout.folder, capture_output=True, text=True, check=False)
    if done.returncode or text not in json.loads(done.stdout)["body"]:
        raise LocalCloudError(f"{' '.join(command)} exited {done.returncode}: {done.stdout}{done.stderr}")


def _image(function: str) -> str:
    return boto3.client("lambda").get_function(FunctionName=function)["Code"]["ImageUri"]


def _wait_for(url: str, text: str) -> None:
    until = time.monotonic() + PATIENCE
    while text not in str(stack.get(url, PATH)[1]):
        if time.monotonic() > until:
            raise LocalCloudError(f"no answer held {text!r} within {PATIENCE} s")
        time.sleep(0.2)


@contextlib.contextmanager
def _watching(checkout: Checkout) -> Iterator[None]:
    """`cdk watch`, once its first deployment is done."""
    process = checkout.start_cdk("watch", stack.STACK, "--no-logs")
    ready = threading.Event()
    said: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            said.append(line)
            if "Deployment time" in line or "no changes" in line:
                ready.set()

    threading.Thread(target=read, daemon=True).start()
    try:
        if not ready.wait(PATIENCE):
            raise LocalCloudError(f"cdk watch did not come up:\n{stack.last_lines(''.join(said), 20)}")
        yield
    finally:
        os.killpg(process.pid, signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


if __name__ == "__main__":
    try:
        main()
    except LocalCloudError as error:
        sys.exit(f"error: {error}")
