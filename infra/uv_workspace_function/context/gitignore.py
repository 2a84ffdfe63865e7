"""The rules of a repository's own `.gitignore` files, as git reads them and without git.

Neither the index, `.git/info/exclude` nor a user's global excludes are looked at: they differ between two checkouts of
the same commit, and a build context must not.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from uv_workspace_function.errors import WorkspaceError

_POSIX_CLASSES = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9",
    "graph": "\\x21-\\x7e",
    "lower": "a-z",
    "print": "\\x20-\\x7e",
    "punct": "!-/:-@\\[-`{-~",
    "space": " \\t\\n\\r\\f\\v",
    "upper": "A-Z",
    "xdigit": "0-9a-fA-F",
}


class _NeverMatchesError(ValueError):
    """A pattern git accepts but that can match no path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of a `.gitignore` file, compiled."""

    regex: re.Pattern[str]
    by_name: bool
    folders_only: bool
    negated: bool


def parse_rule(line: str) -> Rule | None:
    """The rule that one line states, or None for a blank line, a comment, or a pattern that can match nothing.

    The format is git's (https://git-scm.com/docs/gitignore#_pattern_format).
    """
    pattern = _without_trailing_spaces(line.removesuffix("\n").removesuffix("\r"))
    if not pattern or pattern.startswith("#"):
        return None
    negated = pattern.startswith("!")
    pattern = pattern.removeprefix("!")
    folders_only = pattern.endswith("/")
    pattern = pattern.removesuffix("/")
    by_name = "/" not in pattern
    pattern = pattern.removeprefix("/")
    if not pattern:
        return None
    try:
        regex = re.compile(translate(_bytewise(pattern)) + r"\Z", re.DOTALL)
    except _NeverMatchesError:
        return None
    return Rule(regex=regex, by_name=by_name, folders_only=folders_only, negated=negated)


def translate(pattern: str) -> str:
    """A path glob as a regular expression: `*` and `?` stay within a path segment, `**/` crosses segments.

    Raises:
        ValueError: the pattern can match no path (an unclosed bracket, a lone backslash at its end).
    """
    out: list[str] = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "*":
            end = index
            while end < len(pattern) and pattern[end] == "*":
                end += 1
            starts_segment = index == 0 or pattern[index - 1] == "/"
            ends_segment = end == len(pattern) or pattern[end] == "/"
            # The documentation knows two asterisks; git itself takes any longer run for the same.
            if end - index >= 2 and starts_segment and ends_segment:
                if end == len(pattern):
                    out.append(".*")
                else:
                    out.append("(?:.*/)?")
                    end += 1
            else:
                out.append("[^/]*")
            index = end
        elif char == "?":
            out.append("[^/]")
            index += 1
        elif char == "[":
            expression, index = _bracket(pattern, index)
            out.append(expression)
        elif char == "\\":
            if index + 1 == len(pattern):
                raise _NeverMatchesError(pattern)
            out.append(re.escape(pattern[index + 1]))
            index += 2
        else:
            out.append(re.escape(char))
            index += 1
    return "".join(out)


def _bracket(pattern: str, start: int) -> tuple[str, int]:
    """The bracket expression that opens at `start`, as a regular expression, and where it ends."""
    index = start + 1
    negated = pattern[index : index + 1] in ("!", "^") and pattern[index : index + 1] != ""
    if negated:
        index += 1
    parts: list[str] = []
    first = True
    while True:
        if index >= len(pattern):
            raise _NeverMatchesError(pattern)
        char = pattern[index]
        if char == "]" and not first:
            break
        first = False
        if char == "[" and pattern.startswith("[:", index):
            end = pattern.find(":]", index + 2)
            name = pattern[index + 2 : end] if end != -1 else ""
            if end == -1 or "]" in name:
                parts.append("\\[")
                index += 1
                continue
            if name not in _POSIX_CLASSES:
                raise _NeverMatchesError(pattern)
            parts.append(_POSIX_CLASSES[name])
            index = end + 2
            continue
        low, index = _bracket_char(pattern, index)
        if pattern[index : index + 1] == "-" and pattern[index + 1 : index + 2] not in ("", "]"):
            high, index = _bracket_char(pattern, index + 1)
            if low <= high:
                parts.append(f"{re.escape(low)}-{re.escape(high)}")
        # Git takes a range's first character by itself too, so that it matches even in a range that runs backwards.
        parts.append(re.escape(low))
    body = "".join(parts)
    if not body:
        return ("[^/]" if negated else "(?!)"), index + 1
    return (f"(?!/)[^{body}]" if negated else f"(?!/)[{body}]"), index + 1


def _bracket_char(pattern: str, index: int) -> tuple[str, int]:
    if pattern[index] == "\\":
        if index + 1 >= len(pattern):
            raise _NeverMatchesError(pattern)
        return pattern[index + 1], index + 2
    return pattern[index], index + 1


def _without_trailing_spaces(line: str) -> str:
    """The line without the spaces at its end, but with a last one that a backslash protects."""
    stripped = line.rstrip(" ")
    if stripped != line and (len(stripped) - len(stripped.rstrip("\\"))) % 2:
        return stripped + " "
    return stripped


class Rules:
    """The rules of one `.gitignore` file, the later ones first."""

    __slots__ = ("_by_name", "_by_path", "_names", "_rules")

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = tuple(rules)[::-1]
        self._by_name = _any_of(rule for rule in self._rules if rule.by_name)
        self._by_path = _any_of(rule for rule in self._rules if not rule.by_name)
        self._names: dict[str, bool] = {}

    @classmethod
    def parse(cls, text: str) -> Rules:
        """The rules that the text of a `.gitignore` file states."""
        lines = text.removeprefix("\ufeff").split("\n")
        return cls(rule for rule in map(parse_rule, lines) if rule is not None)

    def verdict(self, path: str, name: str, *, is_folder: bool) -> bool | None:
        """True when the last rule that matches ignores the path, False when it takes it back, None when none matches.

        Args:
            path: relative to the folder of the `.gitignore` file, with forward slashes.
            name: the last segment of the path.
            is_folder: whether the path is a folder; some rules are for folders alone.
        """
        if not path.isascii():
            path, name = _bytewise(path), _bytewise(name)
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = self._by_name is not None and self._by_name.match(name) is not None
        if not known and (self._by_path is None or self._by_path.match(path) is None):
            return None
        for rule in self._rules:
            if rule.folders_only and not is_folder:
                continue
            if rule.regex.match(name if rule.by_name else path):
                return not rule.negated
        return None


def _bytewise(text: str) -> str:
    """The text with one character a byte: git's `?` and brackets match a byte, not a character."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _any_of(rules: Iterable[Rule]) -> re.Pattern[str] | None:
    """One regular expression for all the rules: most paths match none of them, and one look must do to say so."""
    patterns = [rule.regex.pattern for rule in rules]
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.DOTALL) if patterns else None


