"""What type a value of a TOML document has to have, where this package reads it.

uv and the build backends check their own settings, but only when they run: here a mistake is told at synth, with its
place in the document. Keys that nothing here reads are nobody's business, but in the one table that is this package's
own: there they are mistakes.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from uv_workspace_function.errors import WorkspaceError


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list, all of whose items are of one type."""

    item: "Expected"


@dataclass(frozen=True, slots=True)
class TableOf:
    """A table, all of whose values are of one type."""

    value: "Expected"


@dataclass(frozen=True, slots=True)
class Either:
    """One type or another one."""

    types: tuple["Expected", ...]


@dataclass(frozen=True, slots=True)
class Keys:
    """A table with these keys, should it have them; where it is closed, with no others."""

    types: Mapping[str, "Expected"]
    required: tuple[str, ...] = ()
    closed: bool = False


Expected = type | ListOf | TableOf | Either | Keys

_STRINGS = ListOf(str)
_TABLES = ListOf(TableOf(object))
_BY_NAME = TableOf(object)
_SOURCE = Keys({"marker": str, "extra": str, "index": str, "path": str})
_REQUIREMENTS = ListOf(Either((str, Keys({"name": str, "requirement": str}))))

UV_SETTINGS = Keys(
    {
        "build-constraint-dependencies": _REQUIREMENTS,
        "config-settings-package": _BY_NAME,
        "constraint-dependencies": _REQUIREMENTS,
        "dependency-metadata": ListOf(Keys({"name": str}, required=("name",))),
        "exclude-dependencies": _REQUIREMENTS,
        "exclude-newer-package": _BY_NAME,
        "extra-build-dependencies": TableOf(_REQUIREMENTS),
        "extra-build-variables": _BY_NAME,
        "extra-index-url": _STRINGS,
        "find-links": _STRINGS,
        "index": ListOf(Keys({"name": str, "url": str})),
        "index-url": str,
        "no-binary-package": _STRINGS,
        "no-build-isolation-package": _STRINGS,
        "no-build-package": _STRINGS,
        "no-sources-package": _STRINGS,
        "override-dependencies": _REQUIREMENTS,
        "prerelease-package": _BY_NAME,
        "sources": TableOf(Either((_SOURCE, ListOf(_SOURCE)))),
        "workspace": Keys({"members": _STRINGS, "exclude": _STRINGS}),
    }
)
"""`[tool.uv]`, and `uv.toml`."""

OUR_SETTINGS = Keys(
    {
        "build-from-source": _STRINGS,
        "check": Keys({"allow": object, "environment": object, "largest-file": object}, closed=True),
        "exclude": object,
        "handler": object,
        "include": object,
        "standalone": _STRINGS,
        "version": object,
    },
    closed=True,
)
"""`[tool.uv-workspace-function]`; what is any object here is told of where it is read, in words of its own."""

PYPROJECT = Keys(
    {
        "project": Keys(
            {
                "dependencies": _STRINGS,
                "dynamic": _STRINGS,
                "optional-dependencies": TableOf(_STRINGS),
                "requires-python": str,
            }
        ),
        "build-system": Keys({"requires": _STRINGS, "build-backend": str, "backend-path": _STRINGS}),
        "tool": Keys({"uv": UV_SETTINGS, "uv-workspace-function": OUR_SETTINGS}),
    }
)
"""A `pyproject.toml`: what its specification and uv say of it."""

_EDGE = Keys({"name": str, "version": str, "source": TableOf(object), "extra": _STRINGS, "marker": str}, ("name",))
_NEED = Keys({"name": str, "extras": _STRINGS, "specifier": str, "marker": str}, ("name",))
_FILE = Keys({"path": str})
_LOCATION = Keys(dict.fromkeys(("editable", "virtual", "directory", "path", "registry"), str))
_PACKAGE = Keys(
    {
        "name": str,
        "version": str,
        "source": _LOCATION,
        "dependencies": ListOf(_EDGE),
        "optional-dependencies": TableOf(ListOf(_EDGE)),
        "sdist": _FILE,
        "wheels": ListOf(_FILE),
        "metadata": Keys({"requires-dist": ListOf(_NEED), "provides-extras": _STRINGS}),
    },
    required=("name", "source"),
)

LOCK = Keys(
    {
        "revision": int,
        "requires-python": str,
        "supported-markers": _STRINGS,
        "conflicts": ListOf(ListOf(Keys({"package": str, "extra": str}))),
        "manifest": Keys(
            {
                "members": _STRINGS,
                "build-constraints": _TABLES,
                "dependency-metadata": ListOf(Keys({"name": str}, ("name",))),
            }
        ),
        "package": ListOf(_PACKAGE),
        "distribution": ListOf(_PACKAGE),
    }
)
"""A `uv.lock`, which nobody writes by hand, but which a merge can spoil."""

_NAMES: Mapping[type, str] = {str: "a string", int: "an integer", dict: "a table", list: "a list"}


def check_types(document: Mapping[str, Any], expected: Expected, *, where: str, remedy: str = "correct it") -> None:
    """Refuse a document that has a value of another type than is expected.

    Args:
        document: the parsed document.
        expected: its type.
        where: its path, for the message.
        remedy: what to do, for the message.

    Raises:
        WorkspaceError: with the place of the first such value.
    """
    found = _mistake(document, expected, "")
    if found is not None:
        at, message = found
        raise WorkspaceError(f"{where}: {at} {message}; {remedy}")


def _mistake(value: Any, expected: Expected, at: str) -> tuple[str, str] | None:
    """Where something is wrong, and what."""
    match expected:
        case type():
            if isinstance(value, expected) and not (expected is int and isinstance(value, bool)):
                return None
            return at, f"must be {_NAMES[expected]}, not {value!r}"
        case ListOf(item=item):
            if not isinstance(value, list):
                return at, f"must be a list, not {value!r}"
            inner = ((entry, item, f"{at}[{number}]") for number, entry in enumerate(value) if item is not str)
            if item is str and not all(isinstance(entry, str) for entry in value):
                return at, f"must be a list of strings, not {value!r}"
        case Either(types=types):
            kind = next((t for t in types if isinstance(value, _python_type(t))), types[0])
            return _mistake(value, kind, at)
        case TableOf(value=each):
            if not isinstance(value, dict):
                return at, f"must be a table, not {value!r}"
            inner = ((entry, each, _dotted(at, key)) for key, entry in value.items() if each is not object)
        case Keys(types=known, required=required, closed=closed):
            if not isinstance(value, dict):
                return at, f"must be a table, not {value!r}"
            missing = next((key for key in required if key not in value), None)
            if missing is not None:
                return at, f"has no {missing!r}"
            unknown = next((key for key in value if key not in known), None) if closed else None
            if unknown is not None:
                near = difflib.get_close_matches(unknown, known, n=1)
                hint = f"did you mean {near[0]!r}? " if near else ""
                return _dotted(at, unknown), f"is no setting; {hint}there are {', '.join(sorted(known))}"
            inner = ((value[key], each, _dotted(at, key)) for key, each in known.items() if key in value)
    return next((mistake for entry in inner if (mistake := _mistake(*entry)) is not None), None)


def _python_type(expected: Expected) -> type:
    match expected:
        case type():
            return expected
        case ListOf():
            return list
        case _:
            return dict


def _dotted(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key
