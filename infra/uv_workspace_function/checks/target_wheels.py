"""Wheels: does every third-party package of a service have one for the target? (UWF008)"""

from uv_workspace_function.checks.findings import Finding, NotChecked, Outcome
from uv_workspace_function.checks.places import requirement_line
from uv_workspace_function.checks.scope import Scope
from uv_workspace_function.membership import PYPROJECT
from uv_workspace_function.wheels import MissingWheel, check_wheels
from uv_workspace_function.workspace import Closure


def check_targets(scope: Scope) -> Outcome:
    """Look for wheels for the target in the lock of every service."""
    findings = []
    closures, broken = scope.closures()
    for closure in closures:
        allowed = closure.service.settings.get("build-from-source", ())
        missing = check_wheels(
            closure.selection, scope.target, build_from_source=allowed, no_binary=closure.project.no_binary
        )
        findings += [_finding(closure, package) for package in missing]
    gaps = [
        NotChecked(codes=("UWF008",), member=service.name, reason=str(error), remedy="mend the lock first")
        for service, error in broken
    ]
    return Outcome(findings=tuple(findings), not_checked=tuple(gaps))


def _finding(closure: Closure, missing: MissingWheel) -> Finding:
    what, _, remedy = str(missing).rpartition("; ")
    # the nearest requirement that the workspace itself writes: the last local package on the way
    local = {member.name: member for member in closure.local}
    chain = [*missing.needed_by, missing.package.name]
    last = max(at for at, name in enumerate(chain) if name in local)
    owner = local[chain[last]]
    return Finding(
        code="UWF008",
        file=(owner.folder / PYPROJECT).as_posix(),
        line=requirement_line(owner.path / PYPROJECT, chain[last + 1]) or 1,
        member=closure.service.name,
        what=what,
        remedy=remedy,
        subject=missing.package.name,
    )
