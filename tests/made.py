"""Workspaces made in a temporary folder, locked by uv offline."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from wheelhouse import uv

BUILD_SYSTEM = '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'


def workspace(
    root: Path,
    members: Mapping[str, str] | Sequence[str] = (),
    *,
    globs: Sequence[str] = ("*",),
    exclude: Sequence[str] = (),
    head: str = "",
    tail: str = "",
) -> Path:
    """Write a workspace's root, and a member for each folder: the given TOML after its `[project]` lines."""
    root.mkdir(parents=True, exist_ok=True)
    text = f"{head}[tool.uv]\nno-index = true\n{tail}\n[tool.uv.workspace]\nmembers = {list(globs)}\nexclude = {list(exclude)}\n"
    (root / "pyproject.toml").write_text(text)
    for folder in members:
        member(root / folder, members[folder] if isinstance(members, Mapping) else "")
    return root


def member(folder: Path, tail: str = "", *, name: str | None = None, build_system: str = BUILD_SYSTEM) -> Path:
    """Write a package: `src/<module>/__init__.py` and a `pyproject.toml` that ends with the given TOML."""
    name = name or folder.name
    module = folder / "src" / name.replace("-", "_").lower()
    module.mkdir(parents=True, exist_ok=True)
    (module / "__init__.py").touch()
    text = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n{tail}\n{build_system}'
    (folder / "pyproject.toml").write_text(text)
    return folder


def handler(folder: Path, text: str = "def handler(event, context):\n    return event\n") -> None:
    """Give a package made by `member` a `main.py`."""
    (next((folder / "src").iterdir()) / "main.py").write_text(text)


def lock(root: Path) -> Path:
    """Lock a workspace or a standalone project."""
    uv("lock", cwd=root)
    return root


def needs(*names: str) -> str:
    """TOML: dependencies on other members of the workspace."""
    sources = "".join(f"[tool.uv.sources.{name}]\nworkspace = true\n" for name in names)
    return f"dependencies = {list(names)}\n{sources}"


def files(folder: Path) -> dict[str, str]:
    """Every file below a folder, by its path."""
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def hide_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave no uv to be found: on PATH, by `uv run`, or beside this Python. Nothing else is on PATH either."""
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
