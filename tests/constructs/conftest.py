"""A little workspace, and a stack to put constructs of it into."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import made
import pytest
from uv_workspace_function import Workspace


@pytest.fixture(scope="session")
def shop_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a workspace: the service `shop`, which needs `prices`, and `unrelated`, which nobody needs."""
    members = {"shop": made.needs("prices"), "prices": "", "unrelated": ""}
    root = made.workspace(tmp_path_factory.mktemp("workspace"), members)
    made.handler(root / "shop")
    (root / "shop" / "src" / "shop" / "returns.py").write_text("def handler(event, context): ...\n")
    return made.lock(root)


@pytest.fixture(scope="session")
def shop(shop_root: Path) -> Workspace:
    """The workspace, loaded."""
    return Workspace.load(shop_root)


@pytest.fixture
def stack(tmp_path: Path) -> cdk.Stack:
    """An empty stack. Its assets are not copied, its resources know their path."""
    context = {"aws:cdk:disable-asset-staging": True, "aws:cdk:enable-path-metadata": True}
    return cdk.Stack(cdk.App(outdir=str(tmp_path / "cdk.out"), context=context), "Stack")


@pytest.fixture(scope="session")
def flags() -> dict[str, Any]:
    """The feature flags of this repository's app: all that the CDK recommends."""
    context: dict[str, Any] = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())["context"]
    return context
