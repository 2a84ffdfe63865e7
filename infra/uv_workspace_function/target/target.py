"""What an image runs on: a Python version, a machine and a C library, in the words of wheels, markers, uv and Docker."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from types import MappingProxyType
from typing import Self

from packaging.markers import InvalidMarker, Marker
from packaging.tags import Tag, compatible_tags, cpython_tags

from uv_workspace_function.errors import LockError, WorkspaceError
from uv_workspace_function.target.machines import DOCKER_PLATFORMS, Machine

PYTHON_VERSION = "3.14"
"""Of images and archives, where nothing else is said; `ARG PYTHON_VERSION` in the Dockerfile says the same."""

# PEP 600: the oldest glibc a wheel can ask for on a machine, and the names such wheels had before it.
_OLDEST_GLIBC_MINOR = {"aarch64": 17, "x86_64": 5}
_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
# The values of uv's `--python-platform`, for either machine: https://docs.astral.sh/uv/reference/cli/#uv-sync
_GLIBC_MINORS_OF_UV = (17, 28, *range(31, 41))
# What uv takes `unknown-linux-musl` for: PEP 656's tags up to musl 1.2.
_NEWEST_MUSL_MINOR = 2
# Lambda's base images for Python 3.12 and later are Amazon Linux 2023, which has glibc 2.34; those before are Amazon Linux 2,
# which has 2.26, and uv's nearest below that is 2.17.
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
# https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html
_GLIBC_OF_LAMBDA, _GLIBC_OF_OLDER_LAMBDA, _FIRST_PYTHON_OF_AL2023 = (2, 34), (2, 17), 12
_UV_PLATFORM = re.compile(
    r"(?P<machine>[^-]+)-(?:manylinux_(?P<major>\d+)_(?P<minor>\d+)|(?P<legacy>manylinux2014)|(?P<musl>unknown-linux-musl))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The platform an image is built for: CPython on Linux. The default is Lambda's own on arm64.

    Args:
        python: the minor version, for example `3.14`.
        machine: `aarch64` (arm64) or `x86_64`.
        glibc: the C library's version; None is musl, 1.2 of it.

    Raises:
        WorkspaceError: when a value is none that wheels and uv have a name for.
    """

    python: str = PYTHON_VERSION
    machine: Machine = "aarch64"
    glibc: tuple[int, int] | None = _GLIBC_OF_LAMBDA

    @classmethod
    def of(cls, *, python: str = PYTHON_VERSION, machine: Machine = "aarch64", uv_platform: str | None = None) -> Self:
        """The target by uv's name of its platform.

        Args:
            python: the minor version.
            machine: `aarch64` or `x86_64`.
            uv_platform: a value of uv's `--python-platform`, for example `aarch64-manylinux_2_17`; None for the platform of
                Lambda's base image of that Python.

        Raises:
            WorkspaceError: when it is no such name, one of another machine, or a value is none that wheels and uv have a name for.
        """
        plain = cls(python=python, machine=machine)
        if uv_platform is None:
            is_older = int(python.partition(".")[2]) < _FIRST_PYTHON_OF_AL2023
            return replace(plain, glibc=_GLIBC_OF_OLDER_LAMBDA) if is_older else plain
        match = _UV_PLATFORM.fullmatch(uv_platform)
        if match is None:
            raise WorkspaceError(
                f"no image can be built for the platform {uv_platform!r}",
                f"platforms are {machine}-manylinux_2_17 and the like, and {machine}-unknown-linux-musl",
            )
        if match["machine"] != machine:
            raise WorkspaceError(
                f"python_platform {uv_platform!r} is for {match['machine']}, but architecture is {machine}",
                f"give {machine}{uv_platform.removeprefix(match['machine'])}, or that architecture",
            )
        if match["musl"]:
            return replace(plain, glibc=None)
        return replace(plain, glibc=(2, 17) if match["legacy"] else (int(match["major"]), int(match["minor"])))

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.(0|[1-9]\d*)", self.python):
            raise WorkspaceError(f"python must be a minor version such as '3.14', not {self.python!r}")
        if self.machine not in DOCKER_PLATFORMS:
            known = ", ".join(sorted(DOCKER_PLATFORMS))
            raise WorkspaceError(f"Lambda does not run on the machine {self.machine!r}", f"machines are: {known}")
        if self.glibc is not None and (self.glibc[0] != 2 or self.glibc[1] not in _GLIBC_MINORS_OF_UV):
            known = ", ".join(f"2.{minor}" for minor in _GLIBC_MINORS_OF_UV)
            raise WorkspaceError(
                f"uv has no platform with glibc {'.'.join(map(str, self.glibc))}", f"it knows: {known}"
            )

    def __str__(self) -> str:
        library = "musl" if self.glibc is None else f"glibc {self.glibc[0]}.{self.glibc[1]}"
        return f"CPython {self.python}, {self.machine}, {library}"

    @property
    def is_default_platform(self) -> bool:
        """Whether the Dockerfile installs for it when given only the architecture."""
        return self.glibc == _GLIBC_OF_LAMBDA

    @property
    def environment(self) -> Mapping[str, str]:
        """The value of every environment marker (PEP 508) on this platform.

        `platform_release` and `platform_version` are those of a kernel that is unknown before the function runs: they
        are empty, as uv has them under `--python-platform`. The patch version is 0: a marker that tells patch versions
        apart is answered for the first one.
        """
        return _environment(self)

    @property
    def tags(self) -> tuple[Tag, ...]:
        """Every wheel tag this platform takes, the most fitting first."""
        return _tags(self)

    @property
    def uv_platform(self) -> str:
        """The platform's name for uv's `--python-platform`."""
        if self.glibc is None:
            return f"{self.machine}-unknown-linux-musl"
        return f"{self.machine}-manylinux_{self.glibc[0]}_{self.glibc[1]}"

    @property
    def docker_platform(self) -> str:
        """The platform's name for `docker build --platform`."""
        return DOCKER_PLATFORMS[self.machine]

    def satisfies(self, marker: str | None) -> bool:
        """Tell whether a marker of a lock's selection holds here; None always does.

        Raises:
            WorkspaceError: when the marker cannot be read.
        """
        if marker is None:
            return True
        return _marker(marker).evaluate({**self.environment})

    def may_satisfy(self, marker: str) -> bool:
        """Tell whether a marker holds here with any patch version of Python, since an image's is known only when it is built.

        Raises:
            WorkspaceError: when the marker cannot be read.
        """
        variables = ("python_full_version", "implementation_version")
        versions = (f"{self.python}.{patch}" for patch in range(100))
        return any(_marker(marker).evaluate({**self.environment, **dict.fromkeys(variables, v)}) for v in versions)


