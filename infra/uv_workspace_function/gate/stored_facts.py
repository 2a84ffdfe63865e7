"""What is known of Python files, kept between runs by their content.

One file in the user's cache folder for each workspace: `$XDG_CACHE_HOME/uv-workspace-function`, by default `~/.cache`.
It is never in the workspace, where it would have to be ignored, and it is safe to delete. A cache that cannot be read
or written is no cache, not an error.
"""

import hashlib
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uv_workspace_function.code.syntax import Unparsed
from uv_workspace_function.gate.imports.source import Import, Need, SourceFacts, read_source

_FORMAT = 7  # raise it with any change of what python_source says of a file


@dataclass(kw_only=True)
class StoredFacts:
    """The facts of a workspace's files, read from files only where their content is new."""

    path: Path
    python: tuple[int, int]
    _known: Mapping[str, Any] = field(default_factory=dict)
    _used: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path, python: tuple[int, int]) -> "StoredFacts":
        """Open the cache of a workspace.

        Args:
            root: the workspace's root.
            python: the minor version the code is for.
        """
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        path = base / "uv-workspace-function" / f"imports-{name}.json"
        known: Mapping[str, Any] = {}
        with suppress(OSError, ValueError, KeyError, TypeError):
            stored = json.loads(path.read_bytes())
            if stored["key"] == _key(python):
                known = stored["files"]
        return cls(path=path, python=python, _known=known)

    def of(self, content: bytes) -> SourceFacts:
        """The facts of one file."""
        digest = hashlib.sha256(content).hexdigest()
        entry = self._used.get(digest) or self._known.get(digest)
        if entry is not None:
            self._used[digest] = entry
            return _decoded(entry)
        facts = read_source(content, self.python)
        self.keep(content, facts)
        return facts

    def keep(self, content: bytes, facts: SourceFacts) -> None:
        """Remember the facts of one file, if they are settled."""
        if facts.is_judged:
            self._used[hashlib.sha256(content).hexdigest()] = _encoded(facts)

    def save(self, *, whole: bool) -> None:
        """Keep what this run has learnt, for the next one.

        Args:
            whole: whether this run has looked at the whole workspace, so that what it did not use is of no more use.
        """
        if self._used.keys() <= self._known.keys():
            return
        kept = self._used if whole else {**self._known, **self._used}
        text = json.dumps({"key": _key(self.python), "files": kept})
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            descriptor, temporary = tempfile.mkstemp(dir=self.path.parent, prefix=".imports-")
            with os.fdopen(descriptor, "w") as stream:
                stream.write(text)
            Path(temporary).replace(self.path)


def _key(python: tuple[int, int]) -> list[int]:
    return [_FORMAT, *python, *sys.version_info[:2]]


def _encoded(facts: SourceFacts) -> list[Any]:
    unparsed = facts.unparsed
    return [
        [[i.module, i.names, i.line, i.need, i.instead_of, i.conditional, i.chosen] for i in facts.imports],
        sorted(facts.words),
        None if unparsed is None else [unparsed.line, unparsed.reason, unparsed.certain],
    ]


def _decoded(entry: list[Any]) -> SourceFacts:
    imports, words, unparsed = entry
    return SourceFacts(
        imports=tuple(
            Import(
                module=module,
                names=tuple(names),
                line=line,
                need=Need(need),
                instead_of=tuple(instead_of),
                conditional=conditional,
                chosen=chosen,
            )
            for module, names, line, need, instead_of, conditional, chosen in imports
        ),
        words=frozenset(words),
        unparsed=None if unparsed is None else Unparsed(line=unparsed[0], reason=unparsed[1], certain=unparsed[2]),
    )
