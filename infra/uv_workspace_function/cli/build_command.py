"""`services build`: images and zip archives without a container engine."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from uv_workspace_function.cli.image_options import AskedImage, image_options
from uv_workspace_function.cli.options import load_workspace, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.cli.progress import at_work
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.insight.graph import services_of
from uv_workspace_function.insight.sizes import shown_size
from uv_workspace_function.target.image_reference import ImageReference
from uv_workspace_function.target.target import Target

try:
    from uv_workspace_function.cli import zip_archives
    from uv_workspace_function.oci import cache_option, image_builds, sbom
    from uv_workspace_function.oci import delivery as pushes
    from uv_workspace_function.oci import output as outputs
    from uv_workspace_function.oci.image import Image
    from uv_workspace_function.oci.layer_builds import Options, tools_for
    from uv_workspace_function.oci.origin import Origin
    from uv_workspace_function.oci.request import Request
    from uv_workspace_function.oci.sources import LAYOUT
    from uv_workspace_function.oci.staged import StagedContext
    from uv_workspace_function.oci.store import Store
except ModuleNotFoundError as error:
    raise WorkspaceError(
        f"services build needs {error.name}, which is not installed", "install uv-workspace-function[oci]"
    ) from error


@click.command()
@click.argument("services", nargs=-1, metavar="SERVICE...")
@workspace_option
@image_options(without=("base_image", "builder_image", "extensions", "build_on_target"))
@click.option("--all", "everything", is_flag=True, help="Every service.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Where it goes: FILE.tar, FILE.zip or the folder for --format folder; several services: a folder, one per service in it.",
)
@click.option(
    "--push",
    metavar="REPOSITORY[:TAG]",
    help="Push the image there; without TAG, and for several services, the tag is SERVICE-DIGEST.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["image", "folder", "zip"]),
    default="image",
    show_default=True,
    help="An OCI layout as an archive, which `docker load` takes; the files of the task folder; or these as a zip archive, which a function "
    "on Lambda's own runtime takes.",
)
@click.option(
    "--runtime-sdk", is_flag=True, help="Leave boto3 and what only it needs to the runtime, for --format zip."
)
@click.option("--base-image", metavar="IMAGE", help="What the image starts from: a name, or oci:PATH of an OCI layout.")
@click.option(
    "--build-arg", "build_args", multiple=True, metavar="NAME=VALUE", help="An argument of the Dockerfile; repeatable."
)
@click.option(
    "--interpreter", type=click.Path(path_type=Path), help="The Python that compiles; by default the one that uv finds."
)
@click.option("--netrc", type=click.Path(path_type=Path), help="A file with the passwords of package indexes.")
@click.option("--credentials", type=click.Path(path_type=Path), help="A file with variables and signed URLs.")
@click.option("--no-backends", is_flag=True, help="Refuse what would run code of a package on this machine.")
@click.option("--verify", is_flag=True, help="Run every step again, and compare with the cache.")
@click.option(
    "--sbom",
    "sbom_place",
    type=click.Path(path_type=Path),
    help="Write the image's contents as CycloneDX; for several services, PATH is a folder.",
)
@click.option("--name", metavar="REPOSITORY:TAG", help="What engines call the image; by default SERVICE:latest.")
@click.option(
    "--cache",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where layers are kept; by default in the user's cache.",
)
@click.option(
    "--cache-from",
    multiple=True,
    metavar="type=registry,ref=REPOSITORY[:TAG]",
    help="A registry's cache whose layers are believed; repeatable.",
)
@click.option(
    "--cache-to",
    metavar="type=registry,ref=REPOSITORY[:TAG]",
    help="The registry's cache that is written; by default none.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    services: tuple[str, ...],
    root: Path | None,
    asked: AskedImage,
    everything: bool,
    output: Path | None,
    form: outputs.Form,
    **more: Any,
) -> None:
    """Build images and zip archives without a container engine (experimental).

    The layers are those that BuildKit makes of the same build context with the shared Dockerfile. A zip archive has the files that the
    image has in its task folder.

    \b
    Example:
      services build ingestion-worker --output ingestion-worker.tar
      docker load --input ingestion-worker.tar
      services build --all --output images
      services build query-api --push 123456789012.dkr.ecr.us-east-1.amazonaws.com/query-api:1.4.0
      services build query-api --format zip --output query-api.zip
    """
    if everything == bool(services):
        raise click.UsageError("name a SERVICE, or all of them with --all")
    workspace = load_workspace(root)
    names = [member.name for member in services_of(workspace)] if everything else list(services)
    is_one = not everything and len(names) == 1
    if not is_one and (asked.extras or more["name"]):
        raise click.UsageError("--extra and --name are for one SERVICE")
    to = ImageReference.parse(more["push"]) if more["push"] else None
    if to is not None and (to.digest or (to.tag and not is_one)):
        raise click.UsageError("--push takes REPOSITORY:TAG for one SERVICE, REPOSITORY for several, and no digest")
    target = asked.target
    _check_form(form, asked, more)
    contexts = [asked.context(workspace, name) for name in names]
    requests = [_request(context, asked, more) for context in contexts]
    destinations = _destinations(output, [request.service for request in requests], form, is_one=is_one)
    for place in destinations.values():
        outputs.check_place(place, form)
    store = Store.at(more["cache"])
    options = Options(
        base_image=asked.base_image if _is_layout(asked) else None,
        mirrors=asked.mirrors,
        interpreter=more["interpreter"],
        netrc=more["netrc"],
        credentials=more["credentials"],
        no_backends=more["no_backends"],
        cache_from=tuple(cache_option.parsed(text, "--cache-from") for text in more["cache_from"]),
        cache_to=cache_option.parsed(more["cache_to"], "--cache-to") if more["cache_to"] else None,
        verify=more["verify"],
    )
    if form == "zip":
        with at_work("building") as tell:
            archives = zip_archives.run(
                *(store, contexts, requests, target, replace(options, said=tell), destinations),
                runtime_sdk=more["runtime_sdk"],
            )
        left_out = {archive["service"]: archive["left_out"] for archive in archives}
        _write_sboms(contexts, target, store, requests, options, more["sbom_place"], is_one=is_one, left_out=left_out)
        zip_archives.tell(archives, as_json=more["as_json"], is_one=is_one)
        return
    with at_work("building") as tell:
        images = image_builds.run(store, requests, replace(options, said=tell))
    _write(store, images, destinations, form, requests, more)
    _write_sboms(contexts, target, store, requests, options, more["sbom_place"], is_one=is_one, left_out={})
    pushed: dict[str, pushes.Delivery] = {}
    if to is not None:
        with at_work(f"pushing {', '.join(names)}"):
            pushed = pushes.deliver(store, images, to)
    told = [_as_json(image, destinations.get(image.service), pushed.get(image.service)) for image in images]
    if more["as_json"]:
        say_json(told[0] if is_one else told)
        return
    for image in images:
        _print(image, destinations.get(image.service), pushed.get(image.service))


def _request(context: BuildContext, asked: AskedImage, more: dict[str, Any]) -> Request:
    # names are looked for in mirrors when they are fetched
    arguments = replace(asked, mirrors={}).arguments(context, names_base=not _is_layout(asked))
    arguments |= _build_args(more["build_args"])
    return Request(context=StagedContext.of(context), platform=asked.target.docker_platform, arguments=arguments)


def _check_form(form: str, asked: AskedImage, more: dict[str, Any]) -> None:
    """Refuse an option that the form gives no meaning to."""
    if form == "zip":
        for option in _OF_AN_IMAGE:
            if getattr(asked, option, None) or more.get(option):
                raise click.UsageError(
                    f"--{option.replace('_', '-')} is for an image: an archive is unpacked on Lambda's own runtime"
                )
        for name in (argument.partition("=")[0] for argument in more["build_args"]):
            if name in _ARGUMENTS_OF_AN_IMAGE:
                raise click.UsageError(
                    f"--build-arg {name} is for an image: an archive is unpacked on Lambda's own runtime"
                )
    elif more["runtime_sdk"]:
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


def _is_layout(asked: AskedImage) -> bool:
    return asked.base_image is not None and asked.base_image.startswith(LAYOUT)


def _build_args(given: Sequence[str]) -> dict[str, str]:
    arguments = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise click.UsageError(f"--build-arg takes NAME=VALUE, not {one!r}")
        arguments[name] = value
    return arguments


def _destinations(output: Path | None, services: Sequence[str], form: str, *, is_one: bool) -> dict[str, Path]:
    if output is None:
        return {}
    if is_one:
        return {services[0]: output}
    endings = {"image": ".tar", "folder": "", "zip": ".zip"}
    return {service: output / f"{service}{endings[form]}" for service in services}


def _write(
    store: Store,
    images: Sequence[Image],
    destinations: dict[str, Path],
    form: str,
    requests: Sequence[Request],
    more: dict[str, Any],
) -> None:
    for image, request in zip(images, requests, strict=True):
        place = destinations.get(request.service)
        if place is None:
            continue
        if form == "image":
            origin = Origin.of(request, base_image=image.base.name)
            name = more["name"] or f"{request.service}:latest"
            outputs.write_archive(store, image, place, name=name, origin=origin)
        else:
            outputs.write_folder(store, image, place, target=image.built.task_folder)


def _write_sboms(
    contexts: Sequence[BuildContext],
    target: Target,
    store: Store,
    requests: Sequence[Request],
    options: Options,
    place: Path | None,
    *,
    is_one: bool,
    left_out: Mapping[str, Sequence[str]],
) -> None:
    if place is None:
        return
    tools = tools_for(store, requests[0], options)
    for context in contexts:
        closure = context.closure
        with tempfile.TemporaryDirectory() as folder:
            written = Path(folder, "context")
            context.write(written)
            omitted = left_out.get(closure.service.name, ())
            content = sbom.document(closure, target, tools, written, Path(folder, "home"), left_out=omitted)
        file = place if is_one else place / f"{closure.service.name}.cdx.json"
        outputs.write_sbom(content, file)


def _as_json(image: Image, place: Path | None, delivery: "pushes.Delivery | None") -> dict[str, Any]:
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


def _print(image: Image, place: Path | None, delivery: "pushes.Delivery | None") -> None:
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
