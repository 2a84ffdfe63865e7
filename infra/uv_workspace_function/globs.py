"""Globs of paths as regular expressions, in git's dialect, which uv and the build backends share in what is used here."""

import re

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


class ImpossibleGlobError(ValueError):
    """A pattern that git accepts but that matches no path."""

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        self.pattern = pattern


_STAR, _ANY_FOLDERS = "*", "**"


def translate(pattern: str) -> str:
    """A path glob as a regular expression: `*` and `?` stay within a path segment, `**/` crosses segments.

    It never backtracks into what a wildcard has passed: what stands between two of them matches at the first place it can, since
    the second one takes up whatever is left. So no pattern takes longer than its length times the path's.

    Raises:
        ImpossibleGlobError: the pattern can match no path (an unclosed bracket, a lone backslash at its end).
    """
    groups: list[list[str]] = [[]]
    for segment in _segments(pattern):
        if segment == [_ANY_FOLDERS]:
            groups.append([])
        else:
            groups[-1].append(_segment(segment))
    first, *others = ("/".join(group) for group in groups)
    if not others:
        return first
    *between, last = others
    start = f"{first}/" if groups[0] else ""
    middle = "".join(f"(?>(?:[^/]*/)*?{group}/)" for group, parts in zip(between, groups[1:-1], strict=True) if parts)
    return start + middle + (f"(?:[^/]*/)*{last}" if groups[-1] else ".*")


def _segments(pattern: str) -> list[list[str]]:
    """The elements of each segment: a wildcard, or a regular expression of one character."""
    segments: list[list[str]] = [[]]
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "*":
            end = index
            while end < len(pattern) and pattern[end] == "*":
                end += 1
            # The documentation knows two asterisks; git itself takes any longer run for the same.
            crosses = end - index >= 2 and (index == 0 or pattern[index - 1] == "/")
            index = end
            if crosses and pattern.startswith("\\/", end):  # only of a slash as it is does git say that it may be none
                segments[-1:] = [[_STAR], [_ANY_FOLDERS], []]
                index += 2
            else:
                segments[-1].append(_ANY_FOLDERS if crosses and pattern[end : end + 1] in ("", "/") else _STAR)
        elif char == "?":
            segments[-1].append("[^/]")
            index += 1
        elif char == "[":
            expression, index = _bracket(pattern, index)
            segments[-1].append(expression)
        elif char == "\\":
            if index + 1 == len(pattern):
                raise ImpossibleGlobError(pattern)
            _append(segments, pattern[index + 1])
            index += 2
        else:
            _append(segments, char)
            index += 1
    return segments


def _append(segments: list[list[str]], char: str) -> None:
    if char == "/":
        segments.append([])
    else:
        segments[-1].append(re.escape(char))


def _segment(elements: list[str]) -> str:
    """A segment as a regular expression that matches whole ones only."""
    pieces = [""]
    for element in elements:
        if element == _STAR:
            pieces.append("")
        else:
            pieces[-1] += element
    first, *others = pieces
    if not others:
        return first
    *between, last = others
    middle = "".join(f"(?>[^/]*?{piece})" for piece in between if piece)
    return f"{first}{middle}[^/]*{last}(?![^/])"


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
            raise ImpossibleGlobError(pattern)
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
                raise ImpossibleGlobError(pattern)
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
            raise ImpossibleGlobError(pattern)
        return pattern[index + 1], index + 2
    return pattern[index], index + 1
