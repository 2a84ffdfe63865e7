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
                raise ImpossibleGlobError(pattern)
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
