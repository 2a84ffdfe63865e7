"""Refuses what would not work in the image, before there is one."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from .distributions import Distribution, File
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
    with path.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        for claim in claims:
            origin = "local" if claim.local else "third-party"
            rows.writerows((claim.package, origin, place, digest) for place, digest in claim.files.items())


def read_claims(folder: Path) -> list[Claim]:
    """The claims that the steps kept below a folder."""
    claims: dict[str, Claim] = {}
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for package, origin, place, digest in csv.reader(stream):
                claim = claims.setdefault(package, Claim(package=package, local=origin == "local", files={}))
                claim.files[place] = digest
    return list(claims.values())


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


def check_modules(distribution: Distribution, *, has_sources: bool) -> None:
    """Refuse a local package whose modules did not get into what its backend built.

    Raises:
        BuildError: when there are sources, and nothing to import.
    """
    if has_sources and not any(_MODULE.fullmatch(path.name) for path in distribution.files):
        raise BuildError(
            f"{distribution.name} has sources, but its backend built a wheel without a module; tell the backend where the module is, "
            "or keep its files from being ignored"
        )


def settle(distributions: Sequence[Distribution]) -> tuple[list[Distribution], list[str]]:
    """Leave a file that two third-party packages bring differently to the one whose content is there; with remarks.

    Raises:
        BuildError: when it can be imported: then one of the two packages is broken.
    """
    remarks = []
    owners: dict[PurePosixPath, list[Distribution]] = {}
    for distribution in distributions:
        for path in distribution.files:
            owners.setdefault(path, []).append(distribution)
    lost: dict[str, set[PurePosixPath]] = {}
    for path, several in owners.items():
        if len({distribution.files[path].digest or distribution.name for distribution in several}) == 1:
            continue
        names = ", ".join(distribution.name for distribution in several)
        if not _is_harmless(path):
            raise BuildError(f"{names} bring different files as {path}: {_REMEDY}")
        there = File.at(several[-1].files[path].source)
        winner = next((d for d in several if d.files[path].digest == there.digest), several[-1])
        remarks.append(
            f"{names} bring different files as {path}, which nothing imports; the one of {winner.name} is kept"
        )
        for distribution in several:
            if distribution is not winner:
                lost.setdefault(distribution.name, set()).add(path)
    settled = []
    for distribution in distributions:
        kept = {path: file for path, file in distribution.files.items() if path not in lost.get(distribution.name, ())}
        settled.append(replace(distribution, files=kept))
    return settled, remarks


def check_claims(claims: Iterable[Claim]) -> None:
    """Compare the places that the packages of all layers take.

    Raises:
        BuildError: when two packages put different files in one place, or one module hides another.
    """
    claims = list(claims)
    owners: dict[str, Claim] = {}
    for claim in claims:
        for path, digest in claim.files.items():
            other = owners.setdefault(path, claim)
            if other is not claim and not (digest and digest == other.files[path]):
                raise BuildError(f"{other.package} and {claim.package} bring different files as {path}: {_REMEDY}")
    _check_shadows(claims)


_REMEDY = "one would hide the other; rename the module, or drop one of the packages"


def _check_shadows(claims: Iterable[Claim]) -> None:
    """Refuse a module of one name in two forms, `a.py`, `a.so` or `a/`: the import system takes one of them."""
    forms: dict[PurePosixPath, dict[str, Claim]] = {}
    for claim in claims:
        for path in map(PurePosixPath, claim.files):
            match = _MODULE.fullmatch(path.name)
            if match is None:
                continue
            for parent in path.parents[:-1]:
                forms.setdefault(parent, {}).setdefault(f"{parent}/", claim)
                if claim.local:
                    forms[parent][f"{parent}/"] = claim
            if match["name"] != "__init__":
                forms.setdefault(path.with_name(match["name"]), {})[str(path)] = claim
    for several in forms.values():
        owners = {claim.package: claim for claim in several.values()}
        if len(owners) > 1 and any(claim.local for claim in owners.values()):
            brought = " and ".join(f"{claim.package} brings {form}" for form, claim in sorted(several.items()))
            raise BuildError(f"{brought}: {_REMEDY}")


def _is_harmless(path: PurePosixPath) -> bool:
    """Tell whether nothing imports the file: a text beside the packages, or litter."""
    return path.parts[0] in _LITTER or (len(path.parts) == 1 and _MODULE.fullmatch(path.name) is None)
