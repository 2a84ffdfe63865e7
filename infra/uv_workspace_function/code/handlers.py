"""Whether a Lambda handler exists: read from source, so that a typo is found at synth and not at the first event.

A handler is a dotted path to a callable (`acme.orders.main.handler`) or, as Lambda also takes it, a path with slashes
up to the module (`acme/orders/main.handler`). A name counts however it is bound.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NoReturn

from uv_workspace_function.code.bindings import Bindings
from uv_workspace_function.code.conventions import conventional_handlers, ordered_modules
from uv_workspace_function.code.likely_handlers import likely_handlers
from uv_workspace_function.code.module_reader import (
    CodePackage,
    HandlerError,
    ModuleReader,
    SourceError,
    is_below,
    shown_path,
)
from uv_workspace_function.definitions.pyproject import PYPROJECT

__all__ = [
    "HandlerError",
    "SourceError",
    "check_handler",
    "conventional_handler",
    "conventional_handlers",
    "refuse_library",
    "undecided",
]


def conventional_handler(package: CodePackage) -> str | None:
    """The one handler that a package has by convention; None for a library, and where there are several to choose from."""
    found = conventional_handlers(package)
    return found[0] if len(found) == 1 else None


def refuse_library(package: CodePackage, *, users: Sequence[str] = ()) -> NoReturn:
    """Say why a package without a handler is no service.

    Args:
        package: the package.
        users: the names of the packages that need it at run time, which makes a library of it.

    Raises:
        HandlerError: always; the message tells a library from a `main.py` that lacks the handler, and names functions that look
            like handlers.
    """
    pyproject = package.folder / PYPROJECT
    table = f"`handler` in [tool.uv-workspace-function] of {pyproject}"
    if users and (found := conventional_handlers(package)):
        raise HandlerError(
            f"{package.name!r} is a library, since {', '.join(users)} needs it at run time",
            f"if it is a service as well, declare {written(found)} in [tool.uv-workspace-function] of {pyproject}",
        )
    if likely := likely_handlers(package):
        importable = [one.dotted for one in likely if one.dotted is not None]
        what = f"{package.name!r} has no handler by a known name: what looks like one is {', '.join(map(str, likely))}"
        if importable:
            raise HandlerError(what, f"declare {written(importable)} in [tool.uv-workspace-function] of {pyproject}")
        raise HandlerError(what, f"move it to where it can be imported, and declare it as {table}")
    for file in _main_files(package):
        raise HandlerError(
            f"{package.name!r} has no handler: {shown_path(package, file)} binds no 'handler'",
            f"define it there, or name another function as {table}",
        )
    modules = [module for module in package.layout.modules if module.path.suffix != ".py"]
    absent = ", ".join(str(package.folder / module.path / "main.py") for module in modules)
    looked = f"there is no {absent}" if absent else f"no importable package was found in {package.folder}"
    raise HandlerError(
        f"{package.name!r} is a library: there is no {table}, and {looked}", "add one of them for a service"
    )


def undecided(package: CodePackage, handlers: Sequence[str], *, declared: bool) -> HandlerError:
    """What to say where one of several handlers has to be chosen: it names them, and the line to write.

    Args:
        package: the service.
        handlers: those it has.
        declared: whether its table names them; else they are candidates by convention.
    """
    listed = ", ".join(handlers)
    if declared:
        return HandlerError(
            f"{package.name!r} has {len(handlers)} handlers: {listed}",
            f"say which one: --handler {handlers[0]} of a command, handler={handlers[0]!r} of the construct",
        )
    return HandlerError(
        f"{package.name!r} has {len(handlers)} functions that can be its handler, and none is guessed: {listed}",
        f"name one in [tool.uv-workspace-function] of {package.folder / 'pyproject.toml'}, {written(handlers[:1])}, or all that "
        f"are handlers, {written(handlers)}",
    )


def written(handlers: Sequence[str]) -> str:
    """The line of a `pyproject.toml` that declares some handlers."""
    quoted = [f'"{handler}"' for handler in handlers]
    return f"handler = {quoted[0] if len(quoted) == 1 else '[' + ', '.join(quoted) + ']'}"


def check_handler(
    service: CodePackage,
    handler: str | None = None,
    *,
    local: Iterable[CodePackage] = (),
    third_party: Collection[str] = (),
) -> str:
    """The handler of a service, once it is found in the sources of its closure.

    Args:
        service: the package that is to have a handler.
        handler: the handler asked for; without one, the one that it has by convention.
        local: the closure's other local packages.
        third_party: normalized names of the closure's locked third-party distributions.

    Returns:
        The handler as Lambda is to be told it.

    Raises:
        HandlerError: no handler, none that can be imported, or a source that does not parse.
    """
    if handler is None:
        found_by_name = conventional_handlers(service)
        if not found_by_name:
            refuse_library(service)
        if len(found_by_name) > 1:
            raise undecided(service, found_by_name, declared=False)
        handler = found_by_name[0]
    module, _, name = handler.rpartition(".")
    parts = module.replace("/", ".").split(".")
    if not all(part.isidentifier() for part in (*parts, name)):
        raise HandlerError(
            f"{handler!r}, the handler of {service.name!r}, is not a dotted path to a callable",
            "write it as '<module>.<function>', such as 'orders.main.handler'",
        )
    reader = ModuleReader([service, *(package for package in local if package.name != service.name)])
    dotted = ".".join(parts)
    found = reader.find(dotted)
    if found is None:
        _check_elsewhere(reader, service, handler, dotted, third_party)
    elif found.suffix == ".py" and not reader.binds(found, name):
        _refuse_unbound(reader, service, handler, dotted, found)
    _check_shipped(reader, service, handler, dotted)
    return handler


def _refuse_unbound(reader: ModuleReader, service: CodePackage, handler: str, dotted: str, file: Path) -> NoReturn:
    """Say that a module lacks the handler, and what it has.

    Raises:
        HandlerError: always.
    """
    name = handler.rpartition(".")[2]
    bindings = reader.bindings(file)
    what = f"the handler of {service.name!r} is {handler!r}, but {reader.shown(file)} binds no {name!r}"
    if reader.find(f"{dotted}.{name}") is not None:
        raise HandlerError(
            what, f"'{dotted}.{name}' is a module: name a function in it, such as '{dotted}.{name}.handler'"
        )
    if isinstance(bindings, Bindings) and name in bindings.skipped:
        raise HandlerError(
            f"{what} when it is imported: only a branch does for `__main__` or for type checkers",
            "define it outside of that",
        )
    known = ", ".join(sorted(reader.callables(file)))
    if known:
        raise HandlerError(f"{what} (it has {known})", "define it there, or correct `handler`")
    raise HandlerError(what, "define it there")


def _check_shipped(reader: ModuleReader, service: CodePackage, handler: str, dotted: str) -> None:
    """Refuse a handler that its backend does not put into the wheel: it is excluded, or in a package that is not listed.

    Raises:
        HandlerError: naming the file that is excluded, or the package and the one whose list lacks it.
    """
    found = reader.locate(dotted)
    if found is None:
        return
    package, module, file = found
    inside = PurePosixPath(os.path.relpath(file, package.path))
    if package.layout.is_excluded(inside):
        raise HandlerError(
            f"the handler of {service.name!r} is {handler!r}, but the wheel of {package.name!r} lacks {inside}: a pattern of its "
            "build backend excludes it",
            f"change that in {package.folder / 'pyproject.toml'}, or move the handler",
        )
    shipped = package.layout.packages
    holder = dotted if file.name == "__init__.py" else dotted.rpartition(".")[0]
    if shipped is not None and module.path.suffix != ".py" and holder not in shipped:
        taken = ", ".join(sorted(name for name in shipped if is_below(name, module)))
        raise HandlerError(
            f"the handler of {service.name!r} is {handler!r}, but the wheel of {package.name!r} lacks the package "
            f"{holder!r}: its `packages` are {taken}, and setuptools takes no others",
            f"list {holder!r} there, or have all found ([tool.setuptools.packages.find] in {package.folder / 'pyproject.toml'})",
        )


def _main_files(package: CodePackage) -> Iterator[Path]:
    """The `main.py` of each of the package's modules."""
    for name, path in ordered_modules(package):
        if path.suffix != ".py" and (path / "main.py").is_file():
            yield path / "main.py"
        elif name == "main" and path.is_file():
            yield path


