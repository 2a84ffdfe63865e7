"""The folder that one image is built from: a real uv workspace, cut down to one closure."""

import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from uv_workspace_function.context import archives, definitions
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.context.files import Dropped
from uv_workspace_function.context.sources import Sources
from uv_workspace_function.context.wanted import Cause
from uv_workspace_function.errors import LockError, WorkspaceError, reading
from uv_workspace_function.pyproject import PYPROJECT
from uv_workspace_function.target.wheels import built_from_source
from uv_workspace_function.workspace import freshness
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.lock import LOCK_NAME
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

DOCKERFILE = "Dockerfile"
BUILDER_FOLDER = ".uv-workspace-function"
# BuildKit obeys the second, else the first, at a context's root: https://docs.docker.com/build/concepts/context/#dockerignore-files
_IGNORE_FILES = (".dockerignore", f"{DOCKERFILE}.dockerignore")
SOURCE_DATE = "315532800"
"""The moment that an image says it was made, 1980-01-01 as its files, in seconds: BuildKit writes the time of the build else, and
no two manifests are equal. It takes it from the build's arguments alone (https://reproducible-builds.org/specs/source-date-epoch)."""
_HERE = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class BuildContext:
    """Everything that one image is built from; only large files stay where they are until it is written."""

    closure: Closure
    files: Mapping[str, ContextFile]
    """By path relative to the context, with `/`, in order."""
    dropped: tuple[Dropped, ...]
    """What was left out below an importable package, with the reason."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where files lie in the workspace whose path in the context is another one."""

    @classmethod
    @reading()
    def of(cls, workspace: Workspace, name: str, *, extras: Iterable[str] = ()) -> "BuildContext":
        """Gather the context of a member.

        Args:
            workspace: the workspace.
            name: the member's package name, in any spelling. It need not have a handler.
            extras: the member's extras to install.

        Raises:
            WorkspaceError: when there is no such member, its lock is stale, its extras exclude each other, or a file or
                setting of its closure cannot be carried.
        """
        closure = workspace.closure(name, extras)
        closure.project.lock.refuse_conflicting(closure.service.name, closure.selection.extras)
        _check_fresh(workspace, closure)
        relevance = definitions.relevance_of(closure)
        sources = Sources.of(workspace)
        files: dict[str, ContextFile] = {}
        dropped: list[Dropped] = []
        origins: dict[str, str] = {}
        for member in closure.sources:
            found = sources.files(workspace, member)
            moved = {path: _staged(path, member) for path in found.files} if member.layout.source_is_package else {}
            files |= {moved.get(path, path): definitions.public_file(path, file) for path, file in found.files.items()}
            origins |= {staged: path for path, staged in moved.items() if staged != path}
            dropped += found.dropped
        for member in closure.sources:  # after all sources: a package can lie in a module of another one
            definition = definitions.member_definition(member, closure, relevance)
            if definition is not None:
                files[str(member.folder / PYPROJECT)] = _text(definition)
        project = closure.project.folder
        files.setdefault(str(project / PYPROJECT), _text(definitions.root_definition(closure, relevance)))
        files[str(project / LOCK_NAME)] = _text(closure.selection.text(builders=[m.name for m in closure.builders]))
        if (configuration := definitions.configuration(closure, relevance)) is not None:
            files[str(project / "uv.toml")] = _text(configuration)
        files |= archives.files(workspace.root, closure)
        # where the service is the root itself, it can have files of these names for other ends
        taken = [path for path in files if path == DOCKERFILE or path.startswith(f"{BUILDER_FOLDER}/")]
        dropped += [Dropped(path, Cause.TAKEN) for path in taken if files.pop(path)]
        obeyed = [path for path in _IGNORE_FILES if files.pop(path, None)]
        dropped += [Dropped(path, Cause.OBEYED) for path in obeyed]
        files |= _builder(closure)
        return cls(
            closure=closure,
            files={path: files[path] for path in sorted(files)},
            dropped=tuple(sorted(dropped, key=lambda entry: entry.path)),
            origins=origins,
        )

    def origin(self, path: str) -> str:
        """The path in the workspace of a file of the context."""
        return self.origins.get(path, path)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over every file's path, executable bit and content."""
        whole = hashlib.sha256()
        for path, file in self.files.items():
            whole.update(f"{len(path.encode())} {path} {'x' if file.executable else '-'} {file.sha256}\n".encode())
        return whole.hexdigest()

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files.values())

    @property
    def build_args(self) -> dict[str, str]:
        """The build arguments that belong to this context, for `docker build --build-arg`.

        Raises:
            WorkspaceError: when the service's setting `build-from-source` names a package that the lock lacks.
        """
        words = {"SERVICE_EXTRAS": self.closure.extras, "BUILD_FROM_SOURCE": built_from_source(self.closure)}
        given = {name: " ".join(listed) for name, listed in words.items() if listed}
        return {"SERVICE_NAME": self.closure.service.name, "SOURCE_DATE_EPOCH": SOURCE_DATE} | given

    def write(self, folder: Path | str, *, written: MutableMapping[ContextFile, str] | None = None) -> None:
        """Write the context, whole or not at all.

        Args:
            folder: where; it must be absent or empty.
            written: equal files of contexts before this one, with their places, which are hard-linked instead of written once
                more; this context's are added. For contexts that nobody edits.

        Raises:
            WorkspaceError: when the folder is not empty, or the context cannot be written; nothing is left then.
        """
        _write({"": self}, Path(folder), written or {})
        if written is not None:
            for path, file in self.files.items():
                written.setdefault(file, f"{folder}/{path}")

    def _write_files(self, root: Path, written: Mapping[ContextFile, str]) -> None:
        root.mkdir(exist_ok=True)
        root.chmod(0o755)
        made = {""}
        for path, file in self.files.items():
            _make_folders(root, path.rpartition("/")[0], made)
            if not _is_linked(written.get(file), f"{root}/{path}"):
                _write_file(f"{root}/{path}", file)


