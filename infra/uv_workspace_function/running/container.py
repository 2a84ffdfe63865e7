"""A call in the service's real image: built as it is for Lambda, run as Lambda runs it, through the Runtime API."""

import json
import os
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from uv_workspace_function.context.arguments import build_arguments
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.processes import programs
from uv_workspace_function.running import _serve_runtime
from uv_workspace_function.running.lambda_variables import REGION, lambda_variables
from uv_workspace_function.running.outcome import Call, CallOutcome, advice, too_late
from uv_workspace_function.target.target import Target

# https://docs.aws.amazon.com/lambda/latest/dg/images-create.html: a file system that is read-only but for /tmp, no root.
_AS_ON_LAMBDA = (
    *("--read-only", "--tmpfs=/tmp:rw,exec,mode=1777,size=512m", "--user=993:990"),
    *("--cap-drop=ALL", "--security-opt=no-new-privileges"),
)
_NO_EMULATION = "exec format error"


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """How images are built and run.

    Args:
        docker: the program.
        build_args: further arguments of the Dockerfile, by name.
        secrets: of `docker build --secret`, each as that takes it.
        network: of `docker run --network`; None for the engine's own.
    """

    docker: str = "docker"
    build_args: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    network: str | None = None


def call_in_image(
    context: BuildContext,
    call: Call,
    *,
    target: Target,
    engine: Engine,
    log: Callable[[str], None],
    built: Callable[[], None],
) -> CallOutcome:
    """Build the image of a service, and call a handler in it; image and container are removed afterwards.

    Args:
        context: of the service.
        call: what is called; nothing of the shell's reaches the container but the variables that it asks for.
        target: what the image is for.
        engine: what builds and runs it.
        log: gets each line that the function writes.
        built: called when the image stands.

    Raises:
        WorkspaceError: when there is no engine, or the image could not be built or run.
    """
    service = context.service
    context.closure.check_python(target.python)
    machine = _engine_s_machine(engine)
    variables = {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",  # no machine's role by surprise, and no waiting for one
        **call.declared,
        **lambda_variables(service, call.handler),
        **call.asked,
    }
    with _image(context, target, engine) as image:
        built()
        report = _report(image, call, service.name, target, engine, variables, log)
    emulated = ", emulated" if target.docker_platform != machine else ""
    return CallOutcome.of(_told(report, call), f"the image, {target.docker_platform}{emulated}")


def _engine_s_machine(engine: Engine) -> str:
    """The engine's own platform.

    Raises:
        WorkspaceError: when no engine answers.
    """
    try:
        done = _docker(engine, "version", "--format", "{{.Server.Os}}/{{.Server.Arch}}")
    except OSError as error:
        raise WorkspaceError(
            f"{engine.docker} cannot be run: {error.strerror}",
            "install a container engine, name its program with --docker, or call the handler without --image",
        ) from error
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise WorkspaceError(f"no container engine answers: {said}", "start one, or call the handler without --image")
    return done.stdout.strip()


@contextmanager
def _image(context: BuildContext, target: Target, engine: Engine) -> Iterator[str]:
    """The image, under a name of its own. With the arguments of the constructs, so that layers are shared with theirs."""
    service = context.service.name
    arguments = build_arguments(context, target, engine.build_args, mirrors={})
    name = f"services-invoke/{service}:{uuid.uuid4().hex[:12]}"
    options = [f"--build-arg={key}={value}" for key, value in arguments.items()]
    options += [f"--secret={secret}" for secret in engine.secrets]
    with tempfile.TemporaryDirectory(prefix="services-invoke-") as folder:
        context.write(Path(folder, "context"))
        try:
            done = programs.run(
                [
                    *(engine.docker, "build", f"--tag={name}", "--progress=plain"),
                    *(f"--platform={target.docker_platform}", *options, str(Path(folder, "context"))),
                ],
                cwd=Path.cwd(),
                env={**os.environ, "DOCKER_BUILDKIT": "1", "BUILDX_NO_DEFAULT_ATTESTATIONS": "1"},
                stderr=subprocess.STDOUT,
            )
        except BaseException:
            _docker(engine, "image", "rm", "--force", name)  # the engine may have finished it all the same
            raise
    if done.returncode:
        told = f"the image of {service} was not built: {engine.docker} build exited {done.returncode} and said"
        raise WorkspaceError.of_lines([told, *done.stdout.rstrip().splitlines()])
    try:
        yield name
    finally:
        _docker(engine, "image", "rm", "--force", name)


