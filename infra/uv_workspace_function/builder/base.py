"""The image's base as the builder sees it: a folder of files, of which none is run."""

import re
from pathlib import Path, PurePosixPath

from .errors import BuildError

_BINARIES = ("var/lang/bin", "usr/local/bin", "opt/*/bin", "usr/bin", "bin")
_LIBRARIES = ("lib64", "usr/lib64", "lib/*-linux-gnu", "usr/lib/*-linux-gnu", "lib", "usr/lib")
_GLIBC = re.compile(rb"GNU C Library [^\n]*? version (\d+)\.(\d+)")
_MANYLINUX = re.compile(r".*-manylinux_(?P<major>\d+)_(?P<minor>\d+)|(?P<legacy>.*-manylinux2014)")


def check_python(base: Path, wanted: str) -> str | None:
    """Refuse a base image with another Python minor version; return a remark where there is no Python to be found.

    Raises:
        BuildError: when the Python that comes first is another one: its modules would not fit, nor their bytecode.
    """
    found = python_version(base)
    if found is None:
        return "the base image has no Python in the usual places, so its version was not checked"
    if found != wanted:
        raise BuildError(
            f"the base image has Python {found}, but PYTHON_VERSION is {wanted}; give PYTHON_VERSION={found} (the construct's "
            f"python_version), or a BASE_IMAGE with Python {wanted}"
        )
    return None


def python_version(base: Path) -> str | None:
    """The minor version of the Python that comes first in the usual places of a root file system."""
    for pattern in _BINARIES:
        for folder in sorted(base.glob(pattern)):
            name = inside(base, folder / "python3").name
            versions = [name] if name.startswith("python3.") else sorted(path.name for path in folder.glob("python3.*"))
            for version in versions:
                if match := re.fullmatch(r"python(3\.\d+)t?", version):
                    return match[1]
    return None


def check_libc(base: Path, platform: str) -> None:
    """Refuse a base image whose C library is older than the one that wheels are installed for, or another one.

    Raises:
        BuildError: when compiled modules would not load.
    """
    match = _MANYLINUX.fullmatch(platform)
    if match is None:
        return
    wanted = (2, 17) if match["legacy"] else (int(match["major"]), int(match["minor"]))
    found = glibc_version(base)
    if found is None and any(base.glob("lib/ld-musl-*")):
        raise BuildError(
            f"the base image has musl, but wheels were installed for {platform}; give PYTHON_PLATFORM="
            f"{platform.partition('-')[0]}-unknown-linux-musl (python_platform of the construct)"
        )
    if found is not None and found < wanted:
        raise BuildError(
            f"the base image has glibc {found[0]}.{found[1]}, but wheels were installed for {platform}; give "
            f"PYTHON_PLATFORM={platform.partition('-')[0]}-manylinux_2_17 (python_platform of the construct) or another one that it fits, "
            "or a newer BASE_IMAGE"
        )


def glibc_version(base: Path) -> tuple[int, int] | None:
    """The version of a root file system's glibc, by what the library says of itself; None where there is none."""
    for pattern in _LIBRARIES:
        for folder in sorted(base.glob(pattern)):
            library = inside(base, folder / "libc.so.6")
            if library.is_file() and (match := _GLIBC.search(library.read_bytes())):
                return int(match[1]), int(match[2])
    return None


def inside(base: Path, path: Path) -> Path:
    """Where a path leads, with absolute links taken as the image takes them: from its own root."""
    for _ in range(40):  # as many links as Linux follows
        for part in [*reversed(path.parents), path]:
            if part.is_symlink() and part.is_relative_to(base) and part != base:
                link = part.readlink()
                start = base / link.relative_to("/") if link.is_absolute() else part.parent / link
                path = start / path.relative_to(part)
                break
        else:
            return path
    return path


def missing_folders(base: Path, target_folder: str) -> list[PurePosixPath]:
    """The folders on the way to the target folder, and itself, that a base image does not have.

    The image gets them as they are made here. Those it has keep their owner and mode.
    """
    target = PurePosixPath(target_folder)
    if not target.is_absolute() or ".." in target.parts or target == PurePosixPath("/"):
        raise BuildError(f"TARGET_FOLDER must be an absolute path below /, not {target_folder!r}")
    missing = []
    for folder in [*reversed(target.parents), target][1:]:
        place = inside(base, base / folder.relative_to("/"))
        if not place.exists():
            missing.append(PurePosixPath("/") / place.relative_to(base))
    return missing
