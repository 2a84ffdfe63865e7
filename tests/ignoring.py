"""Trees with `.gitignore` files, and what git itself says of them."""

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import strategies as st

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


def make_tree(checkout: Path, rules: dict[str, list[str]], paths: list[str]) -> dict[str, bool]:
    """Fill an emptied checkout; each path in it, and whether it is a folder."""
    if not (checkout / ".git").exists():
        subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)
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
    """Those of the paths that git's rules ignore, whether they are tracked or not; no rules of the machine's own."""
    command = ["git", "-c", "core.excludesFile=/dev/null", "check-ignore", "--no-index", "-z", "--stdin"]
    asked = "".join(f"{path}\0" for path in paths).encode()
    answer = subprocess.run(command, cwd=checkout, input=asked, capture_output=True, check=False)
    assert answer.returncode in (0, 1), answer.stderr.decode()
    return {path for path in answer.stdout.decode().split("\0") if path}
