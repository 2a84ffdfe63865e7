"""The folder that one image is built from: a real uv workspace, cut down to one closure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path, PurePosixPath

from uv_workspace_function.builder.layer import EPOCH
from uv_workspace_function.builder.workspace import BUILDER_FOLDER
from uv_workspace_function.context import archives, output_folder, rewritten_pyproject, staging
from uv_workspace_function.context.content import ContextFile, digest_of_files
from uv_workspace_function.context.dockerfile import DOCKERFILE
from uv_workspace_function.context.extensions import with_extensions
from uv_workspace_function.context.files import Dropped
from uv_workspace_function.context.git_configuration import deviations
from uv_workspace_function.context.wanted import Cause
from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import reading
from uv_workspace_function.target.wheels import built_from_source
from uv_workspace_function.workspace import freshness
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.configuration import UV_TOML
from uv_workspace_function.workspace.lock import LOCK_NAME
from uv_workspace_function.workspace.lock_text import cut_down
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.selection import refuse_conflicting
from uv_workspace_function.workspace.workspace import Workspace

# BuildKit obeys the second, else the first, at a context's root: https://docs.docker.com/build/concepts/context/#dockerignore-files
_IGNORE_FILES = (".dockerignore", f"{DOCKERFILE}.dockerignore")
SOURCE_DATE = str(EPOCH)
"""The moment that an image says it was made: 1980-01-01, as its files, in seconds. Without it BuildKit writes the time of the build, and
no two manifests are equal. It is taken from build arguments only (https://reproducible-builds.org/specs/source-date-epoch)."""
_HERE = Path(__file__).parents[1]


@dataclass(frozen=True, kw_only=True, eq=False)
class BuildContext:
    """Everything that one image is built from; only large files stay where they are until it is written.

    Example:
        The folder that `docker build` takes, of a workspace that was loaded::

            context = BuildContext.of(workspace, "query-api")
            context.write("build/query-api")
            print(context.digest, context.build_args)
    """

    closure: Closure
    files: Mapping[str, ContextFile]
    """By path relative to the context, with `/`, in order."""
    dropped: tuple[Dropped, ...]
    """What was left out below an importable package, with the reason."""
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where files lie in the workspace whose path in the context is another one."""
    warnings: tuple[str, ...] = ()
    """What may be wrong: a lock that could not be checked, a working tree that differs from its commit."""

    @classmethod
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
        return cls.of_closure(workspace, workspace.closure(name, extras))

    @classmethod
    def of_closure(cls, workspace: Workspace, closure: Closure) -> "BuildContext":
        """Gather the context of a closure that is known already; see `of`."""
        with reading(workspace.root):
            return cls._of(workspace, closure)

    @classmethod
    def _of(cls, workspace: Workspace, closure: Closure) -> "BuildContext":
        refuse_conflicting(closure.selection)
        unchecked = freshness.check_fresh(workspace, closure.project)
        relevance = rewritten_pyproject.relevance_of(closure)
        sources = WorkspaceFiles.of(workspace)
        files: dict[str, ContextFile] = {}
        dropped: list[Dropped] = []
        origins: dict[str, str] = {}
        for member in closure.sources:
            found = sources.files(workspace, member)
            moved = {path: _staged(path, member) for path in found.files} if member.layout.source_is_package else {}
            files |= {
                moved.get(path, path): rewritten_pyproject.public_file(path, file) for path, file in found.files.items()
            }
            origins |= {staged: path for path, staged in moved.items() if staged != path}
            dropped += found.dropped
        for member in closure.sources:  # after all sources: a package can lie in a module of another one
            definition = rewritten_pyproject.member_definition(member, closure, relevance)
            if definition is not None:
                files[str(member.folder / PYPROJECT)] = _text(definition)
        project = closure.project.folder
        files.setdefault(str(project / PYPROJECT), _text(rewritten_pyproject.root_definition(closure, relevance)))
        files[str(project / LOCK_NAME)] = _text(
            cut_down(closure.selection, builders=[m.name for m in closure.builders])
        )
        if (configuration := rewritten_pyproject.configuration(closure, relevance)) is not None:
            files[str(project / UV_TOML)] = _text(configuration)
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
            warnings=(*([unchecked] if unchecked else []), *deviations(sources.repository.top, files)),
            origins=origins,
        )

    def extended(self, extensions: int) -> "BuildContext":
        """The context of an image with a number of Lambda extensions, whose names are arguments of the build."""
        dockerfile = with_extensions(self.files[DOCKERFILE].content.decode(), extensions)
        return replace(self, files={**self.files, DOCKERFILE: _text(dockerfile)})

    @property
    def service(self) -> Member:
        """The member that it is the context of."""
        return self.closure.service

    def origin(self, path: str) -> str:
        """The path in the workspace of a file of the context."""
        return self.origins.get(path, path)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over every file's path, executable bit and content."""
        return digest_of_files(self.files)

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
        return {"SERVICE_NAME": self.service.name, "SOURCE_DATE_EPOCH": SOURCE_DATE} | given

    def write(self, folder: Path | str) -> None:
        """Write the context, whole or not at all.

        Args:
            folder: where; it must be absent or empty, or hold this very context.

        Raises:
            WorkspaceError: when the folder holds something else, or the context cannot be written; it is then as it was.
        """
        staging.write(self.files, Path(folder))

    def stage(self, folder: Path | str) -> None:
        """Make a folder that only we write to hold the context, and nothing else.

        Args:
            folder: where; one that holds this very context is left as it is, any other is replaced.

        Raises:
            WorkspaceError: when the context cannot be written; the folder is then as it was.
        """
        staging.stage(self.files, Path(folder))


def write_one(context: BuildContext, folder: Path | str) -> None:
    """Write a context where a user says, in place of one that was written there before.

    Args:
        context: the context.
        folder: where; it must be absent or empty, or hold just this context or what this or `write_all` wrote there.

    Raises:
        WorkspaceError: when the folder holds something else, or the context cannot be written; it is then as it was.
    """
    output_folder.write(context.files, Path(folder))


def _staged(path: str, member: Member) -> str:
    """Where a file of a project lies whose `src` is itself the package: what is below a staged `src` goes on the path."""
    inside = PurePosixPath(path).relative_to(member.folder)
    return str(member.folder / "src" / inside) if inside.parts[0] == "src" else path


def write_all(contexts: Iterable[BuildContext], folder: Path | str) -> None:
    """Write several contexts where a user says, all or none, each into a folder of its service's name.

    Args:
        contexts: of different services.
        folder: where these folders go; it must be absent or empty, or hold just them or what this or `write_one` wrote there.

    Raises:
        WorkspaceError: when the folder holds something else, or a context cannot be written; it is then as it was.
    """
    files = {f"{c.service.name}/{path}": file for c in contexts for path, file in c.files.items()}
    output_folder.write(files, Path(folder))


def _text(content: str) -> ContextFile:
    return ContextFile.of(content.encode())


def _builder(closure: Closure) -> Iterator[tuple[str, ContextFile]]:
    """What the image's build itself consists of."""
    yield DOCKERFILE, ContextFile.of((_HERE / DOCKERFILE).read_bytes())
    for module in sorted((_HERE / "builder").glob("*.py")):
        path = f"{BUILDER_FOLDER}/builder/{module.name}"
        yield path, ContextFile.of(module.read_bytes())
    variables = {m.name: dict(v) for m in closure.sources if (v := rewritten_pyproject.version_variables(m))}
    if variables:
        yield f"{BUILDER_FOLDER}/build-env.json", _text(json.dumps(variables, indent=2, sort_keys=True) + "\n")
