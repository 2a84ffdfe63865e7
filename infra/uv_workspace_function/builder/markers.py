"""Markers of a lock, for what is copied: uv evaluates them itself for what it installs."""

import re
import sys
from collections.abc import Callable, Mapping
from typing import Any

# https://packaging.python.org/specifications/dependency-specifiers/#environment-markers, of an image with CPython.
_ENVIRONMENT = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "sys_platform": "linux",
}
_VERSIONS = frozenset({"python_version", "python_full_version", "implementation_version"})


def holds(marker: str, machine: str, *, unknown: bool = True) -> bool:
    """Whether a marker holds in the image.

    Args:
        marker: as uv writes it into a lock.
        machine: the image's `platform_machine`.
        unknown: what a comparison counts as that cannot be evaluated here.
    """
    import ast  # noqa: PLC0415 - seldom needed, and each import takes its time

    known = {**_ENVIRONMENT, "platform_machine": machine}

    def evaluated(node: ast.expr) -> bool:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return all(map(evaluated, values))
            case ast.BoolOp(values=values):
                return any(map(evaluated, values))
            case ast.Compare(left=ast.Name(id=name), ops=[operator], comparators=[ast.Constant(value=str() as value)]):
                return _compared(name, type(operator).__name__, value, known, unknown=unknown)
            case ast.Compare(left=ast.Constant(value=str() as value), ops=[operator], comparators=[ast.Name(id=name)]):
                return _compared(name, f"{type(operator).__name__}Of", value, known, unknown=unknown)
        return unknown

    # A marker is written as an expression of Python is.
    try:
        return evaluated(ast.parse(marker.strip(), mode="eval").body)
    except SyntaxError:
        return unknown


def allows(requires_python: str) -> bool:
    """Whether a `requires-python` takes this Python; True where that cannot be told."""
    clauses = filter(None, map(_CLAUSE.fullmatch, requires_python.split(",")))
    return all(_compared("python_full_version", _OPERATORS[clause[1]], clause[2], {}) for clause in clauses)


_CLAUSE = re.compile(r"\s*(<=|>=|==|!=|<|>)\s*(\d+(?:\.\d+){0,2}(?:\.\*)?)\s*")
_OPERATORS = {"<": "Lt", "<=": "LtE", ">": "Gt", ">=": "GtE", "==": "Eq", "!=": "NotEq"}
_STRINGS: Mapping[str, Callable[[str, str], bool]] = {
    "Eq": lambda own, value: own == value,
    "NotEq": lambda own, value: own != value,
    "InOf": lambda own, value: value in own,
    "NotInOf": lambda own, value: value not in own,
    "In": lambda own, value: own in value,
    "NotIn": lambda own, value: own not in value,
}
_NUMBERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "Eq": lambda own, value: own == value,
    "NotEq": lambda own, value: own != value,
    "Lt": lambda own, value: own < value,
    "LtE": lambda own, value: own <= value,
    "Gt": lambda own, value: own > value,
    "GtE": lambda own, value: own >= value,
}


def _compared(name: str, operator: str, value: str, known: Mapping[str, str], *, unknown: bool = True) -> bool:
    if name in _VERSIONS and operator in _NUMBERS:
        numbers = value.removesuffix(".*").split(".")
        if all(number.isdecimal() for number in numbers):
            own = [*sys.version_info[:2], 0 if name == "python_version" else sys.version_info.micro]
            wanted = [*map(int, numbers), *[0] * (3 - len(numbers))]
            compared = len(numbers) if value.endswith(".*") else 3
            return _NUMBERS[operator](own[:compared], wanted[:compared])
    elif name in known and operator in _STRINGS:
        return _STRINGS[operator](known[name], value)
    return unknown
