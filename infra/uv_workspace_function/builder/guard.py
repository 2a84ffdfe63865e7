"""Refuses what would not work in the image, before there is one."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from .distributions import Distribution
from .errors import BuildError

# Top-level folders that packages leave in `site-packages` by mistake: nothing imports them.
_LITTER = frozenset({"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks"})
# `name.py`, `name.so`, `name.abi3.so`, `name.cpython-314-aarch64-linux-gnu.so`: what the import system takes for a module.
_MODULE = re.compile(r"(?P<name>[^.]+)(\.py|(\.[\w-]+)?\.so)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The places in the image that a package takes."""

    package: str
    local: bool
    files: dict[str, str]
    """Paths below the target folder -> a digest of the content; empty where none was told."""


def write_claims(path: Path, claims: Iterable[Claim]) -> None:
    """Keep claims for the step that compares those of all layers."""
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps([asdict(claim) for claim in claims], sort_keys=True), encoding="utf-8")


def read_claims(folder: Path) -> list[Claim]:
    """The claims that the steps kept below a folder."""
    rows = [row for path in sorted(folder.rglob("*.json")) for row in json.loads(path.read_text(encoding="utf-8"))]
    return [Claim(**row) for row in rows]


def check_path_files(distributions: Iterable[Distribution], *, local: bool) -> Iterator[str]:
    """Look for `.pth` files, by which an environment is made to import from elsewhere; yield what is worth a remark.

    Raises:
        BuildError: when one is of a local package, or adds a folder to the path: nothing is there in the image.
    """
    for distribution in distributions:
        for path, file in distribution.files.items():
            if path.suffix != ".pth" or len(path.parts) > 1:
                continue
            if local:
                raise BuildError(
                    f"{distribution.name} brings {path}: its backend made an editable install, or the package adds to the "
                    "path; a package in an image is its files alone, so have the backend build a plain wheel"
                )
            lines = [line.strip() for line in file.source.read_text(encoding="utf-8", errors="replace").splitlines()]
            added = [line for line in lines if line and not line.startswith(("#", "import ", "import\t"))]
            if added:
                raise BuildError(
                    f"{distribution.name} brings {path}, which adds {', '.join(added)} to the path: nothing reads such files "
                    "in the image; take a version that is importable without one"
                )
            yield f"{distribution.name} brings {path}, which nothing runs in the image"


def check_modules(distributions: Iterable[Distribution]) -> None:
    """Refuse a local package of which nothing can be imported: its backend found no module.

    Raises:
        BuildError: when there is one.
    """
    for distribution in distributions:
        if not any(_MODULE.fullmatch(path.name) for path in distribution.files):
            raise BuildError(
                f"{distribution.name} was built, but there is no module in it; tell its backend where the module is, or keep its "
                "files from being ignored"
            )


def check_claims(claims: Iterable[Claim]) -> Iterator[str]:
    """Compare the places that packages take; yield what is worth a remark.

    Raises:
        BuildError: when two packages put different files in one place, or one module hides another.
    """
    claims = list(claims)
    owners: dict[str, Claim] = {}
    for claim in claims:
        for path, digest in claim.files.items():
            other = owners.setdefault(path, claim)
            if other is claim or (digest and digest == other.files[path]):
                continue
            if _is_harmless(PurePosixPath(path)) and not claim.local and not other.local:
                yield f"{other.package} and {claim.package} both bring {path}; one of them is in the image"
                continue
            raise BuildError(f"{other.package} and {claim.package} both bring {path}, {_REMEDY}")
    _check_shadows(claims)


_REMEDY = "and only one can be in the image; rename a module, or drop one of the two packages"


def _check_shadows(claims: Iterable[Claim]) -> None:
    """Refuse a module of one name in two forms: `a.py`, `a.so` or `a/`, of which the import system takes one."""
    modules: dict[str, tuple[str, Claim]] = {}
    packages: dict[str, Claim] = {}
    for claim in claims:
        for path in map(PurePosixPath, claim.files):
            match = _MODULE.fullmatch(path.name)
            if match is None:
                continue
            for parent in path.parents:
                packages.setdefault(str(parent), claim)
            if match["name"] != "__init__":
                form, other = modules.setdefault(str(path.with_name(match["name"])), (str(path), claim))
                if other is not claim and form != str(path):
                    raise BuildError(f"{other.package} brings {form} and {claim.package} brings {path}, {_REMEDY}")
    for module, (form, claim) in modules.items():
        other = packages.get(module, claim)
        if other is not claim and (claim.local or other.local):
            raise BuildError(f"{claim.package} brings {form} and {other.package} brings {module}/, {_REMEDY}")


def _is_harmless(path: PurePosixPath) -> bool:
    """Tell whether nothing imports the file: a text beside the packages, or litter."""
    return path.parts[0] in _LITTER or (len(path.parts) == 1 and _MODULE.fullmatch(path.name) is None)
