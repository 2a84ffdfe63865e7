"""How an image is built, as the construct's `ImageOptions` and at the command line: the checks of a synth, and the build arguments."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from uv_workspace_function.cli.options import extras_option, target_options
from uv_workspace_function.context.arguments import AskedBuild
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.extensions import extension_argument
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedImage:
    """The image options of a command. None, empty and False stand for the Dockerfile's defaults."""

    target: Target
    extras: tuple[str, ...]
    base_image: str | None
    uv_image: str | None
    python_platform: str | None
    """That of the target, where one was given."""
    target_folder: str | None
    build_from_source: tuple[str, ...]
    no_bytecode: bool
    snap_start: bool
    mirrors: Mapping[str, str]
    builder_image: str | None = None
    extensions: tuple[str, ...] = ()
    build_on_target: bool = False

    def context(self, workspace: Workspace, service: str) -> BuildContext:
        """The build context of a service.

        Raises:
            WorkspaceError: as `BuildContext.of` does.
        """
        return BuildContext.of(workspace, service, extras=self.extras).extended(len(self.extensions))

    def arguments(self, context: BuildContext, *, names_base: bool = True) -> dict[str, str]:
        """All that the build of a context is given by `--build-arg`, once it has passed what a synth checks.

        Args:
            context: of a service.
            names_base: whether `base_image` is a name, as an argument of the Dockerfile is.

        Raises:
            WorkspaceError: when no image of it could be built, or its handler is not there.
        """
        closure = context.closure
        for handler in closure.service.handlers:
            closure.handler(handler)
        asked = AskedBuild(
            target=self.target,
            build_from_source=self.build_from_source or None,
            target_folder=self.target_folder,
            base_image=self.base_image,
            include_bytecode=not self.no_bytecode,
            build_on_target=self.build_on_target,
            snap_start=self.snap_start,
        )
        images = {
            "BASE_IMAGE": self.base_image if names_base else None,
            "BUILDER_IMAGE": self.builder_image,
            "UV_IMAGE": self.uv_image,
            **{extension_argument(number): image for number, image in enumerate(self.extensions, 1)},
        }
        named = {argument: image for argument, image in images.items() if image is not None}
        return asked.arguments(context, images=named, mirrors=self.mirrors)


def image_options(*, without: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """What adds the options of an image to a command, which gets them as `asked`.

    Args:
        without: fields of `AskedImage` that are no options of the command, or that it has options of its own for.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_image(
            *args: Any, target: Target, python_platform: str | None, mirrors: Sequence[str], **kwargs: Any
        ) -> None:
            if python_platform:
                target = Target.of(python=target.python, machine=target.machine, uv_platform=python_platform)
            own = {name: kwargs.pop(name) for name in AskedImage.__dataclass_fields__ if name in kwargs}
            asked = AskedImage(target=target, python_platform=python_platform, mirrors=_mirrors(mirrors), **own)
            command(*args, asked=asked, **kwargs)

        decorated: Callable[..., None] = with_image
        for field, option in reversed(_OPTIONS.items()):
            decorated = option(decorated) if field not in without else decorated
        return target_options(decorated)

    return decorate


_OPTIONS = {
    "extras": extras_option,
    "base_image": click.option("--base-image", metavar="IMAGE", help="What the image starts from."),
    "builder_image": click.option(
        "--builder-image", metavar="IMAGE", help="What the builder starts from: one with git, or a compiler."
    ),
    "uv_image": click.option(
        "--uv-image", metavar="IMAGE", help="The image that uv is taken from, by its name and version."
    ),
    "extensions": click.option(
        "--extension",
        "extensions",
        multiple=True,
        metavar="IMAGE",
        help="An image with a Lambda extension; repeatable.",
    ),
    "python_platform": click.option(
        "--python-platform", metavar="PLATFORM", help="uv's name for the platform of the wheels."
    ),
    "target_folder": click.option(
        "--target-folder", metavar="DIR", help="The folder of the image that packages and code go to."
    ),
    "build_from_source": click.option(
        "--build-from-source", multiple=True, metavar="NAME", help="A package that may be built; repeatable."
    ),
    "build_on_target": click.option("--build-on-target", is_flag=True, help="Build on the image's own platform."),
    "no_bytecode": click.option("--no-bytecode", is_flag=True, help="Leave modules without their bytecode."),
    "snap_start": click.option("--snap-start", is_flag=True, help="Give the image the label that SnapStart asks for."),
    "mirrors": click.option(
        "--mirror", "mirrors", multiple=True, metavar="REGISTRY=MIRROR", help="Take images from elsewhere; repeatable."
    ),
}


def _mirrors(given: Sequence[str]) -> dict[str, str]:
    mirrors = {}
    for one in given:
        registry, equals, mirror = one.partition("=")
        if not (registry and equals and mirror):
            raise click.UsageError(f"--mirror takes REGISTRY=MIRROR, not {one!r}")
        mirrors[registry] = mirror
    return mirrors
