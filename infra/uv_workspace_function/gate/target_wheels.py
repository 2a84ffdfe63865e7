"""Wheels: does every third-party package of a service have one for the target? (UWF008)"""

from pathlib import PurePosixPath

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome
from uv_workspace_function.gate.lines import line_of, requirement_line
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.pyproject import PYPROJECT
from uv_workspace_function.target.wheels import MissingWheel, built_from_source, check_wheels, refuse_other_environments
from uv_workspace_function.workspace.closure import Closure


def check_targets(scope: Scope) -> Outcome:
    """Look for wheels for the target in the lock of every service."""
    findings = []
    closures, broken = scope.closures()
    for closure in closures:
        try:
            refuse_other_environments(closure.selection, scope.target)
        except WorkspaceError as error:
            findings.append(_refused(closure, error, closure.project.folder, setting="environments"))
            continue
        try:
            allowed = built_from_source(closure)
        except WorkspaceError as error:
            findings.append(_refused(closure, error, closure.service.folder, setting="build-from-source"))
            continue
        missing = check_wheels(
            closure.selection,
            scope.target,
            build_from_source=allowed,
            no_binary=closure.project.uv_settings.no_binary_package,
        )
        findings += [_finding(closure, package) for package in missing]
    gaps = [
        NotChecked(codes=("UWF008",), member=service.name, reason=str(error), remedy="fix the lock first")
        for service, error in broken
    ]
    return Outcome(findings=tuple(findings), not_checked=tuple(gaps))


def _refused(closure: Closure, error: WorkspaceError, folder: PurePosixPath, *, setting: str) -> Finding:
    """A setting in the `pyproject.toml` of a folder without which the wheels cannot be looked for."""
    return Finding(
        code="UWF008",
        file=(folder / PYPROJECT).as_posix(),
        line=line_of(closure.service.root / folder / PYPROJECT, rf"^\s*{setting}\s*=") or 1,
        member=closure.service.name,
        problem=error.problem,
        remedy=error.remedy or "correct it",
        subject=closure.service.name,
    )


def _finding(closure: Closure, missing: MissingWheel) -> Finding:
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
        problem=missing.problem,
        remedy=missing.remedy,
        subject=missing.package.name,
    )
