"""Wheels: does every third-party package of a service have one for the target? (UWF008)"""

from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.built_for import assets_by_service
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome
from uv_workspace_function.gate.lines import line_of, requirement_line
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import MissingWheel, built_from_source, check_wheels, refuse_other_environments
from uv_workspace_function.workspace.closure import Closure


def check_targets(scope: Scope, cdk_out: Path | None = None) -> Outcome:
    """Look for wheels in the lock of every service.

    Args:
        scope: what is judged, and the target of services that no assembly tells of.
        cdk_out: a cloud assembly, which says of each service what its images are built for and with which extras.
    """
    images = assets_by_service(cdk_out)
    findings: list[Finding] = []
    gaps: list[NotChecked] = []
    for service in scope.services:
        try:
            if service.name in images:
                for image in images[service.name]:
                    closure = scope.workspace.closure(service.name, image.extras)
                    target = image.target(scope.target)
                    closure.check_python(target.python)
                    findings += _judge(closure, target, image.build_from_source)
            else:
                # wheels for a Python that it excludes are nobody's concern
                scope.closure(service).check_python(scope.target.python)
                findings += _judge(scope.closure(service), scope.target, None)
        except WorkspaceError as error:
            gaps.append(
                NotChecked(
                    codes=("UWF008",),
                    member=service.name,
                    reason=error.problem,
                    remedy=error.remedy or "fix that, then run the check again",
                )
            )
    return Outcome(findings=tuple(findings), not_checked=tuple(gaps))


def _judge(closure: Closure, target: Target, build_from_source: Collection[str] | None) -> Iterator[Finding]:
    try:
        refuse_other_environments(closure.selection, target)
    except WorkspaceError as error:
        yield _refused(closure, error, closure.project.folder, setting="environments")
        return
    try:
        allowed = built_from_source(closure, build_from_source)
    except WorkspaceError as error:
        yield _refused(closure, error, closure.service.folder, setting="build-from-source")
        return
    missing = check_wheels(
        closure.selection,
        target,
        build_from_source=allowed,
        no_binary=closure.project.uv_settings.no_binary_package,
    )
    yield from (_finding(closure, package) for package in missing)


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
