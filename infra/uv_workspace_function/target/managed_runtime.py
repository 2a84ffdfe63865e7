"""Lambda's own runtimes for functions from a zip archive: which Pythons have one, what it holds, and how much an archive may."""

from collections.abc import Collection, Mapping

from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.target import Target
from uv_workspace_function.target.wheels import reached, wheel_bytes
from uv_workspace_function.workspace.lock import LockedPackage
from uv_workspace_function.workspace.selection import Selection

PYTHONS = ("3.10", "3.11", "3.12", "3.13", "3.14")
"""Those that have one: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html"""
ARCHIVE_LIMIT = 250 * 1024**2
"""Bytes of an unpacked archive, with all layers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""
ARCHIVE_FORMAT = "1, libdeflate by deflate 0.9.0, level 5"
"""How archives are written: another one when the same files get other bytes. A test holds it to the room that writes them."""
IMAGES_START_FASTER = 200 * 1000**2
"""Bytes of packages from which on Python functions start faster from images, by the measurements of
https://aaronstuyvenberg.com/posts/containers-on-lambda (January 2024)."""

# One release, whose parts only fit each other: https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html#python-sdk-included
_SDK = frozenset({"boto3", "botocore", "s3transfer"})
_NEEDED_BY_SDK = frozenset({"jmespath", "python-dateutil", "six", "urllib3"})
# Unpacked, with bytecode, to packed: benchmarks/zip_or_image.py.
_UNPACKED = 4
_PACKAGES_SHOWN, _LEAST_SHOWN = 3, 1024**2


def runtime(target: Target, *, known: Collection[str] = ()) -> str:
    """The identifier of a target's managed runtime, such as `python3.14`.

    Args:
        target: what the function runs on.
        known: further Pythons that have one.

    Raises:
        WorkspaceError: when Lambda has none, or none with that C library.
    """
    if target.python not in {*PYTHONS, *known}:
        raise WorkspaceError(
            f"Lambda has no managed runtime for Python {target.python}; it has: {', '.join(PYTHONS)}",
            "give one of these, or take an image, whose base image brings its own Python",
        )
    if target != Target.of(python=target.python, machine=target.machine):
        raise WorkspaceError(
            f"Lambda's runtime python{target.python} has glibc, and {target} is another platform",
            "leave the platform out, or take an image",
        )
    return f"python{target.python}"


def left_out(selection: Selection, target: Target, *, runtime_sdk: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The packages that an archive is without since the runtime has them, and what is to be said of the archive.

    Args:
        selection: the closure's part of the lock.
        target: what the function runs on.
        runtime_sdk: whether boto3 and what only it needs are left to the runtime.

    Raises:
        WorkspaceError: when no archive of Lambda's can hold the rest.
    """
    names, remark = _provided(selection, target) if runtime_sdk else ((), None)
    oversized = _refuse_oversized(selection, target, names)
    return names, tuple(filter(None, (remark, oversized)))


def _provided(selection: Selection, target: Target) -> tuple[tuple[str, ...], str | None]:
    """The packages of a selection that the runtime has: boto3 and what only it needs.

    They are one release, so all of them come from one place: where a third-party package needs one of them, with a version of its own
    choice, none is left out.

    Args:
        selection: the closure's part of the lock.
        target: what the function runs on.

    Returns:
        The packages' names, in order; and why there are none, where a package stands in the way.
    """
    needed_by = _needed_by(selection, target)
    third_party = {package.name for package in needed_by if package.folder is None}
    by_name = {package.name: {each.name for each in needing} for package, needing in needed_by.items()}
    there = _SDK & third_party
    for name in sorted(there):
        if others := sorted((by_name[name] & third_party) - _SDK):
            return (), f"{', '.join(sorted(there))} are in the archive, since {others[0]} needs {name}"
    left_out = set(there)
    while more := {name for name in _NEEDED_BY_SDK & third_party - left_out if by_name[name] <= left_out}:
        left_out |= more
    return tuple(sorted(left_out)), None


def _refuse_oversized(selection: Selection, target: Target, left_out: Collection[str]) -> str | None:
    """Refuse a closure that no archive of Lambda's can hold.

    Args:
        selection: the closure's part of the lock.
        target: what the function runs on.
        left_out: packages that are not in the archive.

    Returns:
        A warning where it is unlikely to fit: wheels are compressed, and the limit is for what they unpack to.

    Raises:
        WorkspaceError: when the wheels by themselves, as downloaded, are larger.
    """
    sizes = {name: size for name, size in wheel_bytes(selection, target).items() if name not in left_out}
    total = sum(sizes.values())
    service, limit = selection.root.name, shown(ARCHIVE_LIMIT)
    if total > ARCHIVE_LIMIT:
        raise WorkspaceError(
            f"the wheels of {service} are {shown(total)} packed, and Lambda takes {limit} of an archive unpacked; the largest are "
            f"{largest(sizes)}",
            REMEDY,
        )
    estimated = unpacked(total)
    if estimated <= ARCHIVE_LIMIT:
        return None
    return (
        f"the wheels of {service} are {shown(total)} packed, some {shown(estimated)} unpacked with bytecode, and Lambda takes {limit} of an "
        f"archive; the largest are {largest(sizes)}. The build tells whether it fits; {REMEDY}"
    )


REMEDY = "take an image (UvWorkspaceFunction), or lock smaller builds of them"
"""What to do about an archive that is too large."""


def unpacked(packed: int) -> int:
    """What wheels of so many bytes come to, unpacked and with their bytecode: an estimate."""
    return int(packed * _UNPACKED)


def largest(sizes: Mapping[str, int]) -> str:
    """The largest of some packages, for a message."""
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    worth_it = [item for item in ordered[:_PACKAGES_SHOWN] if item[1] >= _LEAST_SHOWN] or ordered[:1]
    return ", ".join(f"{name} {shown(size)}" for name, size in worth_it)


def shown(size: int) -> str:
    """Bytes in the unit that Lambda's limit is told in, where it is written MB."""
    return f"{size / 1024**2:.0f} MB" if size >= 10 * 1024**2 else f"{size / 1024**2:.1f} MB"


def _needed_by(selection: Selection, target: Target) -> dict[LockedPackage, set[LockedPackage]]:
    """The packages that are installed on the target, each with those that need it."""
    found: dict[LockedPackage, set[LockedPackage]] = {selection.root: set()}
    for package, part in reached(selection, target):
        for step in selection.nodes[package][part]:
            if target.satisfies(step.marker):
                found.setdefault(step.to, set()).add(package)
    return found
