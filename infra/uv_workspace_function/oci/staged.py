"""A build context as a build without an engine takes it: just made, or as it was written to a folder."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from uv_workspace_function.builder.workspace import BUILDER_FOLDER
from uv_workspace_function.context.content import ContextFile, digest_of_files
from uv_workspace_function.context.dockerfile import DOCKERFILE
from uv_workspace_function.context.extensions import has_extensions
from uv_workspace_function.errors import WorkspaceError, reading

if TYPE_CHECKING:
    from uv_workspace_function.context.build_context import BuildContext

_HERE = Path(__file__).parents[1]
_PROGRAM = f"{BUILDER_FOLDER}/builder/"


@dataclass(frozen=True, kw_only=True, eq=False)
class StagedContext:
    """The files of a build context, by path with `/`, in order."""

    files: Mapping[str, ContextFile]

    @classmethod
    def of(cls, context: "BuildContext") -> Self:
        """One that was just made."""
        return cls(files=context.files)

    @classmethod
    @reading()
    def read(cls, folder: Path) -> Self:
        """One that `services prune` or the construct wrote.

        Raises:
            WorkspaceError: when it is none, or another version of this package made it.
        """
        found: dict[str, ContextFile] = {}
        for place in folder.rglob("*"):
            file = ContextFile.read(str(place)) if place.is_file() else None
            if file is not None:
                found[place.relative_to(folder).as_posix()] = file
        staged = cls(files={path: found[path] for path in sorted(found)})
        if DOCKERFILE not in staged.files or not staged.program:
            raise WorkspaceError(
                f"{folder} is not a build context", "have one written by `services prune SERVICE --output DIR`"
            )
        if has_extensions(staged.files[DOCKERFILE].content.decode(errors="replace")):
            raise WorkspaceError(
                f"{folder} is of an image with Lambda extensions, which a build without an engine does not add",
                "build it with the engine",
            )
        own = {module.name: module.read_bytes() for module in (_HERE / "builder").glob("*.py")}
        there = {path.removeprefix(_PROGRAM): file.content for path, file in staged.program.items()}
        if own != there or staged.files[DOCKERFILE].content != (_HERE / DOCKERFILE).read_bytes():
            raise WorkspaceError(
                f"{folder} was made by another version of uv-workspace-function than the one that runs",
                "have it written anew by this one, or run the version that made it",
            )
        return staged

    @cached_property
    def program(self) -> Mapping[str, ContextFile]:
        """The builder's own files."""
        return {path: file for path, file in self.files.items() if path.startswith(_PROGRAM)}

    @cached_property
    def digest(self) -> str:
        """Of every file's path, executable bit and content: that of the `BuildContext`."""
        return digest_of_files(self.files)

    @cached_property
    def program_digest(self) -> str:
        """Of the builder's own files."""
        return hashlib.sha256(repr([(path, file.sha256) for path, file in self.program.items()]).encode()).hexdigest()

    def write(self, folder: Path) -> None:
        """Write the files."""
        for path, file in self.files.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("wb") as stream:
                for chunk in file.chunks():
                    stream.write(chunk)
            os.chmod(place, 0o755 if file.executable else 0o644)  # noqa: PTH101 - half the time
