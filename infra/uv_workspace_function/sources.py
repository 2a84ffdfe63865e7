"""Which files of one local package its build needs: an allow-list, read from disk.

What is importable, what the build tables name, and what the package's own table includes; never secrets, caches,
environments, tests outside the importable package, or anything that a link brings in from outside the repository.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from uv_workspace_function.documents import Table, foreign_table
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gitignore import Ignores, Repository, translate
from uv_workspace_function.layouts import Layout, Module, layout_of
from uv_workspace_function.named_files import Glob, anchored_glob, build_requirements, named_files

TABLE = "tool.uv-workspace-function"


@dataclass(frozen=True, slots=True)
class ContextFile:
    """One file of a build context: its bytes, and whether its owner may execute it."""

    content: bytes
    executable: bool


@dataclass(frozen=True, slots=True)
class Dropped:
    """A file or folder (it ends with a slash) that looks like a source and was left out, and why.

    `path` is relative to the workspace's root.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSources:
    """The files that one local package's build needs, by their paths relative to the workspace's root, sorted.

    The package's `pyproject.toml` is not among them: a context holds a rewritten one. `dropped` lists what was left out
    although it lies under an importable package or was named; caches and bytecode are not worth a line.
    """

    files: Mapping[str, ContextFile]
    dropped: tuple[Dropped, ...]


def package_sources(
    repository: Repository,
    folder: PurePosixPath,
    pyproject: Table,
    *,
    other_folders: Collection[PurePosixPath] = (),
    layout: Layout | None = None,
) -> PackageSources:
    """The files that the build of one local package needs.

    Args:
        repository: the workspace's root and its `.gitignore` rules; one object for all packages reads those once.
        folder: the package's folder, relative to the workspace's root (`.` for the root itself).
        pyproject: the package's parsed `pyproject.toml`.
        other_folders: the other local packages' folders, relative to the workspace's root; those below `folder` are
            left to themselves.
        layout: the package's layout where it is known already.

    Raises:
        WorkspaceError: a link leads back to a folder above it, a file cannot be read, or the package's own table or a
            path that its backend names leads out of the workspace.
    """
    start = _join(str(repository.root), folder)
    real = os.path.realpath(start)
    if not _within(real, str(repository.top)):
        raise WorkspaceError(
            f"{folder}/ is a link to {real}, outside the repository {repository.top}; "
            "move the package into the repository or depend on a released version of it"
        )
    layout = layout or layout_of(pyproject, Path(start))
    wanted = _wanted(repository, folder, pyproject, layout, Path(start))
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
    if "setuptools-scm" in build_requirements(pyproject):
        _list_data_files(walk.files, folder, layout)
    files = {path: walk.files[path] for path in sorted(walk.files)}
    return PackageSources(files=files, dropped=tuple(sorted(walk.dropped, key=lambda dropped: dropped.path)))


def _list_data_files(files: dict[str, ContextFile], folder: PurePosixPath, layout: Layout) -> None:
    """Name the packages' data files in `MANIFEST.in`, where setuptools-scm would have asked git for them.

    https://setuptools-scm.readthedocs.io/en/latest/usage/#file-finders-hook-makes-most-of-manifestin-unnecessary: with
    no repository around, setuptools would leave them out of the wheel. What the file says already still holds: it comes
    after.
    """
    path = str(folder / "MANIFEST.in")
    grafts = [f"graft {module.path}\n" for module in layout.modules if module.path.suffix != ".py"]
    written = files.get(path, ContextFile(content=b"", executable=False))
    files[path] = ContextFile(content="".join(grafts).encode() + written.content, executable=written.executable)


def holds_private_key(content: bytes) -> bool:
    """Whether a whole PEM or OpenPGP private key lies in the bytes: header, body and footer.

    Code that merely mentions a header, or puts a key together from a variable, holds none. A key inside a string (JSON,
    a Python literal over several lines) counts.
    """
    return b"PRIVATE KEY" in content and any(_is_key(found["body"]) for found in _KEY_BLOCK.finditer(content))


_KEY_BLOCK = re.compile(
    rb"-----BEGIN (?P<kind>(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----"
    rb"(?P<body>(?:(?!-----BEGIN ).){1,65536}?)-----END (?P=kind)-----",
    re.DOTALL,
)
_OPENING_QUOTE = re.compile(rb"""\A[a-zA-Z]{0,2}["']""")
_RFC_1421_HEADER = re.compile(rb"[A-Za-z-]+: .+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+")


