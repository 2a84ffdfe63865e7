"""One commit, several digests: what git makes of files while `git status` is clean, told by `check` and at synth.

Covers also: context/git_configuration.py.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from gate.repository import commit, git
from made import handler, lock, workspace
from uv_workspace_function import Workspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.git_configuration import core_settings

AGAIN = "another checkout of this commit can have a different digest: "


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service with a script, a text and a link, committed, below the repository's top."""
    root = workspace(tmp_path / "top/shop", ["orders"])
    handler(root / "orders")
    package = root / "orders/src/orders"
    (package / "run").write_text("#!/bin/sh\n")
    (package / "run").chmod(0o755)
    (package / "words.txt").write_text("a\nb\n")
    (package / "again.txt").symlink_to("words.txt")
    lock(root)
    commit(root.parent)
    return root


def found(root: Path) -> list[str]:
    """The problems that the check tells of the working tree."""
    said = CliRunner().invoke(main, ["check", "--workspace", str(root)]).stdout.splitlines()
    return [said[at + 1].strip() for at, line in enumerate(said) if "UWF021" in line and "warning" in line]


def warned(root: Path) -> list[str]:
    """The warnings of a context, as synth and `prune` have them."""
    return [*BuildContext.of(Workspace.load(root), "orders").warnings]


def digest(root: Path) -> str:
    return BuildContext.of(Workspace.load(root), "orders").digest


def anew(root: Path) -> None:
    """Check all files out again."""
    for path in git(root, "ls-files").splitlines():
        (root / path).unlink()
    git(root, "checkout", "--", ".")


def with_line_ends(root: Path) -> None:
    git(root, "config", "core.autocrlf", "true")
    anew(root)


def with_modes(root: Path) -> None:
    git(root, "config", "core.fileMode", "false")
    for path in (root / "orders").rglob("*.*"):
        if path.is_file() and not path.is_symlink():
            path.chmod(0o777)


def with_links(root: Path) -> None:
    git(root, "config", "core.symlinks", "false")
    anew(root)


def with_less(root: Path) -> None:
    git(root.parent, "sparse-checkout", "set", "--no-cone", "/*", "!words.txt")


@pytest.mark.parametrize(
    ("change", "problem", "warning"),
    [
        (
            with_line_ends,
            "git has written other line ends than the commit has into orders/pyproject.toml and 3 more",
            "git has written CRLF into orders/src/orders/again.txt and 3 more (core.autocrlf); set it to false and check the files out again",
        ),
        (
            with_modes,
            "orders/pyproject.toml and 3 more can be executed in the commit or here, not in both",
            "git does not see that orders/src/orders/__init__.py and 3 more can be executed (core.fileMode); set it to true and look at `git status`",
        ),
        (
            with_links,
            "git has written a file where the commit has a link: orders/src/orders/again.txt",
            "git writes links as files (core.symlinks); set it to true and check the files out again",
        ),
        (
            with_less,
            "git has left out orders/src/orders/words.txt",
            "git leaves files out (a sparse checkout); run `git sparse-checkout disable`, or see that a service has all of its own",
        ),
    ],
    ids=["line ends", "modes", "links", "absence"],
)
def test_what_git_makes_of_files_is_told(
    shop: Path, change: Callable[[Path], None], problem: str, warning: str
) -> None:
    """`git status` is clean, and the digest another one; before, nobody is warned."""
    assert ([], []) == (found(shop), warned(shop))
    before = digest(shop)
    change(shop)
    assert git(shop, "status", "--porcelain") == ""
    assert digest(shop) != before
    assert found(shop) == [f"{problem}: another checkout of this commit has a different digest"]
    assert warned(shop) == [AGAIN + warning]


def test_what_the_commit_itself_says_of_line_ends_is_the_same_everywhere(shop: Path) -> None:
    """`.gitattributes` is part of it."""
    (shop / ".gitattributes").write_text("*.txt text eol=crlf\n")
    commit(shop.parent)
    anew(shop)
    assert b"a\r\nb\r\n" == (shop / "orders/src/orders/words.txt").read_bytes()
    assert ([], []) == (found(shop), warned(shop))


def test_a_change_that_git_shows_is_nobody_s_surprise(shop: Path) -> None:
    """Uncommitted, it is in `git status`."""
    (shop / "orders/src/orders/words.txt").write_bytes(b"a\r\nb\r\n")
    (shop / "orders/src/orders/run").chmod(0o644)
    assert git(shop, "status", "--porcelain") != ""
    assert ([], []) == (found(shop), warned(shop))


def test_a_pointer_is_told_at_synth(shop: Path) -> None:
    """git-lfs has not fetched the file; whether there is a repository does not matter."""
    text = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"
    (shop / "orders/src/orders/model.bin").write_text(text)
    assert warned(shop) == [f"{AGAIN}git-lfs left only a pointer for orders/src/orders/model.bin; run `git lfs pull`"]


def test_settings_come_from_every_file_that_git_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's, the repository's and a linked worktree's, the later ones counting; as git itself says."""
    home, top, linked = tmp_path / "home", tmp_path / "top", tmp_path / "linked"
    home.mkdir()
    top.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = x\n[Core] # mine\n\tautoCRLF = true ; always\n\tsymlinks\n")
    commit(top)
    git(top, "config", "core.fileMode", "false")
    git(top, "worktree", "add", "--quiet", str(linked))
    git(top, "config", "extensions.worktreeConfig", "true")
    git(linked, "config", "--worktree", "core.sparseCheckout", "true")
    monkeypatch.setenv("HOME", str(home))
    settings = {key: core_settings(linked).get(key) for key in ("autocrlf", "symlinks", "filemode", "sparsecheckout")}
    assert settings == {"autocrlf": "true", "symlinks": "true", "filemode": "false", "sparsecheckout": "true"}
    assert core_settings(top).get("sparsecheckout") is None
