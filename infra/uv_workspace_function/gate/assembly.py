"""The container images in a cloud assembly, the folder that `cdk synth` writes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv_workspace_function.errors import WorkspaceError


@dataclass(frozen=True, slots=True, kw_only=True)
class AssemblyImage:
    """One container image asset."""

    name: str
    """As the CDK shows it."""
    arguments: Mapping[str, str]
    """Its build arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What a cloud assembly deploys."""

    images: tuple[AssemblyImage, ...]

    @classmethod
    def load(cls, folder: Path) -> "Assembly":
        """Read an assembly and those nested in it (stages).

        Source: the schema of https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html.

        Raises:
            WorkspaceError: when the folder is no cloud assembly.
        """
        return cls(images=tuple(_images(folder)))


def _images(folder: Path) -> Iterator[AssemblyImage]:
    for artifact in _read(folder / "manifest.json").get("artifacts", {}).values():
        properties = artifact.get("properties", {})
        if artifact.get("type") == "cdk:cloud-assembly":
            yield from _images(folder / properties["directoryName"])
        elif artifact.get("type") == "cdk:asset-manifest":
            for key, image in _read(folder / properties["file"]).get("dockerImages", {}).items():
                arguments = image.get("source", {}).get("dockerBuildArgs", {})
                yield AssemblyImage(name=image.get("displayName", key), arguments=arguments)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise WorkspaceError(
            f"{path.parent} is no cloud assembly: {path.name} cannot be read ({error})",
            "give the folder that `cdk synth` writes",
        ) from error
    if not isinstance(found, dict):
        raise WorkspaceError(f"{path} is no manifest of a cloud assembly", "give the folder that `cdk synth` writes")
    return found
