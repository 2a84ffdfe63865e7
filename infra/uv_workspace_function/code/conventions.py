"""The handler that a package has by convention, as this package, AWS and SAM name it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from uv_workspace_function.boundary import read_file
from uv_workspace_function.code.layouts.modules import SKIPPED, folders_in
from uv_workspace_function.code.module_reader import CodePackage, HandlerError, ModuleReader, shown_path
from uv_workspace_function.code.syntax import Unparsed
from uv_workspace_function.definitions.pyproject import PYPROJECT

_MAIN = "main"
# Lambda's console and the runtime's own default, SAM's templates, CDK's and Node's custom, the Serverless Framework's.
_MODULES = (_MAIN, "lambda_function", "app", "index", "handler")
_NAMES = ("handler", "lambda_handler")
_TESTS = re.compile(r"tests?|test_.*|.*_tests?")


def conventional_handlers(package: CodePackage) -> tuple[str, ...]:
    """The functions that Lambda may be meant to call, by their modules' and their own names.

    `<module>.main.handler` is the handler wherever there is one. It counts however it is bound, and where it may be: a `main.py`
    that takes everything from another package, or that does not parse, counts, so that `check_handler`, which knows the closure,
    can say where it is wrong.

    Else `handler` and `lambda_handler` count in the modules `main`, `lambda_function`, `app`, `index` and `handler`, where
    they are defined and are no constant, no module, no loop's variable and no logging handler; where none is defined, one that is
    imported. A CDK app does not count: what it calls `handler` is a construct.

    Returns:
        The one that is the handler, or several, of which none is; none for a library.

    Raises:
        HandlerError: when a source cannot be read.
    """
    reader = ModuleReader([package])
    files = list(_files(package))
    for dotted, file in files:
        if dotted.rpartition(".")[2] == _MAIN and _may_bind_handler(reader, package, file):
            return (f"{dotted}.handler",)
    defined: list[str] = []
    imported: list[str] = []
    for dotted, file in files:
        for name in _NAMES:
            match _how_bound(reader, package, dotted, file, name):
                case "defined":
                    defined.append(f"{dotted}.{name}")
                case "imported":
                    imported.append(f"{dotted}.{name}")
                case _:
                    pass
    return tuple(defined or imported)


def _files(package: CodePackage) -> Iterator[tuple[str, Path]]:
    """Every module that may hold a handler, with its dotted name; those of the module named like the package first."""
    for name, path in ordered_modules(package):
        if path.suffix == ".py":
            if name.rpartition(".")[2] in _MODULES:
                yield name, path
            continue
        if name in _MODULES and (path / "__init__.py").is_file():
            yield name, path / "__init__.py"
        yield from _inside(name, path)


def ordered_modules(package: CodePackage) -> list[tuple[str, Path]]:
    """The outermost modules of a package with their paths, the one named like the package first."""
    expected = package.name.replace("-", "_")
    modules = sorted(package.layout.modules, key=lambda m: (m.name.replace(".", "_").lower() != expected, m.name))
    paths = [(module.name, package.path / module.path) for module in modules]
    return [(name, path) for name, path in paths if path == package.path or not _is_project(path)]


def _is_project(folder: Path) -> bool:
    """Whether a folder is a package of its own, that lies in another one's."""
    return (folder / PYPROJECT).is_file()


def _inside(name: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """The same of one package; of a namespace, those of the packages in it."""
    for module in _MODULES:
        nested, plain = folder / module / "__init__.py", folder / f"{module}.py"
        if (found := next((path for path in (nested, plain) if path.is_file()), None)) is not None:
            yield f"{name}.{module}", found
    if not (folder / "__init__.py").is_file():
        for inner in folders_in(folder):
            is_module = inner.name.isidentifier() and inner.name not in SKIPPED and not _TESTS.fullmatch(inner.name)
            if is_module and not _is_project(inner):
                yield from _inside(f"{name}.{inner.name}", inner)


# Most services define their handler in the first column, and most other files do not hold the word: neither is parsed.
_PLAIN_HANDLER = re.compile(rb"^(?:async[ \t]+)?def[ \t]+handler\b", re.MULTILINE)


def _may_bind_handler(reader: ModuleReader, package: CodePackage, file: Path) -> bool:
    source = _content(package, file)
    if _PLAIN_HANDLER.search(source):
        return True
    if b"handler" not in source and b"import *" not in source:
        return False
    bindings = reader.bindings(file)
    if isinstance(bindings, Unparsed):
        return True
    if "handler" in bindings.names:
        return "handler" not in bindings.loggers and not reader.imports_module(file, "handler")
    if not bindings.stars:
        return False
    try:
        return reader.binds(file, "handler")
    except HandlerError:
        return True


_CDK = re.compile(rb"^(?:from|import)[ \t]+(?:aws_cdk|constructs)\b", re.MULTILINE)


def _how_bound(reader: ModuleReader, package: CodePackage, dotted: str, file: Path, name: str) -> str | None:
    """Whether a module has something to call of this name: `defined` there, `imported`, or not at all."""
    source = _content(package, file)
    if (name.encode() not in source and b"import *" not in source) or _CDK.search(source):
        return None
    inside = PurePosixPath(os.path.relpath(file, package.path))
    holder = dotted if file.name == "__init__.py" else dotted.rpartition(".")[0]
    if package.layout.leaves_out(inside, holder) if holder else package.layout.is_excluded(inside):
        return None
    bindings = reader.bindings(file)
    if isinstance(bindings, Unparsed):
        plain = re.compile(rf"^(?:(?:async[ \t]+)?def[ \t]+{name}\b|{name}[ \t]*[:=])".encode(), re.MULTILINE)
        return "defined" if plain.search(source) else None
    if name in bindings.imported:
        return None if reader.imports_module(file, name) else "imported"
    if name in bindings.names:
        return None if name in bindings.inert else "defined"
    try:
        return "imported" if reader.binds(file, name, trusting=False) else None
    except HandlerError:
        return None


def _content(package: CodePackage, file: Path) -> bytes:
    try:
        return read_file(file)
    except OSError as error:
        raise HandlerError(f"cannot read {shown_path(package, file)}: {error.strerror}", "make it readable") from error
