"""`services prune`: build contexts as folders."""

from pathlib import Path
from typing import Any

import click

from uv_workspace_function.cli.image_options import AskedImage, image_options
from uv_workspace_function.cli.options import load_workspace, workspace_option
from uv_workspace_function.cli.output import say, say_json
from uv_workspace_function.cli.progress import progress
from uv_workspace_function.context.build_context import BuildContext, write_all, write_one
from uv_workspace_function.insight.graph import handler_as_json, services_of


@click.command()
@click.argument("service", required=False)
@workspace_option
@click.option("--all", "everything", is_flag=True, help="Every service, each into a folder of its name below --output.")
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="The folder to write; it must be absent or empty, or hold what this command wrote there.",
)
@click.option(
    "--list", "as_list", is_flag=True, help="Print the files, what was left out and the digest; write nothing."
)
@image_options()
@click.option("--json", "as_json", is_flag=True, help="Print JSON: with digests and build arguments.")
def command(
    service: str | None,
    root: Path | None,
    everything: bool,
    output: Path | None,
    as_list: bool,
    asked: AskedImage,
    as_json: bool,
) -> None:
    """Write the build context of SERVICE: the workspace cut down to what its image needs.

    SERVICE is a member's package name in any spelling; a library can be pruned too. What `cdk synth` would refuse is refused,
    before anything is written. A folder that this command wrote before is replaced whole; any other one is refused.

    \b
    Example:
      services prune ingestion-worker --output build/ingestion-worker
      docker build --build-arg SERVICE_NAME=ingestion-worker build/ingestion-worker
      services prune --all --json --output build --python 3.13 --architecture x86_64
    """
    if everything == (service is not None):
        raise click.UsageError("name a SERVICE, or all of them with --all")
    if everything and asked.extras:
        raise click.UsageError("--extra is for one service: name it instead of --all")
    if output is None and not as_list and not (everything and as_json):
        raise click.UsageError("give --output DIR to write the context, or --list to see what it holds")
    workspace = load_workspace(root)
    names = [service] if service is not None else [member.name for member in services_of(workspace)]
    contexts = [asked.context(workspace, name) for name in progress(names, "gathering contexts")]
    for warning in dict.fromkeys(warning for context in contexts for warning in context.warnings):
        say(f"note: {warning}", err=True)
    folders: dict[str, Path | None] = {
        context.service.name: output / context.service.name if everything and output else output for context in contexts
    }
    # To look into a context does not take one that can be built.
    is_for_a_build = as_json or output is not None
    arguments = {context: asked.arguments(context) for context in contexts if is_for_a_build}
    if output is not None and everything:
        write_all(contexts, output)
    elif output is not None:
        write_one(contexts[0], output)
    if as_json:
        results = [_as_json(context, asked, arguments[context], folders[context.service.name]) for context in contexts]
        say_json(results if everything else results[0])
        return
    for context in contexts:
        if as_list:
            if everything:
                say(context.service.name)
            _print(context)
        if output is not None:
            _report(context, folders[context.service.name])


def _as_json(
    context: BuildContext, asked: AskedImage, arguments: dict[str, str], folder: Path | None
) -> dict[str, Any]:
    service = context.service
    return {
        "service": service.name,
        "handler": handler_as_json(service),
        "digest": context.digest,
        "size": context.size,
        "platform": asked.target.docker_platform,
        "build_args": arguments,
        "output": None if folder is None else str(folder),
        "files": list(context.files),
        "dropped": [{"path": entry.path, "reason": entry.reason} for entry in context.dropped],
    }


def _print(context: BuildContext) -> None:
    for path, file in context.files.items():
        say(f"{file.size:>10,}  {path}")
    for entry in context.dropped:
        say(f"{'left out':>10}  {entry.path}: {entry.reason}")
    say(f"digest {context.digest}")


def _report(context: BuildContext, folder: Path | None) -> None:
    name = context.service.name
    say(f"{name}: {len(context.files)} files, {context.size:,} bytes in {folder}", err=True)
