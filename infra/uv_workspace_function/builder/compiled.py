"""Refuses code that was compiled here, where here is no container: no C library and no compiler were chosen for it."""

import os
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .distributions import Distribution
from .errors import BuildError


def refuse_compiled(distributions: Iterable[Distribution], lock: Mapping[str, Any], built: Collection[str]) -> None:
    """Refuse what a backend compiled on this machine; wheels from an index are what they are everywhere.

    Args:
        distributions: what was installed.
        lock: whose wheels are known.
        built: the names of what may have been built.

    Raises:
        BuildError: when one of them is for a machine, and is no wheel of the lock.
    """
    for distribution in distributions:
        if distribution.name not in built or distribution.record is None:
            continue
        tags = _tags(distribution)
        if any(not tag.endswith("-any") for tag in tags) and not tags <= _locked_tags(lock, distribution.name):
            raise BuildError(
                f"{distribution.name} compiles code, and was compiled for {', '.join(sorted(tags))} on this machine, whose C library "
                "and compiler nobody has chosen; build this one with the engine"
            )


def _tags(distribution: Distribution) -> set[str]:
    """What its wheel said that it is for: https://packaging.python.org/specifications/binary-distribution-format/#file-contents."""
    assert distribution.record is not None  # noqa: S101 - for the type checker: the one caller has asked
    wheel = distribution.files.get(distribution.record.parent / "WHEEL")
    if wheel is None:
        return set()
    lines = wheel.source.read_text(encoding="utf-8", errors="replace").splitlines()
    return {line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")}


def _locked_tags(lock: Mapping[str, Any], name: str) -> set[str]:
    """The tags of all wheels that a lock has of a package, one by one."""
    found = set()
    for package in lock.get("package", ()):
        for wheel in package.get("wheels", ()) if package["name"] == name else ():
            location = wheel.get("filename") or wheel.get("url") or wheel.get("path", "")
            *_, pythons, abis, platforms = os.path.basename(location).removesuffix(".whl").split("-")  # noqa: PTH119
            found |= {f"{p}-{a}-{m}" for p in pythons.split(".") for a in abis.split(".") for m in platforms.split(".")}
    return found
