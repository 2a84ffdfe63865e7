"""All checks, one after the other, and one report."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.allowed import without_allowed
from uv_workspace_function.gate.build_programs import check_build_programs
from uv_workspace_function.gate.contexts import check_contexts
from uv_workspace_function.gate.credentials import check_credentials
from uv_workspace_function.gate.findings import CODES, Finding, NotChecked, Outcome, Report, join, together
from uv_workspace_function.gate.imports.check import check_imports
from uv_workspace_function.gate.isolation import check_alone
from uv_workspace_function.gate.left_out import check_left_out
from uv_workspace_function.gate.locks import check_lock, check_locks
from uv_workspace_function.gate.missing_handlers import CODES_OF_SERVICES, check_handlers, check_there_are_services
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.gate.target_wheels import check_targets
from uv_workspace_function.gate.usage import check_deployed, check_libraries
from uv_workspace_function.gate.working_tree import check_working_tree
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace

_Check = tuple[Callable[[Scope], Outcome], tuple[str, ...]]


def check(
    root: Path,
    target: Target,
    services: Iterable[str] = (),
    *,
    isolated: bool = False,
    offline: bool = False,
    cdk_out: Path | None = None,
) -> Report:
    """Judge a workspace.

    Args:
        root: the workspace's root.
        target: what the images run on.
        services: package names; none means everything.
        isolated: whether to import each handler in an environment of its own, which runs code of the workspace.
        offline: whether uv is asked only what takes no index, no credential and no build backend.
        cdk_out: a cloud assembly: which services are deployed, and what their images are built for.

    Raises:
        WorkspaceError: when a named service is none.
    """
    try:
        workspace = Workspace.load(root)
    except WorkspaceError as error:
        return _unloadable(root, error, offline=offline)
    scope = Scope.of(workspace, target, services)
    checks: list[_Check] = [
        (check_there_are_services, CODES_OF_SERVICES),
        (lambda scope: check_locks(scope, offline=offline), ("UWF001", "UWF002")),
        (check_imports, ("UWF003", "UWF004", "UWF005", "UWF006", "UWF018")),
        (check_handlers, ("UWF007",)),
        (lambda scope: check_targets(scope, cdk_out), ("UWF008",)),
        (check_libraries, ("UWF009",)),
        (lambda scope: check_deployed(scope, cdk_out), ("UWF010",)),
        (
            lambda scope: check_contexts(scope, cdk_out),
            ("UWF012", "UWF013", "UWF014", "UWF015", "UWF016", "UWF017", "UWF021"),
        ),
        (check_credentials, ("UWF020",)),
        (check_working_tree, ("UWF021",)),
        (check_left_out, ("UWF022",)),
        (check_build_programs, ()),
    ]
    if isolated:
        checks.append((check_alone, ("UWF011",)))
    outcome = join(*(_guarded(run, codes, scope) for run, codes in checks))
    if not isolated:
        outcome = join(outcome, Outcome(notes=(_NOT_ISOLATED,)))
    kept, allowed = without_allowed(outcome.findings, scope)
    skipped = {"UWF011"} if not isolated else set()
    skipped |= {"UWF010", "UWF016"} if cdk_out is None else set()
    return replace(
        _report(kept, outcome, allowed),
        skipped=frozenset(skipped),
        members=None if scope.whole else frozenset(member.name for member in scope.members),
    )


_NOT_ISOLATED = "UWF011 (handlers that do not import on their own) was skipped: it runs code of the workspace, so it needs --isolated"


def _guarded(run: Callable[[Scope], Outcome], codes: tuple[str, ...], scope: Scope) -> Outcome:
    try:
        return run(scope)
    except (WorkspaceError, OSError) as error:
        reason, remedy = _told(error)
        return Outcome(not_checked=(NotChecked(codes=codes, reason=reason, remedy=remedy),))


def _told(error: WorkspaceError | OSError) -> tuple[str, str]:
    """An error as the reason why something could not be checked, and what to do first."""
    problem, remedy = (error.problem, error.remedy) if isinstance(error, WorkspaceError) else (str(error), None)
    return problem, f"{remedy or 'fix it'}; then run the check again"


def _unloadable(root: Path, error: WorkspaceError, *, offline: bool) -> Report:
    """What can be said of a workspace that cannot be read: perhaps its lock is stale, or there can be none."""
    if not (root / PYPROJECT).is_file():
        raise error
    root = root.resolve()
    locks = Outcome() if offline else check_lock(root, PurePosixPath())
    reason, remedy = _told(error)
    codes = tuple(code for code in CODES if offline or code not in ("UWF001", "UWF002"))
    gap = NotChecked(codes=codes, reason=reason, remedy=remedy)
    return _report(list(locks.findings), join(locks, Outcome(not_checked=(gap,))), 0)


def _report(findings: list[Finding], outcome: Outcome, allowed: int) -> Report:
    unique = {(f.code, f.file, f.line, f.member, f.subject): f for f in findings}
    ordered = sorted(unique.values(), key=lambda f: (f.member or "", f.file, f.line or 0, f.code, f.subject))
    return Report(
        findings=tuple(together(ordered)), not_checked=outcome.not_checked, notes=outcome.notes, allowed=allowed
    )
