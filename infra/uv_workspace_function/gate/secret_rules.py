"""The rule set that judges what files hold: Kingfisher's, where the extra `secrets` is installed; else the shapes of this package.

https://github.com/mongodb/kingfisher: some 500 rules, compiled into one automaton, run in this process and offline.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from uv_workspace_function.gate.secret_shapes import is_stand_in, secrets_by_shape

_PACKAGE = "kingfisher-secret-scanner"
_TIMEOUT = 20.0  # seconds a file
# Its rules of low confidence are for a human who looks through a history.
_SURE = ("medium", "high")


class NoAnswerError(Exception):
    """The rule set said nothing of a file; the text is why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """Something in a file that looks like a secret."""

    kind: str
    line: int


@dataclass(kw_only=True)
class RuleSet:
    """The rules at hand. They are loaded when the first file is judged, which takes a moment."""

    name: str
    """With its version: what it says of a file holds as long as this is the same."""
    _loaded: dict[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def installed(cls) -> "RuleSet":
        """Kingfisher's with those of this package, or these only."""
        try:
            return cls(name=f"kingfisher {version(_PACKAGE)}")
        except PackageNotFoundError:
            return cls(name="shapes")

    @property
    def is_whole(self) -> bool:
        """Whether there is more than this package's own shapes."""
        return self.name != "shapes"

    def first(self, path: str, content: bytes) -> Suspect | None:
        """The first thing in a file that looks like a secret.

        Args:
            path: its path, with `/`.
            content: its bytes.

        Raises:
            NoAnswerError: when the rule set fails, or takes too long.
        """
        for kind, at, _ in secrets_by_shape(path, content):
            return Suspect(kind=kind, line=content.count(b"\n", 0, at) + 1)
        return next(self._by_rules(content), None) if self.is_whole else None

    def _by_rules(self, content: bytes) -> Iterator[Suspect]:
        try:
            found = self._scanner.scan(content, timeout=_TIMEOUT)
        except TimeoutError as error:
            raise NoAnswerError(f"the rule set had not judged it after {_TIMEOUT:.0f} s") from error
        except (RuntimeError, ValueError) as error:
            raise NoAnswerError(f"the rule set failed: {error}") from error
        for one in found:
            if one.visible and one.confidence in _SURE and not is_stand_in(one.secret.encode(errors="replace")):
                yield Suspect(kind=f"a secret ({one.rule_id.rpartition('.')[2]})", line=one.location["line"])

    @cached_property
    def _scanner(self) -> Any:
        from kingfisher_sdk import Rules, Scanner  # noqa: PLC0415 - an extra, and its rules take a moment to load

        return Scanner(Rules())
