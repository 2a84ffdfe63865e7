"""The workspace as it was at a commit: read from git, written to a folder beside the working tree, which is not touched."""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError

_SUBMODULE = "160000"


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
        done = _git(["rev-parse", "--show-toplevel"], cwd=root)
        if done.returncode:
            raise WorkspaceError(
                f"{root} is in no git repository that can be read: {_said(done)}",
                "run this in a clone of the repository",
            )
        return cls(root=root, top=Path(done.stdout.removesuffix("\n")).resolve())

    def commit(self, ref: str) -> str:
        """The full name of the commit that a branch, tag or abbreviation means.

        Raises:
            WorkspaceError: when there is none; in a shallow clone the message says how to get it.
        """
        done = _git(["rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"], cwd=self.top)
        if done.returncode == 0:
            return done.stdout.strip()
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

    def changed(self, commit: str) -> frozenset[str]:
        """The paths below the workspace's root that differ between a commit and the working tree.

        What is not tracked counts, unless it is ignored; both names of what was renamed do.
        """
        below = ["--", "."]
        differing = _git(["diff", "--name-only", "-z", "--no-renames", "--relative", commit, *below], cwd=self.root)
        untracked = _git(["ls-files", "--others", "--exclude-standard", "-z", *below], cwd=self.root)
        for done in (differing, untracked):
            if done.returncode:
                raise WorkspaceError(f"git could not compare {commit[:12]} with the working tree: {_said(done)}")
        return frozenset(path for done in (differing, untracked) for path in done.stdout.split("\0") if path)


def _write(top: Path, commit: str, folder: Path, *, index: Path) -> None:
    """Write a commit's files, and those of its submodules as far as they are checked out here."""
    environment = {**os.environ, "GIT_INDEX_FILE": str(index)}
    commands = (["read-tree", commit], ["checkout-index", "--all", "--quiet", f"--prefix={folder}/"])
    for command in commands:
        done = _git(command, cwd=top, environment=environment)
        if done.returncode:
            raise WorkspaceError(f"git could not write the files of {commit[:12]}: {_said(done)}")
    staged = _git(["ls-files", "--stage", "-z"], cwd=top, environment=environment).stdout
    for entry in staged.split("\0"):
        mode, _, rest = entry.partition(" ")
        if mode == _SUBMODULE:
            name, _, path = rest.partition("\t")
            module = top / path
            if (module / ".git").exists() and _git(["cat-file", "-e", name.split()[0]], cwd=module).returncode == 0:
                _write(module, name.split()[0], folder / path, index=index.with_name(f"{index.name}-{len(path)}"))


def _git(
    arguments: Sequence[str], *, cwd: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError as error:
        if not cwd.is_dir():
            raise WorkspaceError(f"there is no folder {cwd}") from error
        raise WorkspaceError("git is not on PATH", "install it: what changed is read from its history") from error


def _said(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.removeprefix("fatal: ") for line in done.stderr.splitlines() if line.strip()]
    return lines[0] if lines else f"git exited with {done.returncode}"
