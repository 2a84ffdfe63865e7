"""Whether a Lambda handler exists: read from source, so that a typo is found at synth and not at the first event.

A handler is a dotted path to a callable (`acme.orders.main.handler`) or, as Lambda also takes it, a path with slashes
up to the module (`acme/orders/main.handler`). A name counts however it is bound.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn, Protocol

from uv_workspace_function.code.bindings import Bindings, read_bindings
from uv_workspace_function.code.layouts import Layout, Module
from uv_workspace_function.code.syntax import Unparsed
from uv_workspace_function.errors import WorkspaceError

_COMPILED = (".so", ".pyx", ".pyd")


class HandlerError(WorkspaceError):
    """A service's handler that Lambda could not import, or a member that has none."""


class SourceError(HandlerError):
    """A source that does not parse, where a handler is looked for."""


class LocalPackage(Protocol):
    """What is asked of a member here: its name, its code, whether a backend builds it, and where it lies.

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


def conventional_handler(package: LocalPackage) -> str | None:
    """The handler that a package has by convention, `<module>.main.handler`, or None for a library.

    It has one when `<module>/main.py` binds `handler`, or may: a `main.py` that takes everything from another package, or
    that does not parse, counts, so that `check_handler`, which knows the closure, can say where it is wrong.
    """
    return next((f"{name}.handler" for name, file in _main_files(package) if _may_bind_handler(package, file)), None)


# Most services define their handler in the first column, and most other files do not hold the word: neither is parsed.
_PLAIN_HANDLER = re.compile(rb"^(?:(?:async[ \t]+)?def[ \t]+handler\b|handler[ \t]*[:=])", re.MULTILINE)
_ANY_NAME = (b"handler", b"__getattr__", b"import *")


def _may_bind_handler(package: LocalPackage, file: Path) -> bool:
    try:
        source = file.read_bytes()
    except OSError as error:
        raise HandlerError(f"cannot read {_shown(package, file)}: {error.strerror}", "make it readable") from error
    if _PLAIN_HANDLER.search(source):
        return True
    if not any(word in source for word in _ANY_NAME):
        return False
    try:
        return _Reader([package]).binds(file, "handler")
    except HandlerError:
        return True


def refuse_library(package: LocalPackage) -> NoReturn:
    """Say why a package without a handler is no service.

    Raises:
        HandlerError: always; the message tells a library from a `main.py` that lacks the handler.
    """
    table = f"`handler` in [tool.uv-workspace-function] of {package.folder / 'pyproject.toml'}"
    for _name, file in _main_files(package):
        raise HandlerError(
            f"{package.name!r} has no handler: {_shown(package, file)} binds no 'handler'",
            f"define it there, or name another function as {table}",
        )
    modules = [module for module in package.layout.modules if module.path.suffix != ".py"]
    places = ", ".join(str(package.folder / module.path / "main.py") for module in modules)
    looked = f"there is no {places}" if places else f"no importable package was found in {package.folder}"
    raise HandlerError(
        f"{package.name!r} is a library: there is no {table}, and {looked}", "add one of them for a service"
    )


def check_handler(
    service: LocalPackage,
    handler: str | None = None,
    *,
    local: Iterable[LocalPackage] = (),
    third_party: Collection[str] = (),
) -> str:
    """The handler of a service, once it is found in the sources of its closure.

    Args:
        service: the package that is to have a handler.
        handler: the handler asked for; without one, the convention `<module>.main.handler` holds.
        local: the closure's other local packages.
        third_party: normalized names of the closure's locked third-party distributions.

    Returns:
        The handler as Lambda is to be told it.

    Raises:
        HandlerError: no handler, none that can be imported, or a source that does not parse.
    """
    handler = handler if handler is not None else conventional_handler(service)
    if handler is None:
        refuse_library(service)
    module, _, name = handler.rpartition(".")
    parts = module.replace("/", ".").split(".")
    if not all(part.isidentifier() for part in (*parts, name)):
        raise HandlerError(
            f"{handler!r}, the handler of {service.name!r}, is not a dotted path to a callable",
            "write it as '<module>.<function>', such as 'orders.main.handler'",
        )
    reader = _Reader([service, *(package for package in local if package.name != service.name)])
    dotted = ".".join(parts)
    found = reader.find(dotted)
    if found is None:
        _check_elsewhere(reader, service, handler, dotted, third_party)
    elif found.suffix == ".py" and not reader.binds(found, name):
        problem = f"the handler of {service.name!r} is {handler!r}, but {reader.shown(found)} binds no {name!r}"
        if reader.find(f"{dotted}.{name}") is not None:
            remedy = f"'{dotted}.{name}' is a module: name a function in it, such as '{dotted}.{name}.handler'"
            raise HandlerError(problem, remedy)
        known = ", ".join(sorted(reader.callables(found)))
        if known:
            raise HandlerError(f"{problem} (it has {known})", "define it there, or correct `handler`")
        raise HandlerError(problem, "define it there")
    _check_shipped(reader, service, handler, dotted)
    return handler


def _check_shipped(reader: _Reader, service: LocalPackage, handler: str, dotted: str) -> None:
    """Refuse a handler that its backend does not put into the wheel: it is excluded, or in a package that is not listed.

    Raises:
        HandlerError: naming the file that is excluded, or the package and the one whose list lacks it.
    """
    located = reader.locate(dotted)
    if located is None:
        return
    package, module, file = located
    inside = PurePosixPath(os.path.relpath(file, package.path))
    if package.layout.is_excluded(inside):
        raise HandlerError(
            f"the handler of {service.name!r} is {handler!r}, but the wheel of {package.name!r} lacks {inside}: a pattern of its "
            f"build backend excludes it",
            f"change that in {package.folder / 'pyproject.toml'}, or move the handler",
        )
    shipped = package.layout.packages
    holder = dotted if file.name == "__init__.py" else dotted.rpartition(".")[0]
    if shipped is not None and module.path.suffix != ".py" and holder not in shipped:
        taken = ", ".join(sorted(name for name in shipped if _is_below(name, module)))
        raise HandlerError(
            f"the handler of {service.name!r} is {handler!r}, but the wheel of {package.name!r} lacks the package "
            f"{holder!r}: its `packages` are {taken}, and setuptools takes no others",
            f"list {holder!r} "
            f"there, or have all found ([tool.setuptools.packages.find] in {package.folder / 'pyproject.toml'})",
        )


def _main_files(package: LocalPackage) -> Iterator[tuple[str, Path]]:
    """The `main.py` of each of the package's modules, with its dotted name; the module named like the package first."""
    expected = package.name.replace("-", "_")
    for module in sorted(package.layout.modules, key=lambda m: (m.name.replace(".", "_").lower() != expected, m.name)):
        path = package.path / module.path
        if path.suffix != ".py" and (path / "main.py").is_file():
            yield f"{module.name}.main", path / "main.py"
        elif module.name == "main" and path.is_file():
            yield "main", path


