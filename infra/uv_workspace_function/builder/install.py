"""Runs `uv sync` for a part of the service's closure, into an environment of its own."""

import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .errors import BuildError
from .workspace import Workspace

UV = "/opt/uv/uv"
# By what uv says of a failure -> what to do about it.
_REMEDIES = (
    (
        ("401 Unauthorized", "403 Forbidden", "Missing credentials"),
        "an index wants a password: give it as the build secret `netrc` (docker build --secret id=netrc,src=FILE; the construct's build_secrets)",
    ),
    (
        ("marked as `--no-build`", "no-build`"),
        "lock a version that has a wheel for the target, or name the package in BUILD_FROM_SOURCE (the construct's build_from_source)",
    ),
    (
        ("Git executable not found",),
        "a package comes from a git repository: give a BUILDER_IMAGE that has git, or lock a wheel of it",
    ),
)


def sync(
    workspace: Workspace,
    environment: Path,
    *,
    options: Sequence[str],
    extras: Iterable[str],
    platform: str,
    variables: Mapping[str, str],
) -> None:
    """Install what `options` leave of the service's closure, for `platform`, exactly as the lock says.

    uv evaluates the markers, runs the build backends with the workspace's own settings, and checks the hashes. `--frozen`:
    that the lock is fresh was checked before there was a build context.
    """
    command = [
        UV,
        "sync",
        "--frozen",
        "--no-default-groups",
        "--no-editable",
        "--no-progress",
        "--python",
        sys.executable,
        "--python-platform",
        platform,
        "--package",
        workspace.service.name,
        *(f"--extra={extra}" for extra in extras),
        *options,
    ]
    settings = {
        "UV_PROJECT_ENVIRONMENT": str(environment),
        "UV_PYTHON_DOWNLOADS": "never",
        # The cache is a mount of its own; a hard link into it would not be in the image.
        "UV_LINK_MODE": "copy",
        "UV_NO_MANAGED_PYTHON": "1",
    }
    process = subprocess.Popen(
        command,
        cwd=workspace.root / workspace.project,
        env={**os.environ, **settings, **variables},
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    said = []
    for line in process.stderr or ():
        sys.stderr.write(line)
        said.append(line)
    if process.wait():
        text = "".join(said)
        remedies = [remedy for signs, remedy in _REMEDIES if any(sign in text for sign in signs)]
        raise BuildError("; ".join(["uv sync failed, see above", *remedies]))
