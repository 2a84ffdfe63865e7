"""What uv installed into an environment: every distribution with the files it owns."""

import base64
import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from .errors import BuildError
from .workspace import normalized

# Of where and when a distribution was installed: no two builds would be equal, and paths of the builder would be in the image.
_OF_THIS_BUILD = frozenset({"direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """An installed package."""

    name: str
    files: Mapping[PurePosixPath, Path]
    """Where each file goes below the target folder -> where it is now."""
    record: PurePosixPath
    """Where its list of files goes."""

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(source.stat().st_size for source in self.files.values())


def installed(environment: Path) -> list[Distribution]:
    """The distributions in an environment, by name.

    Files in the environment's `site-packages` go to the target folder, scripts and data (`bin`, `share`, ...) to folders below
    it, as `uv pip install --target` has them.
    """
    site = next(environment.glob("lib/python3.*/site-packages"))
    return sorted((_distribution(path, site, environment) for path in site.glob("*.dist-info")), key=lambda d: d.name)


def _distribution(metadata: Path, site: Path, environment: Path) -> Distribution:
    record = metadata / "RECORD"
    files = {}
    for path in _recorded(record):
        source = Path(os.path.normpath(site / path))
        if not source.is_relative_to(environment):
            raise BuildError(
                f"{metadata.name} says that {path} is one of its files, which is outside of its environment"
            )
        base = site if source.is_relative_to(site) else environment
        target = PurePosixPath(source.relative_to(base))
        if source.name in _OF_THIS_BUILD and source.parent == metadata:
            continue
        # Compiled files that a wheel brings are for another Python or another path; the image's own are made later.
        if "__pycache__" in target.parts or not source.is_file():
            continue
        files[target] = source
    name, _, _ = metadata.name.removesuffix(".dist-info").rpartition("-")
    return Distribution(name=normalized(name), files=files, record=PurePosixPath(record.relative_to(site)))


def _recorded(record: Path) -> Iterator[str]:
    with record.open(encoding="utf-8", newline="") as stream:
        for row in csv.reader(stream):
            if row:
                yield row[0]


def record_text(files: Mapping[PurePosixPath, Path], record: PurePosixPath) -> str:
    """The `RECORD` of a distribution whose files are in place: https://packaging.python.org/specifications/recording-installed-packages."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    for path, source in sorted(files.items()):
        if path == record:
            rows.writerow((path, "", ""))
        else:
            content = source.read_bytes()
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            rows.writerow((path, f"sha256={digest}", len(content)))
    return text.getvalue()


def shebang_free(content: bytes, environment: Path) -> bytes:
    """A script that names the environment's interpreter, made to take the one on the path."""
    prefix = re.escape(str(environment / "bin").encode())
    return re.sub(rb"\A#!" + prefix + rb"/python[\d.]*\n", b"#!/usr/bin/env python3\n", content)
