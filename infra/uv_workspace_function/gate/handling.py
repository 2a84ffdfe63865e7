"""Handlers: does each service have the function that Lambda is told to call? (UWF007)"""

from uv_workspace_function.code.handlers import HandlerError, SourceError
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome
from uv_workspace_function.gate.places import table_line
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.workspace.members import Member


def check_handlers(scope: Scope) -> Outcome:
    """Look for the handler of every service in the sources of its closure."""
    findings = []
    closures, broken = scope.closures()
    for closure in closures:
        service = closure.service
        try:
            closure.handler()
        except SourceError:
            continue  # told by itself (UWF006)
        except HandlerError as error:
            findings.append(_finding(service, error))
    gaps = [
        NotChecked(codes=("UWF007",), member=service.name, reason=str(error), remedy="mend the lock first")
        for service, error in broken
    ]
    return Outcome(findings=tuple(findings), not_checked=tuple(gaps))


def _finding(service: Member, error: HandlerError) -> Finding:
    line = table_line(service.path / PYPROJECT, f"tool.{OUR_TABLE}", "handler")
    return Finding(
        code="UWF007",
        file=(service.folder / PYPROJECT).as_posix(),
        line=line or 1,
        member=service.name,
        what=error.problem,
        remedy=error.remedy or f"define it, or name another one as `handler` in [tool.{OUR_TABLE}]",
        subject=service.handler or service.name,
    )
