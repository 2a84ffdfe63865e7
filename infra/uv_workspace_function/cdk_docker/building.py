"""A `build` of a context of ours: what its options mean without an engine, and the image that comes of it."""

import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv_workspace_function.cdk_docker import prebuilt
from uv_workspace_function.cdk_docker.calls import Build
from uv_workspace_function.cdk_docker.named_images import Contents, NamedImage
from uv_workspace_function.cdk_docker.settings import Settings
from uv_workspace_function.context.dockerfile import DOCKERFILE, SECRET, Dockerfile, is_proxy
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.oci import cache_option, image_builds
from uv_workspace_function.oci.image import Image
from uv_workspace_function.oci.layer_builds import Options
from uv_workspace_function.oci.layout import Layout
from uv_workspace_function.oci.origin import Origin
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference

_SECRETS = ("netrc", "credentials")
_BUILDER = "BUILDER_IMAGE"
_NETWORKS = ("default", "host")
_NEED_AN_ENGINE = ("--build-context", "--no-cache", "--output", "--ssh", "--target")
_WITH_THE_ENGINE = "leave it out, or build this one with the engine: deploy its stack without CDK_DOCKER"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What a build asks for."""

    request: Request
    proxies: Mapping[str, str]
    secrets: Mapping[str, re.Match[str]]


def build(
    call: Build,
    folder: Path,
    settings: Settings,
    store: Store,
    *,
    on_this_machine: Callable[[str], NamedImage | None],
    said: Callable[[str], None],
) -> NamedImage:
    """The image of a context: built, or the one that was built before.

    Args:
        call: what is asked.
        folder: the context.
        settings: how.
        store: where layers are kept.
        on_this_machine: images that have a name here, which another one may start from.
        said: is told of each step that runs.

    Raises:
        WorkspaceError: when it cannot be built, or was not built before though it has to.
    """
    asked = _asked(call, folder)
    cache_from, cache_to = (
        tuple(cache_option.parsed(value, option) for value in call.values(option))
        for option in ("--cache-from", "--cache-to")
    )
    if settings.images is not None:
        return prebuilt.find(settings.images, Origin.of(asked.request))
    os.environ.update(asked.proxies)  # of this process, which does nothing else

    def base(name: str) -> Contents | None:
        image = on_this_machine(name)
        return None if image is None else Contents(image, store)

    with ExitStack() as stack:
        secrets = {name: stack.enter_context(_file(name, form)) for name, form in asked.secrets.items()}
        options = Options(
            interpreter=settings.interpreter,
            netrc=secrets.get("netrc"),
            credentials=secrets.get("credentials"),
            no_backends=settings.no_backends,
            cache_from=cache_from,
            cache_to=cache_to[-1] if cache_to else None,
            on_this_machine=base,
            said=said,
        )
        (image,) = image_builds.run(store, [asked.request], options)
    for remark in image.built.remarks:
        said(f"note: {remark}")
    return _named(image, store)


def _asked(call: Build, folder: Path) -> _Asked:
    for option in _NEED_AN_ENGINE:
        if option in call.options:
            raise WorkspaceError(f"{option} means nothing without an engine", _WITH_THE_ENGINE)
    for file in call.values("--file"):
        if file != DOCKERFILE:
            raise WorkspaceError(
                f"--file {file} is another Dockerfile than the shared one, which is the only one that needs no engine",
                _WITH_THE_ENGINE,
            )
    for network in call.values("--network"):
        if network not in _NETWORKS:
            raise WorkspaceError(
                f"--network {network} means nothing without an engine: the network is this machine's", _WITH_THE_ENGINE
            )
    platforms = call.values("--platform")
    if len(platforms) != 1:
        raise WorkspaceError("the build names no platform", "give one: --platform linux/arm64")
    arguments = dict(argument.partition("=")[::2] for argument in call.values("--build-arg"))
    proxies = {name: value for name, value in arguments.items() if is_proxy(name)}
    context = StagedContext.read(folder)
    if _is_default_builder(arguments, context):
        del arguments[_BUILDER]
    request = Request(
        context=context,
        platform=platforms[0],
        arguments={name: value for name, value in arguments.items() if name not in proxies},
    )
    return _Asked(request=request, proxies=proxies, secrets=_secrets(call.values("--secret")))


def _is_default_builder(arguments: Mapping[str, str], context: StagedContext) -> bool:
    """Whether the builder is the Dockerfile's own, from a mirror: `mirrors` names it, and no Python of it is needed."""
    others = {name: value for name, value in arguments.items() if name != _BUILDER}
    default = Dockerfile.of(context.files).value(_BUILDER, others)
    if _BUILDER not in arguments or default is None:
        return False
    own, given = ImageReference.parse(default), ImageReference.parse(arguments[_BUILDER])
    path = own.with_registry.partition("/")[2]
    return own.tag == given.tag and given.with_registry.endswith(f"/{path}")


def _secrets(given: tuple[str, ...]) -> dict[str, re.Match[str]]:
    found = {}
    for text in given:
        name, _, value = text.removeprefix("id=").partition(",")
        form = SECRET.fullmatch(value)
        if form is None or name not in _SECRETS or not text.startswith("id="):
            raise WorkspaceError(
                f"the build takes no secret {name!r} in that form",
                f"secrets are: {', '.join(_SECRETS)}; each from src=PATH or env=VARIABLE",
            )
        found[name] = form
    return found


@contextmanager
def _file(name: str, secret: re.Match[str]) -> Iterator[Path]:
    """The file of a secret, which is deleted afterwards where it was made of a variable."""
    if secret["path"] is not None:
        path = Path(secret["path"])
        if path.is_dir() or not path.exists():
            what = "which is a folder" if path.is_dir() else "which is not there"
            raise WorkspaceError(f"the build secret {name!r} is the file {path}, {what}", "name one that is")
        yield path
        return
    value = os.environ.get(secret["variable"])
    if value is None:
        raise WorkspaceError(
            f"the build secret {name!r} is the variable {secret['variable']}, which is not set", "set it"
        )
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as stream:  # which nobody else can read
        stream.write(value)
        stream.flush()
        yield Path(stream.name)


def _named(image: Image, store: Store) -> NamedImage:
    own = (image.configuration, *(layer.blob for layer in image.layers.values()))
    manifest = b"".join(store.read(image.manifest)).decode()
    source = image.base.source
    return NamedImage(
        digest=image.digest,
        manifest=manifest,
        own=tuple(blob.digest for blob in own),
        base=source.image if isinstance(source, Contents) else None,
        base_repository="" if isinstance(source, Contents | Layout) else image.base.name,
        layout=str(source.path.absolute()) if isinstance(source, Layout) else "",
    )
