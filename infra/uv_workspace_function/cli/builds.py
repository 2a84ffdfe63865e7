"""What `services build` does: images and zip archives, where they go, and what is told of them."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from uv_workspace_function.cli.faults import lacks_extra
from uv_workspace_function.cli.image_options import AskedImage
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.cli.progress import at_work
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.insight.sizes import shown_size
from uv_workspace_function.oci import cache_option, image_builds, sbom
from uv_workspace_function.oci import output as outputs
from uv_workspace_function.oci.image import Image
from uv_workspace_function.oci.layer_builds import Options, tools_for
from uv_workspace_function.oci.origin import Origin
from uv_workspace_function.oci.request import Request
from uv_workspace_function.oci.sources import LAYOUT
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Store
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace

if TYPE_CHECKING:
    from uv_workspace_function.oci.delivery import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of `services build` that are none of `AskedImage`'s."""

    is_one: bool
    """Whether one service is named: what is for one goes to the place itself, and has its own name and tag."""
    output: Path | None
    push: str | None
    form: outputs.Form
    runtime_sdk: bool
    build_args: Mapping[str, str]
    interpreter: Path | None
    netrc: Path | None
    credentials: Path | None
    no_backends: bool
    verify: bool
    sbom: Path | None
    name: str | None
    cache: Path | None
    cache_from: tuple[str, ...]
    cache_to: str | None
    as_json: bool


def run(workspace: Workspace, names: Sequence[str], asked: AskedImage, wanted: Wanted) -> None:
    """Build services, write and push what comes of them, and tell it.

    Raises:
        UsageError: when options do not go together.
        WorkspaceError: when something cannot be built, written or pushed.
    """
    if not wanted.is_one and (asked.extras or wanted.name):
        raise click.UsageError("--extra and --name are for one SERVICE")
    if wanted.name:
        wanted = replace(wanted, name=_with_tag(ImageReference.parse(wanted.name)))
    to = ImageReference.parse(wanted.push) if wanted.push is not None else None
    if to is not None and (to.digest or (to.tag and not wanted.is_one)):
        raise click.UsageError("--push takes REPOSITORY:TAG for one SERVICE, REPOSITORY for several, and no digest")
    target = asked.target
    _check_form(asked, wanted)
    contexts = [asked.context(workspace, name) for name in names]
    requests = [_request(context, asked, wanted) for context in contexts]
    destinations = _destinations(wanted, [request.service for request in requests])
    for place in destinations.values():
        outputs.check_place(place, wanted.form)
    store = Store.at(wanted.cache)
    options = Options(
        base_image=asked.base_image if _is_layout(asked) else None,
        mirrors=asked.mirrors,
        interpreter=wanted.interpreter,
        netrc=wanted.netrc,
        credentials=wanted.credentials,
        no_backends=wanted.no_backends,
        cache_from=tuple(cache_option.parsed(text, "--cache-from") for text in wanted.cache_from),
        cache_to=cache_option.parsed(wanted.cache_to, "--cache-to") if wanted.cache_to else None,
        verify=wanted.verify,
    )
    if wanted.form == "zip":
        from uv_workspace_function.cli import zip_archives  # noqa: PLC0415 - images need none of it

        with at_work("building") as tell:
            archives = zip_archives.run(
                *(store, contexts, requests, target, replace(options, said=tell), destinations),
                runtime_sdk=wanted.runtime_sdk,
            )
        left_out = {archive["service"]: archive["left_out"] for archive in archives}
        _write_sboms(store, contexts, requests, target, options, wanted, left_out)
        zip_archives.tell(archives, as_json=wanted.as_json, is_one=wanted.is_one)
        return
    with ThreadPoolExecutor(max_workers=1) as pool, at_work("building") as tell:

        def said(step: str) -> None:
            tell(step)
            if to is not None:
                pool.submit(_deliver)  # imported while a program builds

        images = image_builds.run(store, requests, replace(options, said=said))
    _write(store, images, destinations, requests, wanted)
    _write_sboms(store, contexts, requests, target, options, wanted, {})
    pushed: Mapping[str, Delivery] = {}
    if to is not None:
        with at_work(f"pushing {', '.join(names)}"):
            pushed = _deliver()(store, images, to)
    if wanted.as_json:
        told = [_as_json(image, destinations.get(image.service), pushed.get(image.service)) for image in images]
        say_json(told[0] if wanted.is_one else told)
        return
    for image in images:
        _print(image, destinations.get(image.service), pushed.get(image.service))


def _deliver() -> "Callable[[Store, Sequence[Image], ImageReference], Mapping[str, Delivery]]":
    try:
        from uv_workspace_function.oci.delivery import deliver  # noqa: PLC0415 - clients of registries take their time
    except ModuleNotFoundError as error:
        raise lacks_extra("services build", error) from error
    return deliver


