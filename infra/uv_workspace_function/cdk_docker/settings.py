"""What variables tell: the CDK CLI calls one program, without options of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

ENGINE = "UV_WORKSPACE_DOCKER_ENGINE"
IMAGES = "UV_WORKSPACE_DOCKER_IMAGES"
CACHE = "UV_WORKSPACE_DOCKER_CACHE"
INTERPRETER = "UV_WORKSPACE_DOCKER_INTERPRETER"
NO_BACKENDS = "UV_WORKSPACE_DOCKER_NO_BACKENDS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How calls are answered."""

    engine: str = "docker"
    """The program that calls go to which are not about an image of ours."""
    images: Path | None = None
    """A folder of images that were built before: then nothing is built."""
    cache: Path | None = None
    """Where layers are kept; None for the user's cache."""
    interpreter: Path | None = None
    """The Python that compiles; None for the one that uv finds."""
    no_backends: bool = False
    """Whether a build that would run code of a package is refused."""

    @classmethod
    def of(cls, variables: Mapping[str, str]) -> Self:
        """Those that variables tell; an empty one tells nothing."""
        return cls(
            engine=variables.get(ENGINE) or "docker",
            images=_path(variables.get(IMAGES)),
            cache=_path(variables.get(CACHE)),
            interpreter=_path(variables.get(INTERPRETER)),
            no_backends=variables.get(NO_BACKENDS, "") not in {"", "0"},
        )


def _path(text: str | None) -> Path | None:
    return Path(text).absolute() if text else None
