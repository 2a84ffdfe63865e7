"""uv, run as a program: what it answered, and the line of it that says what is wrong."""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 300  # seconds; a resolution from scratch can take a minute
# They say what this shell works with; `UV_FROZEN` would even answer for the lock.
_OF_THIS_SHELL = ("VIRTUAL_ENV", "UV_FROZEN", "UV_LOCKED", "UV_PROJECT_ENVIRONMENT")


@dataclass(frozen=True, slots=True, kw_only=True)
class UvAnswer:
    """What a uv command said."""

    code: int
    text: str


def run_uv(*arguments: str, cwd: Path, variables: Mapping[str, str] | None = None) -> UvAnswer | None:
    """Run uv; None where there is none, or it does not answer.

    Args:
        arguments: its command line.
        cwd: where.
        variables: environment variables beside those there are.
    """
    environment = {key: value for key, value in os.environ.items() if key not in _OF_THIS_SHELL} | dict(variables or {})
    try:
        done = subprocess.run(
            ["uv", "--no-progress", "--color", "never", *arguments],
            cwd=cwd,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return UvAnswer(code=done.returncode, text=done.stderr)


def first_line(text: str) -> str:
    """The line of uv's that says what is wrong."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("Using CPython")]
    errors = [line for line in lines if line.startswith("error:")]
    return re.sub(r"^error:\s*", "", (errors or lines or ["it said nothing"])[0])
