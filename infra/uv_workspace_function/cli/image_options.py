"""How an image is built, as the construct's `ImageOptions` and at the command line: the checks of a synth, and the build arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from uv_workspace_function.cli.options import target_options
from uv_workspace_function.context.arguments import build_arguments, check_c_library, check_target_folder
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.extensions import extension_argument
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import built_from_source, check_closure
from uv_workspace_function.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedImage:
    """The image options of a command. None, empty and False stand for the Dockerfile's defaults."""

    target: Target
    extras: tuple[str, ...]
    base_image: str | None
    builder_image: str | None
    uv_image: str | None
    extensions: tuple[str, ...]
    target_folder: str | None
    build_from_source: tuple[str, ...]
    build_on_target: bool
    no_bytecode: bool
    snap_start: bool
    mirrors: dict[str, str]

    def context(self, workspace: Workspace, service: str) -> BuildContext:
        """The build context of a service.

        Raises:
            WorkspaceError: as `BuildContext.of` does.
        """
        return BuildContext.of(workspace, service, extras=self.extras).extended(len(self.extensions))

    def arguments(self, context: BuildContext) -> dict[str, str]:
        """All that the build of a context is given by `--build-arg`, once it has passed what a synth checks.

        Raises:
            WorkspaceError: when no image of it could be built, or its handler is not there.
        """
        closure = context.closure
        for handler in closure.service.handlers:
            closure.handler(handler)
        from_source = built_from_source(closure, self.build_from_source or None)
        check_closure(closure, self.target, from_source)
        check_target_folder(self.target_folder)
        check_c_library(self.target, self.base_image)
        given = {
            "BASE_IMAGE": self.base_image,
            "BUILDER_IMAGE": self.builder_image,
            "UV_IMAGE": self.uv_image,
            "TARGET_FOLDER": self.target_folder,
            "INCLUDE_BYTECODE": "0" if self.no_bytecode else None,
            "BUILD_FROM_SOURCE": " ".join(from_source) or None,
            "BUILDER_PLATFORM": self.target.docker_platform if self.build_on_target else None,
            "SNAP_START": "allow" if self.snap_start else None,
            **{extension_argument(number): image for number, image in enumerate(self.extensions, 1)},
        }
        return build_arguments(context, self.target, given, mirrors=self.mirrors)


def image_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of an image to a command, which gets them as `asked`."""

    @wraps(command)
    def with_image(
        *args: Any, target: Target, python_platform: str | None, mirrors: Sequence[str], **kwargs: Any
    ) -> None:
        if python_platform:
            target = Target.of(python=target.python, machine=target.machine, uv_platform=python_platform)
        own = {name: kwargs.pop(name) for name in AskedImage.__dataclass_fields__ if name in kwargs}
        command(*args, asked=AskedImage(target=target, mirrors=_mirrors(mirrors), **own), **kwargs)

    decorated: Callable[..., None] = with_image
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return target_options(decorated)


_OPTIONS = (
    click.option(
        "--extra", "extras", multiple=True, metavar="NAME", help="An extra of the service to install; repeatable."
    ),
    click.option("--base-image", metavar="IMAGE", help="What the image starts from."),
    click.option("--builder-image", metavar="IMAGE", help="What the builder starts from: one with git, or a compiler."),
    click.option("--uv-image", metavar="IMAGE", help="The image that uv is taken from."),
    click.option(
        "--extension",
        "extensions",
        multiple=True,
        metavar="IMAGE",
        help="An image with a Lambda extension; repeatable.",
    ),
    click.option("--python-platform", metavar="PLATFORM", help="uv's name for the platform of the wheels."),
    click.option("--target-folder", metavar="DIR", help="The folder of the image that packages and code go to."),
    click.option("--build-from-source", multiple=True, metavar="NAME", help="A package that may be built; repeatable."),
    click.option("--build-on-target", is_flag=True, help="Build on the image's own platform."),
    click.option("--no-bytecode", is_flag=True, help="Leave modules without their bytecode."),
    click.option("--snap-start", is_flag=True, help="Give the image the label that SnapStart asks for."),
    click.option(
        "--mirror", "mirrors", multiple=True, metavar="REGISTRY=MIRROR", help="Take images from elsewhere; repeatable."
    ),
)


def _mirrors(given: Sequence[str]) -> dict[str, str]:
    mirrors = {}
    for one in given:
        registry, equals, mirror = one.partition("=")
        if not (registry and equals and mirror):
            raise click.UsageError(f"--mirror takes REGISTRY=MIRROR, not {one!r}")
        mirrors[registry] = mirror
    return mirrors
