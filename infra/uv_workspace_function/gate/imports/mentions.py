"""Names in the configuration beside a member's code: commands, drivers and plugins are used without an import."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from uv_workspace_function.definitions.pyproject import OUR_TABLE, Pyproject
from uv_workspace_function.workspace.members import Member

_TEXTS = re.compile(
    r"Dockerfile.*|.*\.Dockerfile|Containerfile|Procfile|[Mm]akefile|justfile|.*\.(toml|cfg|ini|ya?ml|jsonc?|sh|conf|env|template)"
)
_SKIPPED = re.compile(r"pyproject\.toml|uv\.toml|package(-lock)?\.json|requirements.*|\..*")
_LARGEST = 200_000  # bytes; what is larger is data


def mentioned(member: Member, names: Iterable[str]) -> bool:
    """Whether one of some names stands in the member's `pyproject.toml`, dependencies aside, or in a file beside it."""
    regex = re.compile(rf"(?<![\w.-])({'|'.join(map(re.escape, names))})(?![\w-])", re.IGNORECASE)
    return any(regex.search(text) for text in _texts(member))


def _texts(member: Member) -> Iterator[str]:
    yield from _strings(_settings(member.pyproject))
    yield from texts_in(member.path)


def texts_in(folder: Path) -> Iterator[str]:
    """What the configuration in a folder says, as it is written: Dockerfiles, makefiles, scripts of a shell."""
    for path in sorted(folder.iterdir()):
        if _TEXTS.fullmatch(path.name) and not _SKIPPED.fullmatch(path.name) and path.is_file():
            try:
                if path.stat().st_size <= _LARGEST:
                    yield path.read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue


def _settings(pyproject: Pyproject) -> dict[str, Any]:
    tools = {key: value for key, value in pyproject.tools.items() if key not in ("uv", OUR_TABLE)}
    return {"scripts": pyproject.metadata.scripts, "entry-points": pyproject.metadata.entry_points, "tool": tools}


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
