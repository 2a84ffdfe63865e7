"""`.gitignore` rules mean what git says they mean; git itself is the oracle, on trees that hypothesis makes."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from ignoring import PATHS, RULES, git_ignores, make_tree, needs_git
from uv_workspace_function.context.gitignore import GitRepository, Rules


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return tmp_path_factory.mktemp("checkout")


@needs_git
@settings(max_examples=200)
@given(rules=RULES, paths=PATHS)
@example(rules={"": ["[b-a]"]}, paths=["b", "a"])
@example(rules={"": ["a/***/b"]}, paths=["a/b"])
@example(rules={"": ["[!a]"]}, paths=["é"])
@example(rules={"": ["a/", "!a/b.py"]}, paths=["a/b.py"])
@example(rules={"": ["*", "!*/", "!*.py"]}, paths=["a/b.py", "a/b"])
def test_git_agrees_on_every_path_of_a_made_tree(checkout: Any, rules: Any, paths: Any) -> None:
    """What `git check-ignore --no-index` ignores is ignored, and nothing else."""
    tree = make_tree(checkout, rules, paths)
    repository = GitRepository.at(checkout)
    ignored = {
        path for path, is_folder in tree.items() if repository.ignored(str(checkout / path), is_folder=is_folder)
    }
    assert ignored == git_ignores(checkout, sorted(tree))


@pytest.mark.parametrize(
    ("text", "path", "is_folder", "verdict"),
    [
        ("*.log\n", "a/b.log", False, True),
        ("*.log\n", "a/b.txt", False, None),
        ("*.log\n!keep.log\n", "a/keep.log", False, False),
        ("/dist\n", "dist", True, True),
        ("/dist\n", "a/dist", True, None),
        ("build/\n", "a/build", True, True),
        ("build/\n", "a/build", False, None),
        ("docs/*.md\n", "docs/a/b.md", False, None),
        ("docs/**/*.md\n", "docs/a/b.md", False, True),
        ("\ufeff*.log\r\n", "b.log", False, True),
        ("# a comment\n\n", "# a comment", False, None),
        ("[unclosed\n", "[unclosed", False, None),
    ],
)
def test_the_last_line_that_matches_decides(text: Any, path: Any, is_folder: Any, verdict: Any) -> None:
    """The examples of git's documentation, without git."""
    assert Rules.parse(text).verdict(path, path.rpartition("/")[2], is_folder=is_folder) is verdict


def test_rules_start_where_the_repository_does(tmp_path: Path) -> None:
    """A `.gitignore` above the nearest `.git` has no say; the rules of a folder between it and the workspace have."""
    (tmp_path / ".gitignore").write_text("above\n")
    (tmp_path / "repository/.git").mkdir(parents=True)
    (tmp_path / "repository/.gitignore").write_text("top\n")
    workspace = tmp_path / "repository/workspace"
    workspace.mkdir()
    repository = GitRepository.at(workspace)
    ignored = {name: repository.ignored(str(workspace / name), is_folder=False) for name in ("above", "top", "other")}
    assert ignored == {"above": False, "top": True, "other": False}


def test_rules_that_a_link_brings_in_do_not_count(tmp_path: Path) -> None:
    """Git reads no `.gitignore` that is a link."""
    (tmp_path / "elsewhere").write_text("a\n")
    (tmp_path / ".gitignore").symlink_to("elsewhere")
    assert not GitRepository.at(tmp_path).ignored(str(tmp_path / "a"), is_folder=False)
