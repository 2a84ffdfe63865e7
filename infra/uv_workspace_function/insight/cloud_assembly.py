"""The images and zip archives of services in a cloud assembly (`cdk.out`), read from what the CDK CLI deploys from."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from uv_workspace_function.boundary import read_file
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.machines import MACHINES
from uv_workspace_function.target.target import Target

# The hidden command that makes a zip function's archive, with its options.
_OF_ARCHIVES = "zip-asset"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAsset:
    """One image, or one zip archive, that a synthesized stack needs."""

    asset: str
    """The asset's id: its hash, with the service's name before it where the construct gave one."""
    arguments: Mapping[str, str]
    """Its build arguments."""
    platform: str | None = None
    """What it is built for, as Docker names it: `linux/arm64`; None where the assembly does not say."""

    @property
    def service(self) -> str:
        """The service it is for; empty for an image that is not ours."""
        return self.arguments.get("SERVICE_NAME", "")

    def target(self, otherwise: Target) -> Target:
        """What it is built for, as far as its build arguments and its platform say.

        Args:
            otherwise: what to take where they do not.

        Raises:
            WorkspaceError: when they name no Python, machine or platform that can be built for.
        """
        machine = next(
            (m for m in MACHINES.values() if Target(machine=m).docker_platform == self.platform), otherwise.machine
        )
        python = self.arguments.get("PYTHON_VERSION", otherwise.python)
        return Target.of(python=python, machine=machine, uv_platform=self.arguments.get("PYTHON_PLATFORM"))

    @property
    def extras(self) -> tuple[str, ...]:
        """The service's extras that are installed."""
        return tuple(self.arguments.get("SERVICE_EXTRAS", "").split())

    @property
    def build_from_source(self) -> tuple[str, ...]:
        """Packages that the builder may build."""
        return tuple(self.arguments.get("BUILD_FROM_SOURCE", "").split())

    @property
    def local_image(self) -> str:
        """The name that the CDK CLI gives the image on the machine that builds it."""
        return f"cdkasset-{self.asset.lower()}"


def image_assets(assembly: Path) -> tuple[ServiceAsset, ...]:
    """The images in a cloud assembly, its stages included, by service.

    Source: the schema of https://docs.aws.amazon.com/cdk/api/v2/docs/cloud-assembly-schema-readme.html.

    Args:
        assembly: the folder that `cdk synth` wrote.

    Raises:
        WorkspaceError: when it is no cloud assembly, or a file of it cannot be read.
    """
    return _by_service(asset for manifest in _asset_manifests(assembly) for asset in _images(_read(manifest)))


def service_assets(assembly: Path) -> tuple[ServiceAsset, ...]:
    """The images in a cloud assembly and the zip archives of services, its stages included, by service.

    Args:
        assembly: the folder that `cdk synth` wrote.

    Raises:
        WorkspaceError: when it is no cloud assembly, or a file of it cannot be read.
    """
    manifests = [_read(file) for file in _asset_manifests(assembly)]
    return _by_service(asset for manifest in manifests for asset in (*_images(manifest), *_archives(manifest)))


def _by_service(assets: Iterable[ServiceAsset]) -> tuple[ServiceAsset, ...]:
    found = {(asset.service, asset.asset): asset for asset in assets}
    return tuple(found[key] for key in sorted(found))


def _asset_manifests(assembly: Path) -> Iterator[Path]:
    """The asset manifests that an assembly names, and those of the assemblies in it (stages)."""
    path = assembly / "manifest.json"
    if not path.is_file():
        raise WorkspaceError(
            f"{assembly} is not a cloud assembly: it has no manifest.json", "write one with `cdk synth`"
        )
    for artifact in _tables(_read(path).get("artifacts")).values():
        match artifact:
            case {"type": "cdk:asset-manifest", "properties": {"file": str(file)}}:
                yield assembly / file
            case {"type": "cdk:cloud-assembly", "properties": {"directoryName": str(folder)}}:
                yield from _asset_manifests(assembly / folder)
            case _:
                pass


def _images(manifest: Mapping[str, object]) -> Iterator[ServiceAsset]:
    for asset, image in _tables(manifest.get("dockerImages")).items():
        source = _tables(image).get("source")
        arguments = _tables(_tables(source).get("dockerBuildArgs"))
        platform = _tables(source).get("platform")
        yield ServiceAsset(
            asset=asset,
            arguments={key: value for key, value in arguments.items() if isinstance(value, str)},
            platform=platform if isinstance(platform, str) else None,
        )


def _archives(manifest: Mapping[str, object]) -> Iterator[ServiceAsset]:
    for asset, file in _tables(manifest.get("files")).items():
        command = _tables(_tables(file).get("source")).get("executable")
        if not isinstance(command, list) or _OF_ARCHIVES not in command:
            continue
        options = [text for text in command[command.index(_OF_ARCHIVES) + 1 :] if isinstance(text, str)]
        pairs = [*zip(options[::2], options[1::2], strict=False)]
        arguments = [value.partition("=") for name, value in pairs if name == "--build-arg"]
        yield ServiceAsset(
            asset=asset,
            arguments={key: value for key, _, value in arguments},
            platform=next((value for name, value in pairs if name == "--platform"), None),
        )


def _tables(found: object) -> dict[str, object]:
    return found if isinstance(found, dict) else {}


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError) as error:
        raise WorkspaceError(f"{path} cannot be read ({error})", "run `cdk synth` again") from error
    if not isinstance(document, dict):
        raise WorkspaceError(f"{path} is not part of a cloud assembly", "run `cdk synth` again")
    return document
