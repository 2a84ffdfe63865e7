"""How large a service is, layer by layer and package by package, before there is an image."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from uv_workspace_function.context.workspace_files import WorkspaceFiles
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import installed, wheel_bytes
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

_SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<prefix>[kmg]?)(?P<binary>i?)b", re.IGNORECASE)
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageSize:
    """What one package takes."""

    name: str
    version: str | None
    size: int | None
    """Bytes; None if unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSize:
    """What one layer takes."""

    name: str
    packages: tuple[PackageSize, ...]
    """Largest first; those of unknown size last."""

    @classmethod
    def of(cls, name: str, packages: Iterable[PackageSize]) -> "LayerSize":
        """A layer with its packages put in order."""
        return cls(name=name, packages=tuple(sorted(packages, key=lambda p: (p.size is None, -(p.size or 0), p.name))))

    @property
    def size(self) -> int:
        """Bytes of the packages whose size is known."""
        return sum(package.size or 0 for package in self.packages)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names of the packages whose size nothing tells."""
        return tuple(package.name for package in self.packages if package.size is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSize:
    """What a service takes above the base image."""

    service: str
    source: str
    """What was measured: `lock`, that is wheels as they are downloaded and sources as they lie there; or the name of an image."""
    layers: tuple[LayerSize, ...]
    base: int | None = None
    """Bytes of the base image; None where no image was looked at."""

    @property
    def size(self) -> int:
        """Bytes of all layers."""
        return sum(layer.size for layer in self.layers)

    def as_json(self) -> dict[str, Any]:
        """The sizes as JSON's own types, in bytes."""
        return {
            "service": self.service,
            "source": self.source,
            "size": self.size,
            "base": self.base,
            "layers": [
                {
                    "layer": layer.name,
                    "size": layer.size,
                    "packages": [{"name": p.name, "version": p.version, "size": p.size} for p in layer.packages],
                }
                for layer in self.layers
            ],
        }


def size_from_lock(workspace: Workspace, name: str, target: Target) -> ServiceSize:
    """The size of a service as far as its lock and its sources tell.

    Wheels are counted as they are downloaded, compressed: unpacked and with bytecode they take three to five times that.

    Args:
        workspace: the workspace.
        name: the service's package name, in any spelling.
        target: what the image runs on.

    Raises:
        WorkspaceError: when there is no such member, or its lock is not whole.
    """
    closure = workspace.closure(name)
    sizes = wheel_bytes(closure.selection, target)
    packages = installed(closure.selection, target)
    third_party = [
        PackageSize(name=package.name, version=package.version, size=sizes.get(package.name))
        for package in packages
        if package.folder is None
    ]
    there = {package.name for package in packages}
    local = [_sources(workspace, closure, member) for member in closure.libraries if member.name in there]
    layers = (
        LayerSize.of("third-party", third_party),
        LayerSize.of("local", local),
        LayerSize.of("code", [_sources(workspace, closure, closure.service)]),
    )
    return ServiceSize(service=closure.service.name, source="lock", layers=layers)


def parse_size(text: str) -> int:
    """Bytes of a size such as `150MB` (1000 * 1000 bytes each) or `150MiB` (1024 * 1024).

    Raises:
        WorkspaceError: when the text is no size.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or (match["binary"] and not match["prefix"]):
        raise WorkspaceError(f"{text!r} is not a size", "write a number and a unit, like '150MB' or '0.5GiB'")
    base = 1024 if match["binary"] else 1000
    return int(float(match["number"]) * base ** _POWERS[match["prefix"].lower()])


def shown_size(size: int) -> str:
    """Bytes for people: three digits and a decimal unit."""
    for unit, power in (("GB", 3), ("MB", 2), ("kB", 1)):
        if size >= 999.5 * 1000 ** (power - 1):
            number = size / 1000**power
            return f"{number:.1f} {unit}" if number < 99.95 else f"{number:.0f} {unit}"
    return f"{size} B"


def _sources(workspace: Workspace, closure: Closure, member: Member) -> PackageSize:
    """A local package's importable files."""
    files = WorkspaceFiles.of(workspace).files(workspace, member).files
    modules = [member.folder / module.path for module in member.layout.modules]
    size = sum(
        file.size
        for path, file in files.items()
        if not member.layout.complete or any(PurePosixPath(path).is_relative_to(module) for module in modules)
    )
    locked = next(package for package in closure.selection.local if package.name == member.name)
    return PackageSize(name=member.name, version=locked.version, size=size)