@cache
def _environment(target: Target) -> Mapping[str, str]:
    return MappingProxyType(
        {
            "implementation_name": "cpython",
            "implementation_version": f"{target.python}.0",
            "os_name": "posix",
            "platform_machine": target.machine,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{target.python}.0",
            "python_version": target.python,
            "sys_platform": "linux",
        }
    )


@cache
def _tags(target: Target) -> tuple[Tag, ...]:
    major, minor = (int(part) for part in target.python.split("."))
    platforms = (
        [*_manylinux(target.machine, target.glibc[1])] if target.glibc is not None else [*_musllinux(target.machine)]
    )
    platforms.append(f"linux_{target.machine}")
    interpreter = f"cp{major}{minor}"
    # The ABI is named: left out, packaging takes the running interpreter's, which may be a debug or free-threaded one.
    own = cpython_tags((major, minor), abis=[interpreter], platforms=platforms)
    return (*own, *compatible_tags((major, minor), interpreter=interpreter, platforms=platforms))


def _manylinux(machine: Machine, newest: int) -> Iterator[str]:
    for minor in range(newest, _OLDEST_GLIBC_MINOR[machine] - 1, -1):
        yield f"manylinux_2_{minor}_{machine}"
        if minor in _LEGACY_MANYLINUX:
            yield f"{_LEGACY_MANYLINUX[minor]}_{machine}"


def _musllinux(machine: Machine) -> Iterator[str]:
    for minor in range(_NEWEST_MUSL_MINOR, -1, -1):
        yield f"musllinux_1_{minor}_{machine}"


@cache
def _marker(text: str) -> Marker:
    try:
        return Marker(text)
    except InvalidMarker as error:
        raise LockError(f"the lock has a marker that cannot be read: {text!r}", "run `uv lock`") from error
