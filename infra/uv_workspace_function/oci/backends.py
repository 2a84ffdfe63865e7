"""What a build refuses where no code of the workspace or of a package may run on this machine: `--no-backends`."""

from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from uv_workspace_function.builder.workspace import LocalPackage
from uv_workspace_function.definitions.pyproject import PYPROJECT, BuildSystem, Pyproject
from uv_workspace_function.errors import WorkspaceError


def refuse(root: Path, packages: Iterable[LocalPackage], *, uv_version: str, from_source: str) -> None:
    """Refuse what would run code of the workspace or of packages.

    Args:
        root: the folder that the context was written to.
        packages: the local packages.
        uv_version: whose backend runs no code of theirs.
        from_source: what may be built from source.

    Raises:
        WorkspaceError: when a local package has a backend that uv does not carry, or a package may be built from source.
    """
    if from_source:
        raise WorkspaceError(
            f"{from_source} may be built from source, which runs its code", "leave --no-backends out, or lock wheels"
        )
    for package in packages:
        pyproject = root / package.folder / PYPROJECT
        build_system = (Pyproject.load(pyproject) if pyproject.is_file() else Pyproject()).build_system
        if not package.virtual and not _is_uvs_own(build_system, uv_version):
            raise WorkspaceError(
                f"{package.name} is built by a backend that uv does not carry, which runs code",
                "leave --no-backends out, set package = false in its [tool.uv], or have uv_build build it, in a range that "
                f"holds {uv_version}",
            )


def _is_uvs_own(build_system: BuildSystem, version: str) -> bool:
    """Whether uv builds it by itself, without starting a Python."""
    if build_system.build_backend != "uv_build" or build_system.backend_path:
        return False
    try:
        (requirement,) = map(Requirement, build_system.requires)
        return requirement.name in {"uv-build", "uv_build"} and SpecifierSet(str(requirement.specifier)).contains(
            version
        )
    except (ValueError, InvalidRequirement, InvalidSpecifier):
        return False
