"""What uv installed into an environment: every distribution with the files it owns."""

import csv
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from .errors import BuildError
from .files import make_own
from .workspace import normalized

# Where and when a distribution was installed: no two builds would be equal, and paths of the builder would be in the image.
_OF_THIS_BUILD = frozenset({"direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED"})
_OF_THE_ENVIRONMENT = frozenset({"_virtualenv.py", "_virtualenv.pth"})


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a distribution."""

    source: Path
    """Where it is now."""
    digest: str
    size: str
    """As its distribution's `RECORD` says of it; both may be empty."""

    @classmethod
    def at(cls, source: Path) -> "File":
        """A file that no `RECORD` tells of, measured."""
        import base64  # noqa: PLC0415 - seldom needed, and each import takes its time
        import hashlib  # noqa: PLC0415

        with source.open("rb") as stream:
            measured = hashlib.file_digest(stream, "sha256").digest()
        digest = base64.urlsafe_b64encode(measured).rstrip(b"=").decode()
        return cls(source=source, digest=f"sha256={digest}", size=str(source.stat().st_size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """An installed package."""

    name: str
    record: PurePosixPath | None
    """Where its list of files goes, below the target folder; None for a package that is copied as it is."""
    files: Mapping[PurePosixPath, File]
    """By where they go, below the target folder."""
    unlisted: frozenset[PurePosixPath] = frozenset()
    """Those of them that no `RECORD` lists: the package is guessed by the folder they are in."""

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(file.source.stat().st_size for file in self.files.values())


def installed(environment: Path) -> list[Distribution]:
    """The distributions in an environment, by name.

    What is in the environment's `site-packages` goes to the target folder itself, and scripts and data (`bin`, `share`) to
    folders of it, as `uv pip install --target` has them. The launchers of entry points are left out: they name an
    interpreter by its path in the builder, and `python -m` and `importlib.metadata.entry_points` do without them.
    """
    site = next(environment.glob("lib/python3.*/site-packages"))
    found = [_distribution(metadata, site, environment) for metadata in sorted(site.glob("*.dist-info"))]
    return _complete(sorted(found, key=lambda distribution: distribution.name), site)


def _distribution(metadata: Path, site: Path, environment: Path) -> Distribution:
    record = metadata / "RECORD"
    launchers = _launchers(metadata)
    files = {}
    # As text: of thousands of files, paths would take most of the time.
    in_environment, in_site = f"{environment}/", f"{site}/"
    for path, digest, size in _rows(record):
        source = os.path.normpath(os.path.join(in_site, path))  # noqa: PTH118
        if not source.startswith(in_environment):
            raise BuildError(f"{metadata.name} lists {path!r} as its own, a file outside of where it was installed")
        of_site = source.startswith(in_site)
        target = source.removeprefix(in_site if of_site else in_environment)
        parts = target.split("/")
        if of_site and parts[:-1] == [metadata.name] and parts[-1] in _OF_THIS_BUILD:
            continue
        if parts[0] == "bin" and parts[-1] in launchers:
            continue
        # Bytecode that a wheel brings is for its maker's Python and paths; the image's own is made afterwards.
        if "__pycache__" in parts or not os.path.isfile(source):  # noqa: PTH113
            continue
        file = File(source=Path(source), digest=digest, size=size)
        files[PurePosixPath(target)] = _relocated(file, environment) if parts[0] == "bin" else file
    name, _, _ = metadata.name.removesuffix(".dist-info").rpartition("-")
    return Distribution(name=normalized(name), record=PurePosixPath(record.relative_to(site)), files=files)


def _complete(distributions: list[Distribution], site: Path) -> list[Distribution]:
    """Give files that no `RECORD` lists to the distribution whose folder they are in: uv installed them, so they are needed."""
    owned = {str(file.source) for distribution in distributions for file in distribution.files.values()}
    owners = {path.parts[0]: index for index, distribution in enumerate(distributions) for path in distribution.files}
    for folder, folders, names in os.walk(site):
        folders.sort()
        for name in sorted(names):
            if (text := f"{folder}/{name}") in owned:
                continue
            source = Path(text)
            target = PurePosixPath(source.relative_to(site))
            of_this_build = name in _OF_THIS_BUILD and target.parent.suffix == ".dist-info"
            if of_this_build or "__pycache__" in target.parts or str(target) in _OF_THE_ENVIRONMENT:
                continue
            index = owners.get(target.parts[0], 0)
            files = {**distributions[index].files, target: File.at(source)}
            unlisted = distributions[index].unlisted | {target}
            distributions[index] = replace(distributions[index], files=files, unlisted=unlisted)
    return distributions


def attributed(distributions: Sequence[Distribution], alone: Callable[[str], Distribution]) -> list[Distribution]:
    """Give each file that no `RECORD` lists to every package that brings it, which each shows when it is installed by itself.

    Two can bring the same one, and which of them is there, an installation in parallel leaves to chance.
    """
    places = {path: file.source for d in distributions for path, file in d.files.items() if path in d.unlisted}
    if not places or len(distributions) == 1:
        return [*distributions]
    found = []
    for distribution in distributions:
        brought = {path: file for path, file in alone(distribution.name).files.items() if path in places}
        listed = {path: file for path, file in distribution.files.items() if path not in places}
        files = listed | {path: replace(file, source=places[path]) for path, file in brought.items()}
        found.append(replace(distribution, files=files, unlisted=frozenset(brought)))
    return found


def _relocated(file: File, environment: Path) -> File:
    """A wheel's own script made to take the interpreter on the path, where it names the environment's."""
    old = file.source.read_bytes()
    interpreter = re.escape(str(environment / "bin").encode()) + rb"/python[\d.]*"
    # Where its path is too long for a kernel's, or has a blank, uv has a shell start the interpreter.
    by_shell = rb"/bin/sh\n'''exec' [^\n]*" + interpreter + rb"[^\n]*\n' '''\n"
    pattern = rb"\A#!(?:" + interpreter + rb"[ \t]*\r?\n|" + by_shell + rb")"
    new = re.sub(pattern, b"#!/usr/bin/env python3\n", old)
    if new != old:
        make_own(file.source)
        file.source.write_bytes(new)
    # Measured in any case: another package that brings the same script may have come first, and its `RECORD` is of the old one.
    return File.at(file.source)


def _rows(record: Path) -> Iterator[tuple[str, str, str]]:
    with record.open(encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream):
            if row:
                path, digest, size = (*row, "", "")[:3]
                yield path, digest, size


def _launchers(metadata: Path) -> frozenset[str]:
    """The names of its console and GUI scripts: https://packaging.python.org/specifications/entry-points/#file-format."""
    path = metadata / "entry_points.txt"
    names = []
    group = ""
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        if line.startswith("["):
            group = line.strip("[] \t")
        elif group in {"console_scripts", "gui_scripts"}:
            names.append(line.partition("=")[0].strip())
    return frozenset(names)
