"""Which files of one local package its build needs: an allow-list, read from disk.

What is importable, what the build tables name, and what the package's own table includes; never secrets, caches,
environments, tests outside the importable package, or anything that a link brings in from outside the repository.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

from uv_workspace_function.boundary import is_within
from uv_workspace_function.code.layouts import Layout
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.context.gitignore import GitRepository, Ignores
from uv_workspace_function.context.private_keys import KeySearch
from uv_workspace_function.context.wanted import DEFINITIONS, TABLE, Cause, Wanted, barred, wanted_of
from uv_workspace_function.definitions.pyproject import PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.lock import LOCK_NAME
from uv_workspace_function.workspace.members import Member

# What no package has: links that fan out make a million paths of a few folders, and Python's stack has an end.
DEEPEST = 100
MOST = 50_000


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file or folder (it ends with a slash) that looks like a source and was left out, and why.

    `path` is relative to the workspace's root.
    """

    path: str
    cause: Cause
    detail: str = ""
    """What a link leads to, and why that is left out."""

    @property
    def reason(self) -> str:
        """The cause in words."""
        return self.detail or self.cause.value


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageFiles:
    """The files that one local package's build needs, by their paths relative to the workspace's root, sorted.

    The package's `pyproject.toml` is not among them: a context holds a rewritten one. `dropped` lists what was left out
    although it lies where everything is taken, under an importable package, or was named; only `__pycache__` is not worth a line.
    """

    files: Mapping[str, ContextFile]
    dropped: tuple[Dropped, ...]
    written: frozenset[str] = frozenset()
    """What the build itself writes, where its tables say so."""


def package_files(
    repository: GitRepository, member: Member, other_folders: Collection[PurePosixPath] = ()
) -> PackageFiles:
    """The files that the build of one local package needs.

    Args:
        repository: the workspace's root and its `.gitignore` rules; one object for all packages reads those once.
        member: the package.
        other_folders: the other local packages' folders, relative to the workspace's root; those below the package's own are
            left to themselves.

    Raises:
        WorkspaceError: a link leads back to a folder above it, a file cannot be read, or the package's own table or a
            path that its backend names leads out of the workspace.
    """
    folder, layout, build_system = member.folder, member.layout, member.pyproject.build_system
    real = os.path.realpath(repository.root / folder)
    if (refusal := repository.boundary.refusal(real)) is not None:
        raise WorkspaceError(
            f"{folder}/ leads to {real}, {refusal}",
            "move the package into the repository or depend on a released version of it",
        )
    wanted = wanted_of(repository.root, member)
    walk = _Walk(
        repository=repository,
        folder="" if str(folder) == "." else str(folder),
        wanted=wanted,
        others=frozenset(map(str, other_folders)),
    )
    whole = "." in wanted.modules
    walk.enter(real, "", _State(wanted=wanted.everything or whole, worth=whole))
    for path in sorted(wanted.outside):
        walk.enter_outside(path, forced=wanted.outside[path])
    if "setuptools-scm" in build_system.names:
        _list_data_files(walk.files, folder, layout)
    files = {path: walk.files[path] for path in sorted(walk.files)}
    return PackageFiles(
        files=files,
        dropped=tuple(sorted(walk.dropped, key=lambda dropped: dropped.path)),
        written=frozenset(str(folder / path) for path in wanted.written),
    )


def _list_data_files(files: dict[str, ContextFile], folder: PurePosixPath, layout: Layout) -> None:
    """Name the packages' data files in `MANIFEST.in`, where setuptools-scm would have asked git for them.

    https://setuptools-scm.readthedocs.io/en/latest/usage/#file-finders-hook-makes-most-of-manifestin-unnecessary: with
    no repository around, setuptools would leave them out of the wheel. What the file says already still holds: it comes
    after.
    """
    path = str(folder / "MANIFEST.in")
    grafts = [f"graft {module.path}\n" for module in layout.modules if module.path.suffix != ".py"]
    written = files.get(path, ContextFile.of(b""))
    files[path] = ContextFile.of("".join(grafts).encode() + written.content, executable=written.executable)


