"""A container engine as the tests use it: images built as the CDK CLI builds them, looked into and run as Lambda runs them."""

import io
import json
import os
import re
import subprocess
import tarfile
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from images import twins

START = (
    "no container engine answers: start Docker, or one of this repository's own with `make local` or `scripts/with-tools "
    "python -m local_cloud engine-up`; `make test` uses either, and so does `scripts/with-tools python -m local_cloud run pytest`"
)
LAMBDA_BASE = "public.ecr.aws/lambda/python:3.14"
LAYERS = ("root", "heavy", "medium", "light", "local", "code")
# The user and the limits that Lambda runs a container with.
LAMBDA_LIKE = (
    *("--read-only", "--tmpfs=/tmp:size=512m", "--user=993:990"),
    *("--cap-drop=ALL", "--security-opt=no-new-privileges"),
)


class BuildFailedError(AssertionError):
    """A build that did not make an image; the text is what it printed, and first the line of it that says why."""

    def __init__(self, log: str) -> None:
        said = re.findall(r"^#\d+ [\d.]+ (.*\berror\b.*)$", log, re.MULTILINE | re.IGNORECASE)
        super().__init__(f"{said[0] if said else 'the build failed'}\n{log}")


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One layer of an image."""

    digest: str
    size: int
    """Bytes as it is pushed, compressed."""
    members: Mapping[str, tarfile.TarInfo]
    """Its entries by path, folders included."""
    files: Mapping[str, bytes]
    """What is in its files, by path."""


@dataclass(frozen=True, kw_only=True)
class Stored:
    """An image as a registry would get it."""

    digest: str
    """The manifest's."""
    config: Mapping[str, Any]
    layers: Mapping[str, Layer]
    """The layers above the base image, by the names of `LAYERS`, lowest first."""

    @property
    def digests(self) -> Mapping[str, str]:
        """The digest of each layer, by name."""
        return {name: layer.digest for name, layer in self.layers.items()}

    @property
    def files(self) -> Mapping[str, bytes]:
        """Every file above the base image, by path."""
        return {path: content for layer in self.layers.values() for path, content in layer.files.items()}


@dataclass(frozen=True, kw_only=True)
class Image:
    """A built image."""

    engine: "Engine"
    name: str
    platform: str
    log: str
    """What the build printed."""

    @cached_property
    def stored(self) -> Stored:
        """The image, read whole."""
        saved = subprocess.run(["docker", "image", "save", self.name], capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(saved)) as tar:

            def read(name: str) -> bytes:
                member = tar.extractfile(name)
                assert member is not None, name
                return member.read()

            def blob(descriptor: Mapping[str, Any]) -> bytes:
                return read(f"blobs/{descriptor['digest'].replace(':', '/')}")

            descriptor = json.loads(read("index.json"))["manifests"][0]
            manifest = json.loads(blob(descriptor))
            config = json.loads(blob(manifest["config"]))
            made_by = [step["created_by"] for step in config["history"] if not step.get("empty_layer")]
            layers = {}
            for row, command in zip(manifest["layers"], made_by, strict=True):
                if copied := re.search(r"COPY /layers/(\w+)/ ", command):
                    layers[copied[1]] = _layer(row, blob(row))
        return Stored(digest=descriptor["digest"], config=config, layers=layers)

    def python(self, script: str, *options: str) -> str:
        """Run Python code in the image as Lambda runs a function: read-only, not as root, and without a network."""
        command = ["--rm", "--network=none", f"--platform={self.platform}", *LAMBDA_LIKE, *options]
        return self.engine.docker("run", *command, "--entrypoint=python3", self.name, "-c", script)


def _layer(row: Mapping[str, Any], blob: bytes) -> Layer:
    with tarfile.open(fileobj=io.BytesIO(blob)) as tar:
        members = {member.name: member for member in tar}
        files = {name: _content(tar, member) for name, member in members.items() if member.isfile()}
    return Layer(digest=row["digest"], size=len(blob), members=members, files=files)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    assert stream is not None, member.name
    return stream.read()


@dataclass(kw_only=True)
class Engine:
    """The engine that `docker` reaches; images made through it are removed by `clean`."""

    made: list[str] = field(default_factory=list)

    def docker(self, *arguments: str) -> str:
        """Run `docker`; what it printed to stdout."""
        done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True, timeout=600)
        if done.returncode:
            raise AssertionError(f"docker {' '.join(arguments)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    @cached_property
    def native(self) -> str:
        """The platform that needs no emulation here."""
        return f"linux/{self.docker('version', '--format={{.Server.Arch}}').strip()}"

    def build(
        self,
        context: Path,
        arguments: Mapping[str, str],
        *options: str,
        platform: str = "linux/arm64",
        environment: Mapping[str, str] | None = None,
    ) -> Image:
        """Build as the CDK CLI does: one tag, the build arguments, one platform, no attestations.

        And once more without an engine, where that takes the same arguments: both make the same layers and configuration, or none.

        Raises:
            BuildFailedError: with everything that the build printed.
        """
        name = f"uv-workspace-function-test:{uuid.uuid4().hex[:12]}"
        command = ["docker", "build", f"--tag={name}", "--progress=plain", f"--platform={platform}"]
        for key, value in arguments.items():
            command += ["--build-arg", f"{key}={value}"]
        done = subprocess.run(
            [*command, *options, "."],
            check=False,
            cwd=context,
            env={**os.environ, "BUILDX_NO_DEFAULT_ATTESTATIONS": "1", **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=1200,
        )
        twin = None if options else twins.without_an_engine(context, arguments, platform, docker=self.docker)
        if done.returncode:
            assert not isinstance(twin, twins.Twin), f"only BuildKit refuses it:\n{done.stdout}"
            raise BuildFailedError(done.stdout)
        self.made.append(name)
        image = Image(engine=self, name=name, platform=platform, log=done.stdout)
        if twin is not None:
            assert isinstance(twin, twins.Twin), f"only a build without an engine refuses it: {twin}"
            differences = twins.differences(twin.as_compared, twins.as_compared(image.stored.config))
            assert not differences, "\n".join(differences)
        return image

    def clean(self) -> None:
        """Remove the images."""
        if self.made:
            subprocess.run(["docker", "image", "rm", "--force", *self.made], capture_output=True, check=False)


def answers() -> bool:
    """Whether there is an engine."""
    try:
        return (
            subprocess.run(["docker", "buildx", "inspect"], check=False, capture_output=True, timeout=60).returncode
            == 0
        )
    except OSError:
        return False
