"""Archives that lie in the repository: locked wheels and sdists by path, and folders of them used as an index.

Of such a folder only what the closure needs comes along: whole, it would put every wheel into each context, and rebuild each image with
every new one.
"""

import os
import posixpath
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from packaging.utils import canonicalize_name

from uv_workspace_function.boundary import Boundary, absolute, outside
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.definitions.pyproject import PYPROJECT, requirement_name
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.lock import LockedPackage
from uv_workspace_function.workspace.members import Project

_LARGEST_METADATA = 1_000_000  # bytes
# What zipfile raises, beside its own error, about archives that are cut, encrypted, or packed in a way it does not know.
_ODD_ARCHIVE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, EOFError, zlib.error, struct.error)
_ENDINGS = (".whl", ".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tar.zst", ".tgz")


def files(root: Path, closure: Closure) -> dict[str, ContextFile]:
    """The archives of the repository that a closure's build reads.

    Those that the lock names for the closure; those by path that take part in building it; and, from a folder that is an index of the project, those that its build
    backends need, which are in no lock. Whom else the lock names them for does not matter.

    Args:
        root: the workspace's root.
        closure: the closure.

    Raises:
        WorkspaceError: when one lies outside the workspace's root, or is missing.
    """
    project, boundary = closure.project, Boundary.around(root)
    wanted = {path for package in closure.third_party for path in _locked(root, project, package)}
    wanted |= set(closure.builder_archives)
    folders = [folder for folder in _index_folders(root, project) if (root / folder).is_dir()]
    archives = [folder / e.name for folder in folders for e in (root / folder).iterdir() if e.name.endswith(_ENDINGS)]
    if archives:
        wanted |= _for_backends(root, archives, closure)
    found = {str(path): _read(boundary, root, path) for path in sorted(wanted)}
    # uv reads every folder that is named to it, and stops where one is missing
    found |= {
        str(folder / ".keep"): ContextFile.of(b"")
        for folder in folders
        if not any(path.is_relative_to(folder) for path in wanted)
    }
    return found


def _for_backends(root: Path, archives: list[PurePosixPath], closure: Closure) -> set[PurePosixPath]:
    """The archives that can take part in building the closure's packages: all versions, whatever the markers say."""
    by_name: dict[str, list[PurePosixPath]] = {}
    for archive in archives:
        by_name.setdefault(_name(archive), []).append(archive)
    found: set[PurePosixPath] = set()
    seen: set[str] = set()
    queue = [*_build_requirements(closure)]
    # what builds an sdist is only known to itself: where one is built, any archive may be needed
    unknown = any(not package.wheels for package in closure.third_party)
    for archive in closure.builder_archives:
        queue += _requirements_of(root / archive)
        unknown |= archive.suffix != ".whl"
    while queue and not unknown:
        name = queue.pop()
        if name in seen or name not in by_name:
            continue
        seen.add(name)
        found.update(by_name[name])
        wheels = [archive for archive in by_name[name] if archive.suffix == ".whl"]
        unknown = not wheels
        for wheel in wheels:
            queue += _requirements_of(root / wheel)
    return set(archives) if unknown else found


def _build_requirements(closure: Closure) -> Iterator[str]:
    for member in closure.sources:
        extra = closure.project.extra_build_requirements(member)
        yield from filter(None, map(requirement_name, (*member.pyproject.build_system.requires, *extra)))


def _requirements_of(wheel: Path) -> list[str]:
    """The names that a wheel's metadata requires; none of what is no wheel, of which uv says what is wrong, should it need it."""
    if not wheel.is_file():  # a pipe, a device
        return []
    try:
        with zipfile.ZipFile(wheel) as archive:
            path = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
            with archive.open(path) as stream:  # a small archive can hold an endless member
                headers = stream.read(_LARGEST_METADATA).decode(errors="replace").partition("\n\n")[0]
    except (OSError, StopIteration, *_ODD_ARCHIVE):
        return []
    lines = re.findall(r"^Requires-Dist:(.*)$", headers, re.MULTILINE)
    return [name for line in lines if (name := requirement_name(line))]


def _name(archive: PurePosixPath) -> str:
    """The package's name in an archive's: a wheel's first part, and all but the last of an sdist's."""
    name = archive.name.partition("-")[0] if archive.suffix == ".whl" else archive.name.rpartition("-")[0]
    return canonicalize_name(name)


def _locked(root: Path, project: Project, package: LockedPackage) -> Iterator[PurePosixPath]:
    """The archives of a package, by path relative to the workspace's root."""
    locations = []
    if package.source.path is not None:
        locations.append(package.source.path)
    elif (registry := _local(package.source.registry)) is not None:
        files = [*package.wheels, *([package.sdist] if package.sdist else [])]
        locations += [posixpath.join(registry, file.path) for file in files if file.path is not None]
    for location in locations:
        if posixpath.isabs(location):
            raise absolute(f"{project.lock.path}: {package}", location)
        if (path := _below(root, project, location)) is not None:
            yield path
        else:
            raise outside(f"{project.lock.path}: {package}", location)


def _index_folders(root: Path, project: Project) -> Iterator[PurePosixPath]:
    """The folders below the root that the project's settings use as an index."""
    for settings in project.all_uv_settings:
        for location in settings.index_locations:
            if (path := _local(location)) is not None and (folder := _below(root, project, path)) is not None:
                if posixpath.isabs(path):
                    raise absolute(f"{project.folder / PYPROJECT}: an index", path)
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


def _read(boundary: Boundary, root: Path, path: PurePosixPath) -> ContextFile:
    real = os.path.realpath(root / path)
    if (refusal := boundary.refusal(real)) is not None:
        raise WorkspaceError(
            f"{path}, which the lock or an index names, leads to {real}, {refusal}", "put the file itself there"
        )
    try:
        file = ContextFile.read(str(root / path))
    except OSError as error:
        raise WorkspaceError(f"cannot read {path}, which the lock names: {error.strerror}", "restore it") from error
    if file is None:
        raise WorkspaceError(f"{path}, which the lock names, is not a regular file", "restore it")
    return replace(file, executable=False)
