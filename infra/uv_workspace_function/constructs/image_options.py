"""How the image of a service is built: one value, which can be shared by functions and containers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self, cast

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_lambda as lambda_

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.machines import MACHINES, Machine
from uv_workspace_function.target.target import PYTHON_VERSION, Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EcrImage:
    """An image in a repository of ECR, to start a build from.

    Example:
        The company's base image::

            repository = ecr.Repository.from_repository_name(stack, "Base", "company/python")
            options = ImageOptions(base_image=EcrImage(repository=repository, tag_or_digest="3.14-2026.11"))

    Args:
        repository: the repository, whose name, account and region are known at synth.
        tag_or_digest: a tag, or `sha256:...`.
    """

    repository: ecr.IRepository
    tag_or_digest: str

    @property
    def uri(self) -> str:
        """The image's name; it may hold tokens."""
        return self.repository.repository_uri_for_tag_or_digest(self.tag_or_digest)


Image = str | EcrImage | ecr_assets.DockerImageAsset
"""An image that a build starts from: a name with tag or digest, one of ECR, or another image asset."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BuildOptions:
    """What images and zip archives are asked for by the same names."""

    extras: Sequence[str] | None = None
    python_version: str | None = None
    include_bytecode: bool | None = None
    build_from_source: Sequence[str] | None = None
    build_secrets: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        _check_python_version(self.python_version)
        _check_text("python_version", self.python_version)
        for name in ("extras", "build_from_source"):
            _check_list(name, getattr(self, name))
        _check_mapping("build_secrets", self.build_secrets)

    def over(self, base: Self) -> Self:
        """These options, and those of `base` for what is left out here."""
        given = {field.name: own for field in fields(self) if (own := getattr(self, field.name)) is not None}
        return replace(base, **given)

    def target(self, architecture: lambda_.Architecture, *, uv_platform: str | None = None) -> Target:
        """What is built for.

        Args:
            architecture: the function's.
            uv_platform: uv's name of the platform, where it is another one.

        Raises:
            WorkspaceError: when there is no such Python, machine or platform.
        """
        # Another name is no machine of Target's, which then says which ones there are.
        machine = MACHINES.get(architecture.name, cast("Machine", architecture.name))
        return Target.of(python=self.python_version or PYTHON_VERSION, machine=machine, uv_platform=uv_platform)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImageOptions(BuildOptions):
    """How the image of a service is built. All of it is optional; None is as good as left out.

    Everything but `build_secrets`, `build_ssh`, `cache_from`, `cache_to`, `network_mode` and proxies in `build_args` is part of the
    image's hash.

    Example:
        One value for all services::

            COMPANY = ImageOptions(
                python_version="3.13",
                builder_image="registry.example.com/python:3.13-gcc",
                mirrors={"public.ecr.aws": "registry.example.com/aws", "ghcr.io": "registry.example.com/github"},
            )
            UvWorkspaceFunction(stack, "Query", workspace=workspace, service="query-api", image=COMPANY)

    Args:
        extras: extras of the service to install.
        python_version: the Python minor version of the base image; `3.14` by default.
        base_image: what the image starts from. By default the Lambda base image of `python_version`.
        builder_image: what the builder starts from: any image with that Python as `python3`, for example one with git or a
            compiler. By default the Lambda base image of `python_version`.
        uv_image: the image that uv is taken from. By default the version that the Dockerfile pins.
        extensions: images of Lambda extensions: what is in `/opt` of each, in this order, is in the image's.
        python_platform: uv's name of the platform that wheels are for, such as `aarch64-manylinux_2_17` for an older C library than
            Lambda's, or `aarch64-unknown-linux-musl` for Alpine. By default that of the Lambda base image of `python_version`.
        include_bytecode: whether every module comes with its bytecode; it does by default.
        build_from_source: third-party packages that the builder may build where no wheel fits, in any spelling, instead of those
            in `build-from-source` of the service's `[tool.uv-workspace-function]`.
        build_on_target: whether the builder runs on the image's own platform, emulated where the machine is of another: what
            packages with compiled code need to be built from source.
        build_args: further arguments of the build: proxies (`HTTPS_PROXY` and the like), which are in no image and no hash, and
            BuildKit's own (`BUILDKIT_...`).
        build_secrets: the build's secrets by id: `netrc` holds passwords of package indexes, `credentials` variables and signed
            URLs. Their values are in no layer and in no hash.
        build_ssh: agents or keys for git repositories by ssh, as for `docker build --ssh`, for example `default`.
        network_mode: the network of the steps that install.
        cache_from: caches that the build reads, as for `docker build --cache-from`.
        cache_to: the cache that the build writes, as for `docker build --cache-to`.
        mirrors: what images are pulled from instead, by a registry or a longer prefix of their names. By default the CDK context
            key `uv-workspace-function:mirrors`.

    Raises:
        WorkspaceError: when a value is of another kind than the option takes.
    """

    base_image: Image | None = None
    builder_image: Image | None = None
    uv_image: Image | None = None
    extensions: Sequence[Image] | None = None
    python_platform: str | None = None
    build_on_target: bool | None = None
    build_args: Mapping[str, str] | None = None
    build_ssh: str | None = None
    network_mode: ecr_assets.NetworkMode | None = None
    cache_from: Sequence[ecr_assets.DockerCacheOption] | None = None
    cache_to: ecr_assets.DockerCacheOption | None = None
    mirrors: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        BuildOptions.__post_init__(self)
        for name in ("python_platform", "build_ssh"):
            _check_text(name, getattr(self, name))
        for name in ("extensions", "cache_from"):
            _check_list(name, getattr(self, name))
        for name in ("build_args", "mirrors"):
            _check_mapping(name, getattr(self, name))
        for name in ("base_image", "builder_image", "uv_image"):
            _check_image(name, getattr(self, name))
        for extension in self.extensions or ():
            _check_image("each of extensions", extension)


def check_known(option: str, value: object) -> None:
    """Refuse a token, which stands for a value that only the deployment knows.

    Raises:
        WorkspaceError: naming the token.
    """
    if isinstance(value, str) and cdk.Token.is_unresolved(value):
        raise WorkspaceError(
            f"{option} is the token {value}, whose value is known only at deployment, after the image is built",
            "write the value itself",
        )


def _check_python_version(value: object) -> None:
    """Refuse a Python version that is a number."""
    if isinstance(value, float):
        raise WorkspaceError(
            f"python_version must be a string, not the number {value!r}, which is the same for 3.1 and 3.10",
            "write it in quotes, such as python_version='3.14'",
        )


def _check_text(option: str, value: object) -> None:
    """Refuse what is no string, or a token; None is left out."""
    if value is not None and not isinstance(value, str):
        raise WorkspaceError(f"{option} must be a string, not {value!r}")
    check_known(option, value)


def _check_list(option: str, value: object) -> None:
    """Refuse what is no list; None is left out."""
    if isinstance(value, str):
        what = "packages' names" if option == "build_from_source" else "strings"
        raise WorkspaceError(f"{option} must be a list of {what}, not {value!r}", f"write [{value!r}]")
    if value is None:
        return
    if not isinstance(value, Sequence):
        raise WorkspaceError(f"{option} must be a list, not {value!r}")
    for entry in value:
        if option in {"extras", "build_from_source"}:
            _check_text(f"each of {option}", entry)


def _check_mapping(option: str, value: object) -> None:
    """Refuse what does not map strings to strings; None is left out."""
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(isinstance(text, str) for pair in value.items() for text in pair):
        raise WorkspaceError(f"{option} must be a mapping of strings to strings, not {value!r}")


def _check_image(option: str, value: object) -> None:
    if value is not None and not isinstance(value, str | EcrImage | ecr_assets.DockerImageAsset):
        raise WorkspaceError(
            f"{option} must be the name of an image, an EcrImage or a DockerImageAsset, not an object of type {type(value).__name__}"
        )