def _report(
    image: str,
    call: Call,
    service: str,
    target: Target,
    engine: Engine,
    variables: Mapping[str, str],
    log: Callable[[str], None],
) -> dict[str, Any]:
    """Run the program in the image, and read what it reports."""
    entrypoint = json.loads(_docker(engine, "image", "inspect", "--format={{json .Config.Entrypoint}}", image).stdout)
    if not entrypoint:
        raise WorkspaceError(
            f"the image of {service} has no entrypoint, so nothing in it speaks to Lambda",
            "give a base image that has "
            "Lambda's runtime interface client: https://docs.aws.amazon.com/lambda/latest/dg/python-image.html",
        )
    request = {
        "entrypoint": entrypoint,
        "handler": call.handler,
        "timeout": call.timeout,
        "arn": f"arn:aws:lambda:{variables['AWS_REGION']}:123456789012:function:{service}",
    }
    container = image.replace("/", "-").replace(":", "-")
    command = [engine.docker, "run", "--rm", "--interactive", f"--name={container}"]
    command += [f"--platform={target.docker_platform}", *_AS_ON_LAMBDA]
    command += [f"--network={engine.network}"] if engine.network else []
    # by name only: everyone on this machine can see a value on a command line
    command += [f"--env={name}" for name in variables]
    program = Path(_serve_runtime.__file__).read_text()
    command += ["--entrypoint=python3", image, "-ISu", "-c", program, json.dumps(request)]
    said: list[str] = []
    with tempfile.TemporaryFile() as event, tempfile.TemporaryFile() as answer:
        event.write(call.event)
        event.seek(0)
        try:
            with programs.started(
                command, env={**os.environ, **variables}, stdin=event, stdout=answer, stderr=subprocess.PIPE
            ) as process:
                for line in _lines(process.stderr):
                    said.append(line)
                    log(line)
                process.wait()
        except BaseException:
            _docker(engine, "rm", "--force", container)
            raise
        answer.seek(0)
        text = answer.read()
    try:
        report: dict[str, Any] = json.loads(text)
    except ValueError as error:
        if any(_NO_EMULATION in line for line in said):
            raise WorkspaceError(
                f"this engine does not run {target.docker_platform} images",
                "install qemu's user emulation (Debian, Ubuntu: "
                "qemu-user-static), or give the --architecture of this machine",
            ) from error
        last = said[-1].strip() if said else "it said nothing"
        raise WorkspaceError(
            f"the image of {service} could not be run: {engine.docker} run exited {process.returncode}: {last}"
        ) from error
    return report


def _lines(stream: IO[bytes] | None) -> Iterator[str]:
    """The log; AWS's runtime client writes a traceback as one line, with carriage returns and hard spaces inside."""
    for raw in stream or ():
        yield raw.decode(errors="replace").replace("\r\n", "\n").replace("\r", "\n").replace("\u00a0", " ")


def _told(report: dict[str, Any], call: Call) -> dict[str, Any]:
    """What came of the call, in the words of an outcome."""
    body = report["body"]
    match report["what"]:
        case "response":
            return {**report, "answer": body}
        case "error":
            return {**report, "failure": _raised(report, body)}
        case "late":
            return {**report, "failure": too_late(call.timeout, initialised=report["runtime"])}
        case _:
            before = "" if report["runtime"] else " before it asked for an event"
            return {**report, "failure": f"the function's process ended{before}: exit status {body}"}


def _raised(report: dict[str, Any], body: str) -> str:
    """The error that the runtime client tells; the traceback stands in the log, where it wrote that itself."""
    try:
        error = json.loads(body)
        kind, text = str(error["errorType"]), str(error["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return body
    return f"{kind}: {text}{advice(report, kind, text)}"


def _docker(engine: Engine, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [engine.docker, *arguments],
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C of the terminal is for the command, which removes what it made
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