def _is_key(body: bytes) -> bool:
    """Whether what stands between header and footer is base64, on lines that end as in a file or as in a string."""
    rows = body.replace(b"\\r", b"").replace(b"\\n", b"\n").split(b"\n")
    lines = [_OPENING_QUOTE.sub(b"", row.strip(), count=1).strip(b" \t\"'\\,") for row in rows]
    lines = [line for line in lines if line and not _RFC_1421_HEADER.fullmatch(line)]
    if not lines or not all(_BASE64.fullmatch(line) for line in lines):
        return False
    # In a string, a short word may be a placeholder; a row of 24 characters is no word.
    as_in_a_file = b'"' not in body and b"'" not in body and b"\\" not in body and body.lstrip(b" \t\r")[:1] == b"\n"
    return as_in_a_file or max(map(len, lines)) >= 24


# Names that never enter a context, wherever they lie; what is not worth a line in `dropped` has no reason.
_NEVER_FOLDERS: Mapping[str, str | None] = {
    **dict.fromkeys(("__pycache__", "__pypackages__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis")),
    **dict.fromkeys(
        (".pytype", ".pyre", ".tox", ".nox", ".ipynb_checkpoints", ".import_linter_cache", ".eggs", ".cache")
    ),
    **dict.fromkeys((".git", ".hg", ".svn", ".jj", ".bzr", ".aws-sam", ".terraform", ".pdm-build", ".hatch", ".pixi")),
    "node_modules": "installed by npm, not a source",
    "cdk.out": "written by cdk synth",
    ".venv": "a virtual environment",
}
_NEVER_FILES = re.compile(
    r".*\.py[co]|.*\$py\.class|\.DS_Store|Thumbs\.db|\.coverage(?:\..*)?|\.git|\.#.*|.*~|\..*\.sw[po]", re.DOTALL
)

# Left out beside the importable packages, unless a build table or `include` names them.
_BESIDE = re.compile(
    r"tests?|build|dist|htmlcov|\.github|\.gitlab|\.circleci|\.devcontainer|\.idea|\.vscode"
    r"|conftest\.py|test_.*\.py|.*_test\.py|tox\.ini|noxfile\.py|\.coveragerc|\.pre-commit-config\.yaml"
    r"|\.gitignore|\.gitattributes|\.dockerignore",
    re.DOTALL,
)

# In the package's own folder these are the context's, rewritten or left out, and never the package's.
_DEFINITIONS = frozenset({"pyproject.toml", "uv.lock", "uv.toml", ".python-version"})

_ALLOWED = "allowed"


def _never(name: str) -> str | None:
    """`_ALLOWED`, else the reason why nothing of this name enters a context; None for noise."""
    if name in _NEVER_FOLDERS:
        return _NEVER_FOLDERS[name]
    if name.startswith(".env"):
        return "can hold secrets"
    return None if name.endswith(".egg-info") or _NEVER_FILES.fullmatch(name) else _ALLOWED


class _State(NamedTuple):
    """What holds for a folder and everything in it.

    `wanted`: a source. `worth`: asked for by name, or importable, so that what is left out of it is worth a line.
    `forced`: above `.gitignore`. `ignored`: by `.gitignore`. `declared`: in a module that the tables name, which goes
    into the wheel whole, with what is another package's folder.
    """

    wanted: bool
    worth: bool = False
    forced: bool = False
    ignored: bool = False
    declared: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What one package's tables ask for, by paths relative to its folder."""

    modules: Mapping[str, Module]
    named: Mapping[str, bool]
    globs: tuple[Glob, ...]
    excluded: tuple[re.Pattern[str], ...]
    written: frozenset[str]
    outside: Mapping[str, bool]
    passages: frozenset[str]
    everything: bool

    def may_hold(self, path: str) -> bool:
        """Whether something wanted can lie below a folder that is not wanted itself."""
        return path in self.passages or any(glob.holders and glob.holders.match(path) for glob in self.globs)


_NOTHING = _Wanted(
    modules={},
    named={},
    globs=(),
    excluded=(),
    written=frozenset(),
    outside={},
    passages=frozenset(),
    everything=False,
)