def _place_of(service: CodePackage, dotted: str) -> str | None:
    """What to do where a copied service has the module, and the path that it is put on begins elsewhere."""
    if service.is_package or not (service.path / "src").is_dir():
        return None
    if service.layout.source_is_package:
        is_inside = ModuleReader([service]).find(f"src.{dotted}") is not None
        return f"begin `handler` with 'src.': {service.folder / 'src'} is itself the package" if is_inside else None
    first, _, rest = dotted.partition(".")
    is_source_named = first == "src" and rest
    return (
        f"what lies in {service.folder / 'src'} is on the path itself: begin `handler` with {rest.partition('.')[0]!r}, or have "
        f"{service.folder / 'src'} be a package, with an `__init__.py` and imports that begin with `src`"
        if is_source_named
        else None
    )


def _check_elsewhere(
    reader: ModuleReader, service: CodePackage, handler: str, dotted: str, third_party: Collection[str]
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
    _refuse_left_out(service, handler, dotted)
    looked = sorted({str(package.folder / module.path) for package, module in modules})
    where = f"looked in {', '.join(looked)}" if looked else f"{service.folder} has no importable module"
    raise HandlerError(
        f"the handler of {service.name!r} is {handler!r}, but its closure has no module {dotted!r}: {where}, and for a "
        "third-party package of that name",
        _place_of(service, dotted) or "correct `handler`, or add the package that has it to the dependencies",
    )


def _refuse_left_out(service: CodePackage, handler: str, dotted: str) -> None:
    """Say of a module that lies in a copied project, and is called as tests and outputs are, that no image has it.

    Raises:
        HandlerError: naming the file, and how to take it all the same.
    """
    if service.is_package or (service.path / "src").is_dir():
        return
    path = dotted.replace(".", "/")
    file = next((f for f in (f"{path}.py", f"{path}/__init__.py") if (service.path / f).is_file()), None)
    if file is None:
        return
    top = file.partition("/")[0]
    raise HandlerError(
        f"the handler of {service.name!r} is {handler!r}, but {service.folder / file} is left out of every image: it is called as tests and "
        "outputs are",
        f'include = ["{top if top == file else f"{top}/**"}"] in [tool.uv-workspace-function] of {service.folder / PYPROJECT} takes it '
        "all the same; or give it another name",
    )
