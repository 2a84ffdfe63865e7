"""A small monorepo, made offline: two services with equal third-party packages, of which one is heavy, and two libraries."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

from images.engine import Engine, Image
from images.wheels import write_wheel
from uv_workspace_function import Workspace
from uv_workspace_function.context.build_context import BuildContext
from wheelhouse import uv

HEAVY = 10_000_000
MEDIUM = 2_000_000

_ROOT = """
[tool.uv]
no-index = true
find-links = ["wheels"]
[tool.uv.workspace]
members = ["libraries/*", "services/*"]
"""
PACKAGE = """
[project]
name = "{name}"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = {dependencies}
[build-system]
requires = ["{requires}"]
build-backend = "{backend}"
"""


def write_shop(root: Path) -> Path:
    """Write the monorepo and lock it."""
    noise = random.Random(1)  # the same bytes for ever, that no compression makes smaller
    heavy: dict[str, str | bytes] = {"heavy/__init__.py": "", "heavy/data.bin": noise.randbytes(HEAVY)}
    medium: dict[str, str | bytes] = {"medium/__init__.py": "", "medium/data.bin": noise.randbytes(MEDIUM)}
    write_wheel(root / "wheels", "heavy", "1.0", heavy)
    write_wheel(root / "wheels", "medium", "1.0", medium)
    write_wheel(root / "wheels", "small", "1.0", {"small/__init__.py": "VERSION = '1.0'\n"}, requires=["tiny"])
    write_wheel(root / "wheels", "tiny", "1.0", {"tiny.py": "VERSION = '1.0'\n"})
    write_wheel(root / "wheels", "unused", "1.0", {"unused.py": ""})
    (root / "pyproject.toml").write_text(_ROOT)
    write_package(root / "libraries/stock", "small", code="import small\n\nLEFT = 3\n")
    write_package(root / "libraries/prices", "stock", code="from stock import LEFT\n\nPRICE = 2\n")
    write_package(
        root / "services/orders", "heavy", "medium", "prices", code="from prices import PRICE\n\nORDERS = 'none yet'\n"
    )
    write_package(root / "services/billing", "heavy", "medium", "small", code="import small\n\nBILLS = []\n")
    write_package(root / "services/other", "unused", code="")
    uv("lock", cwd=root)
    return root


def write_package(folder: Path, *dependencies: str, code: str) -> None:
    """Write a member named as its folder; dependencies on other members are told apart by there being no such wheel."""
    wheels = {path.name.partition("-")[0] for path in (folder.parents[1] / "wheels").iterdir()}
    local = "".join(f"[tool.uv.sources.{name}]\nworkspace = true\n" for name in dependencies if name not in wheels)
    module = folder / "src" / folder.name
    module.mkdir(parents=True)
    (module / "__init__.py").write_text(code)
    (module / "main.py").write_text(f"import {folder.name}\n\n\ndef handler(event, context):\n    return event\n")
    text = PACKAGE.format(name=folder.name, dependencies=list(dependencies), requires="uv_build", backend="uv_build")
    (folder / "pyproject.toml").write_text(text + local)


def stage(root: Path, service: str, target: Path, *, extras: Sequence[str] = ()) -> tuple[Path, dict[str, str]]:
    """The build context of a service, and its build arguments."""
    context = BuildContext.of(Workspace.load(root), service, extras=extras)
    shutil.rmtree(target, ignore_errors=True)
    context.write(target)
    return target, context.build_args


def build(engine: Engine, root: Path, service: str, target: Path, *, platform: str = "", **more: str) -> Image:
    """Stage a service's context and build it, for this machine's own platform; further build arguments are given by name."""
    folder, arguments = stage(root, service, target)
    return engine.build(folder, arguments | more, platform=platform or engine.native)
