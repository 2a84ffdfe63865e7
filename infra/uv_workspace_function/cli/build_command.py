"""`services build`: images and zip archives without a container engine."""

from pathlib import Path
from typing import Any

import click

from uv_workspace_function.cli.faults import lacks_extra
from uv_workspace_function.cli.image_options import AskedImage, image_options
from uv_workspace_function.cli.options import build_args_option, load_workspace, workspace_option
from uv_workspace_function.insight.graph import services_of
from uv_workspace_function.workspace import freshness


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
@build_args_option
@click.option(
    "--interpreter", type=click.Path(path_type=Path), help="The Python that compiles; by default the one that uv finds."
)
@click.option("--netrc", type=click.Path(path_type=Path), help="A file with the passwords of package indexes.")
@click.option("--credentials", type=click.Path(path_type=Path), help="A file with variables and signed URLs.")
@click.option("--no-backends", is_flag=True, help="Refuse what would run code of a package on this machine.")
@click.option("--verify", is_flag=True, help="Run every step again, and compare with the cache.")
@click.option(
    "--sbom",
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
    freshness.begin(workspace)
    try:
        from uv_workspace_function.cli import builds  # noqa: PLC0415 - while uv answers; and an extra has what it needs
    except ModuleNotFoundError as error:
        raise lacks_extra("services build", error) from error
    names = [member.name for member in services_of(workspace)] if everything else list(services)
    builds.run(workspace, names, asked, builds.Wanted(is_one=not everything and len(names) == 1, **more))
