"""Globs as regular expressions: linear time, whatever the pattern; git is the oracle of what they mean."""

import random
import re
import subprocess
import time
from pathlib import Path

import pytest
from uv_workspace_function.context.gitignore import Rules
from uv_workspace_function.globs import translate


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("*a" * 12 + "*b", "a" * 120),
        ("*" + "?*" * 60 + "b", "a" * 120),
        ("[ab]*" * 30 + "c", "ab" * 60),
        ("**/" * 30 + "x", "a/" * 60 + "y"),
        ("**/a/" * 20 + "b", "a/" * 60 + "c"),
        ("**/*a*/" * 20 + "b", "aa/" * 60 + "c"),
        ("b" + "**/" * 30 + "x", "b" + "a/" * 60 + "y"),
        ("b" + "**\\/a" * 20, "b" + "a/" * 60 + "y"),
    ],
)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    """With one that backtracks, each of them takes minutes to years."""
    begun = time.process_time()
    assert re.fullmatch(translate(pattern), path, re.DOTALL) is None
    assert time.process_time() - begun < 0.5


PATTERNS = (
    "b**/c",
    "a/b**",
    "/b**",
    "b**/",
    "ab**/a/**/c",
    "b***/c",
    "?**/c",
    "b**c/a",
    "b*/**/c",
    "\\b**/c",
    "b/**\\/c",
    "b**\\/c",
    "b**/**/c",
)
"""Two asterisks beside text, which nobody's documentation has a word on."""


def test_random_patterns_mean_what_they_mean_to_git(tmp_path: Path) -> None:
    """`git check-ignore` of some hundred patterns, one a file, over 60 paths each."""
    chosen = random.Random(20)
    pieces = ["a", "b", "*", "**", "/", "?", "[ab]", "[!a]", "**/", "/**", "/**/", "c", "\\", "***"]
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    differing = []
    for number in range(90):
        pattern = "".join(chosen.choice(pieces) for _ in range(chosen.randint(1, 7)))
        pattern = PATTERNS[number] if number < len(PATTERNS) else pattern
        paths = sorted({*(_path(chosen) for _ in range(55)), "b/c", "bc", "ba/b/c", "b/a/b/c", "ab/c"})
        (tmp_path / ".gitignore").write_text(f"{pattern}\n")
        command = ["git", "-C", str(tmp_path), "check-ignore", "--no-index", "--stdin", "-z"]
        said = subprocess.run(command, input="\0".join(paths), capture_output=True, text=True, check=False).stdout
        rules = Rules.parse(f"{pattern}\n")
        ours = {path for path in paths if _ignored(rules, path)}
        if ours != (gits := set(filter(None, said.split("\0")))):
            differing.append((pattern, sorted(ours ^ gits)))
    assert [] == differing


def _path(chosen: random.Random) -> str:
    segments = (
        "".join(chosen.choice("abc*") for _ in range(chosen.randint(1, 3))) for _ in range(chosen.randint(1, 4))
    )
    return "/".join(segments)


def _ignored(rules: Rules, path: str) -> bool:
    parts = path.split("/")
    for length in range(1, len(parts) + 1):
        if rules.verdict("/".join(parts[:length]), parts[length - 1], is_folder=length < len(parts)):
            return True
    return False
