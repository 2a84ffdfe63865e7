"""Locks: is each that of its project, and can the requirements be met together? uv itself is asked."""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from uv_workspace_function.definitions.pyproject import PYPROJECT, Pyproject
from uv_workspace_function.definitions.toml import read_toml
from uv_workspace_function.definitions.uv_settings import UvSettings
from uv_workspace_function.errors import LockError, WorkspaceError
from uv_workspace_function.gate.findings import Finding, NotChecked, Outcome, join
from uv_workspace_function.gate.scope import Scope
from uv_workspace_function.uv import ask_online, export
from uv_workspace_function.workspace.configuration import UV_TOML
from uv_workspace_function.workspace.freshness import why_unknown
from uv_workspace_function.workspace.lock import LOCK_NAME
from uv_workspace_function.workspace.members import Member, Project

_CODES = ("UWF001", "UWF002")
_WAYS_OUT = (
    "ask for versions that agree; or make one of them a standalone project: list its folder in `exclude` of "
    "[tool.uv.workspace] and lock it there; or declare them in [tool.uv] `conflicts`, if no service needs both"
)
_STALE = ("needs to be updated", "is missing or out of date")
_OFFLINE = (
    "network was disabled",
    "not found in the cache",
    "Failed to fetch",
    "error sending request",
    "Network connectivity",
    "dns error",
    "Could not connect",
    "Request failed after",
    "tcp connect error",
    "operation timed out",
)

# An index would not help.
_OF_THE_MACHINE = ("Python interpreter", "No interpreter found", "Required uv version")


def check_locks(scope: Scope, *, offline: bool = False) -> Outcome:
    """Ask uv of the workspace's lock, and of that of every standalone project (UWF001, UWF002).

    Args:
        scope: what is judged.
        offline: whether uv is asked only what takes no index, no credential and no build backend.
    """
    root = scope.workspace.root
    outcomes = []
    for project in scope.projects:
        members = (*scope.workspace.members, *scope.workspace.standalone)
        answer = _offline(scope, project) if offline else check_lock(root, project.folder, members)
        if answer.not_checked and not offline:
            answer = join(Outcome(findings=_offline(scope, project).findings), answer)
        elif not answer.findings and project.pyproject.uv.conflicts:
            answer = _exports(scope, project)
        outcomes.append(answer)
    return join(*outcomes)


def check_lock(root: Path, folder: PurePosixPath, members: Iterable[Member] = ()) -> Outcome:
    """Ask uv of one project's lock.

    Args:
        root: the workspace's root.
        folder: the project's, relative to it.
        members: local packages, which can name indexes too.
    """
    where = root / folder
    missing = not (where / LOCK_NAME).is_file()
    answer = ask_online(
        where, requires_python=_pythons(where), indexes=_indexes(root, folder, members), locked=not missing
    )
    if answer is None:
        return _gap(folder, "uv could not be run", "install uv (https://docs.astral.sh/uv) and put it on PATH")
    lock = (folder / LOCK_NAME).as_posix()
    if answer.code == 0:
        return Outcome(
            findings=(_lock_finding(folder, f"there is no {lock}", (folder / PYPROJECT).as_posix()),) if missing else ()
        )
    said = answer.reason
    if any(sign in answer.text for sign in _OFFLINE):
        return _gap(
            folder, f"uv could not reach a package index: {said}", "run the check where the index can be reached"
        )
    if "No solution found" in answer.text or "conflicting" in answer.text:
        return Outcome(findings=(_unmet(folder, answer.text),))
    if any(sign in answer.text for sign in _STALE):
        return Outcome(findings=(_not_of_its_files(folder),))
    return _gap(folder, f"uv could not tell: {said}", "fix what uv says, then run the check again")


def _pythons(project: Path) -> str:
    """The Pythons that a project is for: its lock's, else its own."""
    for name in (LOCK_NAME, PYPROJECT):
        try:
            text = (project / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        if found := re.search(r'^requires-python\s*=\s*"([^"]*)"', text, re.MULTILINE):
            return found[1]
    return ""


def _indexes(root: Path, folder: PurePosixPath, members: Iterable[Member]) -> frozenset[str]:
    """The names of the indexes that the workspace and a project of it name."""

    def settings() -> Iterator[UvSettings]:
        for where in (root, root / folder):
            with suppress(WorkspaceError):
                yield read_toml(where / UV_TOML, UvSettings.from_dict)
            with suppress(WorkspaceError):
                yield Pyproject.load(where / PYPROJECT).uv
        yield from (member.pyproject.uv for member in members)

    return frozenset(name for one in settings() for name in one.index_names)


def _unmet(folder: PurePosixPath, said: str) -> Finding:
    """The finding for requirements that cannot be met together: in uv's own words, which change from one release to the next."""
    lines = [line.strip() for line in said.splitlines() if not line.startswith("Using CPython")]
    file = (folder / PYPROJECT).as_posix()
    return Finding(
        code="UWF002",
        file=file,
        line=1,
        problem="the requirements cannot be met together",
        remedy=_WAYS_OUT,
        subject=file,
        detail=tuple(line for line in lines if line),
    )


def _not_of_its_files(folder: PurePosixPath) -> Finding:
    lock = (folder / LOCK_NAME).as_posix()
    return _lock_finding(folder, f"{lock} does not match its {PYPROJECT} files", lock)


def _lock_finding(folder: PurePosixPath, what: str, file: str) -> Finding:
    lock = (folder / LOCK_NAME).as_posix()
    remedy = f"run `uv lock{_project(folder)}` and commit {lock}"
    return Finding(code="UWF001", file=file, line=1, problem=what, remedy=remedy, subject=lock)


def _gap(folder: PurePosixPath, reason: str, remedy: str) -> Outcome:
    lock = (folder / LOCK_NAME).as_posix()
    return Outcome(not_checked=(NotChecked(codes=_CODES, reason=f"{lock}: {reason}", remedy=remedy),))


def _project(folder: PurePosixPath) -> str:
    return "" if folder == PurePosixPath() else f" --project {folder}"


def _offline(scope: Scope, project: Project) -> Outcome:
    """What uv can tell of a lock without an index."""
    try:
        reason = why_unknown(scope.workspace, project)
    except LockError:
        return Outcome(findings=(_not_of_its_files(project.folder),))
    if reason is not None:
        is_elsewhere = any(sign in reason for sign in _OF_THE_MACHINE)
        remedy = "fix what uv says, then run the check again" if is_elsewhere else "run the check without --offline"
        return _gap(project.folder, f"uv cannot tell offline: {reason}", remedy)
    return Outcome()


def _exports(scope: Scope, project: Project) -> Outcome:
    """Under declared `conflicts`: does each service still export on its own?"""
    findings = []
    for service in scope.services:
        if scope.workspace.project_of(service) is not project:
            continue
        folder = scope.workspace.root / project.folder
        answer = export(folder, service.name, requires_python=project.lock.requires_python)
        if answer is not None and answer.code != 0:
            findings.append(
                Finding(
                    code="UWF002",
                    file=(service.folder / PYPROJECT).as_posix(),
                    line=1,
                    member=service.name,
                    problem=f"{service.name} cannot be exported on its own: {answer.reason}",
                    remedy="its closure holds both sides of a conflict that [tool.uv] conflicts declares: drop one of them",
                    subject=service.name,
                )
            )
    return Outcome(findings=tuple(findings))
