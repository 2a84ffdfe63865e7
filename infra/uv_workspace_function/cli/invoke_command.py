"""`services invoke`: a handler, called with one event."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from uv_workspace_function.cli.options import (
    build_args_option,
    docker_option,
    extras_option,
    load_workspace,
    target_options,
    workspace_option,
)
from uv_workspace_function.cli.output import pass_on, say
from uv_workspace_function.cli.progress import at_work
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.insight.sizes import shown_size
from uv_workspace_function.running.container import Engine, call_in_image
from uv_workspace_function.running.environment import call_in_environment
from uv_workspace_function.running.events import read_event
from uv_workspace_function.running.lambda_variables import declared_variables
from uv_workspace_function.running.outcome import Call, CallOutcome
from uv_workspace_function.running.variables import asked_variables
from uv_workspace_function.target.target import Target


@click.command()
@click.argument("service")
@workspace_option
@click.option("--event", metavar="FILE", help="The event, a JSON file; - for standard input.")
@click.option(
    "--env",
    "-e",
    "env",
    multiple=True,
    metavar="NAME[=VALUE]",
    help="An environment variable of the function; repeatable.",
)
@click.option(
    "--timeout",
    type=click.IntRange(1, 900),
    default=300,
    show_default=True,
    metavar="SECONDS",
    help="How long the handler may take, up to Lambda's limit.",
)
@click.option("--handler", metavar="NAME", help="A handler other than the service's own.")
@extras_option
@click.option("--image", is_flag=True, help="Build the service's image, and call the handler in it.")
@build_args_option
@click.option("--secret", "secrets", multiple=True, metavar="id=NAME,...", help="As for `docker build`; repeatable.")
@click.option("--network", metavar="NAME", help="As for `docker run`: `host` reaches an emulator on this machine.")
@docker_option
@target_options
def command(
    service: str,
    root: Path | None,
    event: str | None,
    env: tuple[str, ...],
    timeout: int,
    handler: str | None,
    extras: tuple[str, ...],
    target: Target,
    docker: str,
    network: str | None,
    build_args: dict[str, str],
    secrets: tuple[str, ...],
    *,
    image: bool,
) -> None:
    """Call the handler of SERVICE with one event, in an environment that holds its closure only.

    The answer goes to stdout. The log, what was raised, times and peak memory go to stderr.

    Without --image the handler gets this shell's variables, so its credentials too. In the image it gets those that
    --env names: with a value, by name only, or by a pattern such as 'AWS_*'. What neither has is taken from
    [tool.uv-workspace-function.check.environment].

    Exit code 0: it answered; 1: it raised, took too long or ended its process; 2: it could not be called.

    \b
    Example:
      services invoke query-api --event services/query_api/events/bad-limit.json
      echo '{"date": "2026-01-17"}' | services invoke daily-report --event - --env TABLE_NAME=events
      services invoke query-api --event event.json --image --network host --env 'AWS_*'
    """
    if not image and (network or build_args or secrets):
        raise click.UsageError("--network, --build-arg and --secret are for an image: add --image")
    workspace = load_workspace(root)
    member = workspace.member(service) if handler else workspace.service(service)
    context = BuildContext.of(workspace, member.name, extras=extras)
    for warning in context.warnings:
        say(f"note: {warning}", err=True)
    call = Call(
        handler=context.closure.handler(handler),
        event=read_event(member, event),
        timeout=timeout,
        asked=asked_variables(env, os.environ),
        declared=declared_variables(workspace, member),
    )
    engine = Engine(docker=docker, build_args=build_args, secrets=secrets, network=network)
    with ExitStack() as waiting:
        if image:
            waiting.enter_context(at_work(f"building the image of {member.name}"))
            outcome = call_in_image(
                context,
                call,
                target=target,
                engine=engine,
                log=partial(pass_on, err=True),
                built=waiting.close,
            )
        else:
            waiting.enter_context(at_work(f"installing the closure of {member.name}"))
            outcome = call_in_environment(
                context,
                call,
                root=workspace.root,
                target=target,
                shell=os.environ,
                log=partial(pass_on, err=True),
                installed=waiting.close,
            )
    if outcome.failure is not None:
        say(*outcome.failure.split("\n"), err=True)
    say("; ".join(_summary(member.name, outcome)), err=True)
    if outcome.answer is not None:
        pass_on(_readable(outcome.answer))
    sys.exit(0 if outcome.failure is None else 1)


def _summary(name: str, outcome: CallOutcome) -> Iterator[str]:
    yield f"{name} {'answered' if outcome.failure is None else 'failed'}"
    if outcome.initialisation is not None:
        yield f"initialisation {_shown_time(outcome.initialisation)}"
    if outcome.duration is not None:
        yield f"handler {_shown_time(outcome.duration)}"
    if outcome.memory is not None:
        yield f"peak memory {shown_size(outcome.memory)}"
    yield f"on {outcome.where}"


def _shown_time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.1f} ms"


def _readable(answer: str) -> str:
    """JSON in lines; what is none, as bytes from a handler can be, as it is."""
    try:
        return json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    except ValueError:
        return answer
