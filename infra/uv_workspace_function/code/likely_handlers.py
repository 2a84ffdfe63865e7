"""Functions that look like Lambda handlers without being called as one by convention: for people to choose from."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from uv_workspace_function.boundary import read_file
from uv_workspace_function.code.conventions import conventional_handlers, ordered_modules
from uv_workspace_function.code.module_reader import CodePackage, shown_path
from uv_workspace_function.definitions.pyproject import PYPROJECT

_SHOWN = 5
_TESTS = re.compile(r"tests?|test_.*|.*_tests?|conftest|node_modules|\..*")
_EVENT = r"_?(?:\w*event\w*|evt|e)"
_CONTEXT = r"_?(?:\w*context|ctx|_)"
_ANNOTATION = r"(?:[ \t]*:[^,()]*(?:\[[^]]*\])?)?"
_LIKELY = re.compile(
    rf"^(?:async[ \t]+)?def[ \t]+(?P<function>\w+)[ \t]*\(\s*{_EVENT}{_ANNOTATION}\s*,\s*{_CONTEXT}\b"
    r"|^(?P<object>(?:lambda_)?handler)[ \t]*=[ \t]*[A-Z]\w*\(",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Likely:
    """One such function."""

    name: str
    file: str
    """Relative to the workspace's root."""
    dotted: str | None
    """`package.module.function`; None where its module cannot be imported in an image."""

    def __str__(self) -> str:
        return self.dotted or f"{self.name} in {self.file}"


def likely_handlers(package: CodePackage) -> tuple[Likely, ...]:
    """What takes an event and a context, or is an application's `handler`, in the first column of a package's modules.

    Returns:
        The first few, those that can be imported before others.
    """
    return tuple(islice(_all_of(package), _SHOWN))


def unmistakable_handlers(package: CodePackage) -> tuple[str, ...]:
    """The functions that have a handler's name and look like one as well."""
    by_name = conventional_handlers(package)
    alike = {one.dotted for one in _all_of(package)} if by_name else set()
    return tuple(handler for handler in by_name if handler in alike)


def _all_of(package: CodePackage) -> Iterator[Likely]:
    for dotted, file in (*_modules(package), *_beside(package)):
        with suppress(OSError, UnicodeDecodeError):
            for match in _LIKELY.finditer(read_file(file).decode()):
                name = match["function"] or match["object"]
                is_importable = dotted is not None
                yield Likely(
                    name=name, file=shown_path(package, file), dotted=f"{dotted}.{name}" if is_importable else None
                )


def _modules(package: CodePackage) -> Iterator[tuple[str | None, Path]]:
    for top, path in ordered_modules(package):
        if path.suffix == ".py":
            yield top, path
            continue
        for folder, folders, names in os.walk(path):
            folders[:] = sorted(
                name
                for name in folders
                if name.isidentifier() and not _TESTS.fullmatch(name) and not Path(folder, name, PYPROJECT).is_file()
            )
            inside = Path(folder).relative_to(path).parts
            for name in sorted(names):
                stem = name.removesuffix(".py")
                if name.endswith(".py") and stem.isidentifier() and not _TESTS.fullmatch(stem):
                    parts = [top, *inside, *([] if stem == "__init__" else [stem])]
                    yield ".".join(parts), Path(folder, name)


def _beside(package: CodePackage) -> Iterator[tuple[str | None, Path]]:
    """The modules in the package's own folder that its layout leaves out."""
    taken = {str(module.path) for module in package.layout.modules}
    for path in sorted(package.path.glob("*.py")):
        if path.name not in taken and not _TESTS.fullmatch(path.stem):
            yield None, path