def _request(context: BuildContext, asked: AskedImage, wanted: Wanted) -> Request:
    # names are looked for in mirrors when they are fetched
    arguments = replace(asked, mirrors={}).arguments(context, names_base=not _is_layout(asked))
    arguments |= wanted.build_args
    return Request(context=StagedContext.of(context), platform=asked.target.docker_platform, arguments=arguments)


def _check_form(asked: AskedImage, wanted: Wanted) -> None:
    """Refuse an option that the form gives no meaning to."""
    if wanted.form == "zip":
        for option in _OF_AN_IMAGE:
            if getattr(asked, option, None) or getattr(wanted, option, None):
                raise click.UsageError(
                    f"--{option.replace('_', '-')} is for an image: an archive is unpacked on Lambda's own runtime"
                )
        for name in wanted.build_args:
            if name in _ARGUMENTS_OF_AN_IMAGE:
                raise click.UsageError(
                    f"--build-arg {name} is for an image: an archive is unpacked on Lambda's own runtime"
                )
    elif wanted.runtime_sdk:
        raise click.UsageError("--runtime-sdk is for --format zip: an image brings its own boto3 or its base image's")


_OF_AN_IMAGE = (
    "base_image",
    "push",
    "python_platform",
    "target_folder",
    "snap_start",
    "mirrors",
    "name",
    "cache_from",
    "cache_to",
)
_ARGUMENTS_OF_AN_IMAGE = ("BASE_IMAGE", "PYTHON_PLATFORM", "SNAP_START", "TARGET_FOLDER")


def _with_tag(name: ImageReference) -> str:
    if name.digest:
        raise click.UsageError("--name takes REPOSITORY:TAG, and no digest")
    return str(name if name.tag else replace(name, tag="latest"))


def _is_layout(asked: AskedImage) -> bool:
    return asked.base_image is not None and asked.base_image.startswith(LAYOUT)


def _destinations(wanted: Wanted, services: Sequence[str]) -> dict[str, Path]:
    if wanted.output is None:
        return {}
    if wanted.is_one:
        return {services[0]: wanted.output}
    return {service: wanted.output / f"{service}{outputs.ending(wanted.form)}" for service in services}


def _write(
    store: Store,
    images: Sequence[Image],
    destinations: dict[str, Path],
    requests: Sequence[Request],
    wanted: Wanted,
) -> None:
    for image, request in zip(images, requests, strict=True):
        place = destinations.get(request.service)
        if place is None:
            continue
        if wanted.form == "image":
            origin = Origin.of(request, base_image=image.base.name)
            name = wanted.name or f"{request.service}:latest"
            outputs.write_archive(store, image, place, name=name, origin=origin)
        else:
            outputs.write_folder(store, image, place, target=image.built.task_folder)


def _write_sboms(
    store: Store,
    contexts: Sequence[BuildContext],
    requests: Sequence[Request],
    target: Target,
    options: Options,
    wanted: Wanted,
    left_out: Mapping[str, Sequence[str]],
) -> None:
    if wanted.sbom is None:
        return
    tools = tools_for(store, requests[0], options)
    for context in contexts:
        closure = context.closure
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder, "context")
            context.write(written)
            omitted = left_out.get(closure.service.name, ())
            content = sbom.document(closure, target, tools, written, Path(folder, "home"), left_out=omitted)
        file = wanted.sbom if wanted.is_one else wanted.sbom / f"{closure.service.name}.cdx.json"
        outputs.write_sbom(content, file)


def _as_json(image: Image, place: Path | None, delivery: "Delivery | None") -> dict[str, Any]:
    return {
        "service": image.service,
        "digest": image.digest,
        "configuration": image.configuration.digest,
        "base_image": {"name": image.base.name, "digest": image.base.digest},
        "output": None if place is None else str(place),
        "pushed": None if delivery is None else delivery.as_json(),
        "layers": [
            {
                "name": name,
                "diff_id": layer.diff_id,
                "digest": layer.blob.digest,
                "size": layer.blob.size,
                "reused": name in image.built.reused,
            }
            for name, layer in image.layers.items()
        ],
        "remarks": list(image.built.remarks),
    }


def _print(image: Image, place: Path | None, delivery: "Delivery | None") -> None:
    say(f"{image.service}  {image.digest}" + ("" if place is None else f"  {place}"))
    for name, layer in image.layers.items():
        if layer.head or layer.blob.size > _EMPTY:
            say(f"  {name:<7} {shown_size(layer.blob.size):>8}  {'reused' if name in image.built.reused else 'built'}")
    if delivery is not None:
        sent = shown_size(delivery.sent) if delivery.sent else "nothing"
        say(f"  pushed {delivery.image}, {sent} sent")
    for remark in image.built.remarks:
        say(f"note: {remark}", err=True)


_EMPTY = 100
"""Bytes of a layer with nothing in it are fewer."""
