"""Where the builder runs: inside an image's build, or on a machine without a container engine."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """The folders of a build. The defaults are those of the Dockerfile, which mounts and copies by these names."""

    workspace: Path = Path("/workspace")
    """The input: the build context, or the part of it that a step depends on. It is written to."""
    base: Path = Path("/base")
    """The base image's files."""
    inputs: Path = Path("/inputs")
    # Results lie in folders of their own: BuildKit reads the folder around what is copied from a stage.
    layers: Path = Path("/layers")
    claims: Path = Path("/claims")
    environments: Path = Path("/environments")
    uv: Path = Path("/opt/uv/uv")
    """The program."""

    @property
    def is_container(self) -> bool:
        """Whether this is a container, whose compiler and C library are those that the image's builder was given."""
        return self == Home()

    @classmethod
    def given(cls, options: Iterable[str]) -> "Home":
        """The folders by options, `--layers=/some/where` and the like; all of them, or none."""
        return cls(**{field.name: Path(value) for field in fields(cls) if (value := _value(field.name, options))})


def _value(name: str, options: Iterable[str]) -> str | None:
    start = f"--{name}="
    return next((option.removeprefix(start) for option in options if option.startswith(start)), None)
