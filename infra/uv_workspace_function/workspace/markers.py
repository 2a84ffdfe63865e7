"""A lock's environment markers with everything known beforehand folded away.

Under `[tool.uv] conflicts` uv writes which fork an edge belongs to as a marker on a made-up extra:
`extra == 'project-1-a'`, `extra == 'extra-1-a-gpu'`, `extra == 'group-1-a-dev'`. For one closure each of them is
either true or false; what remains depends only on the machine.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from uv_workspace_function.errors import LockError

_TOKEN = re.compile(r"""\s*(?:(?P<paren>[()])|(?P<rest>"[^"]*"|'[^']*'|not\s+in\b|[\w.]+|[<>=!~]+))""")
_CONFLICT = re.compile(r"extra (==|!=) '((?:project|extra|group)-\d+-.+)'")


@dataclass(frozen=True, slots=True)
class _Junction:
    """Terms joined by one word."""

    word: Literal["and", "or"]
    terms: tuple["str | _Junction", ...]

    def __str__(self) -> str:
        return f" {self.word} ".join(
            f"({term})" if isinstance(term, _Junction) and self.word == "and" else str(term) for term in self.terms
        )


_Tree = str | bool | _Junction


def fold_conflicts(marker: str | None, active: Callable[[str], bool]) -> str | bool:
    """Fold the conflict atoms of `marker` away.

    Args:
        marker: a marker as uv writes it, or None for "always".
        active: tells of a made-up extra (`project-1-a`) whether it is on in this closure.

    Returns:
        True (always), False (never) or what is left of the marker.
    """
    if marker is None:
        return True
    if "extra" not in marker:
        return marker
    tree, rest = _parse(_tokens(marker), active)
    if rest:
        raise LockError(f"the lock has a marker that cannot be read: {marker!r}", "run `uv lock`")
    return tree if isinstance(tree, bool) else str(tree)


def _tokens(marker: str) -> list[str]:
    tokens, at = [], 0
    while at < len(marker.rstrip()):
        found = _TOKEN.match(marker, at)
        if found is None:
            raise LockError(f"the lock has a marker that cannot be read: {marker!r}", "run `uv lock`")
        tokens.append(found["paren"] or " ".join(found["rest"].split()))
        at = found.end()
    return tokens


def _parse(tokens: list[str], active: Callable[[str], bool]) -> tuple[_Tree, list[str]]:
    """Read `a and b or c`, where `and` binds tighter (PEP 508)."""
    alternatives = []
    while True:
        conjunction = []
        while True:
            term, tokens = _term(tokens, active)
            conjunction.append(term)
            if tokens[:1] != ["and"]:
                break
            tokens = tokens[1:]
        alternatives.append(_join("and", conjunction))
        if tokens[:1] != ["or"]:
            return _join("or", alternatives), tokens
        tokens = tokens[1:]


def _term(tokens: list[str], active: Callable[[str], bool]) -> tuple[_Tree, list[str]]:
    if tokens[:1] == ["("]:
        tree, rest = _parse(tokens[1:], active)
        if rest[:1] != [")"]:
            raise LockError("the lock has a marker with a parenthesis that is not closed", "run `uv lock`")
        return tree, rest[1:]
    atom, rest = " ".join(tokens[:3]), tokens[3:]
    conflict = _CONFLICT.fullmatch(atom)
    if conflict is None:
        return atom, rest
    return active(conflict[2]) == (conflict[1] == "=="), rest


def _join(word: Literal["and", "or"], terms: list[_Tree]) -> _Tree:
    """Join terms: constants, nested junctions of the same word, repeats and absorbed terms go."""
    neutral = word == "and"
    if (not neutral) in terms:
        return not neutral
    flat: dict[str | _Junction, None] = {}
    for term in terms:
        if isinstance(term, _Junction) and term.word == word:
            flat.update(dict.fromkeys(term.terms))
        elif not isinstance(term, bool):
            flat[term] = None
    # `a or (a and b)` is `a`, and the same with the words exchanged
    kept = [t for t in flat if not (isinstance(t, _Junction) and any(o in t.terms for o in flat if o is not t))]
    if not kept:
        return neutral
    return kept[0] if len(kept) == 1 else _Junction(word, tuple(kept))
