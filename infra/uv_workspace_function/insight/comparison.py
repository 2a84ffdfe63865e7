"""Two build contexts of one service, side by side: which files differ, and of the lock which packages."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.context.content import ContextFile
from uv_workspace_function.workspace.lock import LOCK_NAME, LockedPackage
from uv_workspace_function.workspace.lock_text import files_of
from uv_workspace_function.workspace.selection import Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs; as text, a line for people."""

    kind: Literal["file", "package", "lock"]
    """A file, a locked package, or the rest of the lock."""
    name: str
    """A path relative to the context, or a package's name."""
    before: str | None
    """What it was: a package's version, or a word for a file; None where it was not there."""
    after: str | None
    """What it is; None where it no longer is there."""
    keys: tuple[str, ...] = ()
    """Of a TOML file: what in it differs, dotted."""

    def as_json(self) -> dict[str, Any]:
        """The change as JSON's own types."""
        told = {"kind": self.kind, "name": self.name, "before": self.before, "after": self.after}
        return {**told, "text": str(self)}

    def __str__(self) -> str:
        if self.kind == "package":
            if self.before is None:
                return f"package {self.name} {self.after} is new"
            if self.after is None:
                return f"package {self.name} {self.before} is gone"
            if self.before == self.after:
                return f"package {self.name} {self.after} has a different lock entry: its files, source or dependencies"
            return f"package {self.name} {self.before} -> {self.after}"
        if self.before is None:
            return f"{self.name} is new"
        if self.after is None:
            return f"{self.name} is gone"
        if self.before != self.after:
            return f"{self.name} was {self.before} and is {self.after}"
        return f"{self.name} is different" + (f" in {', '.join(self.keys)}" if self.keys else "")


def compare(before: BuildContext, after: BuildContext) -> tuple[Change, ...]:
    """Everything that differs between two contexts; nothing when their digests are equal.

    Args:
        before: the older one.
        after: the newer one, of the same service.

    Returns:
        Files by path, then packages by name.
    """
    if before.digest == after.digest:
        return ()
    locks = [str(context.closure.project.folder / LOCK_NAME) for context in (before, after)]
    packages = tuple(_packages(before.closure.selection, after.closure.selection))
    files = tuple(_files(before, after, frozenset(locks)))
    lock_differs = before.files[locks[0]] != after.files[locks[1]] or locks[0] != locks[1]
    if lock_differs and not packages:
        keys = _keys(before.files[locks[0]].content, after.files[locks[1]].content)
        return (*files, Change(kind="lock", name=locks[1], before="there", after="there", keys=keys))
    return (*files, *packages)


def _files(before: BuildContext, after: BuildContext, but: frozenset[str]) -> Iterator[Change]:
    for path in sorted((before.files.keys() | after.files.keys()) - but):
        old, new = before.files.get(path), after.files.get(path)
        name = (after if new is not None else before).origin(path)
        if old is None or new is None:
            yield Change(kind="file", name=name, before=_there(old), after=_there(new))
        elif old.sha256 != new.sha256:
            keys = _keys(old.content, new.content) if path.endswith(".toml") else ()
            yield Change(kind="file", name=name, before="there", after="there", keys=keys)
        elif old.executable != new.executable:
            yield Change(kind="file", name=name, before=_mode(old.executable), after=_mode(new.executable))


def _keys(before: bytes, after: bytes) -> tuple[str, ...]:
    """The dotted keys at which two TOML documents part."""
    try:
        documents = [tomllib.loads(content.decode()) for content in (before, after)]
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return ()
    return tuple(_parting(documents[0], documents[1], ""))


def _parting(before: Mapping[str, Any], after: Mapping[str, Any], above: str) -> Iterator[str]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _parting(old, new, f"{above}{key}.")
        else:
            yield f"{above}{key}"


def _there(file: ContextFile | None) -> str | None:
    return None if file is None else "there"


def _mode(executable: bool) -> str:
    return "executable" if executable else "not executable"


def _packages(before: Selection, after: Selection) -> Iterator[Change]:
    old, new = _blocks(before), _blocks(after)
    for name in sorted(old.keys() | new.keys()):
        was, now = old.get(name, {}), new.get(name, {})
        if was == now:
            continue
        gone, come = sorted(was.keys() - now.keys()), sorted(now.keys() - was.keys())
        if gone or come:
            yield Change(kind="package", name=name, before=", ".join(gone) or None, after=", ".join(come) or None)
        for version in sorted(was.keys() & now.keys()):
            if was[version] != now[version]:
                yield Change(kind="package", name=name, before=version, after=version)


def _blocks(selection: Selection) -> Mapping[str, Mapping[str, str]]:
    """Name -> version -> all that the lock says of it; a lock can hold several versions of one package."""
    found: dict[str, dict[str, str]] = {}
    for package in selection.packages:
        version = package.version or "without a version"
        versions = found.setdefault(package.name, {})
        versions[version] = versions.get(version, "") + entry_text(selection, package)
    return found


def entry_text(selection: Selection, package: LockedPackage) -> str:
    """All that matters of a package's entry in a selection, as one text; the versions of what it needs are compared separately."""
    steps = sorted(
        f"{part}:{step.to.name} {step.extras} {step.marker}"
        for part, steps in selection.nodes[package].items()
        for step in steps
    )
    return "\n".join((str(package.source), files_of(selection.lock, package), *steps))
