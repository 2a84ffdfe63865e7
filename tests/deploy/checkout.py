"""A copy of this repository, deployed from with the CDK CLI; and what that left in the registry and in Lambda."""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3

from local_cloud import stack

PROJECT = Path(__file__).parents[2]
FUNCTIONS = ("DailyReport", "IngestionWorker", "LegacyExport", "QueryApi")
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
_RECORDING_DOCKER = """\
#!/bin/sh
# What the CDK CLI asks of Docker is written down, and done.
echo "$*" >> {calls}
exec docker "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """A copy of the repository, and the record of every docker command that the CDK CLI ran for it."""

    folder: Path
    calls: Path

    @classmethod
    def copy_to(cls, folder: Path) -> "Checkout":
        """Copy what git would commit of the working tree."""
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            cwd=PROJECT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (PROJECT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(PROJECT / name, folder / name)
        calls = folder.with_name("docker.calls")
        calls.touch()
        recording = folder.with_name("docker-recorded")
        recording.write_text(_RECORDING_DOCKER.format(calls=calls))
        recording.chmod(0o755)
        # The CDK CLI and Node, from the locks.
        subprocess.run([PROJECT / "scripts/with-tools", "true"], check=True, stdin=subprocess.DEVNULL)
        return cls(folder=folder, calls=calls)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which the CDK CLI runs: this project's tools, the copy's code."""
        tools = os.pathsep.join([str(PROJECT / "node_modules/.bin"), str(PROJECT / ".venv/bin"), os.environ["PATH"]])
        return {
            **os.environ,
            "PATH": tools,
            "PYTHONPATH": str(self.folder / "infra"),
            "CDK_DOCKER": str(self.calls.with_name("docker-recorded")),
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "CDK_NOTICES": "false",
            "CI": "true",
        }

    def cdk(self, *arguments: str, app: str = "python app.py") -> str:
        """Run the CDK CLI in the copy; returns what it printed.

        Raises:
            AssertionError: it failed; the message is the end of what it printed.
        """
        done = subprocess.run(
            ["cdk", "--app", app, *arguments],
            cwd=self.folder,
            env=self.environment,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, f"cdk {arguments[0]} failed:\n{stack.last_lines(done.stdout, 40)}"
        return done.stdout

    def deploy(self) -> list[list[str]]:
        """Deploy the stack; returns the docker commands that this took."""
        before = len(self.calls.read_text().splitlines())
        self.cdk("deploy", stack.STACK, "--require-approval", "never")
        return [line.split() for line in self.calls.read_text().splitlines()[before:]]

    def append(self, path: str, text: str) -> None:
        """Add a line to a file of the copy."""
        with (self.folder / path).open("a") as file:
            file.write(f"{text}\n")

    def remove_images(self) -> None:
        """Remove from the engine every image that the CDK CLI tagged."""
        tagged = {name for call in _calls_of("tag", self.calls.read_text()) for name in call[1:3]}
        if tagged:
            subprocess.run(["docker", "image", "rm", "--force", *sorted(tagged)], check=False, capture_output=True)


def _calls_of(command: str, text: str) -> list[list[str]]:
    return [call for line in text.splitlines() if (call := line.split())[0] == command]


def services_built(calls: list[list[str]]) -> list[str]:
    """The `SERVICE_NAME` of each build among docker commands, sorted."""
    arguments = [argument for call in calls if call[0] == "build" for argument in call]
    return sorted(a.removeprefix("SERVICE_NAME=") for a in arguments if a.startswith("SERVICE_NAME="))


def count(command: str, calls: list[list[str]]) -> int:
    """How many of the docker commands are of that kind."""
    return sum(call[0] == command for call in calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What Lambda says of a deployed function."""

    package_type: str
    architectures: tuple[str, ...]
    image_uri: str
    last_modified: str
    revision: str


def functions() -> dict[str, Function]:
    """The deployed functions, by the construct's id."""
    client, outputs = boto3.client("lambda"), stack.outputs()
    found = {}
    for name in FUNCTIONS:
        answer = client.get_function(FunctionName=outputs[f"{name}Function"])
        configuration = answer["Configuration"]
        found[name] = Function(
            package_type=configuration["PackageType"],
            architectures=tuple(configuration["Architectures"]),
            image_uri=answer["Code"]["ImageUri"],
            last_modified=configuration["LastModified"],
            revision=configuration["RevisionId"],
        )
    return found


def changed(before: Mapping[str, Function], after: Mapping[str, Function]) -> set[str]:
    """The functions that differ."""
    return {name for name in FUNCTIONS if before[name] != after[name]}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryImage:
    """An image as the registry has it."""

    media_type: str
    config: dict[str, Any]
    layers: tuple[str, ...]
    """The layers' digests, the base image's first."""
    address: str

    @classmethod
    def of(cls, function: Function) -> "RegistryImage":
        """The image that a function runs, looked up in ECR by its repository and tag."""
        repository, _, tag = function.image_uri.partition("/")[2].rpartition(":")
        ecr = boto3.client("ecr")
        (described,) = ecr.describe_repositories(repositoryNames=[repository.rpartition("/")[2]])["repositories"]
        host, _, path = described["repositoryUri"].partition("/")
        address = f"http://{host}/v2/{path}"
        manifest = json.loads(_fetch(f"{address}/manifests/{tag}"))
        return cls(
            media_type=manifest["mediaType"],
            config=json.loads(_fetch(f"{address}/blobs/{manifest['config']['digest']}"))
            if "config" in manifest
            else {},
            layers=tuple(layer["digest"] for layer in manifest.get("layers", [])),
            address=address,
        )

    def blob(self, digest: str) -> bytes:
        """A layer's bytes as they were pushed, checked against the digest."""
        content = _fetch(f"{self.address}/blobs/{digest}")
        assert f"sha256:{hashlib.sha256(content).hexdigest()}" == digest
        return content

    def files(self, digest: str) -> dict[str, bytes]:
        """The files in a layer."""
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(self.blob(digest)))) as layer:
            members = [member for member in layer if member.isreg()]
            return {member.name: _content(layer, member) for member in members}

    def diff_id(self, digest: str) -> str:
        """The digest of a layer's uncompressed bytes, computed from what was pushed."""
        return f"sha256:{hashlib.sha256(gzip.decompress(self.blob(digest))).hexdigest()}"


def _content(layer: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = layer.extractfile(member)
    assert file is not None
    return file.read()


def _fetch(address: str) -> bytes:
    request = urllib.request.Request(address, headers={"Accept": MANIFESTS})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
        return content
