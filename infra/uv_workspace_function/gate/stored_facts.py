"""What is known of Python files, kept between runs by their content."""

import hashlib
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from uv_workspace_function.code.syntax import Unparsed
from uv_workspace_function.gate.cache_file import CacheFile
from uv_workspace_function.gate.imports.module_names import ModuleNames
from uv_workspace_function.gate.imports.source import Import, Need, SourceFacts, read_source

T = TypeVar("T")
_FORMAT = 18  # raise it with any change of what python_source says of a file


@dataclass(kw_only=True)
class StoredFacts:
    """The facts of a workspace's files, read from files only where their content is new."""

    python: tuple[int, int]
    _stored: CacheFile

    @classmethod
    def load(cls, root: Path, python: tuple[int, int]) -> "StoredFacts":
        """Open the cache of a workspace.

        Args:
            root: the workspace's root.
            python: the minor version the code is for.
        """
        return cls(python=python, _stored=CacheFile.load(root, "imports", _key(python)))

    def of(self, content: bytes) -> SourceFacts:
        """The facts of one file."""
        digest = hashlib.sha256(content).hexdigest()
        if digest in self._stored:
            # what has another shape than it is written in is nobody's: it is made anew
            with suppress(ValueError, TypeError, KeyError, AttributeError):
                return _decoded(self._stored[digest])
        facts = read_source(content, self.python)
        self.keep(content, facts)
        return facts

    def keep(self, content: bytes, facts: SourceFacts) -> None:
        """Remember the facts of one file, if they are settled."""
        if facts.is_judged:
            self._stored[hashlib.sha256(content).hexdigest()] = _encoded(facts)

    def save(self, *, whole: bool) -> None:
        """Keep what this run has learnt, for the next one.

        Args:
            whole: whether this run has looked at the whole workspace, so that what it did not use is of no more use.
        """
        self._stored.save(whole=whole)


def _key(python: tuple[int, int]) -> list[int]:
    return [_FORMAT, *python, *sys.version_info[:2]]


def _encoded(facts: SourceFacts) -> list[Any]:
    unparsed = facts.unparsed
    return [
        [
            [i.module, i.names, i.line, i.need, i.instead_of, i.conditional, i.chosen]
            for i in (*facts.imports, *facts.relative)
        ],
        sorted(facts.words),
        None if unparsed is None else [unparsed.line, unparsed.reason, unparsed.certain],
        facts.names.bound,
        facts.names.set_on_others,
        facts.names.fillers,
        facts.names.handed_modules,
        facts.names.replaces_modules,
        facts.names.is_newer,
    ]


def _decoded(entry: list[Any]) -> SourceFacts:
    stored, words, unparsed, bound, set_on_others, fillers, handed, replaces, is_newer = entry
    imports = [
        Import(
            module=_a(str, module),
            names=tuple(_a(str, name) for name in _a(list, names)),
            line=_a(int, line),
            need=Need(need),
            instead_of=tuple(_a(str, name) for name in _a(list, instead_of)),
            conditional=_a(bool, conditional),
            chosen=_a(bool, chosen),
        )
        for module, names, line, need, instead_of, conditional, chosen in stored
    ]
    return SourceFacts(
        imports=tuple(found for found in imports if not found.module.startswith(".")),
        relative=tuple(found for found in imports if found.module.startswith(".")),
        words=frozenset(_a(str, word) for word in _a(list, words)),
        names=ModuleNames(
            bound=None if bound is None else _a(str, bound),
            set_on_others=_a(str, set_on_others),
            fillers=_a(str, fillers),
            handed_modules=_a(str, handed),
            replaces_modules=_a(bool, replaces),
            is_newer=_a(bool, is_newer),
        ),
        unparsed=None if unparsed is None else _unparsed(*unparsed),
    )


def _unparsed(line: object, reason: object, certain: object) -> Unparsed:
    return Unparsed(line=None if line is None else _a(int, line), reason=_a(str, reason), certain=_a(bool, certain))


def _a(kind: type[T], found: object) -> T:
    """A value of a type.

    Raises:
        TypeError: when it is of another.
    """
    if not isinstance(found, kind):
        raise TypeError(f"{found!r} is no {kind.__name__}")
    return found
