"""TOML documents, read into typed values: what a value must be, and its place in the document where it is something else.

uv reads TOML 1.1, with inline tables over several lines for one; Python's own reader knows 1.0, and takes twice the time.

A `from_dict` reads its table with the functions here. They leave out what is absent and raise `Malformed` for what is of
another type; the place grows on the way up, key by key, until `read_toml` adds the file.

URLs lose their credentials here: whatever is made of a document, a build context, a hash or a message, has none. Only uv itself
reads those.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomli

from uv_workspace_function.boundary import read_file
from uv_workspace_function.builder.credentials import without_credentials
from uv_workspace_function.errors import WorkspaceError, seen_from

Table = Mapping[str, Any]
"""A table whose values are not checked yet, or that is another tool's to check."""

T = TypeVar("T")
Default = TypeVar("Default")
_PROXIES = ("http-proxy", "https-proxy")
_NAMES: Mapping[type, str] = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    dict: "a table",
    list: "a list",
}


class Malformed(Exception):  # noqa: N818 (it never leaves a reader)
    """A value of a document that is not what its reader expects.

    Args:
        problem: what it must be and what it is.
        at: its place, such as `tool.uv.index[0].url`; empty for the document itself.
    """

    def __init__(self, problem: str, at: str = "") -> None:
        super().__init__(problem, at)
        self.problem = problem
        self.at = at

    def below(self, key: str) -> "Malformed":
        """The same, seen from one level further up."""
        dot = "" if not self.at or self.at.startswith("[") else "."
        return Malformed(self.problem, f"{key}{dot}{self.at}")


def read_toml(path: Path, read: Callable[[Table], T], *, root: Path | None = None, remedy: str = "correct it") -> T:
    """Read a TOML file.

    Args:
        path: the file.
        read: makes the document's value, such as `Pyproject.from_dict`.
        root: the workspace's root, from where messages name the file.
        remedy: what to do about a value of another type.

    Raises:
        WorkspaceError: when it cannot be read, is not UTF-8 or is malformed, or a value is of another type; the message
            has the path, and the line or the place in the document.
    """
    shown = seen_from(root, path)
    try:
        # uv, too, takes a file that begins with a byte order mark
        text = read_file(path).decode("utf-8-sig")
        document = tomli.loads(text)
    except OSError as error:
        raise WorkspaceError(f"cannot read {shown}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WorkspaceError(f"{shown} is not UTF-8, as TOML must be: byte {error.start} is invalid") from error
    except tomli.TOMLDecodeError as error:
        # it gives no line for what is never closed
        last = text.count("\n") + (not text.endswith("\n"))
        said = str(error).replace("(at end of document)", f"(at end of document, line {last})")
        raise WorkspaceError(f"{shown} is malformed TOML: {said}") from error
    except RecursionError as error:
        raise WorkspaceError(f"{shown} is nested too deeply to be read", remedy) from error
    except ValueError as error:  # an integer of more digits than Python reads, a date that is none
        raise WorkspaceError(f"{shown} is malformed TOML: {error}") from error
    try:
        if any(sign in text for sign in "@?\\"):
            document = _public(document)
        return read(document)
    except Malformed as error:
        raise WorkspaceError(f"{shown}: {error.at} {error.problem}", remedy) from error
    except RecursionError as error:
        raise WorkspaceError(f"{shown} has something that is nested too deeply to be read", remedy) from error


def _public(found: Any) -> Any:
    """A value whose URLs have no credentials."""
    match found:
        case str():
            return without_credentials(found)
        case list():
            return [*map(_public, found)]
        case dict():
            public = {without_credentials(key): _public(item) for key, item in found.items()}
            # A proxy with a password is of no use without, and would count before what a build is given as HTTPS_PROXY.
            return {key: item for key, item in public.items() if key not in _PROXIES or item == found[key]}
        case _:
            return found


def value(table: Table, key: str, kind: type[T]) -> T | None:
    """The value of a key, of one type; None where there is none.

    Raises:
        Malformed: when it is of another type.
    """
    if key not in table:
        return None
    found = table[key]
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise Malformed(f"must be {_NAMES[kind]}, not {found!r}", key)
    return found


def required(table: Table, key: str, kind: type[T]) -> T:
    """The value of a key that has to be there.

    Raises:
        Malformed: when it is missing, or of another type.
    """
    found = value(table, key, kind)
    if found is None:
        raise Malformed(f"has no {key!r}")
    return found


def table_at(table: Table, key: str) -> dict[str, Any]:
    """The table at a key; empty where there is none.

    Raises:
        Malformed: when a value stands there.
    """
    return value(table, key, dict) or {}


def strings_at(table: Table, key: str) -> tuple[str, ...]:
    """The list of strings at a key; empty where there is none.

    Raises:
        Malformed: when it is something else.
    """
    return at(table, key, strings_in, ())


def list_at(table: Table, key: str, read: Callable[[Any], T]) -> tuple[T, ...]:
    """The list at a key, each item read; empty where there is none.

    Raises:
        Malformed: when it is no list, or an item is not what `read` expects.
    """
    return at(table, key, lambda found: items_in(found, read), ())


def items_in(found: Any, read: Callable[[Any], T]) -> tuple[T, ...]:
    """A list, each item read.

    Raises:
        Malformed: when it is no list, or an item is not what `read` expects.
    """
    items = []
    for number, item in enumerate(_list(found)):
        try:
            items.append(read(item))
        except Malformed as error:
            raise error.below(f"[{number}]") from error
    return tuple(items)


def tables_by_name(table: Table, key: str, read: Callable[[Any], T]) -> dict[str, T]:
    """The table at a key, each of its values read; empty where there is none.

    Raises:
        Malformed: when it is no table, or a value is not what `read` expects.
    """

    def each(found: Any) -> dict[str, T]:
        return {name: below(found, name, read) for name in table_in(found)}

    return at(table, key, each, {})


def at(table: Table, key: str, read: Callable[[Any], T], default: Default) -> T | Default:
    """The value of a key, read; the default where there is none.

    Raises:
        Malformed: when it is not what `read` expects.
    """
    return below(table, key, read) if key in table else default


def below(table: Table, key: str, read: Callable[[Any], T]) -> T:
    """The value of a key that is there, read.

    Raises:
        Malformed: when it is not what `read` expects.
    """
    try:
        return read(table[key])
    except Malformed as error:
        raise error.below(key) from error


def table_in(found: Any) -> dict[str, Any]:
    """A table.

    Raises:
        Malformed: when it is something else.
    """
    if not isinstance(found, dict):
        raise Malformed(f"must be a table, not {found!r}")
    return found


def strings_in(found: Any) -> tuple[str, ...]:
    """A list of strings.

    Raises:
        Malformed: when it is something else.
    """
    if not all(isinstance(item, str) for item in _list(found)):
        raise Malformed(f"must be a list of strings, not {found!r}")
    return tuple(found)


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise Malformed(f"must be a list, not {found!r}")
    return found


def foreign_table(document: Table, *keys: str) -> Table:
    """The table at a path of keys in settings that are another tool's to check; empty where there is none."""
    found: Any = document
    for key in keys:
        found = found.get(key)
        if not isinstance(found, Mapping):
            return {}
    table: Table = found
    return table


def strings(found: object) -> tuple[str, ...]:
    """A setting of another tool that is one string or a list of them; what else it may be is left out."""
    if isinstance(found, str):
        return (found,)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def texts(found: object) -> Iterator[str]:
    """Every string in a value, to any depth; no key."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, Mapping | list | tuple):
        for inner in found.values() if isinstance(found, Mapping) else found:
            yield from texts(inner)
