"""Each handler alone: imported in an environment that holds its service's closure and nothing else (UWF011).

The environment is made from the service's build context, offline, so from uv's cache. It has the Python that uv finds on
this machine: packages are this machine's, and so is the version, which the report tells.
"""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path, PurePosixPath

from uv_workspace_function import definitions
from uv_workspace_function.build_context import BuildContext
from uv_workspace_function.checks import _import_handler
from uv_workspace_function.checks.findings import Finding, NotChecked, Outcome, join
from uv_workspace_function.checks.locks import first_line, run_uv
from uv_workspace_function.checks.scope import Scope
from uv_workspace_function.documents import table
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.membership import PYPROJECT
from uv_workspace_function.workspace import OUR_TABLE, Closure, Member

_CODES = ("UWF011",)
_TIMEOUT = 60  # seconds; Lambda itself allows 10 for an import before it starts over
_LAMBDA = {
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html; clients made at import ask for a region
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "none",
    "AWS_SECRET_ACCESS_KEY": "none",
    "AWS_SESSION_TOKEN": "none",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
    "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
    "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/none",
    "AWS_LAMBDA_LOG_STREAM_NAME": "none",
    "LANG": "en_US.UTF-8",
    "TZ": ":UTC",
}
# What code raises when it is wrong, whatever its surroundings; other exceptions may come of them.
_CODE_IS_WRONG = ("ImportError", "SyntaxError", "NameError", "AttributeError", "TypeError")


def check_alone(scope: Scope) -> Outcome:
    """Import every service's handler, each in an environment of its own."""
    with tempfile.TemporaryDirectory(prefix="services-check-") as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        folders = [Path(folder, service.name) for service in scope.services]
        outcomes = list(pool.map(lambda pair: _alone(scope, *pair), zip(scope.services, folders, strict=True)))
    notes = sorted({note for outcome in outcomes for note in outcome.notes})
    joined = join(*outcomes)
    return Outcome(findings=joined.findings, not_checked=joined.not_checked, notes=tuple(notes))


def _alone(scope: Scope, service: Member, folder: Path) -> Outcome:
    try:
        context = BuildContext.of(scope.workspace, service.name)
        handler = context.closure.handler()
        context.write(folder / "context")
    except WorkspaceError as error:
        return _gap(service, str(error), "mend it, then run the check again")
    environment = folder / "environment"
    problem = _installed(context, folder / "context", environment)
    if problem is not None:
        return _gap(service, f"its closure could not be installed from uv's cache: {problem}", _FETCH)
    return _imported(scope, context.closure, handler, folder)


_FETCH = "fetch its packages into uv's cache (`uv sync --package NAME`), with a Python that the service allows"


def _installed(context: BuildContext, root: Path, environment: Path) -> str | None:
    """Install a closure; why it could not be done, or None."""
    closure = context.closure
    variables = {
        key: value for member in closure.sources for key, value in definitions.version_variables(member).items()
    }
    answer = run_uv(
        *("sync", "--frozen", "--offline", "--no-default-groups", "--no-editable", "--package", closure.service.name),
        cwd=root / closure.project.folder,
        variables={**variables, "UV_PROJECT_ENVIRONMENT": str(environment)},
    )
    if answer is None:
        return "uv could not be run"
    return first_line(answer.text) if answer.code else None


def _imported(scope: Scope, closure: Closure, handler: str, folder: Path) -> Outcome:
    """Import a handler in the environment that was made for it."""
    service = closure.service
    environment, result = folder / "environment", folder / "result.json"
    copied = [_copied(folder / "context", member) for member in closure.local if not member.is_package]
    site = next(environment.glob("lib*/python3*/site-packages"))
    everywhere = table(scope.workspace.project.pyproject, "tool", OUR_TABLE, "check", "environment")
    given = {
        key: str(value) for key, value in {**everywhere, **table(service.settings, "check", "environment")}.items()
    }
    try:
        subprocess.run(
            [environment / "bin" / "python", "-I", "-B", _import_handler.__file__, handler, result, *copied],
            cwd=copied[0] if copied and not service.is_package else site,
            env={
                "PATH": os.environ.get("PATH", ""),
                "HOME": str(folder),
                **_LAMBDA,
                **_lambda_names(service, handler),
                **given,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        said = json.loads(result.read_bytes())
    except subprocess.TimeoutExpired:
        return _gap(
            service, f"importing {handler} took more than {_TIMEOUT} s", "import it by hand and see what it waits for"
        )
    except (OSError, ValueError) as error:
        return _gap(
            service, f"importing {handler} ended the interpreter: {error}", "import it by hand and see what ends it"
        )
    note = (
        f"UWF011: handlers were imported with Python {said['python']} on this machine; "
        f"the images have {scope.target.python} on {scope.target.machine}"
    )
    if said["error"] is None:
        return Outcome(notes=(note,))
    text = f"{said['error']}: {said['text']}"
    if not set(said["kinds"]) & set(_CODE_IS_WRONG):
        gap = _gap(
            service,
            f"importing {handler} raised {text}",
            f"if it wants an environment variable, set one in [tool.{OUR_TABLE}.check.environment] of {_pyproject(service)}",
        )
        return join(gap, Outcome(notes=(note,)))
    file, line = _place(closure, folder / "context", site, said["frames"]) or (_pyproject(service), 1)
    finding = Finding(
        code="UWF011",
        file=file,
        line=line,
        member=service.name,
        what=f"{handler} does not import in an environment that holds the closure of {service.name} alone: {text}",
        remedy="declare what it imports where it imports it: `uv add --package MEMBER PACKAGE`",
        subject=handler,
    )
    return Outcome(findings=(finding,), notes=(note,))


def _copied(context: Path, member: Member) -> str:
    """Where the modules of a member that is not built lie in the context; the image has them at its top."""
    folder = context / member.folder
    return str(folder / "src" if (folder / "src").is_dir() else folder)


def _lambda_names(service: Member, handler: str) -> Mapping[str, str]:
    return {"AWS_LAMBDA_FUNCTION_NAME": service.name, "_HANDLER": handler}


def _place(closure: Closure, context: Path, site: Path, frames: list[list[object]]) -> tuple[str, int] | None:
    """The innermost line of the workspace's own that a traceback goes through."""
    for file, line in reversed(frames):
        path = Path(str(file))
        if path.is_relative_to(context):
            return path.relative_to(context).as_posix(), int(str(line))
        if not path.is_relative_to(site):
            continue
        inside = path.relative_to(site)
        for member in closure.local:
            for module in member.layout.modules:
                installed = Path(*module.name.split("."))
                if module.path.suffix == ".py" and inside == installed.with_suffix(".py"):
                    return (member.folder / module.path).as_posix(), int(str(line))
                if inside.is_relative_to(installed):
                    rest = PurePosixPath(*inside.relative_to(installed).parts)
                    return (member.folder / module.path / rest).as_posix(), int(str(line))
    return None


def _pyproject(service: Member) -> str:
    return (service.folder / PYPROJECT).as_posix()


def _gap(service: Member, reason: str, remedy: str) -> Outcome:
    return Outcome(not_checked=(NotChecked(codes=_CODES, member=service.name, reason=reason, remedy=remedy),))
