"""Does every locked third-party package have a wheel for the target, and do the wheels fit into a Lambda image?

The builder installs wheels of another machine without running them; it cannot compile for that machine. So a package
without a wheel is told at synth, by name, instead of half-way through a build.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from functools import cache
from weakref import WeakKeyDictionary

from packaging.tags import Tag, parse_tag
from packaging.utils import canonicalize_name

from uv_workspace_function.definitions.pyproject import OUR_TABLE, PYPROJECT
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.closure import Closure
from uv_workspace_function.workspace.lock import Lock, LockedPackage
from uv_workspace_function.workspace.locked_files import LockedFile
from uv_workspace_function.workspace.selection import Place, Selection
from uv_workspace_function.workspace.walk import walk

LAMBDA_IMAGE_LIMIT = 10 * 1024**3
"""Bytes of an uncompressed image, all layers: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

# By package and target; a lock's packages live as long as the lock.
_CHOSEN: WeakKeyDictionary[Lock, dict[tuple[int, Target], LockedFile | None]] = WeakKeyDictionary()
_SETTING, _TABLE = "build-from-source", f"tool.{OUR_TABLE}"
_WHEELS_SHOWN = 5
_PACKAGES_SHOWN = 3
_OLDEST_PYTHON = 9  # of 3: the oldest that Lambda has had on arm64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MissingWheel:
    """A locked package that the target needs and has no wheel for; as text, the message for the user."""

    package: LockedPackage
    target: Target
    needed_by: tuple[str, ...]
    """The names from the service down to the package, which is left out."""
    unwanted: bool = False
    """It may have one, but uv's setting no-binary-package names it."""

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}"

    @property
    def problem(self) -> str:
        """Who needs it, and what there is instead."""
        return f"{self.package} (needed by {' -> '.join(self.needed_by)}) {self._what_exists}"

    @property
    def _what_exists(self) -> str:
        source = self.package.source
        if self.unwanted:
            return "is built from source, since no-binary-package in uv's settings names it"
        if source.git is not None:
            return f"is built from source, since it comes from {source.git}: the builder then needs git and a network"
        if source.url is not None and not self.package.wheels:
            return f"is built from source, since {source.url} is no wheel"
        if source.path is not None and not self.package.wheels:
            return f"is built from source, since {source.path} is no wheel"
        tags = [_tag_text(wheel.name) for wheel in self.package.wheels]
        return f"has no wheel for {self.target}; the lock has {_shortened(tags, self.target)}"

    @property
    def _other_python(self) -> str | None:
        """The newest other Python for which the lock has a wheel on the same platform."""
        if self.unwanted:
            return None
        newest = int(self.target.python.partition(".")[2]) + 1
        others = (replace(self.target, python=f"3.{minor}") for minor in range(newest, _OLDEST_PYTHON - 1, -1))
        fitting = (
            other.python
            for other in others
            if other.python != self.target.python
            and any(_tags(wheel.name) & {*other.tags} for wheel in self.package.wheels)
        )
        return next(fitting, None)

    @property
    def remedy(self) -> str:
        """The ways to get one."""
        name, source = self.package.name, self.package.source
        options = []
        if self.unwanted:
            options.append("take it out of no-binary-package")
        elif source.registry is None:
            options.append("publish a wheel of it to an index, or name one by its URL or path")
        else:
            options.append(f"lock a version that has one (`uv lock --upgrade-package {name}`)")
        if self.package.sdist or source.git is not None:
            git = "with git in the builder_image, " if source.git is not None else ""
            options.append(
                f"list {name!r} in build-from-source of the service's [{_TABLE}] ({git}pure Python builds anywhere, compiled code where "
                f"the build runs on {self.target.docker_platform} and the builder_image has a compiler)"
            )
        if (python := self._other_python) is not None:
            options.append(
                f"run the service on Python {python} (ImageOptions(python_version='{python}'), `--python {python}` of a command)"
            )
        if source.registry is not None and not self.unwanted:
            options.append("ask its maintainers for a wheel")
        return f"{', '.join(options[:-1])}, or {options[-1]}" if options[1:] else options[0]


