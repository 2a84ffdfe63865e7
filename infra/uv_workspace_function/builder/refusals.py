"""Refuses what would not work in the image, before there is one."""

import csv
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from . import namespaces
from .distributions import Distribution, File
from .errors import BuildError
from .files import copy_file, make_own

# Top-level folders that nothing imports: what packages leave in `site-packages` by mistake, and data for manuals and menus.
_LITTER = frozenset(
    {"test", "tests", "testing", "doc", "docs", "example", "examples", "benchmark", "benchmarks", "share"}
)
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


def check_installed(distributions: Iterable[Distribution], wanted: Iterable[str], service: str) -> None:
    """Refuse a layer that lacks a local package which belongs there.

    Args:
        distributions: what was installed.
        wanted: the names of the local packages that are built for this layer.
        service: the service's name.

    Raises:
        BuildError: when one is missing: an image would be made without the service's own code.
    """
    missing = sorted({*wanted} - {distribution.name for distribution in distributions})
    if missing:
        raise BuildError(
            f"uv reported success, but did not install {', '.join(missing)} for {service}; look for settings of uv in the builder image "
            "(a uv.toml in /etc/uv or in its user's configuration), or give another BUILDER_IMAGE"
        )


def check_modules(distribution: Distribution, sources: Collection[PurePosixPath]) -> None:
    """Refuse a local package whose backend left out a module that it needs.

    Args:
        distribution: what its backend built.
        sources: its modules, relative to its folder, wherever they lie in that.

    Raises:
        BuildError: when there are modules and nothing came of them, or one that is there imports one that was left out.
    """
    importable = {path for path in sources if _is_importable(path, sources)}
    if importable and not any(_MODULE.fullmatch(path.name) for path in distribution.files):
        raise BuildError(
            f"{distribution.name} has sources, but its backend built a wheel without a module; tell the backend where the module is, "
            "or keep its files from being ignored"
        )
    tops = {path.parts[0] for path in distribution.files if len(path.parts) > 1 and _MODULE.fullmatch(path.name)}
    left_out = {
        PurePosixPath(*path.parts[at:])
        for path in sources
        for at, part in enumerate(path.parts[:-1])
        if part in tops and PurePosixPath(*path.parts[at:]) not in distribution.files
    }
    if left_out:
        _check_imports(distribution, {_dotted(path) for path in left_out})


def _check_imports(distribution: Distribution, left_out: set[str]) -> None:
    """Refuse a package in which a module imports, as soon as it is imported itself, one that is not there."""
    import ast  # noqa: PLC0415 - seldom needed, and each import takes its time

    there = {_dotted(path) for path in distribution.files if _MODULE.fullmatch(path.name)}
    lost = left_out - there
    for path, file in distribution.files.items():
        if path.suffix != ".py":
            continue
        try:
            body = ast.parse(file.source.read_bytes()).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        package = _dotted(path) if path.name == "__init__.py" else _dotted(path).rpartition(".")[0]
        for node in body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = package.split(".")[: package.count(".") + 2 - node.level] if node.level else []
                module = ".".join([*above, *([node.module] if node.module else [])])
                names = [module, *(f"{module}.{alias.name}" for alias in node.names)]
            for name in names:
                if name in lost:
                    raise BuildError(
                        f"{path} of {distribution.name} imports {name}, whose source is there, but which its backend left out of the "
                        "wheel; have the backend find all packages, or list it among them"
                    )


def _is_importable(path: PurePosixPath, sources: Collection[PurePosixPath]) -> bool:
    """Tell whether a module is more than a program beside the package, such as a build hook in a folder of tools."""
    return len(path.parts) == 1 or path.parts[0] == "src" or path.with_name("__init__.py") in sources


