"""Files that git tracks and no image has (UWF022): an ignore rule names them, or they are called as caches and tools are; and code that a link
brings in from outside the repository.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from uv_workspace_function.context.files import Dropped
from uv_workspace_function.context.git_configuration import first_of
from uv_workspace_function.context.wanted import Cause
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.findings import Finding, Outcome
from uv_workspace_function.gate.ignore_rules import ignoring_rule
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.insight.git_history import History
from uv_workspace_function.workspace.members import Member

_IGNORED = (Cause.IGNORED, Cause.IN_IGNORED_FOLDER)
_BY_NAME = (Cause.NEVER, Cause.BYTECODE, Cause.CACHE, Cause.NODE_MODULES, Cause.CDK_OUT, Cause.ENVIRONMENT)


def check_left_out(scope: Scope) -> Outcome:
    """Ask git which of the files that contexts leave out are committed all the same."""
    closures, _ = scope.closures()
    dropped: dict[Member, list[Dropped]] = {}
    for member in {member: None for closure in closures for member in closure.sources}:
        try:
            found = WorkspaceFiles.of(scope.workspace).files(scope.workspace, member).dropped
        except WorkspaceError:
            continue  # the check of contexts tells
        if of_interest := [
            entry for entry in found if entry.cause in (*_IGNORED, *_BY_NAME) or _is_linked_code(member, entry)
        ]:
            dropped[member] = of_interest
    if not dropped:
        return Outcome()
    try:
        history = History.at(scope.workspace.root)
        tracked = history.paths()
    except WorkspaceError:
        tracked = frozenset()  # no repository: nothing is committed
    # a folder that a rule ignores can hold what is named, and enters
    taken = {
        path for member in dropped for path in WorkspaceFiles.of(scope.workspace).files(scope.workspace, member).files
    }
    return Outcome(findings=tuple(_findings(scope, dropped.items(), tracked - taken)))


def _is_linked_code(member: Member, entry: Dropped) -> bool:
    """Whether it is a link out of the repository that a module of the member begins with, or has in it."""
    if entry.cause is not Cause.LINK_OUT:
        return False
    link = PurePosixPath(entry.path)
    modules = (member.folder / module.path for module in member.layout.modules)
    return any(link.is_relative_to(module) or module.is_relative_to(link) for module in modules)


def _findings(
    scope: Scope, dropped: Iterable[tuple[Member, list[Dropped]]], tracked: frozenset[str]
) -> Iterator[Finding]:
    for member, entries in dropped:
        for entry in entries:
            files = [entry.path] if entry.path in tracked else []
            if entry.path.endswith("/"):
                files = sorted(path for path in tracked if path.startswith(entry.path))
            if entry.cause is Cause.LINK_OUT:
                yield _of_a_link(member, entry)
            elif files:
                yield _finding(scope, member, entry, files)


def _finding(scope: Scope, member: Member, entry: Dropped, files: list[str]) -> Finding:
    reason, table = entry.reason, f"[tool.{OUR_TABLE}] of {member.folder / PYPROJECT}"
    remedy = "take it out of the commit (`git rm --cached`), or give it another name"
    if entry.cause in _IGNORED:
        repository = WorkspaceFiles.of(scope.workspace).repository
        reason = ignoring_rule(repository, repository.root / entry.path.rstrip("/")) or reason
        inside = PurePosixPath(entry.path).relative_to(member.folder)
        glob = f"{inside}/**" if entry.path.endswith("/") else str(inside)
        remedy = (
            f'change that rule; or include = ["{glob}"] in {table} takes it all the same; or take it out of the commit'
        )
    return Finding(
        code="UWF022",
        file=files[0],
        line=1,
        member=member.name,
        problem=f"{first_of(files)} is committed, and left out of every image: {reason}",
        remedy=remedy,
        subject=entry.path.rstrip("/"),
    )


def _of_a_link(member: Member, entry: Dropped) -> Finding:
    return Finding(
        code="UWF022",
        file=entry.path,
        line=1,
        member=member.name,
        problem=f"{entry.path} is left out of every image: {entry.reason}",
        remedy="put what it leads to into the repository, or make that a package and depend on it",
        subject=entry.path,
    )
