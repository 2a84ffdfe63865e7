"""What a layout is: a local package's modules, and whether those are all that its wheel can hold."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One importable module or package of a local package.

    `name` is what one imports (`acme.orders`), `path` the folder or `.py` file it is, relative to the package's folder.
    `declared` is False when nothing names the module and only a look at the folder found it.
    """

    name: str
    path: PurePosixPath
    declared: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All the importable code of one local package.

    `complete` is False when the backend can put anything into the wheel (a `setup.py`, a build hook, a backend unknown
    here): then every file that nothing excludes is a source, and `modules` is a guess.

    `packages` are the dotted names of the packages that the backend takes the modules of, where it takes those and none
    below them; None where it takes each of `modules` whole. `excluded` matches what it leaves out of these: files, and
    folders with all that is in them, by their paths relative to the package's folder.

    `source_is_package` says of a project that is copied that its `src` is no place for packages, but one itself.
    """

    modules: tuple[Module, ...]
    complete: bool
    packages: frozenset[str] | None = None
    excluded: tuple[re.Pattern[str], ...] = ()
    source_is_package: bool = False

    def leaves_out(self, path: PurePosixPath, package: str) -> bool:
        """Whether a file below one of the modules is in no wheel.

        Args:
            path: relative to the package's folder.
            package: the dotted name of the folder that it lies in.
        """
        return self.is_excluded(path) or (self.packages is not None and package not in self.packages)

    def is_excluded(self, path: PurePosixPath) -> bool:
        """Whether a pattern leaves a file out, by its path relative to the package's folder."""
        return any(pattern.match(str(part)) for pattern in self.excluded for part in (path, *path.parents))
