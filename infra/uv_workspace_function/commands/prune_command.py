"""`services prune`: a build context as a folder."""

import json
from pathlib import Path

import click

from uv_workspace_function.build_context import BuildContext
from uv_workspace_function.cli import workspace_option
from uv_workspace_function.commands.located import load_workspace


@click.command()
@click.argument("service")
@workspace_option
@click.option(
    "--output", "-o", type=click.Path(path_type=Path), help="The folder to write; it must be absent or empty."
)
@click.option(
    "--list", "as_list", is_flag=True, help="Print the files, what was left out and the digest; write nothing."
)
@click.option(
    "--extra", "extras", multiple=True, metavar="NAME", help="An extra of the service to install; repeatable."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    service: str, root: Path | None, output: Path | None, as_list: bool, extras: tuple[str, ...], as_json: bool
) -> None:
    """Write the build context of SERVICE: the workspace cut down to what its image needs.

    SERVICE is a member's package name in any spelling; a library can be pruned too.

    \b
    Example:
      services prune ingestion-worker --output build/ingestion-worker
      docker build --build-arg SERVICE_NAME=ingestion-worker build/ingestion-worker
    """
    if output is None and not as_list:
        raise click.UsageError("give --output DIR to write the context, or --list to see what it holds")
    context = BuildContext.of(load_workspace(root), service, extras=extras)
    if output is not None:
        context.write(output)
    name = context.closure.service.name
    if as_json:
        result = {
            "service": name,
            "digest": context.digest,
            "size": context.size,
            "build_args": context.build_args,
            "output": None if output is None else str(output),
            "files": list(context.files),
            "dropped": [{"path": entry.path, "reason": entry.reason} for entry in context.dropped],
        }
        click.echo(json.dumps(result, indent=2))
        return
    if as_list:
        for path, file in context.files.items():
            click.echo(f"{len(file.content):>10,}  {path}")
        for entry in context.dropped:
            click.echo(f"{'left out':>10}  {entry.path}: {entry.reason}")
        click.echo(f"digest {context.digest}")
    if output is not None:
        click.echo(f"{name}: {len(context.files)} files, {context.size:,} bytes in {output}", err=True)