def _wanted(repository: Repository, folder: PurePosixPath, pyproject: Table, layout: Layout, at: Path) -> _Wanted:
    named = named_files(pyproject, at)
    include, exclude = _own_globs(pyproject, folder)
    modules = {str(module.path): module for module in layout.modules if module.path.parts[:1] != ("..",)}
    inside = {path: wins for path, wins in named.paths.items() if not path.startswith("../")}
    outside: dict[str, bool] = {}
    for path in named.paths.keys() - inside.keys():
        target = os.path.normpath(_join(str(folder), path))
        if target == ".." or target.startswith("../"):
            raise WorkspaceError(
                f"{folder}/pyproject.toml names {path!r}, which lies outside the workspace's root {repository.root}; "
                "a build context can hold only what lies below it: move it there"
            )
        outside[target] = named.paths[path]
    parents = (parent for path in (*modules, *inside) for parent in PurePosixPath(path).parents)
    return _Wanted(
        modules=modules,
        named=inside,
        globs=(*named.globs, *include),
        excluded=exclude,
        written=named.written,
        outside=outside,
        passages=frozenset(map(str, parents)) - {"."},
        everything=not layout.complete,
    )


def _own_globs(pyproject: Table, folder: PurePosixPath) -> tuple[tuple[Glob, ...], tuple[re.Pattern[str], ...]]:
    """`include` and `exclude` of the package's own table, with uv's meaning of such globs.

    https://docs.astral.sh/uv/concepts/build-backend/#include-and-exclude-syntax: what includes starts at the package's
    folder; what excludes holds at any depth unless it begins with a slash.
    """
    table = foreign_table(pyproject, *TABLE.split("."))
    include, exclude = table.get("include", []), table.get("exclude", [])
    for key, patterns in (("include", include), ("exclude", exclude)):
        if not isinstance(patterns, list) or not all(isinstance(pattern, str) and pattern for pattern in patterns):
            raise WorkspaceError(
                f"{folder}/pyproject.toml: `{key}` of [{TABLE}] must be a list of globs, not {patterns!r}"
            )
        for pattern in patterns:
            if ".." in pattern.split("/"):
                raise WorkspaceError(
                    f"{folder}/pyproject.toml: {pattern!r} in `{key}` of [{TABLE}] leads out of the package's folder; "
                    "globs are relative to it and stay below it"
                )
    try:
        included = tuple(anchored_glob(pattern, wins=True) for pattern in include)
        excluded = tuple(_excluding(pattern) for pattern in exclude)
    except ValueError as error:
        raise WorkspaceError(f"{folder}/pyproject.toml: malformed glob {str(error)!r} in [{TABLE}]") from error
    return included, excluded


