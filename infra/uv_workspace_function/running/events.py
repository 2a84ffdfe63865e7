"""Events: JSON documents in files, of which a service keeps samples in `events/` beside its code."""

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.members import Member

STDIN = "-"


def read_event(service: Member, file: str | None) -> bytes:
    """An event, as JSON.

    Args:
        service: whose samples an error names.
        file: where it is; `-` for standard input.

    Raises:
        WorkspaceError: when there is no such file, or it does not hold JSON.
    """
    if file is None:
        raise WorkspaceError(f"there is no event to call {service.name} with", f"give --event FILE{_samples(service)}")
    try:
        content = sys.stdin.buffer.read() if file == STDIN else Path(file).read_bytes()
    except OSError as error:
        raise WorkspaceError(f"the event {file} cannot be read: {error.strerror}{_samples(service)}") from error
    name = "standard input" if file == STDIN else file
    try:
        document = json.loads(content, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise WorkspaceError(
            f"{name}:{error.lineno}:{error.colno}: this is not JSON: {error.msg}", "an event is one JSON document"
        ) from error
    except (ValueError, RecursionError) as error:
        raise WorkspaceError(f"{name}: this is not JSON: {error}", "an event is one JSON document") from error
    return json.dumps(document).encode()


def samples(service: Member) -> list[Path]:
    """The sample events of a service, by name."""
    return sorted(path for path in (service.path / "events").glob("*.json") if path.is_file())


def _samples(service: Member) -> str:
    found = samples(service)
    if not found:
        return f"; {service.name} has no sample events in {_shown([service.path / 'events'])}"
    return f"; sample events of {service.name} are: {_shown(found)}"


def _shown(paths: Iterable[Path]) -> str:
    """Paths as they would be typed here."""
    here = Path.cwd()
    return ", ".join(os.path.relpath(path, here) if path.is_relative_to(here) else str(path) for path in paths)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"it has no {text}")