def check_wheels(
    selection: Selection,
    target: Target,
    *,
    build_from_source: Collection[str] = (),
    no_binary: Collection[str] = (),
) -> tuple[MissingWheel, ...]:
    """The third-party packages that the target needs and has no wheel for, by name.

    Git repositories, and source archives that are named by URL or path, are among them: a build backend makes their
    wheel in the builder, as it does for an sdist of an index.

    Args:
        selection: the closure's part of the lock.
        target: what the image runs on.
        build_from_source: packages that may be built in the builder, in any spelling. A package of which the lock has no
            source stays missing.
        no_binary: packages whose wheels uv is told not to take, in any spelling.
    """
    allowed = {canonicalize_name(name) for name in build_from_source}
    unwanted = {canonicalize_name(name) for name in no_binary}
    return tuple(
        MissingWheel(package=package, target=target, needed_by=needed_by, unwanted=package.name in unwanted)
        for package, needed_by in _installed(selection, target).items()
        if package.folder is None
        and (package.name in unwanted or _best(selection.lock, package, target) is None)
        and not (package.name in allowed and (package.sdist or package.source.git is not None))
    )


def check_closure(closure: Closure, target: Target, build_from_source: Sequence[str]) -> None:
    """Refuse a closure of which no image for the target could be built.

    Raises:
        WorkspaceError: when it excludes the target's Python or platform, lacks a wheel, or is larger than Lambda takes.
    """
    closure.check_python(target.python)
    refuse_other_environments(closure.selection, target)
    missing = check_wheels(
        closure.selection,
        target,
        build_from_source=build_from_source,
        no_binary=closure.project.uv_settings.no_binary_package,
    )
    if missing:
        raise WorkspaceError.of_lines(missing)
    refuse_oversize(closure.selection, target)


def built_from_source(closure: Closure, names: Collection[str] | None = None) -> tuple[str, ...]:
    """The third-party packages of a closure that the builder may build where no wheel fits: normalized names, in order.

    Args:
        closure: the service's.
        names: what to allow, in any spelling. None is the service's setting `build-from-source`, whose names may be those of an
            extra that this closure is without.

    Raises:
        WorkspaceError: when one of the names is of no third-party package of the closure, for the setting: of none in the lock.
    """
    packages = {package.name for package in closure.third_party}
    if names is None:
        where, missing = f"{closure.service.folder / PYPROJECT}: {_SETTING} of [{_TABLE}]", "is not in the lock"
        listed: Collection[str] = closure.service.settings.build_from_source
        known: AbstractSet[str] = closure.project.lock.names
    else:
        if isinstance(names, str):
            raise WorkspaceError(
                f"build_from_source must be a list of packages' names, not {names!r}", f"write [{names!r}]"
            )
        where, missing = "build_from_source", f"is not a third-party package of {closure.service.name}"
        listed, known = names, packages
    for name in listed:
        if canonicalize_name(name) not in known:
            near = difflib.get_close_matches(canonicalize_name(name), packages, n=1)
            hint = f"did you mean {near[0]!r}?" if near else "correct it, or take it out"
            raise WorkspaceError(f"{where} names {name!r}, which {missing}", hint)
    return tuple(sorted(packages.intersection(map(canonicalize_name, listed))))


def refuse_other_environments(selection: Selection, target: Target) -> None:
    """Refuse a lock that covers only machines other than the target.

    Source: https://docs.astral.sh/uv/concepts/resolution/#limited-resolution-environments. uv would refuse it in the build.

    Raises:
        WorkspaceError: when none of the lock's environments holds on the target.
    """
    markers = selection.lock.supported_markers
    if markers and not any(map(target.may_satisfy, markers)):
        listed = " or ".join(f"({marker})" for marker in markers) if markers[1:] else markers[0]
        raise WorkspaceError(
            f"{selection.lock.path} covers only environments with {listed}, so it lacks what {selection.root.name} needs on "
            f"{target}",
            f"add \"sys_platform == 'linux' and platform_machine == '{target.machine}'\" to `environments` of [tool.uv] "
            "and run `uv lock`",
        )


def installed(selection: Selection, target: Target) -> tuple[LockedPackage, ...]:
    """The packages of a selection that are installed on the target, its markers evaluated there, by name."""
    return tuple(_installed(selection, target))


def wheel_bytes(selection: Selection, target: Target) -> Mapping[str, int]:
    """The size in bytes of the wheel that the target takes of each third-party package, largest first.

    Packages whose size the lock does not tell (those of a flat index or a git repository) are left out.
    """
    sizes = {}
    for package in installed(selection, target):
        wheel = _best(selection.lock, package, target) if package.folder is None else None
        if wheel is not None and wheel.size is not None:
            sizes[package.name] = wheel.size
    return dict(sorted(sizes.items(), key=lambda item: (-item[1], item[0])))


