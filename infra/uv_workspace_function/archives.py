"""Archives that lie in the repository: locked wheels and sdists by path, and folders of them used as an index."""

import posixpath
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from uv_workspace_function.documents import table
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.lockfile import LockedPackage
from uv_workspace_function.sources import ContextFile
from uv_workspace_function.workspace import Closure, Project

_ENDINGS = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz")


def files(root: Path, closure: Closure) -> dict[str, ContextFile]:
    """The archives of the repository that a closure's build reads.

    Those that the lock names for the closure; and, from a folder that is an index of the project, also those that the
    lock names for nobody, since what a build backend needs is in no lock.

    Args:
        root: the workspace's root.
        closure: the closure.

    Raises:
        WorkspaceError: when one lies outside the workspace's root, or is missing.
    """
    project = closure.project
    wanted = {path for package in closure.third_party for path in _locked(root, project, package)}
    if folders := [folder for folder in _index_folders(root, project) if (root / folder).is_dir()]:
        packages = (package for package in project.lock.packages if package.folder is None)
        others = {path for package in packages for path in _locked(root, project, package, strict=False)}
        archives = (
            folder / e.name for folder in folders for e in (root / folder).iterdir() if e.name.endswith(_ENDINGS)
        )
        wanted |= {path for path in archives if path not in others}
    return {str(path): _read(root, path) for path in sorted(wanted)}


def _locked(root: Path, project: Project, package: LockedPackage, *, strict: bool = True) -> Iterator[PurePosixPath]:
    """The archives of a package, by path relative to the workspace's root."""
    locations = []
    if "path" in package.source:
        locations.append(package.source["path"])
    elif (registry := _local(package.source.get("registry"))) is not None:
        files = [*package.wheels, *([package.sdist] if package.sdist else [])]
        locations += [posixpath.join(registry, file["path"]) for file in files if "path" in file]
    for location in locations:
        if (path := _below(root, project, location)) is not None:
            yield path
        elif strict:
            raise WorkspaceError(
                f"{project.lock.path}: {package} lies at {location}, outside the workspace's root, where no build "
                "context reaches; move it below the root, or publish it to an index"
            )


def _index_folders(root: Path, project: Project) -> Iterator[PurePosixPath]:
    """The folders below the root that the project's settings use as an index."""
    for settings in (table(project.pyproject, "tool", "uv"), project.uv_toml or {}):
        locations: list[Any] = [*settings.get("find-links", ()), settings.get("index-url")]
        locations += [*settings.get("extra-index-url", ()), *(index.get("url") for index in settings.get("index", ()))]
        for location in locations:
            if (path := _local(location)) is not None and (folder := _below(root, project, path)) is not None:
                yield folder


def _local(location: str | None) -> str | None:
    """A location as a path, None where it is elsewhere than on this disk."""
    if location is None:
        return None
    parts = urlsplit(location)
    if parts.scheme == "file":
        return unquote(parts.path)
    return location if len(parts.scheme) <= 1 else None


def _below(root: Path, project: Project, location: str) -> PurePosixPath | None:
    """A location relative to the workspace's root, None where it is outside."""
    whole = posixpath.normpath(posixpath.join(root.as_posix(), project.folder.as_posix(), location))
    path = PurePosixPath(posixpath.relpath(whole, root.as_posix()))
    return None if path.parts[:1] == ("..",) else path


def _read(root: Path, path: PurePosixPath) -> ContextFile:
    try:
        return ContextFile(content=(root / path).read_bytes(), executable=False)
    except OSError as error:
        raise WorkspaceError(f"cannot read {path}, which the lock names: {error.strerror}; restore it") from error
