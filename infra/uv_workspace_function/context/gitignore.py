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

from uv_workspace_function.boundary import LARGEST, Boundary
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.globs import ImpossibleGlobError, translate


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
        regex = re.compile(_translated(_bytewise(pattern), whole=by_name) + r"\Z", re.DOTALL)
    except ImpossibleGlobError:
        return None
    return Rule(regex=regex, by_name=by_name, folders_only=folders_only, negated=negated)


_UP_TO_A_WILDCARD = re.compile(r"[^*?\[\\]*")


def _translated(pattern: str, *, whole: bool) -> str:
    """A pattern as a regular expression.

    git compares the text before a path pattern's first wildcard as it is, and only what comes then as a glob. So two asterisks
    right behind it stand at a glob's start: `b**/c` crosses folders, where `?**/c` does not.

    Source: `match_pathname` in https://github.com/git/git/blob/master/dir.c.
    """
    literal = None if whole else _UP_TO_A_WILDCARD.match(pattern)
    length = 0 if literal is None else literal.end()
    return re.escape(pattern[:length]) + translate(pattern[length:])


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
            is_folder: whether the path is a folder; some rules are only for folders.
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
class GitRepository:
    """A workspace's root and the repository it lies in; reads each `.gitignore` file once.

    `root` is the workspace's root, absolute and free of links, and `boundary` says what belongs to the repository.
    """

    root: Path
    boundary: Boundary
    _ignores: dict[str, Ignores] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def at(cls, root: Path) -> GitRepository:
        """The repository that the workspace at `root` lies in."""
        boundary = Boundary.around(root)
        return cls(root=Path(os.path.realpath(root)), boundary=boundary)

    @property
    def top(self) -> Path:
        """The repository's own folder."""
        return Path(self.boundary.top)

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
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
            return Rules.parse(file.read(LARGEST).decode("utf-8", "surrogateescape"))
    except (FileNotFoundError, IsADirectoryError):
        return None
    except OSError as error:
        if Path(path).is_symlink():
            return None
        raise WorkspaceError(f"cannot read {path}: {error.strerror}", "make it readable") from error
