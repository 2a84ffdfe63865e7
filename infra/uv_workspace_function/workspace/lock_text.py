"""A lock cut down to what one package needs, written as uv writes one.

In a canonical form: header fields and forks that only matter to somebody else do not reach it, so that it changes when, and
only when, something of this closure does.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any
from weakref import WeakKeyDictionary

from uv_workspace_function.workspace.lock import ANY_PYTHON, KNOWN_VERSION, Lock, LockedPackage
from uv_workspace_function.workspace.selection import Selection, Step

# a TOML basic string is a JSON string, but that it escapes DEL
_quoted = json.encoder.encode_basestring
_RENDERED: WeakKeyDictionary[Lock, dict[int, str]] = WeakKeyDictionary()
"""By a package's identity; a lock's packages live as long as the lock."""


def cut_down(selection: Selection, *, builders: Iterable[str] = ()) -> str:
    """The lock cut down to this selection, as uv writes one.

    Args:
        selection: what is needed of the lock.
        builders: names of local packages that only take part in building others. uv asks for an entry of every
            member, but resolves what builds a package anew: theirs are without dependencies.
    """
    bare = {name: package for name in builders if (package := selection.lock.local(name)) is not None}
    names: dict[str, int] = {}
    for package in selection.nodes:
        names[package.name] = names.get(package.name, 0) + 1
    ambiguous = {name for name, count in names.items() if count > 1}
    header = [f"version = {KNOWN_VERSION}"]
    if selection.lock.revision:
        header.append(f"revision = {selection.lock.revision}")
    # A frozen install does not read the lock's `requires-python`, but uv asks for the field. Its markers are simplified
    # under the real one; under a wider one they mean the same wherever the real one holds.
    header.append(f"requires-python = {_value(ANY_PYTHON)}")
    if markers := selection.lock.supported_markers:
        # uv limits what it exports to the forks' markers; which forks there were says more of others than of this
        keys = ["resolution-markers"] if selection.lock.resolution_markers else []
        header += [_array(key, map(_value, markers)) for key in (*keys, "supported-markers")]
    manifest, locked = [], selection.lock.manifest
    if members := sorted({*(p.name for p in selection.local), *bare}.intersection(locked.members)):
        manifest.append(_array("members", map(_value, members)))
    if constraints := locked.build_constraints:  # what builds a package is not locked: any of them may apply
        manifest.append(_array("build-constraints", (_value(entry.written) for entry in constraints)))
    reached = {package.name for package in selection.nodes}
    if stated := [entry for entry in locked.dependency_metadata if entry.name in reached]:
        manifest.append(_array("dependency-metadata", (_value(entry.written) for entry in stated)))
    if manifest:
        header += ["", "[manifest]", *manifest]
    blocks = [
        _block(selection, package, ambiguous)
        for package in sorted((*selection.nodes, *bare.values()), key=LockedPackage.order)
    ]
    return "\n".join(header) + "\n" + "".join(f"\n[[package]]\n{block}" for block in blocks)


def _block(selection: Selection, package: LockedPackage, ambiguous: set[str]) -> str:
    parts = selection.nodes.get(package, {})
    lines = [f"name = {_value(package.name)}"]
    if package.version is not None:
        lines.append(f"version = {_value(package.version)}")
    lines.append(f"source = {_value(package.source.written)}")
    if steps := parts.get(None):
        lines.append(_array("dependencies", (_step(step, ambiguous) for step in steps)))
    if files := files_of(selection.lock, package):
        lines.append(files)
    if optional := sorted(extra for extra, steps in parts.items() if extra and steps):
        lines += ["", "[package.optional-dependencies]"]
        lines += [_array(extra, (_step(step, ambiguous) for step in parts[extra])) for extra in optional]
    if package is selection.root and selection.extras:
        # an extra that needs nothing has no other entry, and uv refuses to install one it does not know
        lines += ["", "[package.metadata]", f"provides-extras = {_value(list(selection.extras))}"]
    return "\n".join(lines) + "\n"


def files_of(lock: Lock, package: LockedPackage) -> str:
    """The sdist and wheel lines of a package, rendered once for all selections."""
    rendered = _RENDERED.setdefault(lock, {})
    if id(package) not in rendered:
        lines = [f"sdist = {_value(package.sdist.written)}"] if package.sdist else []
        if package.wheels:
            lines.append(_array("wheels", (_value(wheel.written) for wheel in package.wheels)))
        rendered[id(package)] = "\n".join(lines)
    return rendered[id(package)]


def _step(step: Step, ambiguous: set[str]) -> str:
    entry: dict[str, Any] = {"name": step.to.name}
    if step.to.name in ambiguous:
        entry |= {"version": step.to.version} if step.to.version is not None else {}
        entry["source"] = step.to.source.written
    if step.extras:
        entry["extra"] = list(step.extras)
    if step.marker:
        entry["marker"] = step.marker
    return _value(entry)


def _array(key: str, values: Iterable[str]) -> str:
    return "\n".join([f"{key} = [", *(f"    {value}," for value in values), "]"])


def _value(value: Any) -> str:
    """A TOML value on one line."""
    match value:
        case str():  # nearly all of them
            return _quoted(value).replace("\x7f", "\\u007f")
        case bool() | int() | float():
            return json.dumps(value)
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case Mapping():
            return f"{{ {', '.join(f'{_key(k)} = {_value(v)}' for k, v in value.items())} }}" if value else "{}"
        case _:
            return str(value.isoformat())


@cache
def _key(key: str) -> str:
    return key if key.isascii() and key.replace("-", "").replace("_", "").isalnum() else json.dumps(key)
