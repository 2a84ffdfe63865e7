"""The arguments of an image's build: what the options of an image mean to the Dockerfile, checked against it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.dockerfile import PROXIES, SECRET, Dockerfile, is_proxy
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import built_from_source, check_closure

_AN_IMAGE = "_IMAGE"
_OF_BUILDKIT = "BUILDKIT_"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedBuild:
    """What is asked of a build, whoever asks: a construct, of an image or of an archive, or a command.

    Args:
        target: what it is built for.
        build_from_source: packages that may be built, instead of those of the service's setting; None for these.
        secrets: by id, in the form of `docker build --secret` without the id.
        further: what is given to `docker build` besides the options.
        target_folder: the folder of the image that packages and code go to; None for Lambda's.
        base_image: whatever the image starts from; None for Lambda's.
        include_bytecode: whether modules have their bytecode.
        build_on_target: whether the builder runs on the image's own platform.
        snap_start: whether the image has the label that SnapStart asks for.
    """

    target: Target
    build_from_source: Sequence[str] | None = None
    secrets: Mapping[str, str] | None = None
    further: Mapping[str, str] | None = None
    target_folder: str | None = None
    base_image: object = None
    include_bytecode: bool = True
    build_on_target: bool = False
    snap_start: bool = False

    def arguments(
        self, context: BuildContext, *, images: Mapping[str, str], mirrors: Mapping[str, str]
    ) -> dict[str, str]:
        """What to give to `docker build --build-arg`, once it has passed what can be checked before a build.

        Args:
            context: what is built.
            images: names of images, by the Dockerfile's arguments; the others stay at their defaults.
            mirrors: see `ImageReference.redirected`.

        Raises:
            WorkspaceError: when it could not be built.
        """
        from_source = _check_packages(context, self.target, self.build_from_source)
        _check_secrets(context, self.secrets or {})
        _check_further(self.further or {})
        _check_target_folder(self.target_folder)
        _check_c_library(self.target, self.base_image)
        options = {
            "TARGET_FOLDER": self.target_folder,
            "INCLUDE_BYTECODE": None if self.include_bytecode else "0",
            "BUILD_FROM_SOURCE": from_source,
            "BUILDER_PLATFORM": self.target.docker_platform if self.build_on_target else None,
            "SNAP_START": "allow" if self.snap_start else None,
        }
        given = {name: value for name, value in options.items() if value is not None}
        return build_arguments(context, self.target, {**given, **images}, mirrors=mirrors)


def build_arguments(
    context: BuildContext, target: Target, options: Mapping[str, str], *, mirrors: Mapping[str, str]
) -> dict[str, str]:
    """What to give to `docker build --build-arg`.

    Args:
        context: what is built.
        target: what it is built for.
        options: values of the Dockerfile's arguments; the others stay at their defaults.
        mirrors: see `ImageReference.redirected`. Every image that the Dockerfile starts from is redirected.

    Raises:
        WorkspaceError: when an image has no valid name, or tells another Python or machine than the target's.
    """
    dockerfile = Dockerfile.of(context.files)
    given = {"PYTHON_VERSION": target.python, **context.build_args}
    if not target.is_default_platform:
        given["PYTHON_PLATFORM"] = target.uv_platform
    given |= options
    names = {name: dockerfile.value(name, given) for name in dockerfile.arguments if name.endswith(_AN_IMAGE)}
    # One without a name is another asset's, which is given to the build as it is.
    images = {name: ImageReference.parse(image) for name, image in names.items() if image is not None}
    _check_base_image(images["BASE_IMAGE"], target)
    _check_builder_image(images["BUILDER_IMAGE"], target)
    redirected = {name: image.redirected(mirrors) for name, image in images.items()}
    return given | {name: str(image) for name, image in redirected.items() if image != images[name]}


def _check_packages(context: BuildContext, target: Target, build_from_source: Sequence[str] | None) -> str | None:
    """Refuse a closure with packages that cannot be installed on the target.

    Args:
        context: what is built.
        target: what it is built for.
        build_from_source: packages that may be built, instead of those of the service's setting; None for these.

    Returns:
        The Dockerfile's `BUILD_FROM_SOURCE`; None where it is the context's own. An empty list takes that back.

    Raises:
        WorkspaceError: when a package has no wheel for the target, and may not be built.
    """
    from_source = built_from_source(context.closure, build_from_source)
    check_closure(context.closure, target, from_source)
    said = " ".join(from_source)
    return None if said == context.build_args.get("BUILD_FROM_SOURCE", "") else said


def _check_target_folder(folder: str | None) -> None:
    """Refuse a folder that the builder would refuse: what lies in the root itself would be laid over the base image's own folders.

    Args:
        folder: the folder of the image that packages and code go to; None for Lambda's.

    Raises:
        WorkspaceError: when it is relative, leaves the root, or is the root.
    """
    if folder is not None and (not folder.startswith("/") or ".." in folder.split("/") or not folder.strip("/.")):
        raise WorkspaceError(f"target_folder must be an absolute path below / in the image, not {folder!r}")


def _check_c_library(target: Target, base_image: object) -> None:
    """Refuse to put packages for musl on the base image of Lambda, which has glibc.

    Raises:
        WorkspaceError: when the target has musl, and no other base image is given.
    """
    if base_image is None and target.glibc is None:
        raise WorkspaceError(
            f"the Lambda base image has glibc, but python_platform is {target.uv_platform!r}",
            "give a base_image with musl, such as an Alpine one, or leave python_platform out",
        )


def _check_further(arguments: Mapping[str, str]) -> None:
    """Refuse build arguments that an option is for, or nothing.

    Args:
        arguments: what somebody wants to give to `docker build` besides the options.

    Raises:
        WorkspaceError: when one is neither a proxy nor BuildKit's own.
    """
    for name in arguments:
        if not is_proxy(name) and not name.startswith(_OF_BUILDKIT):
            raise WorkspaceError(
                f"the build takes no argument {name!r}; besides its options it takes proxies ({', '.join(PROXIES)}) and BuildKit's own "
                f"({_OF_BUILDKIT}...)",
                "use the option of the image that is meant, or a base_image with the value in it",
            )


def _check_secrets(context: BuildContext, secrets: Mapping[str, str]) -> None:
    """Refuse secrets that the build would not find.

    Args:
        context: what is built.
        secrets: by id, in the form of `docker build --secret` without the id.

    Raises:
        WorkspaceError: when the Dockerfile mounts no secret of that id, or the value is no file or variable.
    """
    known = Dockerfile.of(context.files).secrets
    for name, value in secrets.items():
        if name not in known:
            raise WorkspaceError(f"the build takes no secret {name!r}", f"secrets are: {', '.join(sorted(known))}")
        form = SECRET.fullmatch(value)
        if form is None:
            raise WorkspaceError(
                f"the build secret {name!r} must be a file or an environment variable, as "
                "DockerBuildSecret.from_src('/path/of/file') or 'env=VARIABLE' is"
            )
        if form["path"] is not None and not form["path"].startswith("/"):
            raise WorkspaceError(
                f"the build secret {name!r} is the relative path {form['path']!r}, which would be looked for in the build "
                "context",
                "give an absolute path",
            )


def _check_base_image(image: ImageReference, target: Target) -> None:
    if image.python not in (None, target.python):
        raise WorkspaceError(
            f"base_image {str(image)!r} has Python {image.python}, but python_version is {target.python!r}",
            f"give python_version={image.python!r}, or an image with Python {target.python}",
        )
    if image.machine not in (None, target.machine):
        raise WorkspaceError(
            f"base_image {str(image)!r} is for {image.machine}, but architecture is {target.machine}",
            "give the tag of that machine, or one that has both",
        )


def _check_builder_image(image: ImageReference, target: Target) -> None:
    # On which machine it runs is the builder's platform to say, not the target's.
    if image.python not in (None, target.python):
        raise WorkspaceError(
            f"builder_image {str(image)!r} has Python {image.python}, but python_version is {target.python!r}",
            f"the builder compiles bytecode for the image, so give one with Python {target.python}",
        )
