"""Each handler on its own: imported in an environment that holds its service's closure and nothing else (UWF011).

The environment is made from the service's build context, offline, so from uv's cache. It has the Python that uv finds on
this machine: packages are this machine's, and so is the version, which the report tells.
"""

import json
import os
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome, join
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.processes import programs
from uv_workspace_function.running import _call_handler
from uv_workspace_function.running.closure_environment import ClosureEnvironment, InstallError
from uv_workspace_function.running.lambda_variables import REGION, declared_variables, lambda_variables
from uv_workspace_function.running.outcome import how_it_ended
from uv_workspace_function.workspace.members import Member

_CODES = ("UWF011",)
_TIMEOUT = 60  # seconds; Lambda itself allows 10 for an import before it starts over
_NO_ACCOUNT = {
    # clients made at import ask for a region and for credentials; what they are is of no matter
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_SESSION_TOKEN": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# What code raises when it is wrong, whatever its surroundings; other exceptions may come of them.
_CODE_IS_WRONG = ("ImportError", "SyntaxError", "NameError", "AttributeError", "TypeError")


def check_alone(scope: Scope) -> Outcome:
    """Import every service's handler, each in an environment of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="services-check-") as folder,
        ThreadPoolExecutor(programs.processors()) as pool,
    ):
        folders = [Path(folder, service.name) for service in scope.services]
        outcomes = list(pool.map(lambda pair: _alone(scope, *pair), zip(scope.services, folders, strict=True)))
    notes = sorted({note for outcome in outcomes for note in outcome.notes})
    joined = join(*outcomes)
    return Outcome(findings=joined.findings, not_checked=joined.not_checked, notes=tuple(notes))


def _alone(scope: Scope, service: Member, folder: Path) -> Outcome:
    try:
        context = BuildContext.of(scope.workspace, service.name)
        handlers = [context.closure.handler(declared) for declared in service.declared_handlers or (None,)]
        environment = ClosureEnvironment.make(context, folder, python=scope.target.python, offline=True)
    except InstallError as error:
        return _gap(service, f"its closure could not be installed from uv's cache: {error}", _FETCH)
    except WorkspaceError as error:
        return _gap(service, str(error), "fix it, then run the check again")
    return join(*(_imported(scope, environment, handler, folder) for handler in handlers))


_FETCH = "fetch its packages into uv's cache (`uv sync --package NAME`), with a Python that the service allows"


def _imported(scope: Scope, environment: ClosureEnvironment, handler: str, folder: Path) -> Outcome:
    """Import a handler in the environment that was made for it."""
    service = environment.closure.service
    request, result = folder / "request.json", folder / "result.jsonl"
    asked = {"handler": handler, "timeout": _TIMEOUT, "function": service.name, "folders": environment.copied}
    request.write_text(json.dumps(asked, default=str))
    try:
        with result.open("wb") as stream:
            ended = programs.run(
                [environment.python, "-I", "-B", _call_handler.__file__, request, str(stream.fileno())],
                cwd=environment.task_root,
                env={
                    "PATH": os.environ.get("PATH", ""),
                    "HOME": str(folder),
                    **_NO_ACCOUNT,
                    **lambda_variables(service, handler),
                    **declared_variables(scope.workspace, service),
                },
                timeout=_TIMEOUT,
                pass_fds=[stream.fileno()],
            )
    except subprocess.TimeoutExpired:
        return _gap(
            service, f"importing {handler} took more than {_TIMEOUT} s", "import it by hand and see what it waits for"
        )
    except OSError as error:
        return _gap(service, f"{environment.python} could not be run: {error.strerror}", "make it run")
    whole_lines = result.read_bytes().split(b"\n")[:-1]
    report: dict[str, Any] = json.loads(whole_lines[-1]) if whole_lines else {}
    if "done" not in report:
        how = how_it_ended(ended.returncode)
        return _gap(
            service, f"importing {handler} ended the interpreter: {how}", "import it by hand and see what ends it"
        )
    note = (
        f"UWF011: handlers were imported with Python {report['python']} on this machine; "
        f"the images have {scope.target.python} on {scope.target.machine}"
    )
    if "error" not in report:
        return Outcome(notes=(note,))
    text = ": ".join(report["error"])
    if not set(report["kinds"]) & set(_CODE_IS_WRONG):
        gap = _gap(
            service,
            f"importing {handler} raised {text}",
            f"if it wants an environment variable, set one in [tool.{OUR_TABLE}.check.environment] of {_pyproject(service)}",
        )
        return join(gap, Outcome(notes=(note,)))
    file, line = _place(environment, report["frames"]) or (_pyproject(service), 1)
    finding = Finding(
        code="UWF011",
        file=file,
        line=line,
        member=service.name,
        problem=f"{handler} does not import in an environment that holds only the closure of {service.name}: {text}",
        remedy=_remedy(scope, environment, report),
        subject=handler,
    )
    return Outcome(findings=(finding,), notes=(note,))


def _remedy(scope: Scope, environment: ClosureEnvironment, report: dict[str, Any]) -> str:
    """What to do about code that does not import, by what is missing: a package, code that was left out, or none of both."""
    kind, text = (*report["error"], "")[:2]
    missing = re.search(
        r"No module named '([\w.]+)'|cannot import name '\w+' from (?:partially initialized module )?'([\w.]+)'", text
    )
    if kind not in ("ModuleNotFoundError", "ImportError") or missing is None:
        return "correct it there, and call it once: `services invoke`"
    module = missing[1] or missing[2]
    top = module.partition(".")[0]
    for member in environment.closure.local:
        if top not in {one.name.partition(".")[0] for one in member.layout.modules}:
            continue
        dropped = WorkspaceFiles.of(scope.workspace).files(scope.workspace, member).dropped
        end = module.replace(".", "/")
        lost = next((d for d in dropped if d.path.rstrip("/").removesuffix(".py").endswith(end)), None)
        if lost is not None:
            return (
                f"{lost.path} is left out of every image ({lost.reason}): `include` in [tool.{OUR_TABLE}] of "
                f"{member.folder / PYPROJECT} takes what is no secret and no tool's own; or give it another name"
            )
        return f"{top} is {member.name}'s own: correct the import, or see `services prune {environment.closure.service.name} --list`"
    return "declare what it imports where it imports it: `uv add --package MEMBER PACKAGE`"


def _place(environment: ClosureEnvironment, frames: list[list[object]]) -> tuple[str, int] | None:
    """The innermost line of the workspace's own that a traceback goes through."""
    for file, line in reversed(frames):
        source = environment.source(Path(str(file)))
        if source is not None:
            return source.as_posix(), int(str(line))
    return None


def _pyproject(service: Member) -> str:
    return (service.folder / PYPROJECT).as_posix()


def _gap(service: Member, reason: str, remedy: str) -> Outcome:
    return Outcome(not_checked=(NotChecked(codes=_CODES, member=service.name, reason=reason, remedy=remedy),))
