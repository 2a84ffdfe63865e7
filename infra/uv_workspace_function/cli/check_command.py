"""`services check`: the gate."""

import sys
from pathlib import Path, PurePosixPath

import click

from uv_workspace_function.cli.options import find_workspace, target_options, workspace_option
from uv_workspace_function.cli.output import say, say_commands, say_json
from uv_workspace_function.context.gitignore import GitRepository
from uv_workspace_function.gate.baseline import FILE, Baseline, update
from uv_workspace_function.gate.findings import Report
from uv_workspace_function.gate.runner import check
from uv_workspace_function.target.target import Target


@click.command()
@click.argument("services", nargs=-1, metavar="[SERVICE]...")
@workspace_option
@target_options
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="text for people, github for annotations of a workflow run, sarif for code scanning.",
)
@click.option(
    "--isolated",
    is_flag=True,
    help="Also import each handler in an environment that holds its closure only; this runs the workspace's code.",
)
@click.option(
    "--offline",
    is_flag=True,
    help="Ask uv only what needs no index, credential or build backend: for pull requests from strangers.",
)
@click.option(
    "--cdk-out",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="The output of `cdk synth`: also look for services that no stack deploys.",
)
@click.option(
    "--write-baseline",
    is_flag=True,
    help=f"Write today's findings to {FILE} at the workspace's root; from then on only new ones count.",
)
def command(
    services: tuple[str, ...],
    root: Path | None,
    target: Target,
    form: str,
    *,
    isolated: bool,
    offline: bool,
    cdk_out: Path | None,
    write_baseline: bool,
) -> None:
    """Find, before production, what a shared virtual environment hides.

    SERVICE is the package name of a service, in any spelling; name some to check only those and their libraries.
    docs/checks.md says what each code means, and how to ignore a finding.

    Where the workspace's root has a services-check-baseline.json, its findings are known: a new one counts, and so does
    one that is gone, until the baseline is written again.

    Exit code 0: everything was checked and is clean; 1: something was found; 2: something could not be checked.

    \b
    Example:
      services check
      services check ingestion-worker --format github
      services check --isolated --cdk-out cdk.out
    """
    folder = find_workspace(root)
    if write_baseline and services:
        raise click.UsageError("a baseline covers the whole workspace: leave out the services, or --write-baseline")
    if offline and isolated:
        raise click.UsageError(
            "--isolated runs the workspace's code, and --offline forbids that: leave one of them out"
        )
    report = check(folder, target, services, isolated=isolated, offline=offline, cdk_out=cdk_out)
    if write_baseline:
        update(folder / FILE, report)
        say(f"{len(report.findings)} findings written to {FILE}: commit it; from now on only new ones count", err=True)
    if baseline := Baseline.load(folder / FILE):
        report = baseline.applied(report)
    repository = GitRepository.at(folder)
    _print(report, form, PurePosixPath(repository.root.relative_to(repository.top)))
    sys.exit(0 if write_baseline else report.exit_code)


def _print(report: Report, form: str, below: PurePosixPath) -> None:
    # each is loaded where it is asked for
    match form:
        case "json":
            from uv_workspace_function.gate.report_json import as_json  # noqa: PLC0415

            say_json(as_json(report))
        case "github":
            from uv_workspace_function.gate.report_github import as_commands  # noqa: PLC0415

            say_commands(as_commands(report, below))
        case "sarif":
            from uv_workspace_function.gate.report_sarif import as_sarif  # noqa: PLC0415

            say_json(as_sarif(report, below))
        case _:
            from uv_workspace_function.gate.report_text import print_text  # noqa: PLC0415

            print_text(report, sys.stdout)
