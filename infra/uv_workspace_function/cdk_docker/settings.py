"""What variables tell: the CDK CLI calls one program, without options of its own."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from uv_workspace_function.errors import WorkspaceError

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
        """Those that variables tell; an empty one tells nothing.

        Raises:
            WorkspaceError: when one is a relative path, which leads to another place in each folder that the CDK CLI calls in.
        """
        return cls(
            engine=_program(variables, ENGINE) or "docker",
            images=_path(variables, IMAGES),
            cache=_path(variables, CACHE),
            interpreter=_path(variables, INTERPRETER),
            no_backends=variables.get(NO_BACKENDS, "") not in {"", "0"},
        )


def _path(variables: Mapping[str, str], name: str) -> Path | None:
    text = variables.get(name)
    if not text:
        return None
    path = Path(text)
    if not path.is_absolute():
        raise WorkspaceError(
            f"{name} is the relative path {path}, and the CDK CLI builds each image in a folder of its own",
            f"give the whole path, such as $PWD/{path}",
        )
    return path


def _program(variables: Mapping[str, str], name: str) -> str | None:
    """A path, or a name to be found on PATH."""
    text = variables.get(name)
    return str(_path(variables, name)) if text and os.sep in text else text
