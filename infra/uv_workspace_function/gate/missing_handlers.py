"""Handlers: does each service have the functions that Lambda will call? (UWF007)"""

from collections.abc import Iterator

from uv_workspace_function.code.handlers import HandlerError, SourceError, undecided, written
from uv_workspace_function.code.likely_handlers import unmistakable_handlers
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome
from uv_workspace_function.gate.lines import table_line
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.insight.graph import shown_likely
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.members import Member

CODES_OF_SERVICES = (
    "UWF007",
    "UWF008",
    "UWF009",
    "UWF010",
    "UWF011",
    "UWF012",
    "UWF013",
    "UWF014",
    "UWF015",
    "UWF017",
    "UWF022",
)
"""What is judged of services, their closures and contexts, and of nothing else."""


def check_handlers(scope: Scope) -> Outcome:
    """Look for the handlers of every service in the sources of its closure."""
    findings: list[Finding] = []
    gaps: list[NotChecked] = []
    closures, broken = scope.closures()
    for closure in closures:
        service = closure.service
        if len(service.handlers) > 1 and not service.declared_handlers:
            gaps.append(_undecided(service))
            continue
        findings += _missing(closure)
    gaps += [
        NotChecked(codes=("UWF007",), member=service.name, reason=str(error), remedy="fix the lock first")
        for service, error in broken
    ]
    return Outcome(findings=tuple(findings), not_checked=tuple(gaps))


def check_there_are_services(scope: Scope) -> Outcome:
    """Say what was not judged where no member is a service, or one may be that is taken for a library: silence would look like "clean"."""
    workspace = scope.workspace
    everybody = (*workspace.members, *workspace.standalone)
    if not scope.whole or not everybody:
        return Outcome()
    taken = {member: told for member in everybody if (told := _taken_for_library(member)) is not None}
    if workspace.services:
        return Outcome(notes=tuple(f"{member.name} {reason}: {remedy}" for member, (reason, remedy) in taken.items()))
    gaps = [
        NotChecked(codes=CODES_OF_SERVICES, member=member.name, reason=f"it {reason}", remedy=remedy)
        for member, (reason, remedy) in taken.items()
    ]
    likely = shown_likely([member for member in everybody if member not in taken])
    if not taken or likely:
        whose = "other member" if taken else "member"
        gap = NotChecked(
            codes=CODES_OF_SERVICES,
            reason=f"no {whose} has a handler, so there is no service to judge{likely}",
            remedy=(
                f"give one a <module>/main.py with a `handler`, or name its function as `handler` in its [tool.{OUR_TABLE}]"
            ),
        )
        gaps.insert(0, gap)
    return Outcome(not_checked=tuple(gaps))


def _taken_for_library(member: Member) -> tuple[str, str] | None:
    """What to say of a member that has a handler by name and signature, declares none, and is what another one needs; and its remedy."""
    users = member.users(member)
    if not users or member.settings.handlers is not None or not (found := unmistakable_handlers(member)):
        return None
    table = f"[tool.{OUR_TABLE}] of {member.folder / PYPROJECT}"
    return (
        f"has what looks like a handler ({', '.join(found)}), but is taken for a library, since {', '.join(users)} needs it at run time",
        f"in {table} say {written(found)} if it is a service as well, else handler = []",
    )


def _missing(closure: Closure) -> Iterator[Finding]:
    service = closure.service
    for handler in service.handlers:
        try:
            closure.handler(handler)
        except SourceError:
            continue  # told by itself (UWF006)
        except HandlerError as error:
            yield _finding(service, handler, error)


def _undecided(service: Member) -> NotChecked:
    error = undecided(service, service.handlers, declared=False)
    return NotChecked(
        codes=("UWF007",), member=service.name, reason=error.problem, remedy=error.remedy or "name one of them"
    )


def _finding(service: Member, handler: str, error: HandlerError) -> Finding:
    path = service.path / PYPROJECT
    return Finding(
        code="UWF007",
        file=(service.folder / PYPROJECT).as_posix(),
        line=table_line(path, f"tool.{OUR_TABLE}", "handler") or 1,
        member=service.name,
        problem=error.problem,
        remedy=error.remedy or "define it, or name another one as `handler` in [tool.uv-workspace-function]",
        subject=handler,
    )
