"""Where uv's settings of a project come from, when they are not in its own `pyproject.toml`.

Source: uv's documentation, "Configuration files": the nearest `uv.toml`, or `pyproject.toml` with a `[tool.uv]`, at or
above the project's folder counts, and no other; in one folder a `uv.toml` counts before a `pyproject.toml`.
"""

from pathlib import Path, PurePosixPath

from uv_workspace_function.boundary import check_definition
from uv_workspace_function.definitions.pyproject import PYPROJECT, Pyproject
from uv_workspace_function.definitions.toml import read_toml
from uv_workspace_function.definitions.uv_settings import UvSettings

UV_TOML = "uv.toml"


def configuration_file(root: Path, folder: PurePosixPath, pyproject: Pyproject) -> UvSettings | None:
    """A project's settings as its `uv.toml` has them, or would have them.

    A standalone project without settings of its own takes the workspace's. A context has no such file above the project,
    so they go where the project's own would be, with locations relative to there.

    Args:
        root: the workspace's root, which always has settings.
        folder: the project's folder, relative to the root.
        pyproject: its `pyproject.toml`.

    Returns:
        None where `[tool.uv]` of the project's own `pyproject.toml` holds, or there is nothing.

    Raises:
        WorkspaceError: when a file is malformed.
    """
    if (own := _uv_toml(root, root / folder)) is not None:
        return own
    if "uv" in pyproject.tools:
        return None
    for above in folder.parents:
        settings = _settings_in(root, root / above)
        if settings is not None:
            return settings.shared_with(folder, at=above)
    return None


def _uv_toml(root: Path, folder: Path) -> UvSettings | None:
    path = folder / UV_TOML
    return read_toml(check_definition(root, path), UvSettings.from_dict, root=root) if path.is_file() else None


def _settings_in(root: Path, folder: Path) -> UvSettings | None:
    if (settings := _uv_toml(root, folder)) is not None:
        return settings
    if (folder / PYPROJECT).is_file():
        pyproject = Pyproject.load(check_definition(root, folder / PYPROJECT), root)
        return pyproject.uv if "uv" in pyproject.tools else None
    return None
