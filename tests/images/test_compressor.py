"""The compressor of layers, on a processor of another kind."""

import shutil
import subprocess
from pathlib import Path

import deflate
from images.engine import LAMBDA_BASE, Engine
from oci.test_compression import DIGEST
from uv_workspace_function.oci import compression
from uv_workspace_function.processes import programs


def test_an_emulated_arm64_makes_the_same_bytes(engine: Engine, tmp_path: Path) -> None:
    """Of deflate's own wheel for it, in the Lambda base image."""
    wheels = tmp_path / "wheels"
    command = [
        "uv",
        "pip",
        "install",
        "--quiet",
        "--no-config",
        "--only-binary=:all:",
        "--no-deps",
        "--python-version=3.14",
    ]
    command += ["--python-platform=aarch64-manylinux_2_28", f"--target={wheels}", f"deflate=={deflate.__version__}"]
    subprocess.run(command, check=True)
    shutil.copy(compression.__file__, wheels)
    package = wheels / "uv_workspace_function"
    shutil.copytree(Path(programs.__file__).parent, package / "processes")
    (package / "__init__.py").touch()
    script = (
        "import sys, hashlib; sys.path.insert(0, '/w'); import compression; "
        "sample = b''.join(f'def f{n}(): return {n * 7919 % 1013!r}\\n'.encode() for n in range(400_000)); "
        "print(hashlib.sha256(b''.join(compression.compressed([sample]))).hexdigest())"
    )
    run = [
        "run",
        "--rm",
        "--network=none",
        "--platform=linux/arm64",
        f"--volume={wheels}:/w:ro",
        "--entrypoint=python3",
    ]
    assert DIGEST == engine.docker(*run, f"{LAMBDA_BASE}-arm64", "-c", script).strip()