@dataclass(frozen=True, slots=True)
class Ignores:
    """All rules that hold in one folder: those of its own `.gitignore` file and of the folders above it."""

    levels: tuple[tuple[Rules, int], ...]

    def ignored(self, path: str, name: str, *, is_folder: bool) -> bool:
        """Whether the rules say so of this path itself; that a folder above it is ignored is for the caller to know.

        Args:
            path: absolute and real, with forward slashes, directly in this folder.
            name: the last segment of the path.
            is_folder: whether the path is a folder.
        """
        for rules, start in self.levels:
            verdict = rules.verdict(path[start:], name, is_folder=is_folder)
            if verdict is not None:
                return verdict
        return False


@dataclass(frozen=True, slots=True)
class Repository:
    """A workspace's root and the repository it lies in; reads each `.gitignore` file once.

    `root` is the workspace's root and `top` the nearest folder at or above it that holds a `.git` (else the root), both
    absolute and free of links.
    """

    root: Path
    top: Path
    _ignores: dict[str, Ignores] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def at(cls, root: Path) -> Repository:
        """The repository that the workspace at `root` lies in."""
        real = Path(os.path.realpath(root))
        top = next((folder for folder in (real, *real.parents) if (folder / ".git").exists()), real)
        return cls(root=real, top=top)

    def ignores(self, folder: str, *, has_rules: bool = True) -> Ignores:
        """The rules that hold for the entries of a folder.

        Args:
            folder: absolute and real, at or below `top`.
            has_rules: False when the caller has listed the folder and seen no `.gitignore` in it.

        Raises:
            WorkspaceError: a `.gitignore` file cannot be read.
        """
        known = self._ignores.get(folder)
        if known is None:
            above = () if folder == str(self.top) else self.ignores(folder.rpartition("/")[0]).levels
            own = _read_rules(folder + "/.gitignore") if has_rules else None
            start = len(folder) + 1
            known = self._ignores[folder] = Ignores(((own, start), *above) if own else above)
        return known

    def ignored(self, path: str, *, is_folder: bool) -> bool:
        """Whether a path, or a folder above it, is ignored.

        The workspace's root and what lies above it count as not ignored: a workspace can lie in a folder that its
        repository ignores, a copy for a test say, and holds sources all the same.

        Args:
            path: absolute and real, below `top`.
            is_folder: whether the path is a folder.
        """
        folder = str(self.root) if path.startswith(f"{self.root}/") else str(self.top)
        parts = path[len(folder) + 1 :].split("/")
        for number, name in enumerate(parts, 1):
            ignores = self.ignores(folder)
            folder = f"{folder}/{name}"
            if ignores.ignored(folder, name, is_folder=is_folder or number < len(parts)):
                return True
        return False


def _read_rules(path: str) -> Rules | None:
    try:
        # Git reads no `.gitignore` that is a link (since 2.32), so that a checkout's rules never come from elsewhere.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            return Rules.parse(file.read().decode("utf-8", "surrogateescape"))
    except (FileNotFoundError, IsADirectoryError):
        return None
    except OSError as error:
        if Path(path).is_symlink():
            return None
        raise WorkspaceError(f"cannot read {path}: {error.strerror}", "make it readable") from error
