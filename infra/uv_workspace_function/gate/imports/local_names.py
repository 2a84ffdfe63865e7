"""Names taken from a module of a local package: the module has to bind them, or the import fails in the image."""

import difflib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import PurePosixPath

from uv_workspace_function.gate.imports.member import MemberImports

_NEAREST = 3
_ALIKE = 0.4  # of difflib's ratio; below it nobody meant that name


@dataclass(frozen=True, slots=True, kw_only=True)
class Unbound:
    """A name that a module does not bind."""

    name: str
    file: str | None
    """The module's source; None for a namespace, which binds nothing."""
    nearest: tuple[str, ...] = ()
    """Names that it does bind, the most alike first."""

    @property
    def is_of_plain_module(self) -> bool:
        """Whether the name can be no submodule."""
        return self.file is not None and not self.file.endswith("/__init__.py")

    def __str__(self) -> str:
        if self.file is None:
            return f"no __init__.py that binds {self.name!r}"
        alike = f"; nearest: {', '.join(self.nearest)}" if self.nearest else ""
        return f"{self.file} binds no {self.name!r}{alike}"


def unbound(of: MemberImports, module: PurePosixPath, name: str, paths: Collection[str]) -> Unbound | None:
    """A name that a local module does not bind; None where it does, or may.

    Args:
        of: whose imports are judged.
        module: the module's path without suffix, relative to the workspace's root.
        name: what is taken from it.
        paths: the files that contexts have of its package; the module is none of those that the build writes.
    """
    file = next((path for path in (f"{module}/__init__.py", f"{module}.py") if path in paths), None)
    if file is None:
        # of a folder without source of its own nothing is bound, of an extension anything
        return None if _has_another(module, paths) else Unbound(name=name, file=None)
    facts = of.known.sources.get(file)
    if facts is None or facts.names.may_bind(name) or of.known.sets(name):
        return None
    if _has_another(PurePosixPath(file).with_suffix(""), paths, but=file):
        return None
    nearest = difflib.get_close_matches(name, facts.names.public, n=_NEAREST, cutoff=_ALIKE)
    return Unbound(name=name, file=file, nearest=tuple(nearest))


def _has_another(stem: PurePosixPath, paths: Collection[str], *, but: str = "") -> bool:
    """Whether a module has another file than a source, which counts before it or is made into what does: an extension, a stub."""
    return any(path.startswith(f"{stem}.") and "/" not in path[len(str(stem)) :] and path != but for path in paths)
