"""What of a build context looks like a secret, or like what a machine left behind: by name, by shape and by a rule set.

Verdicts are kept by content, so that the rule set is loaded only where a file is new.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.gate.cache_file import CacheFile
from uv_workspace_function.gate.secret_files import kind_by_name
from uv_workspace_function.gate.secret_rules import RuleSet, Suspect

_FORMAT = 3  # raise it with any change of what the names and shapes of this package find
_LARGEST = 5_000_000  # bytes; models and data are no place to look


@dataclass(kw_only=True)
class SecretSearch:
    """A search through files, each of which is judged once."""

    rules: RuleSet = field(default_factory=RuleSet.installed)
    _stored: CacheFile

    @classmethod
    def of(cls, root: Path) -> "SecretSearch":
        """A search through a workspace.

        Args:
            root: its root.
        """
        rules = RuleSet.installed()
        return cls(rules=rules, _stored=CacheFile.load(root, "secrets", [_FORMAT, rules.name]))

    def first(self, path: str, file: ContextFile) -> Suspect | None:
        """The first thing in a file that looks like a secret.

        Args:
            path: its path in the context, with `/`.
            file: the file.

        Raises:
            NoAnswerError: when nobody can tell.
        """
        name = hashlib.sha256(f"{file.sha256} {path}".encode(errors="surrogateescape")).hexdigest()
        if name in self._stored:
            match self._stored[name]:
                case None:
                    return None
                case [str(kind), int(line)]:
                    return Suspect(kind=kind, line=line)
        suspect = self._judged(path, file)  # what has another shape is nobody's: it is made anew
        self._stored[name] = None if suspect is None else [suspect.kind, suspect.line]
        return suspect

    def save(self, *, whole: bool) -> None:
        """Keep the verdicts; see `CacheFile.save`."""
        self._stored.save(whole=whole)

    def _judged(self, path: str, file: ContextFile) -> Suspect | None:
        is_small = file.size <= _LARGEST
        content = file.content if is_small else next(file.chunks(), b"")
        kind = kind_by_name(path, content)
        if kind is not None:
            return Suspect(kind=kind, line=1)
        return self.rules.first(path, content) if is_small else None
