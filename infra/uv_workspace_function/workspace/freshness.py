"""Is a lock that of its definitions? uv says so, offline, once for each lock: docs/decisions/050.

uv would run the build backend of a local package for metadata that `[project]` leaves to it. It is not asked then.
"""

import posixpath
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path, PurePosixPath
from threading import Thread
from weakref import WeakKeyDictionary

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from uv_workspace_function.definitions.pyproject import PYPROJECT, Pyproject
from uv_workspace_function.errors import LockError, WorkspaceError
from uv_workspace_function.uv import ask_offline
from uv_workspace_function.workspace.lock import LOCK_NAME
from uv_workspace_function.workspace.members import Project
from uv_workspace_function.workspace.workspace import Workspace

_FRESH, _STALE = 0, 1
_LEFT_TO_A_BACKEND = frozenset({"dependencies", "optional-dependencies"})


def check_fresh(workspace: Workspace, project: Project) -> str | None:
    """Refuse a lock that uv would resolve anew.

    Args:
        workspace: the workspace.
        project: whose lock it is: the workspace's, or a standalone project's.

    Returns:
        A warning where nobody could tell; None where it is fresh.

    Raises:
        LockError: when it is stale.
    """
    reason = why_unknown(workspace, project)
    if reason is None:
        return None
    return f"{project.folder / LOCK_NAME} was used without checking that it is fresh: {reason}"


def why_unknown(workspace: Workspace, project: Project) -> str | None:
    """Refuse a stale lock, as `check_fresh` does; the reason why one could not be checked, None where it is fresh."""
    if project not in _ANSWERS:
        _answer_into(_ANSWERS.setdefault(project, Future()), workspace, project)
    code, reason = _ANSWERS[project].result()
    if code == _STALE:
        where = f" --project {project.folder}" if project.folder.parts else ""
        raise LockError(
            f"{project.folder / LOCK_NAME} is stale: it does not match what the {PYPROJECT} files ask for now",
            f"run `uv lock{where}`",
        )
    return None if code == _FRESH else reason


def begin(workspace: Workspace) -> None:
    """Ask about the workspace's lock, and go on: `check_fresh` waits for the answer."""
    if workspace.project not in _ANSWERS:
        answer = _ANSWERS.setdefault(workspace.project, Future())
        Thread(target=_answer_into, args=(answer, workspace, workspace.project)).start()


_ANSWERS: WeakKeyDictionary[Project, Future[tuple[int | None, str]]] = WeakKeyDictionary()
"""A lock is of many closures, and asked about once."""


def _answer_into(answer: Future[tuple[int | None, str]], workspace: Workspace, project: Project) -> None:
    try:
        answer.set_result(_answer(workspace, project))
    except BaseException as error:  # noqa: BLE001 - whoever waits for the answer raises it
        answer.set_exception(error)


def _answer(workspace: Workspace, project: Project) -> tuple[int | None, str]:
    packages = dict(_packages(workspace, project))
    for folder, pyproject in packages.items():
        if (why := _needs_backend(pyproject, project)) is not None:
            return None, f"uv would run the build backend of {folder}, which {why}"
    answer = ask_offline(
        workspace.root / project.folder,
        requires_python=project.lock.requires_python,
        asks_versions=any("version" in pyproject.metadata.dynamic for pyproject in packages.values()),
    )
    if answer is None:
        return None, "uv could not be run; put it on PATH (https://docs.astral.sh/uv)"
    return answer.code, answer.reason


def _packages(workspace: Workspace, project: Project) -> Iterator[tuple[PurePosixPath, Pyproject]]:
    """Every folder that uv would read metadata from, locked or not: what is new is not locked yet."""
    folders = {project.folder, *project.local_folders}
    if project is workspace.project:
        folders |= {member.folder for member in workspace.members}
    known: set[PurePosixPath] = set()
    while folders - known:
        folder = min(folders - known)
        known.add(folder)
        try:
            pyproject = Pyproject.load(workspace.root / folder / PYPROJECT)
        except WorkspaceError:
            pyproject = Pyproject()
        if folder != project.folder or pyproject.has_project:
            yield folder, pyproject
        folders |= {path for path in _paths(workspace.root, folder, pyproject) if (workspace.root / path).is_dir()}


def _paths(root: Path, folder: PurePosixPath, pyproject: Pyproject) -> Iterator[PurePosixPath]:
    """Where path dependencies of a package lead, relative to the workspace's root."""
    for source in (source for sources in pyproject.uv.sources.values() for source in sources):
        if source.path is not None:
            yield PurePosixPath(posixpath.normpath(folder / source.path))
    for path in pyproject.file_urls:
        yield PurePosixPath(posixpath.relpath(path, root))


def _needs_backend(pyproject: Pyproject, project: Project) -> str | None:
    """What uv would have a package's build backend say, with neither an index nor a cache; None where that is nothing."""
    metadata = pyproject.metadata
    if not pyproject.has_project:
        return "has no [project]"
    if metadata.name is not None and canonicalize_name(metadata.name) in project.uv_settings.dependency_metadata:
        return None
    if left := sorted(_LEFT_TO_A_BACKEND & metadata.dynamic):
        return f"has dynamic {' and '.join(left)}"
    listed = (metadata.dependencies, *metadata.optional_dependencies.values())
    for requirement in (requirement for requirements in listed for requirement in requirements):
        if not _is_plain(requirement):
            return f"has a requirement that only a backend reads: {requirement!r}"
    if "version" in metadata.dynamic and _is_at_hand(pyproject, project):
        return "has a dynamic version"
    return None


def _is_plain(requirement: str) -> bool:
    """Whether uv reads a requirement itself: it asks the backend for one such as `lib @ {root:uri}/lib`."""
    try:
        url = Requirement(requirement).url
    except InvalidRequirement:
        return False
    return url is None or "://" in url.partition("{")[0]


def _is_at_hand(pyproject: Pyproject, project: Project) -> bool:
    """Whether a build backend could run with neither an index nor a cache: from the repository, or from this environment."""
    system, settings = pyproject.build_system, project.uv_settings
    elsewhere = system.names & {*pyproject.uv.sources, *project.pyproject.uv.sources}
    if system.backend_path or not system.requires or elsewhere or any("@" in needed for needed in system.requires):
        return True
    if any("://" not in place or place.startswith("file:") for place in settings.index_locations):
        return True
    return settings.shares_environment
