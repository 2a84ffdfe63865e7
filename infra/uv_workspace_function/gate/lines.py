"""Where in a TOML file something stands, so that a finding has a line."""

import re
from pathlib import Path

from uv_workspace_function.boundary import read_file


def requirement_line(path: Path, requirement: str) -> int | None:
    """The line of a requirement, as it is written in a `pyproject.toml`; None where it is written differently.

    Args:
        path: the file.
        requirement: its text, or a package's name where any requirement of it will do.
    """
    written = line_of(path, re.escape(f'"{requirement}"') + "|" + re.escape(f"'{requirement}'"))
    if written is not None:
        return written
    name = re.sub(r"[-_.]+", "[-_.]+", re.match(r"[\w.-]*", requirement)[0])  # type: ignore[index]
    return line_of(path, rf"[\"']{name}(?![\w.-])", flags=re.IGNORECASE) if name else None


def table_line(path: Path, table: str, key: str = "") -> int | None:
    """The line of a table's header, or of a key in it."""
    lines = _lines(path)
    start = next((at for at, line in enumerate(lines) if line.strip() == f"[{table}]"), None)
    if start is None or not key:
        return None if start is None else start + 1
    for at, line in enumerate(lines[start + 1 :], start + 2):
        if line.startswith("["):
            break
        if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
            return at
    return start + 1


def line_of(path: Path, pattern: str, *, flags: int = 0) -> int | None:
    """The first line in which a regular expression is found; comments do not count."""
    regex = re.compile(pattern, flags)
    for at, line in enumerate(_lines(path), 1):
        if not line.lstrip().startswith("#") and regex.search(line):
            return at
    return None


def _lines(path: Path) -> list[str]:
    try:
        return read_file(path).decode(errors="replace").splitlines()
    except OSError:
        return []
