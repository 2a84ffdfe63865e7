"""What a check has found out, kept between runs in the user's cache. One that cannot be read or written is none, not an error."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uv_workspace_function.boundary import read_file
from uv_workspace_function.user_cache import keep, user_cache


@dataclass(kw_only=True)
class CacheFile:
    """One file for each workspace and purpose."""

    path: Path
    key: Sequence[Any]
    """What holds for all entries: with another one, none of them counts."""
    _known: Mapping[str, Any] = field(default_factory=dict)
    _used: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, root: Path, purpose: str, key: Sequence[Any]) -> "CacheFile":
        """Open the file of a workspace.

        Args:
            root: the workspace's root.
            purpose: a word for the file's name.
            key: see the attribute; it is what JSON makes of it.
        """
        name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
        path = user_cache() / f"{purpose}-{name}.json"
        known: Mapping[str, Any] = {}
        with suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            stored = json.loads(read_file(path))
            if stored["key"] == list(key) and isinstance(stored["files"], dict):
                known = stored["files"]
        return cls(path=path, key=key, _known=known)

    def __contains__(self, name: str) -> bool:
        return name in self._used or name in self._known

    def __getitem__(self, name: str) -> Any:
        entry = self._used[name] if name in self._used else self._known[name]
        self._used[name] = entry
        return entry

    def __setitem__(self, name: str, entry: Any) -> None:
        self._used[name] = entry

    def save(self, *, whole: bool) -> None:
        """Keep what this run has learnt, for the next one.

        Args:
            whole: whether this run has looked at the whole workspace, so that what it did not use is of no more use.
        """
        if self._used.items() <= self._known.items():
            return
        kept = self._used if whole else {**self._known, **self._used}
        text = json.dumps({"key": list(self.key), "files": kept})
        with suppress(OSError):
            keep(self.path, text.encode())
