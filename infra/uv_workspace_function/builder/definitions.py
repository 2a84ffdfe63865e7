"""Definitions and locks, read by what the standard library has."""

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .errors import BuildError

# What uv writes of a package's wheels, a line each. They are nine tenths of a lock, and Python's own reader takes its time.
_PAIR = r'[a-z-]+ = (?:"[^"\\\x00-\x1f\x7f\x85\u2028\u2029]*"|\d+)'
_WHEELS = re.compile(rf"^wheels = \[\n((?:    {{ {_PAIR}(?:, {_PAIR})* }},\n)+)\]$", re.MULTILINE)
_PAIRS = re.compile(r'([a-z-]+) = (?:"([^"]*)"|(\d+))')

_ASIDE = "wheels, aside"
"""A key that uv writes nowhere."""


def read_toml(path: Path, *, shown: object = None) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: the file.
        shown: how a message names it; by default as it is.

    Raises:
        BuildError: when it is malformed, or of a TOML that uv reads and Python does not.
    """
    return _parsed(path, str, shown)


def read_lock(path: Path, *, shown: object = None) -> dict[str, Any]:
    """Read a `uv.lock`, as `read_toml` does; several times as fast where it is written as uv writes one."""
    aside: list[list[dict[str, Any]]] = []

    def number(block: re.Match[str]) -> str:
        lines = block[1].splitlines()
        aside.append(
            [{key: int(digits) if digits else text for key, text, digits in _PAIRS.findall(line)} for line in lines]
        )
        return f"'{_ASIDE}' = {len(aside) - 1}" + "\n" * (len(lines) + 1)  # an error names the line that it is on

    lock = _parsed(path, lambda text: _WHEELS.sub(number, text), shown)
    for package in lock.get("package", ()):
        if _ASIDE in package:
            package["wheels"] = aside[package.pop(_ASIDE)]
    return lock


def _parsed(path: Path, prepared: Callable[[str], str], shown: object) -> dict[str, Any]:
    try:
        return tomllib.loads(prepared(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise BuildError(
            f"{shown or path} cannot be read ({error}); an image is built by Python's own reader, which knows TOML 1.0: no inline "
            "table over several lines, no comma at its end; write it so, or build from the context that `services prune` writes"
        ) from error