def refuse_oversize(selection: Selection, target: Target) -> None:
    """Refuse a closure that no Lambda image can hold.

    Wheels are compressed and the limit is not: what is refused is too large for certain, what passes may still be.

    Args:
        selection: the closure's part of the lock.
        target: what the image runs on.

    Raises:
        WorkspaceError: when the wheels by themselves are larger than `LAMBDA_IMAGE_LIMIT`.
    """
    sizes = wheel_bytes(selection, target)
    total = sum(sizes.values())
    if total <= LAMBDA_IMAGE_LIMIT:
        return
    largest = ", ".join(f"{name} {_size(size)}" for name, size in [*sizes.items()][:_PACKAGES_SHOWN])
    raise WorkspaceError(
        f"the wheels of {selection.root.name} are {_size(total)} compressed, more than the {_size(LAMBDA_IMAGE_LIMIT)} that Lambda "
        f"takes as an image; the largest are {largest}",
        "lock smaller builds of them (CPU only, no optional data), or split the service",
    )


def best_wheel(wheels: Iterable[LockedFile], target: Target) -> LockedFile | None:
    """The wheel that uv installs on the target: the most fitting tag, then the highest build number; None if none fits."""
    ranks = _ranks(target)
    fitting = []
    for wheel in wheels:
        name = wheel.name
        if (rank := min((ranks[tag] for tag in _tags(name) if tag in ranks), default=None)) is not None:
            fitting.append((-rank, _build_number(name), wheel))
    return max(fitting, key=lambda item: item[:2])[2] if fitting else None


def _best(lock: Lock, package: LockedPackage, target: Target) -> LockedFile | None:
    """`best_wheel` of a package, chosen once for all services that hold it."""
    chosen = _CHOSEN.setdefault(lock, {})
    if (key := (id(package), target)) not in chosen:
        chosen[key] = best_wheel(package.wheels, target)
    return chosen[key]


@cache
def _ranks(target: Target) -> Mapping[Tag, int]:
    return {tag: rank for rank, tag in enumerate(target.tags)}


def reached(selection: Selection, target: Target) -> dict[Place, Place | None]:
    """What is installed on the target, nearest first: each package and each of its extras, with what led there."""

    def follow(place: Place) -> Iterator[Place]:
        package, part = place
        taken = (step for step in selection.nodes[package][part] if target.satisfies(step.marker))
        return ((step.to, one) for step in taken for one in (None, *step.extras))

    return walk([(selection.root, part) for part in (None, *selection.extras)], follow)


def _installed(selection: Selection, target: Target) -> dict[LockedPackage, tuple[str, ...]]:
    """The packages installed on the target, by name, each with the shortest chain of names that leads to it."""
    chains: dict[LockedPackage, tuple[str, ...]] = {}
    for (package, _), before in reached(selection, target).items():
        chains.setdefault(package, () if before is None else (*chains[before[0]], before[0].name))
    return dict(sorted(chains.items(), key=lambda item: (item[0].name, item[0].version or "")))


def _tags(file_name: str) -> frozenset[Tag]:
    # Not packaging's parse_wheel_filename: a name or version it dislikes is uv's to judge, and uv took it into the lock.
    text = _tag_text(file_name)
    components = [component.split(".") for component in text.split("-")]
    # packaging refuses these itself from 26.3 on; locks hold older ones.
    if len(components) != 3 or not all(map(all, components)) or not all(part.isidentifier() for part in components[0]):
        return frozenset()
    return parse_tag(text)


def _tag_text(file_name: str) -> str:
    return "-".join(file_name.removesuffix(".whl").split("-")[-3:])


def _build_number(file_name: str) -> tuple[int, str]:
    """A wheel's build number as it is ordered: digits, then what follows them; none is the lowest."""
    build = re.search(r"-(\d+)([^-]*)-[^-]+-[^-]+-[^-]+\.whl$", file_name)
    # With five parts what stands there is the version; with six the build number.
    return (int(build[1]), build[2]) if build and file_name.count("-") == 5 else (-1, "")


def _shortened(tags: list[str], target: Target) -> str:
    if not tags:
        return "only its source"
    # The near misses are what one wants to see: the same machine, and of it the same C library.
    nearest = sorted(tags, key=lambda tag: (target.machine not in tag, "manylinux" not in tag, tag))
    more = len(nearest) - _WHEELS_SHOWN
    return f"wheels for {', '.join(nearest[:_WHEELS_SHOWN])}" + (f" and {more} more" if more > 0 else "")


def _size(size: int) -> str:
    return f"{size / 1024**3:.1f} GiB"