def _dotted(path: PurePosixPath) -> str:
    """A module's name, by its path below the target folder."""
    parts = [*path.parts[:-1], path.name.partition(".")[0]]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def settle(
    distributions: Sequence[Distribution], alone: Callable[[str], Distribution]
) -> tuple[list[Distribution], list[str]]:
    """Decide whose file it is where packages bring different ones as one; with remarks.

    Which of them is there, an installation in parallel leaves to chance. What only joins a namespace is all the same; of what
    nothing imports, the first package's by name is kept. Equal contents can have different modes: then the content decides.

    Args:
        distributions: what is installed in one environment.
        alone: by name, one of them as it is when it is installed by itself.

    Raises:
        BuildError: when the file can be imported: then one of the packages is broken.
    """
    remarks = []
    owners: dict[PurePosixPath, list[Distribution]] = {}
    for distribution in distributions:
        for path in distribution.files:
            owners.setdefault(path, []).append(distribution)
    settled = {distribution.name: dict(distribution.files) for distribution in distributions}
    for path, several in owners.items():
        if len(several) == 1:
            continue
        source = several[0].files[path].source
        make_own(source)
        if len({distribution.files[path].digest or distribution.name for distribution in several}) == 1:
            _settle_mode(path, source)
            continue
        names = ", ".join(distribution.name for distribution in several)
        if _is_harmless(path):
            copy_file(alone(several[0].name).files[path].source, source)
            remarks.append(
                f"{names} bring different files as {path}, which nothing imports; the one of {several[0].name} is kept"
            )
            for distribution in several[1:]:
                del settled[distribution.name][path]
        elif path.name == "__init__.py" and all(
            namespaces.does_nothing(path, alone(distribution.name).files[path].source) for distribution in several
        ):
            source.write_bytes(namespaces.CONTENT)
            for distribution in several:
                settled[distribution.name][path] = File.at(source)
        else:
            raise BuildError(f"{names} bring different files as {path}: {_REMEDY}")
        _settle_mode(path, source)
    return [replace(distribution, files=settled[distribution.name]) for distribution in distributions], remarks


def _settle_mode(path: PurePosixPath, source: Path) -> None:
    """Make a file that several packages bring executable where it is a program: a script, an ELF file, or a command in `bin`."""
    with source.open("rb") as stream:
        is_program = stream.read(4).startswith((b"#!", b"\x7fELF"))
    source.chmod(0o755 if is_program or path.parts[0] == "bin" else 0o644)


def check_claims(claims: Iterable[Claim]) -> list[str]:
    """Compare the places that the packages of all layers take; return what is worth a remark.

    Raises:
        BuildError: when two packages put different files in one place, or one module hides another.
    """
    claims = list(claims)
    owners: dict[str, Claim] = {}
    for claim in claims:
        for path, digest in claim.files.items():
            other = owners.setdefault(path, claim)
            if other is claim or (digest and digest == other.files[path]) or _is_harmless(PurePosixPath(path)):
                continue
            what = "bring different files as" if digest else "both bring"
            raise BuildError(f"{other.package} and {claim.package} {what} {path}: {_REMEDY}")
    _check_shadows(claims)
    return [*_hiding_python(claims)]


def _hiding_python(claims: Iterable[Claim]) -> Iterator[str]:
    """Tell of modules that hide Python's own, since the target folder comes before those on the path.

    That can be meant, and do no harm: `code.py` is one. Others end the runtime itself, which then says so in words of its own.
    """
    for claim in claims:
        found = set()
        for path in claim.files:
            folder, _, name = path.rpartition("/")
            if "/" in folder or (match := _MODULE.fullmatch(name)) is None:
                continue
            if not folder:
                found.add(match["name"])
            elif match["name"] == "__init__":
                found.add(folder)
        for name in sorted(found & (sys.stdlib_module_names - _LITTER)):
            yield (
                f"{claim.package} brings a module {name}, which hides Python's own of that name in the image, for the runtime "
                "and all packages in it"
            )


_REMEDY = "one would hide the other; rename one, or drop one of the packages"


def _check_shadows(claims: Iterable[Claim]) -> None:
    """Refuse a module of one name in two forms, `a.py`, `a.so` or `a/`: the import system takes one of them."""
    forms: dict[str, dict[str, Claim]] = {}
    for claim in claims:
        for path in claim.files:  # as text: of thousands, paths would take most of the time
            folder, slash, name = path.rpartition("/")
            match = _MODULE.fullmatch(name)
            if match is None:
                continue
            parent = folder
            while parent:
                known = forms.setdefault(parent, {})
                if known.setdefault(f"{parent}/", claim) is not claim and claim.local:
                    known[f"{parent}/"] = claim
                parent, _, _ = parent.rpartition("/")
            if match["name"] != "__init__":
                forms.setdefault(f"{folder}{slash}{match['name']}", {})[path] = claim
    for several in forms.values():
        owners = {claim.package: claim for claim in several.values()}
        if len(owners) > 1 and any(claim.local for claim in owners.values()):
            brought = " and ".join(f"{claim.package} brings {form}" for form, claim in sorted(several.items()))
            raise BuildError(f"{brought}: {_REMEDY}")


def _is_harmless(path: PurePosixPath) -> bool:
    """Tell whether nothing imports the file: a text beside the packages, or litter."""
    return path.parts[0] in _LITTER or (len(path.parts) == 1 and _MODULE.fullmatch(path.name) is None)
