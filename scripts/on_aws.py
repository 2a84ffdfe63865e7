"""Try the constructs on a real AWS account: deploy, invoke, change a line, go back, patch the base image, destroy.

    scripts/with-tools python scripts/on_aws.py --account 123456789012 --region eu-central-1

It deploys one stack with one small service (examples/on_aws), from an image and from a zip archive, measures cold starts of both, and removes
the stack again. The account
has to be bootstrapped (`cdk bootstrap`), Docker has to run, and the credentials are those of the environment. It costs less than a cent. It
refuses any account but the one that is named.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "on_aws"
MAIN = "services/greeter/src/greeter/main.py"


class TrialError(Exception):
    """Something is not as it has to be; the text says what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A copy of the example, and the stack that it is deployed as."""

    folder: Path
    stack: str

    def deploy(self, *, base_image: str | None = None) -> float:
        """Deploy the copy as it is; returns seconds."""
        begun = time.monotonic()
        self._cdk("deploy", "--require-approval", "never", base_image=base_image)
        return time.monotonic() - begun

    def destroy(self) -> None:
        """Remove the stack, and with it everything it made."""
        self._cdk("destroy", "--force", base_image=None)

    def _cdk(self, *arguments: str, base_image: str | None) -> None:
        variables = {"TRIAL_STACK": self.stack} | ({"TRIAL_BASE_IMAGE": base_image} if base_image else {})
        done = subprocess.run(
            ["cdk", "--app", f"{sys.executable} app.py", *arguments, self.stack],
            cwd=self.folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            end = "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            raise TrialError(f"cdk {arguments[0]} failed:\n{end}")

    @property
    def function(self) -> str:
        """The name of the function from an image."""
        return self._output("Function")

    @property
    def zip_function(self) -> str:
        """The name of the function from a zip archive."""
        return self._output("ZipFunction")

    def _output(self, name: str) -> str:
        (stack,) = boto3.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"]
        return next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == name)

    @property
    def image(self) -> str:
        """The image that the function runs, with its tag."""
        return boto3.client("lambda").get_function(FunctionName=self.function)["Code"]["ImageUri"]

    @property
    def archive(self) -> str:
        """The hash of the zip function's code."""
        return boto3.client("lambda").get_function(FunctionName=self.zip_function)["Configuration"]["CodeSha256"]

    def set_revision(self, old: str, new: str) -> None:
        """Change the one line of code that an answer shows."""
        file = self.folder / MAIN
        file.write_text(file.read_text().replace(f'REVISION = "{old}"', f'REVISION = "{new}"'))

    def expect(self, revision: str) -> None:
        """Invoke both functions, and compare what they answer."""
        expected = {"greeting": "hello, ada", "revision": revision}
        for kind, function in {"image": self.function, "zip": self.zip_function}.items():
            answer, _ = invoke(function)
            if answer != expected:
                raise TrialError(f"the {kind} function answered {answer}, not {expected}")


def invoke(function: str) -> tuple[Any, str]:
    """Call a function; returns its answer and the end of its log."""
    done = boto3.client("lambda").invoke(FunctionName=function, Payload=json.dumps({"name": "ada"}), LogType="Tail")
    answer = json.loads(done["Payload"].read())
    if done.get("FunctionError"):
        raise TrialError(f"the function failed: {answer}")
    return answer, b64decode(done.get("LogResult") or "").decode(errors="replace")


def init_durations(function: str, count: int) -> list[float]:
    """Milliseconds of `Init Duration` in cold starts, each forced by a changed variable; those that no log tells are left out."""
    client = boto3.client("lambda")
    found = []
    for number in range(count):
        client.update_function_configuration(FunctionName=function, Environment={"Variables": {"COLD": str(number)}})
        client.get_waiter("function_updated_v2").wait(FunctionName=function, WaiterConfig={"Delay": 1})
        _, log = invoke(function)
        if match := re.search(r"Init Duration: ([\d.]+) ms", log):
            found.append(float(match[1]))
    return found


def refuse_another_account(named: str) -> None:
    """Go on only in the account that was named, and only where it is bootstrapped.

    Raises:
        TrialError: when the credentials are another account's, there are none, or it is not bootstrapped.
    """
    try:
        account = boto3.client("sts").get_caller_identity()["Account"]
    except (BotoCoreError, ClientError) as error:
        raise TrialError(
            f"no AWS account answers ({error}); give this shell credentials, such as by `aws sso login`"
        ) from error
    if account != named:
        raise TrialError(f"the credentials are for account {account}, and --account is {named}; nothing was done")
    try:
        boto3.client("cloudformation").describe_stacks(StackName="CDKToolkit")
    except ClientError as error:
        region = boto3.Session().region_name
        raise TrialError(
            f"account {account} is not bootstrapped in {region}; run `cdk bootstrap aws://{account}/{region}` once"
        ) from error


def run(trial: Trial, *, cold_starts: int, patched_base: str | None) -> None:
    """Every step, with what it took; the stack is removed at the end, whatever happened."""
    try:
        _say(f"deployed in {trial.deploy():.0f} s")
        trial.expect("one")
        first, archive = trial.image, trial.archive
        functions = {"image": trial.function, "zip": trial.zip_function}
        durations = {kind: init_durations(function, cold_starts) for kind, function in functions.items()}
        trial.set_revision("one", "two")
        _say(f"a changed line deployed in {trial.deploy():.0f} s")
        trial.expect("two")
        trial.set_revision("two", "one")
        _say(f"the line put back, deployed in {trial.deploy():.0f} s")
        trial.expect("one")
        if trial.image != first:
            raise TrialError(f"going back gave another image, {trial.image}, than the first, {first}")
        if trial.archive != archive:
            raise TrialError(f"going back gave another archive, {trial.archive}, than the first, {archive}")
        if patched_base:
            _say(f"the base image patched, deployed in {trial.deploy(base_image=patched_base):.0f} s")
            trial.expect("one")
            if trial.image == first:
                raise TrialError(f"another base image gave the same image, {first}")
    finally:
        trial.destroy()
        _say("destroyed")
    for kind, found in durations.items():
        if found:
            cuts = statistics.quantiles(found, n=100, method="inclusive") if len(found) > 1 else found * 99
            _say(f"{kind}: Init Duration of {len(found)} cold starts: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms")
        else:
            _say(f"{kind}: no log has an Init Duration")
    if not patched_base:
        _say("no base image was patched: name one with --patched-base")


def _say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    """Run the trial; returns the exit code: 0 all held, 1 something did not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--account", required=True, help="the account to deploy to, 12 digits; any other is refused")
    parser.add_argument("--region", help="default: the environment's")
    parser.add_argument("--stack", default="UvWorkspaceFunctionTrial", help="name of the stack (default: %(default)s)")
    parser.add_argument("--cold-starts", type=int, default=50, metavar="N", help="how many to measure (default: 50)")
    parser.add_argument(
        "--patched-base", metavar="IMAGE", help="a newer build of the Lambda base image, by tag or digest"
    )
    asked = parser.parse_args()
    if asked.region:
        os.environ["AWS_REGION"] = os.environ["AWS_DEFAULT_REGION"] = asked.region
    try:
        refuse_another_account(asked.account)
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copytree(
                EXAMPLE, Path(folder, "on_aws"), ignore=shutil.ignore_patterns("cdk.out", "__pycache__")
            )
            run(Trial(folder=copy, stack=asked.stack), cold_starts=asked.cold_starts, patched_base=asked.patched_base)
    except TrialError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