def _staged(path: str, member: Member) -> str:
    """Where a file of a project lies whose `src` is itself the package: what is below a staged `src` goes on the path."""
    inside = PurePosixPath(path).relative_to(member.folder)
    return str(member.folder / "src" / inside) if inside.parts[0] == "src" else path


def _check_fresh(workspace: Workspace, closure: Closure) -> None:
    """Refuse a lock that was made for other requirements than a local package of the closure has."""
    for member in closure.local:
        stale = freshness.stale_member(workspace, closure.project, member)
        if stale:
            first = "\n".join(map(str, stale[:-1]))
            raise LockError(f"{first}\n{stale[-1].problem}" if first else stale[-1].problem, "run `uv lock`")


def write_all(contexts: Iterable[BuildContext], folder: Path | str) -> None:
    """Write several contexts, all or none, each into a folder of its service's name.

    Args:
        contexts: of different services.
        folder: where these folders go; it must be absent or empty.

    Raises:
        WorkspaceError: when the folder is not empty, or a context cannot be written; nothing is left then.
    """
    _write({context.closure.service.name: context for context in contexts}, Path(folder), {})


def _write(contexts: Mapping[str, BuildContext], folder: Path, written: Mapping[ContextFile, str]) -> None:
    try:
        if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
            raise WorkspaceError(
                f"{folder} is not an empty folder", "it was left as it is: choose another, or empty it"
            )
        # A folder that is there stays the one it is: it can be a mount point, or what a link or a shell is at.
        is_there = folder.is_dir()
        if not is_there:
            folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder if is_there else folder.parent))
        try:
            staging.chmod(0o755)
            for name, context in contexts.items():
                context._write_files(staging / name, written)  # noqa: SLF001 of this module
            if is_there:
                _move_up(staging)
            else:
                staging.rename(folder)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    except OSError as error:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror
        raise WorkspaceError(f"the build context could not be written to {folder}: {reason}") from error


def _move_up(staging: Path) -> None:
    """Move all that a folder holds into the one above it, or nothing, and remove it."""
    moved: list[str] = []
    try:
        for entry in sorted(staging.iterdir()):
            entry.rename(staging.parent / entry.name)
            moved.append(entry.name)
        staging.rmdir()
    except BaseException:
        for name in moved:
            (staging.parent / name).rename(staging / name)
        raise


def _is_linked(equal: str | None, path: str) -> bool:
    if equal is None:
        return False
    try:
        os.link(equal, path)
    except OSError:  # it is gone, has as many links as a file may have, or is on a file system without them
        return False
    return True


def _write_file(path: str, file: ContextFile) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
    try:
        os.fchmod(descriptor, 0o755 if file.executable else 0o644)
        # One write(2) takes no more than 2 GiB, and less where the disk is full: a buffered stream goes on until all is written.
        with open(descriptor, "wb", closefd=False) as stream:
            stream.writelines(file.chunks())
    finally:
        os.close(descriptor)


def _make_folders(root: Path, folder: str, made: set[str]) -> None:
    if folder in made:
        return
    _make_folders(root, folder.rpartition("/")[0], made)
    path = root / folder
    path.mkdir()
    path.chmod(0o755)
    made.add(folder)


def _text(content: str) -> ContextFile:
    return ContextFile.of(content.encode())


def _builder(closure: Closure) -> Iterator[tuple[str, ContextFile]]:
    """What the image's build itself consists of."""
    yield DOCKERFILE, ContextFile.of((_HERE / DOCKERFILE).read_bytes())
    for module in sorted((_HERE / "builder").glob("*.py")):
        path = f"{BUILDER_FOLDER}/builder/{module.name}"
        yield path, ContextFile.of(module.read_bytes())
    variables = {m.name: dict(v) for m in closure.sources if (v := definitions.version_variables(m))}
    if variables:
        yield f"{BUILDER_FOLDER}/build-env.json", _text(json.dumps(variables, indent=2, sort_keys=True) + "\n")
