"""The container image of one service as a CDK asset, built from the service's own build context."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_
from aws_cdk import region_info
from constructs import Construct

from uv_workspace_function.context.arguments import build_arguments, check_secrets
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.target.target import Machine, Target
from uv_workspace_function.target.wheels import (
    built_from_source,
    check_wheels,
    refuse_other_environments,
    refuse_oversize,
)
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.workspace import Workspace

MIRRORS_CONTEXT_KEY = "uv-workspace-function:mirrors"
"""The CDK context key of the mirrors: a registry or a longer prefix of images' names -> what to take instead."""

_MACHINES: Mapping[str, Machine] = {"arm64": "aarch64", "x86_64": "x86_64"}
_STAGED = ".build-contexts"
_LOCAL_TAG = "cdkasset-"
# By workspace, then by the folder of assets: files of contexts with their places.
_WRITTEN: WeakKeyDictionary[Workspace, dict[str, dict[ContextFile, str]]] = WeakKeyDictionary()


class UvWorkspaceImage(ecr_assets.DockerImageAsset):
    """The container image of one service of a uv workspace.

    The service's build context is written into the cloud assembly (`cdk.out`), and the CDK CLI builds and pushes the image when it
    deploys. Nothing here runs Docker or uv, or needs a network.

    Args:
        scope: what it is a part of.
        construct_id: its id there.
        workspace: the workspace.
        service: the service's package name, in any spelling.
        extras: extras of the service to install.
        architecture: the processor that the image is for.
        python_version: the Python minor version of the base image, such as `3.14`.
        base_image: what the image starts from: a name with tag or digest, or another image asset, for example the Lambda base image
            with an extension. By default the Lambda base image of `python_version`.
        builder_image: what the builder starts from: the name of any image with that Python as `python3`, for example one with git
            or a compiler. By default the Lambda base image of `python_version`.
        uv_image: the image that uv is taken from. By default the version that the Dockerfile pins.
        python_platform: uv's name of the platform that wheels are for, such as `aarch64-manylinux_2_17` for an older C library than
            Lambda's, or `aarch64-unknown-linux-musl` for Alpine. By default that of the Lambda base image of `python_version`.
        target_folder: the folder of the image that packages and code go to. By default Lambda's, `/var/task`.
        include_bytecode: whether every module comes with its bytecode.
        build_from_source: third-party packages that the builder may build where no wheel fits, in any spelling, instead of those
            in `build-from-source` of the service's `[tool.uv-workspace-function]`.
        build_on_target: whether the builder runs on the image's own platform, emulated where the machine is of another: what
            packages with compiled code need to be built from source.
        build_secrets: the build's secrets by id: `netrc` holds passwords of package indexes. Their values are in no layer and in
            no hash.
        cache_from: caches that the build reads, as for `docker build --cache-from`.
        cache_to: the cache that the build writes, as for `docker build --cache-to`.
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
        extras: Sequence[str] = (),
        architecture: lambda_.Architecture = lambda_.Architecture.ARM_64,
        python_version: str = "3.14",
        base_image: str | ecr_assets.DockerImageAsset | None = None,
        builder_image: str | None = None,
        uv_image: str | None = None,
        python_platform: str | None = None,
        target_folder: str | None = None,
        include_bytecode: bool = True,
        build_from_source: Sequence[str] | None = None,
        build_on_target: bool = False,
        build_secrets: Mapping[str, str] | None = None,
        cache_from: Sequence[ecr_assets.DockerCacheOption] | None = None,
        cache_to: ecr_assets.DockerCacheOption | None = None,
        snap_start: bool = False,
    ) -> None:
        # Another name is no machine of Target's, which then says which ones there are.
        machine = _MACHINES.get(architecture.name, cast("Machine", architecture.name))
        target = Target.of(python=python_version, machine=machine, uv_platform=python_platform)
        context = BuildContext.of(workspace, service, extras=extras)
        from_source = built_from_source(context.closure, build_from_source)
        _check_closure(context.closure, target, from_source)
        check_secrets(context, build_secrets or {})
        _check_types(base_image, builder_image, target_folder)
        if base_image is None and target.glibc is None:
            raise WorkspaceError(
                f"the Lambda base image has glibc, but python_platform is {target.uv_platform!r}",
                "give a base_image with musl, such as an Alpine one, or leave python_platform out",
            )
        said = " ".join(from_source)
        options = {
            "BASE_IMAGE": base_image if isinstance(base_image, str) else None,
            "BUILDER_IMAGE": builder_image,
            "UV_IMAGE": uv_image,
            "TARGET_FOLDER": target_folder,
            "INCLUDE_BYTECODE": None if include_bytecode else "0",
            # The context's own is the setting's; an empty list takes that back.
            "BUILD_FROM_SOURCE": None if said == context.build_args.get("BUILD_FROM_SOURCE", "") else said,
            "BUILDER_PLATFORM": target.docker_platform if build_on_target else None,
            "SNAP_START": "allow" if snap_start else None,
        }
        build_args = build_arguments(context, target, options, mirrors=_mirrors(scope))
        hashed = dict(build_args)
        if isinstance(base_image, ecr_assets.DockerImageAsset):
            build_args["BASE_IMAGE"] = _name_of(base_image)
            hashed["BASE_IMAGE"] = base_image.asset_hash
        super().__init__(
            scope,
            construct_id,
            directory=str(_staged(workspace, context, scope)),
            asset_name=context.closure.service.name,
            platform=ecr_assets.Platform.custom(target.docker_platform),
            build_args=build_args,
            build_secrets=build_secrets,
            cache_from=cache_from,
            cache_to=cache_to,
            # CDK's own hash doesn't see mode bits, and takes CRLF for LF. What it sees besides is not in the image: where a secret
            # lies, and in which account's registry a base image.
            extra_hash=json.dumps([context.digest, hashed], sort_keys=True),
            invalidation=ecr_assets.DockerImageAssetInvalidationOptions(build_args=False, build_secrets=False),
        )
        self.service = context.closure.service
        _warn_of_moving_images(self, base_image, builder_image, uv_image)
        if isinstance(base_image, ecr_assets.DockerImageAsset):
            _build_after(self, base_image, known_as=build_args["BASE_IMAGE"])


def _check_types(base_image: object, builder_image: object, target_folder: str | None) -> None:
    if base_image is not None and not isinstance(base_image, str | ecr_assets.DockerImageAsset):
        raise WorkspaceError(
            f"base_image must be the name of an image or a DockerImageAsset, not an object of type {type(base_image).__name__}"
        )
    if builder_image is not None and not isinstance(builder_image, str):
        raise WorkspaceError(
            f"builder_image must be the name of an image, not an object of type {type(builder_image).__name__}"
        )
    # As the builder has it: what lies in the root itself would be laid over the base image's own folders.
    if target_folder is not None and (
        not target_folder.startswith("/") or ".." in target_folder.split("/") or not target_folder.strip("/.")
    ):
        raise WorkspaceError(f"target_folder must be an absolute path below / in the image, not {target_folder!r}")


def _check_closure(closure: Closure, target: Target, build_from_source: Sequence[str]) -> None:
    closure.check_python(target.python)
    refuse_other_environments(closure.selection, target)
    missing = check_wheels(
        closure.selection,
        target,
        build_from_source=build_from_source,
        no_binary=closure.project.uv_settings.no_binary_package,
    )
    if missing:
        raise WorkspaceError("\n".join(map(str, missing)))
    refuse_oversize(closure.selection, target)


def _mirrors(scope: Construct) -> Mapping[str, str]:
    mirrors = scope.node.try_get_context(MIRRORS_CONTEXT_KEY)
    if mirrors is None:
        return {}
    if not isinstance(mirrors, Mapping) or not all(isinstance(mirror, str) for mirror in mirrors.values()):
        raise WorkspaceError(
            f"the context {MIRRORS_CONTEXT_KEY!r} must be an object such as "
            f'{{"public.ecr.aws": "registry.example.com/aws"}}, not {mirrors!r}'
        )
    return mirrors


def _staged(workspace: Workspace, context: BuildContext, scope: Construct) -> Path:
    """Write the context where it lives as long as the cloud assembly; one that is there already has the same bytes."""
    stage = cdk.Stage.of(scope)
    if stage is None:
        raise WorkspaceError(f"{scope.node.path!r} is in no app", "make its stack a part of a cdk.App")
    folder = Path(stage.asset_outdir) / _STAGED / f"{context.closure.service.name}-{context.digest[:12]}"
    if not folder.exists():
        # Services share libraries, and making files is what takes the time.
        written = _WRITTEN.setdefault(workspace, {}).setdefault(stage.asset_outdir, {})
        context.write(folder, written=written)
    return folder


def _name_of(image: ecr_assets.DockerImageAsset) -> str:
    """The name by which a build finds the image of another asset.

    When the CDK CLI has built an image it tags it `cdkasset-ID` and with its name in ECR. By the latter any machine finds it once it is
    pushed, since the CLI logs in before it builds; but its account and region have to be known at synth.
    """
    stack = cdk.Stack.of(image)
    uri = stack.resolve(image.image_uri)
    if isinstance(uri, Mapping):
        uri = uri.get("Fn::Sub", "${}")
    if not cdk.Token.is_unresolved(stack.region):
        suffix = region_info.RegionInfo.get(stack.region).domain_suffix
        uri = uri.replace("${AWS::URLSuffix}", suffix or "amazonaws.com")
    if "${" not in uri:
        return str(uri)
    prefix = f"{image.service.name}-" if isinstance(image, UvWorkspaceImage) else ""
    return f"{_LOCAL_TAG}{prefix}{image.asset_hash}"


def _build_after(image: UvWorkspaceImage, base: ecr_assets.DockerImageAsset, *, known_as: str) -> None:
    stack, needed = cdk.Stack.of(image), cdk.Stack.of(base)
    if stack is not needed:
        stack.add_dependency(needed, f"{image.node.path} starts from an image of it")
    if known_as.startswith(_LOCAL_TAG):
        cdk.Annotations.of(image).add_warning_v2(
            "uv-workspace-function:local-base-image",
            f"only a machine that builds {base.node.path} finds it as a base image; give {needed.stack_name} an account and a "
            "region (env=), so that it is found in ECR",
        )


def _warn_of_moving_images(image: UvWorkspaceImage, *names: object) -> None:
    for name in names:
        if isinstance(name, str) and not ImageReference.parse(name).is_pinned:
            cdk.Annotations.of(image).add_warning_v2(
                "uv-workspace-function:moving-image",
                f"{name} may be another image tomorrow, which no hash would tell; give a tag that stays, or a digest",
            )
