"""Tiny wheels made with zipfile, and uv run offline over them: the oracle of every test on made-up workspaces."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

_UV = os.environ.get("UV", "uv")
"""`uv run` tells its own path, which spares the detour over a shim."""
_EPOCH = (1980, 1, 1, 0, 0, 0)


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    tag: str = "py3-none-any",
    build: str = "",
    requires: Iterable[str] = (),
    extras: Iterable[str] = (),
    text: str | None = None,
) -> Path:
    """A wheel with one module of the given text; left out, it says the wheel's own file name."""
    module = name.replace("-", "_")
    stem = "-".join(filter(None, (module, version, build, tag)))
    metadata = [
        "Metadata-Version: 2.4",
        f"Name: {name}",
        f"Version: {version}",
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"WHEEL = {stem!r}\n" if text is None else text,
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    path = folder / f"{stem}.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, content in files.items():
            archive.writestr(zipfile.ZipInfo(file, _EPOCH), content)
    return path


def sdist(folder: Path, name: str, version: str = "1.0", files: Mapping[str, str] | None = None) -> Path:
    """A source distribution with one module, whose wheel uv_build makes; other files take the place of these."""
    module = name.replace("-", "_")
    files = {
        "PKG-INFO": f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n",
        "pyproject.toml": f'[project]\nname = "{name}"\nversion = "{version}"\n'
        '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n',
        **(files or {f"src/{module}/__init__.py": ""}),
    }
    path = folder / f"{module}-{version}.tar.gz"
    with gzip.GzipFile(path, "wb", mtime=0) as compressed, tarfile.open(fileobj=compressed, mode="w") as archive:
        for file, text in files.items():
            member = tarfile.TarInfo(f"{module}-{version}/{file}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def uv(*arguments: str | Path, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run uv offline, with none of the machine's own settings."""
    done = subprocess.run(  # noqa: PLW1510 the message of a failure has uv's own words
        [_UV, *map(str, arguments)], cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=120
    )
    if check and done.returncode:
        raise AssertionError(f"uv {' '.join(map(str, arguments))} exited {done.returncode}:\n{done.stderr}")
    return done


@cache
def _environment() -> dict[str, str]:
    own = tempfile.TemporaryDirectory(prefix="uv-offline-")
    _ALIVE.append(own)
    machine = {key: value for key, value in os.environ.items() if not key.startswith("UV_") and key != "VIRTUAL_ENV"}
    return machine | {
        "UV_CACHE_DIR": f"{own.name}/cache",
        "UV_NO_SYSTEM_CONFIG": "1",
        "UV_OFFLINE": "1",
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
        "XDG_CONFIG_HOME": f"{own.name}/config",
    }


_ALIVE: list[tempfile.TemporaryDirectory[str]] = []
