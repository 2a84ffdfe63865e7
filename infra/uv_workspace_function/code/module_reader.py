"""Finds modules in local packages and reads what their sources bind."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Protocol

from uv_workspace_function.boundary import read_file
from uv_workspace_function.code.bindings import Bindings, read_bindings
from uv_workspace_function.code.layouts import Layout, Module
from uv_workspace_function.code.syntax import Unparsed
from uv_workspace_function.errors import WorkspaceError

_COMPILED = (".so", ".pyx", ".pyd")


class HandlerError(WorkspaceError):
    """A service's handler that Lambda could not import, or a member that has none."""


class SourceError(HandlerError):
    """A source that does not parse, where a handler is looked for."""


class CodePackage(Protocol):
    """What this needs of a member: its name, its code, whether a backend builds it, and where it is.

    That is relative to the workspace's root, and absolute.
    """

    @property
    def name(self) -> str: ...
    @property
    def folder(self) -> PurePosixPath: ...
    @property
    def path(self) -> Path: ...
    @property
    def layout(self) -> Layout: ...
    @property
    def is_package(self) -> bool: ...


class ModuleReader:
    """Finds modules in local packages and reads what they bind, each file once."""

    def __init__(self, packages: Iterable[CodePackage]) -> None:
        self.packages = tuple(packages)
        self._read: dict[Path, Bindings | Unparsed] = {}

    def find(self, dotted: str) -> Path | None:
        """The source file of a local module: `x.py`, `x/__init__.py`, or the binary it is compiled to."""
        found = self.locate(dotted)
        return found[2] if found is not None else None

    def locate(self, dotted: str) -> tuple[CodePackage, Module, Path] | None:
        """The source file of a local module, with the package it lies in and that one's outermost module around it."""
        for package in self.packages:
            for module in package.layout.modules:
                if is_below(dotted, module):
                    rest = dotted[len(module.name) + 1 :].split(".") if dotted != module.name else []
                    found = _module_file(package.path / module.path, rest)
                    if found is not None:
                        return package, module, found
        return None

    def binds(self, file: Path, name: str, *, trusting: bool = True, seen: frozenset[Path] = frozenset()) -> bool:
        """Whether a module has an attribute of this name once it is imported.

        One that takes everything from a module whose source is not local, nor Python's own, may have any; so may one that
        answers by `__getattr__`.

        Args:
            file: the module's source.
            name: the attribute.
            trusting: whether what may be there counts.
            seen: modules on the way here, so that two that take everything from each other end.

        Raises:
            SourceError: the source does not parse.
        """
        bindings = self._parsed(file)
        if name in bindings.names or (trusting and bindings.anything):
            return True
        for level, module in bindings.stars:
            dotted = self._absolute(file, level, module)
            source = self.find(dotted) if dotted is not None else None
            if source is None or source.suffix != ".py":
                if trusting and (dotted is None or dotted.partition(".")[0] not in sys.stdlib_module_names):
                    return True
            elif (
                source not in seen
                and self._exports(source, name)
                and self.binds(source, name, trusting=trusting, seen=seen | {file})
            ):
                return True
        return False

    def imports_module(self, file: Path, name: str) -> bool:
        """Whether a name that a module takes from another one is a module itself: `from . import handler`."""
        bindings = self._parsed(file)
        if name not in bindings.imported:
            return False
        level, module, there = bindings.imported[name]
        dotted = self._absolute(file, level, module)
        if dotted is None:
            return False
        holder = self.find(dotted) if dotted else None
        is_bound = holder is not None and holder.suffix == ".py" and holder != file and self.binds(holder, there)
        return not is_bound and self.find(f"{dotted}.{there}".lstrip(".")) is not None

    def _exports(self, file: Path, name: str) -> bool:
        """Whether `from module import *` takes a name, if the module has it."""
        bindings = self._parsed(file)
        return name in bindings.exported if bindings.exported is not None else not name.startswith("_")

    def callables(self, file: Path) -> frozenset[str]:
        """Names that a handler may have been meant to be."""
        bindings = self.bindings(file)
        return frozenset() if isinstance(bindings, Unparsed) else bindings.callables

    def bindings(self, file: Path) -> Bindings | Unparsed:
        """What the module's top level binds, or why it does not parse."""
        if file not in self._read:
            try:
                self._read[file] = read_bindings(read_file(file))
            except OSError as error:
                raise HandlerError(f"cannot read {self.shown(file)}: {error.strerror}", "make it readable") from error
        return self._read[file]

    def shown(self, file: Path) -> str:
        """A path as messages show it: relative to the workspace's root."""
        package = next((package for package in self.packages if file.is_relative_to(package.path)), None)
        return str(file) if package is None else shown_path(package, file)

    def _parsed(self, file: Path) -> Bindings:
        bindings = self.bindings(file)
        if isinstance(bindings, Bindings):
            return bindings
        line = f", line {bindings.line}" if bindings.line is not None else ""
        raise SourceError(
            f"{self.shown(file)}{line} does not parse: {bindings.reason}",
            "correct it, or the handler in it cannot be checked",
        )

    def _absolute(self, file: Path, level: int, module: str) -> str | None:
        """The dotted name that a relative import in a file means; None where the file is in no local package."""
        if level == 0:
            return module
        dotted = self._dotted(file)
        if dotted is None:
            return None
        package = dotted.split(".") if file.name == "__init__.py" else dotted.split(".")[:-1]
        above = package[: len(package) - level + 1]
        return ".".join([*above, *([module] if module else [])])

    def _dotted(self, file: Path) -> str | None:
        for package in self.packages:
            for module in package.layout.modules:
                base = package.path / module.path
                if file == base:
                    return module.name
                if base in file.parents:
                    parts = file.relative_to(base).with_suffix("").parts
                    return ".".join([module.name, *(part for part in parts if part != "__init__")])
        return None


def shown_path(package: CodePackage, file: Path) -> str:
    return str(package.folder / file.relative_to(package.path))


def _module_file(base: Path, rest: Sequence[str]) -> Path | None:
    """The file of the module `rest` below a package's folder; a folder without `__init__.py` is no module one can call."""
    if base.suffix == ".py":
        return base if not rest and base.is_file() else None
    path = base.joinpath(*rest)
    package = path / "__init__.py"
    if package.is_file():
        return package
    if not rest:
        return None
    source = path.with_name(path.name + ".py")
    if source.is_file():
        return source
    if not path.parent.is_dir():
        return None
    binaries = sorted(path.parent.glob(f"{path.name}.*"))
    return next((binary for binary in binaries if binary.suffix in _COMPILED), None)


def is_below(dotted: str, module: Module) -> bool:
    return dotted == module.name or dotted.startswith(f"{module.name}.")
