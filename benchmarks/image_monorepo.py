"""The monorepo that the image benchmarks build: one service with two libraries, and a list of packages to name."""

import subprocess
from pathlib import Path

PACKAGES = (
    *(
        "attrs",
        "aws-lambda-powertools",
        "boto3",
        "cryptography",
        "email-validator",
        "fastapi",
        "httpx",
        "jinja2",
        "mangum",
    ),
    *("numpy", "orjson", "pandas", "psycopg[binary]", "pydantic", "pyjwt", "python-multipart", "pyyaml", "redis"),
    *("requests", "sqlalchemy", "structlog", "tenacity"),
)
SERVICE = "bench_api"
BUMPED = "tenacity"
"""A pure package of less than 1 MB; `bump` locks its newest version instead of an older one."""

_OLDER = "9.1"
_ROOT = """
[tool.uv]
constraint-dependencies = {constraints}
[tool.uv.workspace]
members = ["services/*", "services/common/*"]
exclude = ["services/common"]
"""
PACKAGE = """
[project]
name = "{name}"
version = "1.0.0"
requires-python = ">=3.11"
dependencies = {dependencies}
[build-system]
requires = ["uv_build>=0.13,<0.14"]
build-backend = "uv_build"
{sources}
"""
_HANDLER = """
import boto3
from fastapi import FastAPI
from mangum import Mangum

from models_kit import Order

app = FastAPI()
queue = boto3.client("sqs", region_name="eu-central-1")


@app.get("/orders/{number}")
def order(number: int) -> Order:
    return Order(number=number)


handler = Mangum(app, lifespan="off")
"""


def write(root: Path) -> None:
    """Write it, and lock it with an older version of one package."""
    _write_root(root, [f"{BUMPED}<{_OLDER}"])
    common = root / "services/common"
    _write_package(
        common / "logging_kit", ["structlog"], {"__init__.py": "import structlog\n\nlog = structlog.get_logger()\n"}
    )
    models = (
        "from pydantic import BaseModel\n\nfrom logging_kit import log\n\n\nclass Order(BaseModel):\n    number: int\n"
    )
    _write_package(common / "models_kit", ["logging-kit", "pydantic"], {"__init__.py": models})
    # As many modules as a service of some size has.
    routes = {f"routes_{number}.py": f"def route_{number}(event):\n    return {number}\n" * 20 for number in range(20)}
    service = {"__init__.py": "", "main.py": _HANDLER, **routes}
    _write_package(root / "services" / SERVICE, ["models-kit", *PACKAGES], service)
    _write_package(root / "services/other_api", ["boto3"], {"__init__.py": "", "main.py": "handler = print\n"})
    _lock(root)


def edit_code(root: Path, number: int) -> None:
    """Change a line of the service's code."""
    path = root / "services" / SERVICE / "src" / SERVICE / "routes_1.py"
    path.write_text(f"{path.read_text()}CHANGED = {number}\n")


def edit_library(root: Path, number: int) -> None:
    """Change a line of the library that the service needs itself."""
    path = root / "services/common/models_kit/src/models_kit/__init__.py"
    path.write_text(f"{path.read_text()}CHANGED = {number}\n")


def edit_elsewhere(root: Path, number: int) -> None:
    """Give another service one more requirement, or take it away again, so that the lock changes."""
    path = root / "services/other_api/pyproject.toml"
    text = path.read_text().replace(', "idna"', "")
    path.write_text(text.replace('["boto3"', '["boto3", "idna"') if number % 2 else text)
    _lock(root)


def bump(root: Path) -> None:
    """Lock the newest version of the one package."""
    _write_root(root, [])
    _lock(root, "--upgrade-package", BUMPED)


def _write_root(root: Path, constraints: list[str]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    (root / "pyproject.toml").write_text(_ROOT.format(constraints=constraints))


def _write_package(folder: Path, dependencies: list[str], modules: dict[str, str]) -> None:
    module = folder / "src" / folder.name
    module.mkdir(parents=True)
    for name, text in modules.items():
        (module / name).write_text(text)
    local = [name for name in dependencies if name.endswith("-kit")]
    sources = "".join(f"[tool.uv.sources.{name}]\nworkspace = true\n" for name in local)
    listed = "[" + ", ".join(f'"{name}"' for name in dependencies) + "]"
    name = folder.name.replace("_", "-")
    (folder / "pyproject.toml").write_text(PACKAGE.format(name=name, dependencies=listed, sources=sources))


def _lock(root: Path, *options: str) -> None:
    subprocess.run(["uv", "lock", "--quiet", *options], cwd=root, check=True)
