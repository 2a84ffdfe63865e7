"""`uv-workspace-docker`: the program for the CDK CLI's `CDK_DOCKER`.

Exit codes: those of docker where it is called; 1 for an image that is not there; 2 the request could not be carried out, 70 a fault of
this program, 128 + N ended by signal N.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from uv_workspace_function.cdk_docker import engine
from uv_workspace_function.cdk_docker.calls import Build, Call, Find, Inspect, Login, Other, read
from uv_workspace_function.cdk_docker.contexts import is_ours, named_context
from uv_workspace_function.cdk_docker.settings import Settings
from uv_workspace_function.cli import faults
from uv_workspace_function.cli.output import say, whole_output
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.processes.signals import Ended, ending_with_signals

_HELP = """\
What the CDK CLI calls in docker's place: images of UvWorkspaceFunction are built and pushed without an engine, everything else goes to
docker as it came (experimental).

  export CDK_DOCKER=uv-workspace-docker
  cdk deploy"""


def main() -> None:
    """Answer one call of the CDK CLI."""
    with whole_output():
        code = _run(sys.argv[1:])
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    if list(arguments) in ([], ["--help"], ["-h"]):
        say(*_HELP.split("\n"))
        return 0
    try:
        with ending_with_signals():
            return _answered(read(arguments), Settings.of(os.environ))
    except (Exception, Ended) as error:  # noqa: BLE001 whatever it is, docker is not to see it
        lines, code = faults.told(error)
        say(*lines, err=True)
        return code


def _answered(call: Call, settings: Settings) -> int:
    if not isinstance(call.what, Other):
        if (code := _of_ours(call, settings)) is not None:
            return code
    elif call.what.is_build and (folder := named_context(call)) is not None:
        raise WorkspaceError(
            f"`{call.shown}` of {folder.resolve()}, a build context of uv-workspace-function, came in a form that the CDK CLI has for no "
            "image asset",
            "unset CDK_DOCKER to have docker build it",
        )
    program = engine.program(settings)
    if program is not None:
        engine.pass_on(call, program)
    match call.what:
        case Inspect(name=name):
            say(f"no such image: {name}", err=True)
            return 1
        case Find():
            return 0
        case _:
            raise engine.refused(call, settings)


def _of_ours(call: Call, settings: Settings) -> int | None:
    """The exit code of a call about an image of ours; None of any other call."""
    if isinstance(call.what, Build) and not is_ours(Path(call.what.folder)):
        return None
    try:
        from uv_workspace_function.cdk_docker.answers import Answers  # noqa: PLC0415 - what is passed on need not wait for it
        from uv_workspace_function.oci.store import Store  # noqa: PLC0415

        store = Store.at(settings.cache)
        answers = Answers(settings=settings, store=store, say=say, note=lambda line: say(line, err=True))
        with store.explaining():
            return answers.answer(call)
    except ModuleNotFoundError as error:
        if not isinstance(call.what, Build | Login):
            return None  # nothing of ours has a name then
        raise faults.lacks_extra("uv-workspace-docker", error) from error
