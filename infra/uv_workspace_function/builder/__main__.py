"""The steps of an image's build, by name: `python3 -m builder STEP`."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from . import layer, strata
from .distributions import installed
from .errors import BuildError
from .install import sync
from .workspace import BUILDER_FOLDER, Workspace

WORKSPACE = Path("/workspace")
LAYERS = Path("/layers")
INPUTS = Path("/inputs")
ENVIRONMENT = Path("/opt/environment")
_MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}


def inputs() -> None:
    """Split the build context by what each layer depends on."""
    _workspace().split(INPUTS / "definitions", INPUTS / "libraries")


def third_party() -> None:
    """Install every package that is not of this workspace."""
    workspace = _workspace()
    allowed = set(os.environ.get("BUILD_FROM_SOURCE", "").split())
    denied = sorted(workspace.third_party - allowed)
    _sync(workspace, ["--no-install-local", *(f"--no-build-package={name}" for name in denied)])
    for name, distributions in strata.strata(installed(ENVIRONMENT)).items():
        layer.place(distributions, LAYERS / name, ENVIRONMENT)
        _finish(LAYERS / name)


def libraries() -> None:
    """Build and install the local packages that the service needs."""
    workspace = _workspace()
    _local(workspace, set(workspace.local) - {workspace.service.name}, LAYERS / "local")


def service() -> None:
    """Build and install the service."""
    workspace = _workspace()
    _local(workspace, {workspace.service.name}, LAYERS / "code")


def _local(workspace: Workspace, names: set[str], target: Path) -> None:
    closure = workspace.closure(_extras())
    built = sorted(name for name in names & closure if not workspace.local[name].virtual)
    target.mkdir(parents=True)
    if built:
        others = sorted((workspace.third_party | set(workspace.local)) - set(built))
        _sync(
            workspace,
            # A build that uv remembers would be as old as the package's pyproject.toml.
            [*(f"--reinstall-package={name}" for name in built), *(f"--no-install-package={name}" for name in others)],
        )
        layer.place(installed(ENVIRONMENT), target, ENVIRONMENT)
    for name in sorted(names & closure - set(built)):
        _copy_virtual(workspace, name, target)
    _finish(target)


def _copy_virtual(workspace: Workspace, name: str, target: Path) -> None:
    package = workspace.local[name]
    paths = list(workspace.own_files(package))
    source = [path.relative_to("src") for path in paths if path.parts[0] == "src"]
    for path in source or paths:
        if source or path.name not in {"pyproject.toml", "uv.lock", "uv.toml", "Dockerfile"}:
            origin = workspace.root / package.folder / ("src" if source else "") / path
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(origin, target / path)
            shutil.copymode(origin, target / path)


def _finish(target: Path) -> None:
    if os.environ["INCLUDE_BYTECODE"] not in {"0", ""}:
        layer.compile_all(target, os.environ["TARGET_FOLDER"])
    layer.normalize(target)


def _workspace() -> Workspace:
    return Workspace.read(WORKSPACE, os.environ.get("SERVICE_NAME", ""))


def _extras() -> list[str]:
    return os.environ.get("SERVICE_EXTRAS", "").split()


def _sync(workspace: Workspace, options: Iterable[str]) -> None:
    platform = os.environ.get("PYTHON_PLATFORM") or f"{_MACHINES[os.environ['TARGETARCH']]}-manylinux_2_34"
    sync(
        workspace,
        ENVIRONMENT,
        options=[*options],
        extras=_extras(),
        platform=platform,
        variables=_variables(workspace.root),
    )


def _variables(root: Path) -> Mapping[str, str]:
    path = root / BUILDER_FOLDER / "build-env.json"
    variables: dict[str, str] = {}
    if path.is_file():
        for given in json.loads(path.read_text(encoding="utf-8")).values():
            variables |= given
    return variables


STEPS: Mapping[str, Callable[[], None]] = {
    "inputs": inputs,
    "third-party": third_party,
    "libraries": libraries,
    "service": service,
}

if __name__ == "__main__":
    try:
        STEPS[sys.argv[1]]()
    except BuildError as error:
        sys.exit(f"error: {error}")
