"""The container image of one service as a CDK asset, built from the service's own build context."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from uv_workspace_function.constructs import asset_folder
from uv_workspace_function.constructs.context_warnings import warn_of_context
from uv_workspace_function.constructs.defaults import with_defaults
from uv_workspace_function.constructs.image_options import ImageOptions
from uv_workspace_function.constructs.option_checks import check_request, checked
from uv_workspace_function.constructs.starting_image import StartingImage, name_asset
from uv_workspace_function.context.arguments import AskedBuild
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.dockerfile import is_proxy
from uv_workspace_function.context.extensions import extension_argument
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.workspace.workspace import Workspace

MIRRORS_CONTEXT_KEY = "uv-workspace-function:mirrors"
"""The CDK context key of the mirrors: a registry or a longer prefix of images' names -> what to take instead."""

# What is told to the build and makes no other image: where secrets lie, how the network is reached, what is cached.
_BESIDE_THE_HASH = ("build_secrets", "build_ssh", "network_mode", "cache_from", "cache_to")
# By stack, then by hash: the first asset of equal images, and what was said of its build.
_BUILT: WeakKeyDictionary[cdk.Stack, dict[str, tuple[ecr_assets.DockerImageAsset, Mapping[str, object]]]] = (
    WeakKeyDictionary()
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServiceImage:
    """The image of a service before it is an asset: its build context, and what the CDK CLI builds it with."""

    context: BuildContext
    asset_options: dict[str, Any]
    """What `DockerImageAsset` takes besides the folder, and `DockerImageCode.from_image_asset` as well."""
    beside_the_hash: Mapping[str, object]
    """Options that make no other image, by name."""
    starts_from: tuple[StartingImage, ...]

    @classmethod
    def of(
        cls,
        scope: Construct,
        *,
        workspace: Workspace,
        service: str,
        options: ImageOptions,
        architecture: lambda_.Architecture,
        target_folder: str | None = None,
        snap_start: bool = False,
    ) -> Self:
        """Check what is asked, and gather the build context.

        Args:
            scope: what the image is to be a part of.
            workspace: the workspace.
            service: the service's package name, in any spelling.
            options: how it is built.
            architecture: the processor it is for.
            target_folder: the folder of the image that packages and code go to; None for Lambda's.
            snap_start: whether it carries the label that SnapStart asks for.

        Raises:
            WorkspaceError: when there is no such service, or no image of it could be built.
        """
        target = options.target(architecture, uv_platform=options.python_platform)
        context = BuildContext.of(workspace, service, extras=options.extras or ()).extended(
            len(options.extensions or ())
        )
        asked = AskedBuild(
            target=target,
            build_from_source=options.build_from_source,
            secrets=options.build_secrets,
            further=options.build_args,
            target_folder=target_folder,
            base_image=options.base_image,
            include_bytecode=options.include_bytecode is not False,
            build_on_target=bool(options.build_on_target),
            snap_start=snap_start,
        )
        images = {
            option.upper(): StartingImage.of(image, option, scope)
            for option in ("base_image", "builder_image", "uv_image")
            if (image := getattr(options, option)) is not None
        }
        for number, extension in enumerate(options.extensions or (), 1):
            images[extension_argument(number)] = StartingImage.of(extension, "each of extensions", scope)
        by_name = {argument: image.name for argument, image in images.items() if image.asset is None}
        arguments = asked.arguments(context, images=by_name, mirrors=_mirrors(scope, options.mirrors))
        arguments |= options.build_args or {}
        assets = {argument: image for argument, image in images.items() if image.asset is not None}
        hashed = {name: value for name, value in arguments.items() if not is_proxy(name)}
        hashed |= {argument: image.hashed for argument, image in assets.items()}
        arguments |= {argument: image.name for argument, image in assets.items()}
        beside_the_hash = {option: getattr(options, option) for option in _BESIDE_THE_HASH}
        asset_options: dict[str, Any] = {
            "asset_name": context.service.name,
            "exclude": [*asset_folder.EXCLUDE],
            "platform": ecr_assets.Platform.custom(target.docker_platform),
            "build_args": arguments,
            **beside_the_hash,
            # CDK's own hash doesn't see mode bits, and takes CRLF for LF. What it sees besides is not in the image: where a secret
            # lies, and in which account's registry a base image.
            "extra_hash": json.dumps([context.digest, hashed], sort_keys=True),
            "invalidation": ecr_assets.DockerImageAssetInvalidationOptions(
                build_args=False, build_secrets=False, build_ssh=False, network_mode=False
            ),
        }
        proxies = {name: value for name, value in arguments.items() if is_proxy(name)}
        return cls(
            beside_the_hash=beside_the_hash | {"build_args": proxies},
            context=context,
            asset_options=asset_options,
            starts_from=tuple(images.values()),
        )

    def made(self, asset: ecr_assets.DockerImageAsset) -> None:
        """Settle what needs the asset that was made of it: its place among others, and warnings."""
        self._refuse_another_build(asset)
        warn_of_context(asset, self.context)
        name_asset(asset, self.context.service.name)
        for image in self.starts_from:
            if image.asset is None and not ImageReference.parse(image.name).is_pinned:
                cdk.Annotations.of(asset).add_warning_v2(
                    "uv-workspace-function:moving-image",
                    f"{image.name} is a mutable tag, so changes go undetected; pin a version or digest",
                )
            image.build_before(asset)

    def _refuse_another_build(self, asset: ecr_assets.DockerImageAsset) -> None:
        """A stack has equal images once: what the others say of secrets and caches would be lost."""
        stack = asset_folder.asset_stack(asset)
        first, of_first = _BUILT.setdefault(stack, {}).setdefault(asset.asset_hash, (asset, self.beside_the_hash))
        differing = [
            name for name, value in self.beside_the_hash.items() if (value or None) != (of_first[name] or None)
        ]
        if differing:
            raise WorkspaceError(
                f"{first.node.path} and {asset.node.path} are the same image of {self.context.service.name!r}, which is built once, but differ in "
                f"{' and '.join(differing)}",
                "give both the same, for example by one value of ImageOptions",
            )


class UvWorkspaceImage(ecr_assets.DockerImageAsset):
    """The container image of one service of a uv workspace.

    The service's build context is written into the cloud assembly (`cdk.out`), and the CDK CLI builds and pushes the image when it
    deploys. Nothing here runs Docker or needs a network; uv is asked, offline, whether the lock is fresh, where there is one.

    Example:
        A container that is no Lambda::

            image = UvWorkspaceImage(
                stack,
                "Worker",
                workspace=Workspace.load(repository),
                service="ingestion-worker",
                options=ImageOptions(base_image="public.ecr.aws/docker/library/python:3.14-slim"),
                target_folder="/app",
            )

    Args:
        scope: what it is a part of.
        construct_id: its id there.
        workspace: the workspace.
        service: the service's package name, in any spelling.
        options: how it is built. What is left out comes from `FunctionDefaults`.
        architecture: the processor that the image is for; ARM_64 by default.
        target_folder: the folder of the image that packages and code go to. By default Lambda's, `/var/task`.
        snap_start: whether the image carries the label that SnapStart asks for.

    Attributes:
        service: the workspace's member it is an image of.

    Raises:
        WorkspaceError: when there is no such service, or no image of it could be built; nothing was written then.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: Workspace,
        service: str,
        options: ImageOptions | None = None,
        architecture: lambda_.Architecture | None = None,
        target_folder: str | None = None,
        snap_start: bool = False,
    ) -> None:
        check_request(scope, construct_id, workspace, service)
        asked = checked(with_defaults(scope, {"image": options, "architecture": architecture}))
        built = ServiceImage.of(
            scope,
            workspace=workspace,
            service=service,
            options=asked.get("image") or ImageOptions(),
            architecture=asked.get("architecture") or lambda_.Architecture.ARM_64,
            target_folder=target_folder,
            snap_start=snap_start,
        )
        with asset_folder.source_folder(built.context, scope) as folder:
            super().__init__(scope, construct_id, directory=str(folder), **built.asset_options)
            asset_folder.fill(self, built.context)
        self.service = built.context.service
        built.made(self)


def _mirrors(scope: Construct, given: Mapping[str, str] | None) -> Mapping[str, str]:
    if given is not None:
        return given
    mirrors = scope.node.try_get_context(MIRRORS_CONTEXT_KEY)
    if mirrors is None:
        return {}
    if isinstance(mirrors, str):  # as `cdk --context` hands it over
        with suppress(ValueError):
            mirrors = json.loads(mirrors)
    if not isinstance(mirrors, Mapping) or not all(isinstance(mirror, str) for mirror in mirrors.values()):
        raise WorkspaceError(
            f"the context {MIRRORS_CONTEXT_KEY!r} must be an object such as "
            f'{{"public.ecr.aws": "registry.example.com/aws"}}, not {mirrors!r}'
        )
    return mirrors
