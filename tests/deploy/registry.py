"""What a deployment did: the docker commands it took, the functions it left in Lambda, their images in the registry."""

import gzip
import hashlib
import io
import json
import tarfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import boto3

from local_cloud import stack

FUNCTIONS = ("DailyReport", "IngestionWorker", "LegacyExport", "QueryApi")
MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json"
)


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
    def of(cls, image_uri: str) -> "RegistryImage":
        """The image that a function runs, looked up in ECR by its repository and tag."""
        repository, _, tag = image_uri.partition("/")[2].rpartition(":")
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