def _excluding(pattern: str) -> re.Pattern[str]:
    anywhere = "" if pattern.startswith("/") else "(?:.*/)?"
    return re.compile(anywhere + translate(os.path.normpath(pattern.lstrip("/"))) + r"\Z", re.DOTALL)


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One pass over a package's folder; goes into no folder that can hold nothing wanted."""

    repository: Repository
    folder: str
    wanted: _Wanted
    others: frozenset[str]
    files: dict[str, ContextFile] = field(default_factory=dict)
    dropped: list[Dropped] = field(default_factory=list)
    above: list[str] = field(default_factory=list)

    def enter(self, real: str, path: str, state: _State) -> None:
        """Take what is wanted from one folder.

        Args:
            real: the folder, absolute and free of links.
            path: the same, relative to the package's folder; empty for that folder itself.
            state: what holds in it.
        """
        entries = self._entries(real, path)
        names = {entry.name for entry in entries}
        if path and "pyvenv.cfg" in names:
            self._drop(f"{path}/", "a virtual environment", worth=state.worth)
            return
        if path and "CACHEDIR.TAG" in names:
            return
        ignores = self.repository.ignores(real, has_rules=".gitignore" in names)
        self.above.append(real)
        for entry in entries:
            if path or entry.name not in _DEFINITIONS:
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
            wanted=_NOTHING,
            others=frozenset(),
            files=self.files,
            dropped=self.dropped,
        )
        parent, _, name = path.rpartition("/")
        real = os.path.realpath(_join(str(self.repository.root), parent))
        if not _within(real, str(self.repository.top)):
            self.dropped.append(Dropped(path, "reached through a link out of the repository"))
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
        noted = worth or path in wanted.passages
        shown = f"{path}/" if is_folder and not is_link else path
        never = _never(name)
        if never != _ALLOWED:
            if never is not None:
                self._drop(shown, never, worth=noted)
            return
        if is_folder and not state.declared and self._in_workspace(path) in self.others:
            return
        is_source = worth or (state.wanted and (state.forced or not _BESIDE.fullmatch(name)))
        passes = is_folder and wanted.may_hold(path)
        if not is_source and not passes:
            return
        for pattern in wanted.excluded:
            if pattern.match(path):
                self._drop(shown, f"excluded by [{TABLE}]", worth=noted)
                return
        if path in wanted.written:
            self._drop(shown, "written by the build itself", worth=noted)
            return
        forced = state.forced or bool(named) or any(glob.wins for glob in matched)
        exempt = forced or named is not None or (module is not None and module.declared)
        ignored = state.ignored and not exempt
        if not exempt and not ignored and ignores.ignored(entry.path, name, is_folder=is_folder and not is_link):
            ignored = True
            self._drop(shown, "ignored by .gitignore", worth=worth)
        elif ignored and not state.worth:
            self._drop(shown, "in a folder ignored by .gitignore", worth=worth)
        if ignored and not passes:
            return
        real = (
            self._target(entry.path, path, worth=noted, exempt=exempt, is_folder=is_folder) if is_link else entry.path
        )
        if real is not None and is_folder:
            declared = state.declared or (module is not None and module.declared)
            self.enter(real, path, _State(is_source, worth, forced, ignored, declared))
        elif real is not None:
            self._take(real, path, worth=worth)

    def _target(self, link: str, path: str, *, worth: bool, exempt: bool, is_folder: bool) -> str | None:
        """What a link leads to, free of links; None where that does not enter a context."""
        real, top = os.path.realpath(link), str(self.repository.top)
        if not _within(real, top):
            self._drop(path, "reached through a link out of the repository", worth=worth)
            return None
        try:
            os.stat(link)  # noqa: PTH116 (the path is a string)
        except FileNotFoundError:
            self._drop(path, "a link to nothing", worth=worth)
            return None
        except OSError as error:
            raise self._cycle(path) if error.errno == errno.ELOOP else self._unreadable(path, error) from error
        relative = real[len(top) + 1 :]
        for part in relative.split("/"):
            never = _never(part)
            if never != _ALLOWED:
                self._drop(path, f"a link to {relative}: {never or 'never a source'}", worth=worth)
                return None
        if is_folder and any(_within(folder, real) for folder in self.above):
            raise self._cycle(path)
        if not exempt and self.repository.ignored(real, is_folder=is_folder):
            self._drop(path, f"a link to {relative}, which is ignored by .gitignore", worth=worth)
            return None
        return real

    def _take(self, real: str, path: str, *, worth: bool) -> None:
        in_workspace = self._in_workspace(path)
        if not in_workspace.isascii() and not _is_utf8(in_workspace):
            raise WorkspaceError(f"{in_workspace!r} has a name that is not UTF-8, so no image can hold it; rename it")
        try:
            # Without O_NONBLOCK, opening a named pipe waits for somebody to write to it.
            descriptor = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                status = os.fstat(descriptor)
                regular = stat.S_ISREG(status.st_mode)
                content = _read(descriptor, status.st_size) if regular else b""
            finally:
                os.close(descriptor)
        except OSError as error:
            raise self._unreadable(path, error) from error
        if not regular:
            self._drop(path, "not a regular file", worth=worth)
        elif holds_private_key(content):
            self._drop(path, "holds a private key", worth=True)
        else:
            self.files[in_workspace] = ContextFile(content=content, executable=bool(status.st_mode & stat.S_IXUSR))

    def _entries(self, real: str, path: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(real) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            raise self._unreadable(path, error) from error

    def _drop(self, path: str, reason: str, *, worth: bool) -> None:
        if worth:
            self.dropped.append(Dropped(self._in_workspace(path), reason))

    def _in_workspace(self, path: str) -> str:
        return f"{self.folder}/{path}" if self.folder else path

    def _unreadable(self, path: str, error: OSError) -> WorkspaceError:
        return WorkspaceError(
            f"cannot read {self._in_workspace(path)}: {error.strerror}; "
            f"make it readable, or list it in `exclude` of [{TABLE}] in {self._in_workspace('pyproject.toml')}"
        )

    def _cycle(self, path: str) -> WorkspaceError:
        return WorkspaceError(
            f"{self._in_workspace(path)} is a link that leads back to itself or to a folder above it; "
            f"remove it, or list it in `exclude` of [{TABLE}] in {self._in_workspace('pyproject.toml')}"
        )


def _read(descriptor: int, size: int) -> bytes:
    """Everything up to the end, in one call where the file does not grow meanwhile."""
    content = os.read(descriptor, size + 1)
    while more := os.read(descriptor, 1 << 20) if content else b"":
        content += more
    return content


def _is_utf8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def _join(*parts: str | PurePosixPath) -> str:
    return "/".join(str(part) for part in parts if str(part) not in ("", "."))
