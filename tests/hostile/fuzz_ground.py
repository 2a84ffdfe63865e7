"""What the fuzzer starts from: a workspace that has some of everything which can be broken."""

import json
import os
import subprocess
from pathlib import Path

from made import lock, member
from wheelhouse import sdist, wheel

OUTSIDE = "hunter2-outside"
"""What no build context may hold: it lies beside the repository, and below its `.git`."""

_ROOT = """
[dependency-groups]
dev = ["tool"]
[tool.uv]
no-index = true
find-links = ["wheels"]
conflicts = [[{package = "orders", extra = "cpu"}, {package = "orders", extra = "gpu"}]]
[tool.uv.workspace]
members = ["services/*", "libs/*"]
exclude = ["services/alone"]
[tool.uv.sources]
models = {workspace = true}
[tool.uv-workspace-function.check]
largest-file = 100000
[tool.uv-workspace-function.check.allow.UWF005]
tool = "a plugin"
"""
_ORDERS = """dependencies = ["models", "dep>=1; python_version >= '3.11'", "tool"]
[project.optional-dependencies]
cpu = ["dep"]
gpu = ["tool"]
[project.scripts]
orders = "orders.main:handler"
[tool.uv-workspace-function]
handler = "orders.main.handler"
include = ["data/**", "../../shared/words.txt"]
exclude = ["**/*.tmp"]
build-from-source = ["tool"]
[tool.ruff]
line-length = 100
[tool.uv.sources]
tool = {path = "../../wheels/tool-1.0.tar.gz"}
"""
_MAIL = """dependencies = ["models"]
readme = "README.md"
[tool.hatch.build.targets.wheel]
packages = ["src/mail"]
artifacts = ["*.so"]
[tool.hatch.build.targets.wheel.force-include]
"../../shared/words.txt" = "mail/words.txt"
"""
_HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
_MODELS = '[tool.setuptools.package-data]\nmodels = ["*.json"]\n[tool.setuptools.packages.find]\nwhere = ["src"]\n'
_SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
_ALONE = """dependencies = ["models"]
[tool.uv]
no-index = true
[tool.uv.sources]
models = {path = "../../libs/models"}
"""
_HANDLER = (
    "import json\n\nfrom models.shapes import Shape\n\n\ndef handler(event, context):\n    return json.dumps(Shape)\n"
)
_ASSEMBLY = {
    "version": "48.0.0",
    "artifacts": {
        "Shop.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Shop.assets.json"}},
        "Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}},
        "Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}},
    },
}
_ASSETS = {
    "version": "48.0.0",
    "files": {"abc": {"source": {"path": "Shop.template.json"}, "destinations": {}}},
    "dockerImages": {
        "def": {
            "displayName": "orders",
            "source": {
                "directory": "asset.def",
                "platform": "linux/arm64",
                "dockerBuildArgs": {"SERVICE_NAME": "orders", "PYTHON_VERSION": "3.13", "SERVICE_EXTRAS": "cpu"},
            },
        }
    },
}


def make(folder: Path) -> Path:
    """Write the ground: the repository `shop`, what lies beside it, and the folders of a user.

    Args:
        folder: where; it is made.

    Returns:
        The folder.
    """
    root = folder / "shop"
    for path in (root / "wheels", root / "shared", folder / "home/.cache", folder / "tmp", folder / "outside"):
        path.mkdir(parents=True)
    (folder / "outside/secret.txt").write_text(f"{OUTSIDE}\n")
    for name in ("dep", "setuptools", "hatchling"):
        wheel(root / "wheels", name)
    sdist(root / "wheels", "tool")
    (root / "shared/words.txt").write_text("words\n")
    (root / "pyproject.toml").write_text(_ROOT)
    _package(root / "services/orders", _ORDERS, _HANDLER, data="data/prices.csv")
    _package(root / "services/mail", _MAIL, _HANDLER, _HATCHLING, data="README.md")
    _package(root / "libs/models", _MODELS, "", _SETUPTOOLS, data="src/models/shapes.json")
    (root / "libs/models/src/models/shapes.py").write_text("Shape = {}\n")
    _package(root / "services/alone", _ALONE, _HANDLER)
    flat = root / "services/flat"
    flat.mkdir()
    (flat / "pyproject.toml").write_text('[project]\nname = "flat"\nversion = "1"\nrequires-python = ">=3.11"\n')
    (flat / "lambda_function.py").write_text(
        "import rates\n\n\ndef lambda_handler(event, context):\n    return rates\n"
    )
    (flat / "rates.py").write_text("RATE = 1\n")
    (root / ".gitignore").write_text("*.log\n/dist/\n**/scratch/\n!keep.log\n")
    (root / "services/orders/.gitignore").write_text("generated/*\n")
    for stem, document in (
        ("manifest", _ASSEMBLY),
        ("Shop.assets", _ASSETS),
        ("assembly-Prod/manifest", {"artifacts": {}}),
    ):
        file = root / f"cdk.out/{stem}.json"
        file.parent.mkdir(exist_ok=True)
        file.write_text(json.dumps(document))
    lock(root)
    lock(root / "services/alone")
    _commit(root)
    return folder


def _package(folder: Path, tail: str, main: str, build_system: str | None = None, *, data: str = "") -> None:
    member(folder, tail) if build_system is None else member(folder, tail, build_system=build_system)
    if main:
        (next((folder / "src").iterdir()) / "main.py").write_text(main)
    if data:
        (folder / data).parent.mkdir(exist_ok=True)
        (folder / data).write_text("{}\n")


def _commit(root: Path) -> None:
    """Two commits, in one file of git's each, so that a copy is quick."""
    environment = {
        **{key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
        **{f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    steps = (
        ["init", "-q"],
        ["add", "-A"],
        ["commit", "-qm", "one"],
        ["commit", "-qm", "two", "--allow-empty"],
        ["gc", "-q"],
    )
    for step in steps:
        subprocess.run(["git", "-C", str(root), *step], env=environment, check=True)
    for hook in (root / ".git/hooks").glob("*"):
        hook.unlink()
    (root / ".git/description").write_text(f"{OUTSIDE}\n")