class _State(NamedTuple):
    """What holds for a folder and everything in it."""

    wanted: bool
    """It is a source."""
    worth: bool = False
    """It was asked for by name, or can be imported: what is left out of it is worth a line."""
    forced: bool = False
    """No `.gitignore` counts."""
    ignored: bool = False
    """A `.gitignore` names it."""
    declared: bool = False
    """It is in a module that the tables name: that goes into the wheel whole, with what is another package's folder."""
    shipped: bool = False
    """It is in a module that the backend puts into the wheel, or below an importable package."""


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One pass over a package's folder; goes into no folder that can hold nothing wanted."""

    repository: GitRepository
    folder: str
    wanted: Wanted
    others: frozenset[str]
    files: dict[str, ContextFile] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    above: list[str] = field(default_factory=list)
    entered: int = 0

    def enter(self, real: str, path: str, state: _State) -> None:
        """Take what is wanted from one folder.

        Args:
            real: the folder, absolute and free of links.
            path: the same, relative to the package's folder; empty for that folder itself.
            state: what holds in it.
        """
        self.entered += 1
        if len(self.above) > DEEPEST or self.entered > MOST:
            limit = f"more than {DEEPEST} levels deep" if len(self.above) > DEEPEST else f"more than {MOST:,} folders"
            raise WorkspaceError(
                f"{self._in_workspace(path)} is {limit} into the tree of {self._in_workspace('pyproject.toml')}",
                f"look for links that fan out, or list a folder in `exclude` of [{TABLE}] there",
            )
        entries = self._entries(real, path)
        names = {entry.name for entry in entries}
        if path and "pyvenv.cfg" in names:
            self._drop(f"{path}/", Cause.ENVIRONMENT, worth=state.worth)
            return
        if path and "CACHEDIR.TAG" in names:
            self._drop(f"{path}/", Cause.CACHE, worth=state.wanted or state.worth)
            return
        if state.worth and not names.isdisjoint(("__init__.py", "__init__.pyi")):
            state = state._replace(shipped=True)
        if path and names >= {PYPROJECT, LOCK_NAME} and not (state.shipped or state.forced):
            self._drop(f"{path}/", Cause.OTHER_PROJECT, worth=state.wanted or state.worth)
            return
        ignores = self.repository.ignores(real, has_rules=".gitignore" in names)
        self.above.append(real)
        for entry in entries:
            if path or entry.name not in DEFINITIONS:
                self._visit(entry, f"{path}/{entry.name}" if path else entry.name, state, ignores)
        self.above.pop()

    def enter_outside(self, path: str, *, forced: bool) -> None:
        """Take a file or a folder that a build table names outside the package's folder.

        Args:
            path: relative to the workspace's root.
            forced: whether it stands above `.gitignore`.
        """
        walk = _Walk(
            repository=self.repository,
            folder="",
            wanted=Wanted(kept=self.wanted.kept),
            others=frozenset(),
            files=self.files,
            dropped=self.dropped,
        )
        parent, _, name = path.rpartition("/")
        real = os.path.realpath(self.repository.root / parent)
        if not is_within(real, self.repository.boundary.top):
            self.dropped.append(Dropped(path, Cause.LINK_OUT))
            return
        # the names on the way, and those that a link on the way leads to
        below = real.removeprefix(str(self.repository.root)) if is_within(real, str(self.repository.root)) else ""
        for part in (*path.split("/"), *below.strip("/").split("/")):
            if (cause := barred(part)) is not None:
                self.dropped.append(Dropped(path, cause))
                return
        for entry in walk._entries(real, parent):
            if entry.name == name:
                walk._visit(entry, path, _State(wanted=True, worth=True, forced=forced), self.repository.ignores(real))

    def _visit(self, entry: os.DirEntry[str], path: str, state: _State, ignores: Ignores) -> None:
        name, wanted = entry.name, self.wanted
        is_link = entry.is_symlink()
        is_folder = os.path.isdir(entry.path) if is_link else entry.is_dir()  # noqa: PTH112 (a Path's raises)
        module, named = wanted.modules.get(path), wanted.named.get(path)
        matched = [glob for glob in wanted.globs if glob.regex.match(path)]
        worth = state.worth or module is not None or named is not None or bool(matched)
        noted = worth or state.wanted or path in wanted.passages
        shown = f"{path}/" if is_folder and not is_link else path
        cause = barred(name)
        if cause is not None:
            # the folders of bytecode that Python itself has made stand beside each and every package
            self._drop(shown, cause, worth=noted and name != "__pycache__")
            return
        is_other = is_folder and not state.declared and self._in_workspace(path) in self.others
        if is_other and path not in wanted.passages:
            return
        # of another package's folder only what the tables name
        is_source = worth or (state.wanted and not is_other and (state.forced or not wanted.is_beside(path)))
        passes = is_folder and wanted.may_hold(path)
        if not is_source and not passes:
            self._drop(shown, Cause.BESIDE, worth=state.wanted)
            return
        for pattern in wanted.excluded:
            if pattern.match(path):
                self._drop(shown, Cause.EXCLUDED, worth=noted)
                return
        if path in wanted.written:
            self._drop(shown, Cause.WRITTEN, worth=noted)
            return
        forced = state.forced or bool(named) or any(glob.wins for glob in matched)
        exempt = forced or named is not None or (module is not None and module.declared)
        ignored = state.ignored and not exempt
        if not exempt and not ignored and ignores.ignored(entry.path, name, is_folder=is_folder and not is_link):
            ignored = True
            self._drop(shown, Cause.IGNORED, worth=noted)
        elif ignored and not state.worth:
            self._drop(shown, Cause.IN_IGNORED_FOLDER, worth=worth)
        if ignored and not passes:
            return
        real = (
            self._target(entry.path, path, worth=noted, exempt=exempt, is_folder=is_folder) if is_link else entry.path
        )
        if real is not None and is_folder:
            declared = state.declared or (module is not None and module.declared)
            shipped = state.shipped or declared or (module is not None and wanted.shipped)
            self.enter(real, path, _State(is_source, worth, forced, ignored, declared, shipped))
        elif real is not None:
            self._take(real, path, worth=worth)

    def _target(self, link: str, path: str, *, worth: bool, exempt: bool, is_folder: bool) -> str | None:
        """What a link leads to, free of links; None where that does not enter a context."""
        real, top = os.path.realpath(link), self.repository.boundary.top
        if not is_within(real, top):
            self._drop(path, Cause.LINK_OUT, worth=worth)
            return None
        try:
            os.stat(link)  # noqa: PTH116 (the path is a string)
        except FileNotFoundError:
            self._drop(path, Cause.LINK_TO_NOTHING, worth=worth)
            return None
        except OSError as error:
            raise self._cycle(path) if error.errno == errno.ELOOP else self._unreadable(path, error) from error
        relative = real[len(top) + 1 :]
        for part in relative.split("/"):
            cause = barred(part)
            if cause is not None:
                self._drop(path, Cause.LINK, f"a link to {relative}: {cause.value}", worth=worth)
                return None
        if is_folder and any(is_within(folder, real) for folder in self.above):
            raise self._cycle(path)
        if not exempt and self.repository.ignored(real, is_folder=is_folder):
            self._drop(path, Cause.LINK, f"a link to {relative}, which is ignored by .gitignore", worth=worth)
            return None
        return real

    def _take(self, real: str, path: str, *, worth: bool) -> None:
        in_workspace = self._in_workspace(path)
        if in_workspace != in_workspace.encode(errors="ignore").decode():
            raise WorkspaceError(f"{in_workspace!r} has a name that is not UTF-8, so no image can hold it", "rename it")
        search = KeySearch()
        refusal = self.repository.boundary.refusal(real)
        try:
            file = None if refusal is not None else ContextFile.read(real, look=search.feed)
        except OSError as error:
            raise self._unreadable(path, error) from error
        if refusal is not None:
            self._drop(path, Cause.NEVER, worth=worth)
        elif file is None:
            self._drop(path, Cause.NO_FILE, worth=worth)
        elif search.found and in_workspace not in self.wanted.kept:
            self._drop(path, Cause.PRIVATE_KEY, worth=True)
        else:
            self.files[in_workspace] = file

    def _entries(self, real: str, path: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(real) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _drop(self, path: str, cause: Cause, detail: str = "", *, worth: bool) -> None:
        if worth:
            self.dropped.append(Dropped(self._in_workspace(path), cause, detail))

    def _in_workspace(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path

    def _unreadable(self, path: str, error: OSError) -> WorkspaceError:
        return WorkspaceError(
            f"cannot read {self._in_workspace(path)}: {error.strerror}",
            f"make it readable, or list it in `exclude` of [{TABLE}] in {self._in_workspace('pyproject.toml')}",
        )

    def _cycle(self, path: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self._in_workspace(path)} is a link that leads back to itself or to a folder above it",
            f"remove it, or list it in `exclude` of [{TABLE}] in {self._in_workspace('pyproject.toml')}",
        )
