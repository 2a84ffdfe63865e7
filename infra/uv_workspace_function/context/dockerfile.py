"""What a Dockerfile asks of the one who builds it: its build arguments with their defaults, and the secrets it mounts."""

import functools
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from uv_workspace_function.context.content import ContextFile

DOCKERFILE = "Dockerfile"
"""Its name in a build context."""

SECRET = re.compile(r"(type=file,)?(src|source)=(?P<path>.+)|(type=env,)?env=(?P<variable>\w+)")
"""`docker build --secret` without the id: a file or a variable."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")
"""What every Dockerfile knows without declaring it: https://docs.docker.com/build/building/variables/#pre-defined-build-arguments."""

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
    @functools.lru_cache(maxsize=8)
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

    @classmethod
    def of(cls, files: Mapping[str, ContextFile]) -> Self:
        """That of a build context, by the context's files."""
        return cls.parse(files[DOCKERFILE].content.decode())

    def value(self, argument: str, given: Mapping[str, str]) -> str | None:
        """The value an argument has in a build: the given one, else its default with the arguments in it filled in."""
        if argument in given:
            return given[argument]
        default = self.arguments.get(argument)
        if default is None:
            return None
        return _VARIABLE.sub(lambda found: self.value(found["braced"] or found["bare"], given) or "", default)


def is_proxy(argument: str) -> bool:
    """Whether a build argument tells the builder a proxy, which Docker keeps out of images and caches."""
    return argument.upper() in PROXIES


def secret_file(value: str) -> str | None:
    """The path of a secret in the form of `docker build --secret` without the id; None when it is a variable."""
    form = SECRET.fullmatch(value)
    return form["path"] if form is not None else None
