"""A call in an environment that holds the service's closure only: no container engine is needed."""

import json
import os
import re
import select
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.processes.programs import end, started
from uv_workspace_function.running import _call_handler
from uv_workspace_function.running.closure_environment import ClosureEnvironment, InstallError
from uv_workspace_function.running.lambda_variables import REGION, lambda_variables
from uv_workspace_function.running.outcome import Call, CallOutcome, advice, how_it_ended, too_late
from uv_workspace_function.target.target import Target

# They would change what Python finds, or say which environment the shell works with.
_OF_THE_SHELL_S_PYTHON = ("PYTHON", "VIRTUAL_ENV", "UV_", "__PYVENV")
_REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_CONFIG_FILE")
_LOG_ENDS = 2  # seconds that a process which outlived the call may hold the log open


def call_in_environment(
    context: BuildContext,
    call: Call,
    *,
    root: Path,
    target: Target,
    shell: Mapping[str, str],
    log: Callable[[str], None],
    installed: Callable[[], None],
) -> CallOutcome:
    """Install a closure, and call a handler in it.

    Args:
        context: of the service.
        call: what is called.
        root: the workspace's, so that tracebacks name its files.
        target: what the images are for; its Python is taken where this machine has it.
        shell: the variables there are. The handler gets them, but for what belongs to the shell's own Python.
        log: gets each line that the handler writes.
        installed: called when the environment stands.

    Raises:
        WorkspaceError: when the environment could not be made.
    """
    service = context.service
    with tempfile.TemporaryDirectory(prefix="services-invoke-", ignore_cleanup_errors=True) as name:
        folder = Path(name).resolve()
        try:
            environment = ClosureEnvironment.make(context, folder, python=target.python, offline=False)
        except InstallError as error:
            raise WorkspaceError(
                f"the closure of {service.name} could not be installed: {error.problem}",
                f"{error.remedy or 'fix that'}, or call it with --image",
            ) from error
        installed()
        variables = {
            **_default_region(shell),
            **call.declared,
            **{key: value for key, value in shell.items() if not key.startswith(_OF_THE_SHELL_S_PYTHON)},
            **lambda_variables(service, call.handler),
            "LAMBDA_TASK_ROOT": str(environment.task_root),
            **call.asked,
        }
        with_sources = _shown_sources(environment, root)
        report = _report(environment, call, folder, variables, lambda line: log(with_sources(line)))
        if "failure" in report:
            report["failure"] = with_sources(report["failure"]) + advice(report, *report.get("error", ("", "")))
        version = report.get("python", "of another version")
        where = f"Python {version} of this machine; the image has {target.python} on {target.machine}"
        return CallOutcome.of(report, where)


def _default_region(shell: Mapping[str, str]) -> dict[str, str]:
    """A region, where nothing on this machine says one."""
    if any(shell.get(name) for name in _REGIONS) or Path("~/.aws/config").expanduser().exists():
        return {}
    return {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


def _report(
    environment: ClosureEnvironment, call: Call, folder: Path, variables: Mapping[str, str], log: Callable[[str], None]
) -> dict[str, Any]:
    """Run the program, and read what it reports."""
    request = {
        "handler": call.handler,
        "event": json.loads(call.event),
        "timeout": call.timeout,
        "function": environment.closure.service.name,
        "folders": [str(path) for path in environment.copied],
    }
    (folder / "request.json").write_text(json.dumps(request))
    reading, writing = os.pipe()
    program = started(
        [environment.python, "-IBu", _call_handler.__file__, folder / "request.json", str(writing)],
        cwd=environment.task_root,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        pass_fds=[writing],
    )
    with os.fdopen(reading, "rb", buffering=0) as reports, ExitStack() as stack:
        try:
            process = stack.enter_context(program)
        finally:
            os.close(writing)
        lines = threading.Thread(target=_pass_on, args=(process.stdout, log), daemon=True)
        lines.start()
        try:
            report = _awaited(reports, process, call.timeout)
        finally:
            end(process)
            lines.join(_LOG_ENDS)
    return report


def _pass_on(stream: IO[str] | None, log: Callable[[str], None]) -> None:
    for line in stream or ():
        log(line)


def _awaited(reports: IO[bytes], process: "subprocess.Popen[str]", timeout: int) -> dict[str, Any]:
    """The last report, or what is known when there is none.

    The time that the handler has does not begin before it is imported, as on Lambda.
    """
    report: dict[str, Any] = {}
    text = b""
    until = time.monotonic() + timeout
    while not report.get("done"):
        ready, _, _ = select.select([reports], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            initialised = "initialisation" in report
            return {
                **report,
                **({"duration": float(timeout)} if initialised else {}),
                "memory": _call_handler.peak_memory(str(process.pid)),
                "failure": too_late(timeout, initialised=initialised),
            }
        more = reports.read(65536)
        if not more:
            return {**report, "failure": f"the handler ended the interpreter: {how_it_ended(process.wait())}"}
        text += more
        *lines, text = text.split(b"\n")
        for line in lines:
            report = json.loads(line)
            until = time.monotonic() + timeout
    return report


def _shown_sources(environment: ClosureEnvironment, root: Path) -> Callable[[str], str]:
    """What makes a text name the workspace's files, and no folder that is gone when somebody reads it."""
    ours = re.compile(rf"(?:{re.escape(str(environment.site))}|{re.escape(str(environment.context))})/[\w./-]+")

    def shown(found: re.Match[str]) -> str:
        source = environment.source(Path(found[0]))
        return str(root / source) if source is not None else found[0].removeprefix(f"{environment.site}/")

    return lambda text: ours.sub(shown, text)