def _check_elsewhere(
    reader: _Reader, service: LocalPackage, handler: str, dotted: str, third_party: Collection[str]
) -> None:
    """Refuse a handler whose module is in no local package, unless a third-party distribution can hold it.

    Raises:
        HandlerError: neither a local module nor one of a distribution whose name is the module's or its beginning.
    """
    modules = [(package, module) for package in reader.packages for module in package.layout.modules]
    # Where a backend can put anything into a wheel, a module named like the package may be built and not be there yet.
    built = (p.name.replace("-", "_") for p in reader.packages if p.is_package and not p.layout.complete)
    if any(dotted == name or dotted.startswith(f"{name}.") for name in built):
        return
    if dotted.partition(".")[0] not in {module.name.partition(".")[0] for _, module in modules}:
        normalized = re.sub(r"[._]+", "-", dotted).lower()
        if any(normalized == name or normalized.startswith(f"{name}-") for name in third_party):
            return
    looked = sorted({str(package.folder / module.path) for package, module in modules})
    where = f"looked in {', '.join(looked)}" if looked else f"{service.folder} has no importable module"
    raise HandlerError(
        f"the handler of {service.name!r} is {handler!r}, but its closure has no module {dotted!r}: {where}, and for a "
        "third-party package of that name",
        "correct `handler`, or add the package that has it to the dependencies",
    )


def _is_below(dotted: str, module: Module) -> bool:
    return dotted == module.name or dotted.startswith(f"{module.name}.")


class _Reader:
    """Finds modules in local packages and reads what they bind, each file once."""

    def __init__(self, packages: Iterable[LocalPackage]) -> None:
        self.packages = tuple(packages)
        self._read: dict[Path, Bindings | Unparsed] = {}

    def find(self, dotted: str) -> Path | None:
        """The source file of a local module: `x.py`, `x/__init__.py`, or the binary it is compiled to."""
        located = self.locate(dotted)
        return located[2] if located is not None else None

    def locate(self, dotted: str) -> tuple[LocalPackage, Module, Path] | None:
        """The source file of a local module, with the package it lies in and that one's outermost module around it."""
        for package in self.packages:
            for module in package.layout.modules:
                if _is_below(dotted, module):
                    rest = dotted[len(module.name) + 1 :].split(".") if dotted != module.name else []
                    found = _module_file(package.path / module.path, rest)
                    if found is not None:
                        return package, module, found
        return None

    def binds(self, file: Path, name: str, *, seen: frozenset[Path] = frozenset()) -> bool:
        """Whether a module has an attribute of this name once it is imported.

        One that takes everything from a module whose source is not local, nor Python's own, may have any.

        Args:
            file: the module's source.
            name: the attribute.
            seen: modules on the way here, so that two that take everything from each other end.

        Raises:
            SourceError: the source does not parse.
        """
        bindings = self._parsed(file)
        if name in bindings.names or bindings.anything:
            return True
        for level, module in bindings.stars:
            dotted = self._absolute(file, level, module)
            source = self.find(dotted) if dotted is not None else None
            if source is None or source.suffix != ".py":
                if dotted is None or dotted.partition(".")[0] not in sys.stdlib_module_names:
                    return True
            elif source not in seen and self._exports(source, name) and self.binds(source, name, seen=seen | {file}):
                return True
        return False

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
                self._read[file] = read_bindings(file.read_bytes())
            except OSError as error:
                raise HandlerError(f"cannot read {self.shown(file)}: {error.strerror}", "make it readable") from error
        return self._read[file]

    def shown(self, file: Path) -> str:
        """A path as messages show it: relative to the workspace's root."""
        package = next((package for package in self.packages if file.is_relative_to(package.path)), None)
        return str(file) if package is None else _shown(package, file)

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


def _shown(package: LocalPackage, file: Path) -> str:
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
