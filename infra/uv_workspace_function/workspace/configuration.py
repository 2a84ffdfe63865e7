"""Where uv's settings of a project come from, when they are not in its own `pyproject.toml`.

Source: uv's documentation, "Configuration files": the nearest `uv.toml`, or `pyproject.toml` with a `[tool.uv]`, at or
above the project's folder counts, and no other; in one folder a `uv.toml` counts before a `pyproject.toml`.
"""

import posixpath
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from uv_workspace_function.boundary import check_definition
from uv_workspace_function.pyproject import PYPROJECT, Pyproject
from uv_workspace_function.toml import Table, read_toml
from uv_workspace_function.uv_settings import UvSettings

UV_TOML = "uv.toml"
# What uv refuses in a `uv.toml`: a project says it of itself, and no other project takes it from there.
OF_A_PROJECT = frozenset(
    {
        *("build-backend", "conflicts", "default-groups", "dependency-groups", "dev-dependencies", "environments"),
        *("managed", "package", "required-environments", "sources", "workspace"),
    }
)


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
    own = root / folder / UV_TOML
    if own.is_file():
        return read_toml(check_definition(root, own), UvSettings.from_dict, root=root)
    if "uv" in pyproject.tools:
        return None
    for above in folder.parents:
        settings = _settings_in(root, root / above)
        if settings is not None:
            kept = {key: value for key, value in settings.table.items() if key not in OF_A_PROJECT}
            return UvSettings.from_dict(_relocated(kept, above, folder))
    return None


def _settings_in(root: Path, folder: Path) -> UvSettings | None:
    if (folder / UV_TOML).is_file():
        return read_toml(check_definition(root, folder / UV_TOML), UvSettings.from_dict, root=root)
    if (folder / PYPROJECT).is_file():
        pyproject = Pyproject.load(check_definition(root, folder / PYPROJECT), root)
        return pyproject.uv if "uv" in pyproject.tools else None
    return None


def _relocated(settings: dict[str, Any], base: PurePosixPath, to: PurePosixPath) -> Table:
    """Settings of one folder as they are written in another one: uv takes locations relative to the file."""

    def moved(location: str) -> str:
        if urlsplit(location).scheme or posixpath.isabs(location):
            return location
        return posixpath.relpath(posixpath.join("/", base, location), posixpath.join("/", to))

    changed: dict[str, Any] = {}
    for key in ("extra-index-url", "find-links"):
        if key in settings:
            changed[key] = [moved(location) for location in settings[key]]
    if "index-url" in settings:
        changed["index-url"] = moved(settings["index-url"])
    if "index" in settings:
        changed["index"] = [i | {"url": moved(i["url"])} if "url" in i else i for i in settings["index"]]
    return settings | changed
