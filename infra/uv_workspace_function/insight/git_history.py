"""The workspace as it was at a commit: read from git, written to a folder beside the working tree, which is not touched.

The one place that starts git. What a clone can hold does not decide how git works (a bare repository tracked in a subfolder brings a
configuration with programs to run), and neither do the variables that git hands to hooks and to `rebase --exec`.
"""

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from uv_workspace_function.errors import WorkspaceError

_SUBMODULE = "160000"
_LINK = "120000"
_EXECUTABLE = "100755"
# No program is run for what git does here: no hook, no monitor, no other diff. Only a folder's `.git` makes it a repository.
_CONFIGURATION = (
    *("--no-pager", "-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false"),
    *("-c", f"core.hooksPath={os.devnull}"),
)
_PLAIN_DIFF = ("--no-ext-diff", "--no-textconv", "--no-renames", "--no-relative", "--no-color")
# Variables that say how this machine reaches a remote, from which a partial clone fetches what it lacks.
_OF_THE_MACHINE = frozenset(
    {
        *("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_TERMINAL_PROMPT", "GIT_ASKPASS"),
        *("GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY"),
    }
)
_NOTHING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """A file that git knows."""

    path: str
    """Relative to the top of the repository."""
    deviations: tuple[str, ...]
    """In what it is not what the commit has, though git says nothing of it: `line ends`, `executable bit`, `link`, `absence`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The git repository that a workspace lies in."""

    root: Path
    """The workspace's root."""
    top: Path
    """The repository's."""

    @classmethod
    def at(cls, root: Path) -> "History":
        """Find the repository of a workspace.

        Raises:
            WorkspaceError: when there is no git, or no repository.
        """
        root = root.resolve()
        # A folder with `.git` is a repository before anything in it is: git, asked further down, takes a tracked one for it.
        start = next((folder for folder in (root, *root.parents) if os.path.lexists(folder / ".git")), root)
        done = _git(["rev-parse", "--show-toplevel"], cwd=start)
        if done.returncode:
            raise WorkspaceError(
                f"{root} is not in a git repository that can be read: {_said(done)}",
                "run this in a clone of the repository",
            )
        return cls(root=root, top=Path(done.stdout.removesuffix("\n")).resolve())

    def commit(self, ref: str) -> str:
        """The full name of the commit that a branch, tag or abbreviation means.

        Raises:
            WorkspaceError: when there is none; in a shallow clone the message says how to get it.
        """
        done = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], cwd=self.top)
        commit = done.stdout.strip()
        if done.returncode == 0 and not commit.startswith("^"):  # `^HEAD` is what HEAD does not reach: no commit
            return commit
        if _git(["rev-parse", "--is-shallow-repository"], cwd=self.top).stdout.strip() == "true":
            raise WorkspaceError(
                f"there is no commit {ref!r} in this clone, which is shallow",
                "fetch the whole history: `fetch-depth: 0` of actions/checkout, or `git fetch --unshallow`",
            )
        raise WorkspaceError(
            f"there is no commit {ref!r} in {self.top}", "fetch it, or name another branch, tag or commit"
        )

    @contextmanager
    def checkout(self, commit: str) -> Iterator[Path]:
        """The workspace's root at a commit, in a temporary folder; `export-ignore` and the like do not change it.

        Where the commit does not have it, an empty folder.

        Args:
            commit: as `commit` returns it.

        Raises:
            WorkspaceError: when git cannot write it.
        """
        with tempfile.TemporaryDirectory(prefix="services-since-") as folder:
            tree = Path(folder).resolve() / "tree"
            tree.mkdir()
            _write(self.top, commit, tree, index=Path(folder) / "index")
            # where a repository begins: rules of .gitignore hold up to here, and links lead no further
            (tree / ".git").mkdir()
            root = tree / self.root.relative_to(self.top)
            if not root.is_dir():
                # as at the top of a repository, which was a folder before it was a workspace
                root = Path(folder) / "nothing"
                root.mkdir()
            yield root

    def tracked(self) -> Iterator[Tracked]:
        """The files that git knows below the workspace's root, with what its configuration makes of them.

        Raises:
            WorkspaceError: when git cannot tell.
        """
        listed = self._listed("-t", "--stage", "--eol")
        settings = _git(["config", "--null", "--get-regexp", r"^core\.(autocrlf|eol|filemode|symlinks)$"], cwd=self.top)
        pairs = (entry.partition("\n") for entry in settings.stdout.split("\0") if entry)
        core = {key: value.lower() for key, _, value in pairs}
        for entry in listed:
            head, lines, path = entry.split("\t", 2)
            tag, mode, *_ = head.split()
            yield Tracked(path=path, deviations=tuple(_deviations(self.top / path, tag, mode, lines, core)))

    def paths(self) -> frozenset[str]:
        """The files that git knows below the workspace's root, relative to it.

        Raises:
            WorkspaceError: when git cannot tell.
        """
        return frozenset(path.removeprefix(self._prefix) for path in self._listed())

    def _listed(self, *options: str) -> list[str]:
        """What `git ls-files` says of the files below the workspace's root."""
        done = _git(["ls-files", *options, "-z", *self._below], cwd=self.top)
        return _entries(done, f"git could not list the files of {self.root}")

    @property
    def _prefix(self) -> str:
        """What the path of a file below the workspace's root begins with."""
        return f"{self.root.relative_to(self.top).as_posix()}/" if self.root != self.top else ""

    @property
    def _below(self) -> list[str]:
        """The workspace's root, as a path of a command that is run at the top."""
        return ["--", f":(top,literal){self._prefix.removesuffix('/')}"] if self._prefix else ["--"]

    def changed(self, commit: str) -> frozenset[str]:
        """The paths below the workspace's root that differ between a commit and the working tree.

        What is not tracked counts, unless it is ignored; both names of what was renamed do.
        """
        differing = _git(["diff", *_PLAIN_DIFF, "--name-only", "-z", commit, *self._below], cwd=self.top)
        untracked = _git(["ls-files", "--others", "--exclude-standard", "-z", *self._below], cwd=self.top)
        failed = f"git could not compare {commit[:12]} with the working tree"
        paths = (path for done in (differing, untracked) for path in _entries(done, failed))
        return frozenset(path.removeprefix(self._prefix) for path in paths)


