"""`services zip-asset`: what the CDK CLI runs when it publishes the archive of a zip function. It prints the archive's path, and nothing else."""

import os
from pathlib import Path

import click

from uv_workspace_function.cli.faults import lacks_extra
from uv_workspace_function.cli.output import pass_on, say
from uv_workspace_function.errors import WorkspaceError

try:
    from uv_workspace_function.cdk_docker.settings import Settings
    from uv_workspace_function.oci import zip_builds
    from uv_workspace_function.oci.layer_builds import Options
    from uv_workspace_function.oci.request import Request
    from uv_workspace_function.oci.staged import StagedContext
    from uv_workspace_function.oci.store import Store
except ModuleNotFoundError as error:
    raise lacks_extra("the archive of a zip function", error, where="where assets are published") from error

ASSEMBLY = "UV_WORKSPACE_FUNCTION_ASSEMBLY"
"""The variable that names the cloud assembly's folder where it has moved."""


@click.command(hidden=True)
@click.option("--assembly", type=click.Path(path_type=Path), required=True)
@click.option("--context", "name", required=True)
@click.option("--digest", required=True)
@click.option("--platform", required=True)
@click.option("--build-arg", "build_args", multiple=True)
@click.option("--left-out", multiple=True)
@click.option("--netrc", type=click.Path(path_type=Path))
@click.option("--credentials", type=click.Path(path_type=Path))
def command(
    assembly: Path,
    name: str,
    digest: str,
    platform: str,
    build_args: tuple[str, ...],
    left_out: tuple[str, ...],
    netrc: Path | None,
    credentials: Path | None,
) -> None:
    """Build the archive of a zip function from a cloud assembly, and print its path."""
    context = StagedContext.read(_found(assembly, name))
    if context.digest != digest:  # the archive would be published under the hash of another one
        raise WorkspaceError(
            f"the build context {name} is not the one that the synth wrote",
            "synthesize again; where another job did, have it hand over the cloud assembly as a tar, which keeps executable bits",
        )
    pairs = [argument.partition("=") for argument in build_args]
    request = Request(
        context=context,
        platform=platform,
        arguments={key: value for key, _, value in pairs},
    )
    settings = Settings.of(os.environ)
    store = Store.at(settings.cache)
    options = Options(
        interpreter=settings.interpreter,
        netrc=netrc,
        credentials=credentials,
        # A job that is given images runs no code of the workspace.
        no_backends=settings.no_backends or settings.images is not None,
    )
    (found,) = zip_builds.run(store, [request], options, left_out={request.service: left_out})
    for remark in found.remarks:
        say(f"note: {remark}", err=True)
    pass_on(str(store.path(found.blob.digest).absolute()))  # the CDK CLI takes it as it is


def _found(assembly: Path, name: str) -> Path:
    """The build context: in the assembly as the synth named it, in the one that a variable names, or where this runs in the assembly."""
    moved = os.environ.get(ASSEMBLY)
    folders = [Path(moved)] if moved else [assembly, Path()]
    for folder in folders:
        if (folder / name).is_dir():
            return folder / name
    looked = " nor in ".join(str(folder.absolute()) for folder in folders)
    raise WorkspaceError(
        f"the build context {name} is {'neither' if folders[1:] else 'not'} in {looked}",
        f"run the CDK CLI in the folder that it ran in at synth, or set {ASSEMBLY} to the cloud assembly's folder",
    )
