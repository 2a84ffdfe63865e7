"""What a Dockerfile asks of the one who builds it: its build arguments with their defaults, and the secrets it mounts."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

_CONTINUED = re.compile(r"\\[ \t]*\n")
_ARGUMENTS = re.compile(r"^[ \t]*ARG[ \t]+(?P<names>.*)$", re.IGNORECASE | re.MULTILINE)
_SECRET = re.compile(r"--mount=\S*type=secret\S*")
_SECRET_ID = re.compile(r"\bid=([\w.-]+)")
_VARIABLE = re.compile(r"\$(?:\{(?P<braced>\w+)\}|(?P<bare>\w+))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dockerfile:
    """A Dockerfile's interface."""

    arguments: Mapping[str, str | None]
    """The default of each build argument, as written; None where it has none."""
    secrets: frozenset[str]
    """The ids of the build secrets it mounts."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the `ARG` instructions and the `--mount=type=secret` flags."""
        arguments: dict[str, str | None] = {}
        for instruction in _ARGUMENTS.finditer(_CONTINUED.sub(" ", text)):
            for word in shlex.split(instruction["names"]):
                name, has_default, default = word.partition("=")
                # A stage repeats an argument of the top, without its default, to see its value.
                if arguments.get(name) is None:
                    arguments[name] = default if has_default else None
        mounts = " ".join(_SECRET.findall(text))
        return cls(arguments=arguments, secrets=frozenset(_SECRET_ID.findall(mounts)))

    def value(self, argument: str, given: Mapping[str, str]) -> str | None:
        """The value an argument has in a build: the given one, else its default with the arguments in it filled in."""
        if argument in given:
            return given[argument]
        default = self.arguments.get(argument)
        if default is None:
            return None
        return _VARIABLE.sub(lambda found: self.value(found["braced"] or found["bare"], given) or "", default)