def _write(top: Path, commit: str, folder: Path, *, index: Path) -> None:
    """Write a commit's files, and those of its submodules as far as they are checked out here."""
    environment = {"GIT_INDEX_FILE": str(index)}
    commands = (["read-tree", commit], ["checkout-index", "--all", "--quiet", f"--prefix={folder}/"])
    for command in commands:
        _entries(_git(command, cwd=top, environment=environment), f"git could not write the files of {commit[:12]}")
    staged = _git(["ls-files", "--stage", "-z"], cwd=top, environment=environment).stdout
    for entry in staged.split("\0"):
        mode, _, rest = entry.partition(" ")
        if mode == _SUBMODULE:
            name, _, path = rest.partition("\t")
            module = top / path
            if (module / ".git").exists() and _git(["cat-file", "-e", name.split()[0]], cwd=module).returncode == 0:
                _write(module, name.split()[0], folder / path, index=index.with_name(f"{index.name}-{len(path)}"))


def _deviations(path: Path, tag: str, mode: str, lines: str, core: Mapping[str, str]) -> Iterator[str]:
    """In what a file is not what the commit has, where git would not say so."""
    if tag == "S" and not os.path.lexists(path):
        yield "absence"
    elif mode == _LINK:
        if core.get("core.symlinks") == "false" and path.is_file() and not path.is_symlink():
            yield "link"
    elif path.is_file():
        is_executable = bool(path.stat().st_mode & stat.S_IXUSR)
        if core.get("core.filemode") == "false" and is_executable != (mode == _EXECUTABLE):
            yield "executable bit"
        index, tree = (*lines.split(), "", "")[:2]
        converts = core.get("core.autocrlf") == "true" or core.get("core.eol") == "crlf"
        # What `.gitattributes` says of line ends is the commit's own, and the same everywhere.
        if converts and (index, tree) == ("i/lf", "w/crlf") and "eol=" not in lines:
            yield "line ends"


def _variables(shell: Mapping[str, str]) -> dict[str, str]:
    """A shell's variables but git's own, which say which repository, index and configuration it works with."""
    kept = {key: value for key, value in shell.items() if not key.startswith("GIT_") or key in _OF_THE_MACHINE}
    # No lock is taken and no index written for a question; what git says is looked at.
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def _safe_directories(shell: Mapping[str, str]) -> list[str]:
    """What a container's variables say of folders with another owner, the only setting of theirs that is kept."""
    count = shell.get("GIT_CONFIG_COUNT", "")
    pairs = (
        (shell.get(f"GIT_CONFIG_KEY_{i}", ""), shell.get(f"GIT_CONFIG_VALUE_{i}", "")) for i in range(_count(count))
    )
    return [part for key, value in pairs if key.lower() == "safe.directory" for part in ("-c", f"{key}={value}")]


def _count(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 4 else 0


def _git(
    arguments: Sequence[str], *, cwd: Path, environment: Mapping[str, str] = _NOTHING
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *_CONFIGURATION, *_safe_directories(os.environ), *arguments],
            cwd=cwd,
            env={**_variables(os.environ), **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise WorkspaceError(f"there is no folder {cwd}") from error
        raise WorkspaceError("git is not on PATH", "install it: what changed is read from its history") from error


def _entries(done: subprocess.CompletedProcess[str], failed: str) -> list[str]:
    """What git printed, entry by entry.

    Raises:
        WorkspaceError: where it failed, which begins with what could not be done.
    """
    if done.returncode:
        raise WorkspaceError(f"{failed}: {_said(done)}")
    return [entry for entry in done.stdout.split("\0") if entry]


def _said(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.removeprefix("fatal: ") for line in done.stderr.splitlines() if line.strip()]
    return lines[0] if lines else f"git exited with {done.returncode}"
