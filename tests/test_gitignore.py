"""`.gitignore` rules mean what git says they mean; git itself is the oracle, on trees that hypothesis makes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from uv_workspace_function.gitignore import Repository, Rules

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git, the oracle of this test, is not installed")

NAMES = ("a", "b", "ab", "a.py", "b.py", "build", "x y", "A", "[a]", "a*", "-", "]", "a ", "é")
LINES = """
a /a a/ *.py !*.py ** **/ **/a a/** a/**/b /* !/a !*/ * a/* !a/b [ab] [!a] [^a] [a-b] []a] []-a] [a a\\ \\a \\!a \\# #a !
/ // **a a** build/ !build/ *** a***b a/***/b ? ?? a?py [[:alpha:]] [[:digit:]] [[:nope:]] [[:alpha] a//b /** /**/a **/a/**
!**/b.py [b-a] [a-] [\\]] \\[a\\] a\\* [*] b/ !b [a/b] a[/]b [^]] [A-Z] *b a*b* ./a ../a é [é] !a/ a/b/ !/a/b.py *.* .* [--a]
""".split()  # noqa: SIM905 (a list of sixty quoted strings reads worse)
SPACED = ["x y", "x y ", "x\\ y", "a ", "a\\ ", "a\t", " a", "", "a\r", "a\\  "]
PATTERNS = st.one_of(st.sampled_from(LINES + SPACED), st.text(alphabet="ab*?[]!/\\. -^", min_size=1, max_size=7))
PATHS = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join), min_size=1, max_size=6)
RULES = st.dictionaries(
    st.sampled_from(["", "a", "a/b", "build"]), st.lists(PATTERNS, min_size=1, max_size=5), min_size=1
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkout")
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    return folder


def make_tree(checkout: Path, rules: dict[str, list[str]], paths: list[str]) -> dict[str, bool]:
    """Fill an emptied checkout; each path in it, and whether it is a folder."""
    for entry in checkout.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path in paths:
        file = checkout / path
        if not file.exists() and not any(parent.is_file() for parent in file.parents):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
    for folder, lines in rules.items():
        if (checkout / folder).is_dir():
            (checkout / folder / ".gitignore").write_bytes("".join(f"{line}\n" for line in lines).encode())
    tree = (path for path in checkout.rglob("*") if ".git" not in path.relative_to(checkout).parts)
    return {path.relative_to(checkout).as_posix(): path.is_dir() for path in tree}


def git_ignores(checkout: Path, paths: list[str]) -> set[str]:
    command = ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "-z", "--stdin"]
    asked = "".join(f"{path}\0" for path in paths).encode()
    answer = subprocess.run(command, cwd=checkout, input=asked, capture_output=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr.decode()
    return {path for path in answer.stdout.decode().split("\0") if path}


@needs_git
@settings(max_examples=200, deadline=None)
@given(rules=RULES, paths=PATHS)
@example(rules={"": ["[b-a]"]}, paths=["b", "a"])
@example(rules={"": ["a/***/b"]}, paths=["a/b"])
@example(rules={"": ["[!a]"]}, paths=["é"])
@example(rules={"": ["a/", "!a/b.py"]}, paths=["a/b.py"])
@example(rules={"": ["*", "!*/", "!*.py"]}, paths=["a/b.py", "a/b"])
def test_git_agrees_on_every_path_of_a_made_tree(checkout, rules, paths):
    """What `git check-ignore --no-index` ignores is ignored, and nothing else."""
    tree = make_tree(checkout, rules, paths)
    repository = Repository.at(checkout)
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
def test_the_last_line_that_matches_decides(text, path, is_folder, verdict):
    """The examples of git's documentation, without git."""
    assert Rules.parse(text).verdict(path, path.rpartition("/")[2], is_folder=is_folder) is verdict


def test_rules_start_where_the_repository_does(tmp_path):
    """A `.gitignore` above the nearest `.git` has no say; the rules of a folder between it and the workspace have."""
    (tmp_path / ".gitignore").write_text("above\n")
    (tmp_path / "repository/.git").mkdir(parents=True)
    (tmp_path / "repository/.gitignore").write_text("top\n")
    workspace = tmp_path / "repository/workspace"
    workspace.mkdir()
    repository = Repository.at(workspace)
    ignored = {name: repository.ignored(str(workspace / name), is_folder=False) for name in ("above", "top", "other")}
    assert ignored == {"above": False, "top": True, "other": False}


def test_rules_that_a_link_brings_in_do_not_count(tmp_path):
    """Git reads no `.gitignore` that is a link."""
    (tmp_path / "elsewhere").write_text("a\n")
    (tmp_path / ".gitignore").symlink_to("elsewhere")
    assert not Repository.at(tmp_path).ignored(str(tmp_path / "a"), is_folder=False)
