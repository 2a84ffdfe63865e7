"""TOML documents of the workspace, read with errors that name the file and the line."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from uv_workspace_function.document_types import Expected, check_types
from uv_workspace_function.errors import WorkspaceError

Table = Mapping[str, Any]


def read_toml(path: Path, expected: Expected | None = None) -> dict[str, Any]:
    """Read a TOML file.

    Args:
        path: the file.
        expected: the type its document has to be of, where what is read from it shall not surprise.

    Raises:
        WorkspaceError: when it cannot be read, is not UTF-8 or is malformed, or a value is of another type; the message
            has the path, and the line or the place in the document.
    """
    try:
        # uv, too, takes a file that begins with a byte order mark
        text = path.read_bytes().decode("utf-8-sig")
        document = tomllib.loads(text)
    except OSError as error:
        raise WorkspaceError(f"cannot read {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WorkspaceError(f"{path} is not UTF-8, as TOML must be: byte {error.start} is invalid") from error
    except tomllib.TOMLDecodeError as error:
        # of what is never closed tomllib tells no line
        last = text.count("\n") + (not text.endswith("\n"))
        told = str(error).replace("(at end of document)", f"(at end of document, line {last})")
        raise WorkspaceError(f"{path} is malformed TOML: {told}") from error
    if expected is not None:
        check_types(document, expected, where=str(path))
    return document


def table(document: Table, *keys: str) -> dict[str, Any]:
    """The table at a path of keys, empty where the document has none.

    Raises:
        WorkspaceError: when a value stands where a table belongs.
    """
    found: Any = document
    for depth, key in enumerate(keys, start=1):
        found = found.get(key, {})
        if not isinstance(found, dict):
            raise WorkspaceError(f"[{'.'.join(keys[:depth])}] must be a table, not {found!r}")
    return dict(found) if keys else dict(document)


def foreign_table(document: Table, *keys: str) -> Table:
    """The table at a path of keys in settings that are another tool's to check; empty where there is none."""
    found: Any = document
    for key in keys:
        found = found.get(key)
        if not isinstance(found, Mapping):
            return {}
    return dict(found) if keys else document


def strings(value: object) -> tuple[str, ...]:
    """A setting that is one string or a list of them; what else it may be is left out."""
    if isinstance(value, str):
        return (value,)
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
