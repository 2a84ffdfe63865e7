"""Definitions and locks, read by what the standard library has."""

import tomllib
from pathlib import Path
from typing import Any

from .errors import BuildError


def read_toml(path: Path, *, shown: object = None) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: the file.
        shown: how a message names it; by default as it is.

    Raises:
        BuildError: when it is malformed, or of a TOML that uv reads and Python does not.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BuildError(
            f"{shown or path} cannot be read ({error}); an image is built by Python's own reader, which knows TOML 1.0: no inline "
            "table over several lines, no comma at its end; write it so, or build from the context that `services prune` writes"
        ) from error
