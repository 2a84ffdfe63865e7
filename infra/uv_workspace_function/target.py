"""What an image runs on: a Python version, a machine and a C library, in the words of wheels, markers, uv and Docker."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from packaging.markers import InvalidMarker, Marker
from packaging.tags import Tag, compatible_tags, cpython_tags

from uv_workspace_function.errors import WorkspaceError

Machine = Literal["aarch64", "x86_64"]

_DOCKER_PLATFORMS = {"aarch64": "linux/arm64", "x86_64": "linux/amd64"}
# PEP 600: the oldest glibc a wheel can ask for on a machine, and the names such wheels had before it.
_OLDEST_GLIBC_MINOR = {"aarch64": 17, "x86_64": 5}
_LEGACY_MANYLINUX = {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}
# The values of uv's `--python-platform`, for either machine: https://docs.astral.sh/uv/reference/cli/#uv-sync
_GLIBC_MINORS_OF_UV = (17, 28, *range(31, 41))


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The platform an image is built for: CPython on Linux with glibc. The default is Lambda's own on arm64.

    Args:
        python: the minor version, for example `3.14`.
        machine: `aarch64` (arm64) or `x86_64`.
        glibc: the C library's version; Lambda's base images for Python 3.12 and later are Amazon Linux 2023, which has
            2.34 (https://docs.aws.amazon.com/linux/al2023/ug/glibc-gcc-and-binutils.html).

    Raises:
        WorkspaceError: when a value is none that wheels and uv have a name for.
    """

    python: str = "3.14"
    machine: Machine = "aarch64"
    glibc: tuple[int, int] = (2, 34)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.(0|[1-9]\d*)", self.python):
            raise WorkspaceError(f"python must be a minor version such as '3.14', not {self.python!r}")
        if self.machine not in _DOCKER_PLATFORMS:
            known = ", ".join(sorted(_DOCKER_PLATFORMS))
            raise WorkspaceError(f"no Lambda runs on the machine {self.machine!r}; machines are: {known}")
        if self.glibc[0] != 2 or self.glibc[1] not in _GLIBC_MINORS_OF_UV:
            known = ", ".join(f"2.{minor}" for minor in _GLIBC_MINORS_OF_UV)
            raise WorkspaceError(f"uv installs for no glibc {'.'.join(map(str, self.glibc))}; it knows: {known}")

    def __str__(self) -> str:
        return f"CPython {self.python}, {self.machine}, glibc {self.glibc[0]}.{self.glibc[1]}"

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
        return f"{self.machine}-manylinux_{self.glibc[0]}_{self.glibc[1]}"

    @property
    def docker_platform(self) -> str:
        """The platform's name for `docker build --platform`."""
        return _DOCKER_PLATFORMS[self.machine]

    def satisfies(self, marker: str | None) -> bool:
        """Tell whether a marker of a lock's selection holds here; None always does.

        Raises:
            WorkspaceError: when the marker cannot be read.
        """
        if marker is None:
            return True
        return _marker(marker).evaluate({**self.environment})


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
    platforms = []
    for glibc_minor in range(target.glibc[1], _OLDEST_GLIBC_MINOR[target.machine] - 1, -1):
        platforms.append(f"manylinux_2_{glibc_minor}_{target.machine}")
        if glibc_minor in _LEGACY_MANYLINUX:
            platforms.append(f"{_LEGACY_MANYLINUX[glibc_minor]}_{target.machine}")
    platforms.append(f"linux_{target.machine}")
    interpreter = f"cp{major}{minor}"
    # The ABI is named: left out, packaging takes the running interpreter's, which may be a debug or free-threaded one.
    own = cpython_tags((major, minor), abis=[interpreter], platforms=platforms)
    return (*own, *compatible_tags((major, minor), interpreter=interpreter, platforms=platforms))


@cache
def _marker(text: str) -> Marker:
    try:
        return Marker(text)
    except InvalidMarker as error:
        raise WorkspaceError(f"the lock has a marker that cannot be read: {text!r}; run `uv lock`") from error
