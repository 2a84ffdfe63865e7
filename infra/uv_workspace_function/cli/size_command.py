"""`services size`: what takes up space in an image."""

from collections.abc import Iterator
from pathlib import Path

import click

from uv_workspace_function.cli.options import docker_option, load_workspace, target_options, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.cli.progress import progress
from uv_workspace_function.insight.cloud_assembly import image_assets
from uv_workspace_function.insight.graph import services_of
from uv_workspace_function.insight.image_layers import size_of_image
from uv_workspace_function.insight.packaging import Packaging
from uv_workspace_function.insight.sizes import LayerSize, ServiceSize, parse_size, shown_size, size_from_lock
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace

_SHOWN = 5


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE ...]")
@workspace_option
@target_options
@click.option("--budget", metavar="SIZE", help="Exit with 1 when a service takes more, like 150MB or 0.5GiB.")
@click.option("--image", metavar="NAME", help="Look into this built image of the one SERVICE.")
@click.option(
    "--cdk-out",
    "assembly",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Look into the images that the CDK CLI built from this cloud assembly.",
)
@docker_option
@click.option("--all", "everything", is_flag=True, help=f"Name every package, not the {_SHOWN} largest of a layer.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; sizes are in bytes.")
def command(
    services: tuple[str, ...],
    root: Path | None,
    target: Target,
    budget: str | None,
    image: str | None,
    assembly: Path | None,
    docker: str,
    everything: bool,
    as_json: bool,
) -> None:
    """Show what each service adds to the base image: per layer, its packages by size.

    Without an image, sizes come from the lock: wheels as downloaded, which take up three to five times as much once unpacked and
    compiled, and the sources of local packages. With --image or --cdk-out it is what is in the image. The last line says
    whether to take a zip or an image, and why.

    \b
    Example:
      services size --budget 150MB
      services size daily-report --image daily-report:latest
    """
    limit = None if budget is None else parse_size(budget)
    workspace = load_workspace(root)
    if image is not None and (len(services) != 1 or assembly is not None):
        raise click.UsageError("--image is for one service: name it, and leave out --cdk-out")
    names = [workspace.member(name).name for name in services] or [m.name for m in services_of(workspace)]
    sizes = list(_sizes(workspace, names, target, image=image, assembly=assembly, docker=docker))
    if as_json:
        say_json([size.as_json() for size in sizes])
    else:
        for size in sizes:
            say(*_lines(size, everything=everything))
    over = [size for size in sizes if limit is not None and size.size > limit]
    for size in over:
        more = shown_size(size.size - (limit or 0))
        say(f"over budget: {size.service} takes {shown_size(size.size)}, {more} more than {budget}", err=True)
    if over:
        click.get_current_context().exit(1)


def _sizes(
    workspace: Workspace, names: list[str], target: Target, *, image: str | None, assembly: Path | None, docker: str
) -> Iterator[ServiceSize]:
    if image is not None:
        yield size_of_image(names[0], image, docker=docker)
    elif assembly is not None:
        assets = [asset for asset in image_assets(assembly) if asset.service in names]
        for missing in sorted(set(names) - {asset.service for asset in assets}):
            say(f"{missing} has no image in {assembly}: no stack there deploys it", err=True)
        for asset in progress(assets, "looking into images"):
            yield size_of_image(asset.service, asset.local_image, docker=docker)
    else:
        for name in progress(names, "adding up"):
            yield size_from_lock(workspace, name, target)


def _lines(size: ServiceSize, *, everything: bool) -> Iterator[str]:
    above = "" if size.base is None else f" above {shown_size(size.base)} of base image"
    source = "as downloaded (from the lock)" if size.source == "lock" else f"in {size.source}"
    yield f"{size.service}: {shown_size(size.size)}{above}, {source}"
    for layer in size.layers:
        yield f"  {shown_size(layer.size):>8}  {layer.name}{_unknown(layer)}"
        shown = layer.packages if everything else layer.packages[:_SHOWN]
        for package in shown:
            taken = "?" if package.size is None else shown_size(package.size)
            yield f"  {taken:>8}    {package.name}" + (f" {package.version}" if package.version else "")
        if rest := layer.packages[len(shown) :]:
            yield f"  {shown_size(sum(p.size or 0 for p in rest)):>8}    {len(rest)} more"
    yield f"  {Packaging.of(size).text}"


def _unknown(layer: LayerSize) -> str:
    return f", without {', '.join(layer.unknown)}, whose size is not in the lock" if layer.unknown else ""
