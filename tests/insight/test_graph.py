"""`services graph`: services, libraries, and who uses whom.

Covers also: cli/graph_command.py.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import handler, lock, member, needs, workspace
from uv_workspace_function.cli.main import main

DECLARED = '[tool.uv-workspace-function]\nhandler = "order_api.main.handler"\n'


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two services with a library two steps away, a standalone project, and a member that nobody needs."""
    root = workspace(
        tmp_path_factory.mktemp("shop"),
        {"apps/Order_Api": needs("models") + DECLARED, "apps/end": needs("order-api"), "libs/models": needs("logs"), "libs/logs": needs("models"), "libs/clock": "", "libs/idle": ""},
        globs=["apps/*", "libs/*"],
        exclude=["apps/legacy"],
    )  # fmt: skip
    for folder in ("apps/Order_Api", "apps/end"):
        handler(root / folder)
    legacy = member(
        root / "apps/legacy", 'dependencies = ["clock"]\n[tool.uv.sources]\nclock = { path = "../../libs/clock" }\n'
    )
    handler(legacy)
    lock(legacy)
    return lock(root)


def run(root: Path, *arguments: str) -> Result:
    """Call `services graph`."""
    return CliRunner().invoke(main, ["graph", "--workspace", str(root), *arguments])


def test_mermaid_draws_each_service_library_and_direct_use(shop: Path) -> None:
    """A service that another service needs is one, since it declares its handler; a cycle is drawn; `end`, a word of Mermaid's, gets an id of its own."""
    assert run(shop).stdout == (
        "flowchart LR\n"
        "    end_([end])\n"
        "    legacy[[legacy]]\n"
        "    order_api([order-api])\n"
        "    clock[clock]\n"
        "    logs[logs]\n"
        "    models[models]\n"
        "    end_ --> order_api\n"
        "    legacy --> clock\n"
        "    logs --> models\n"
        "    models --> logs\n"
        "    order_api --> models\n"
    )


def test_what_no_service_needs_is_said_beside_the_picture(shop: Path) -> None:
    """On stderr: the picture is not made of words."""
    assert "not drawn, since no service needs them: idle\n" == run(shop).stderr


def test_json_says_the_same_for_programs(shop: Path) -> None:
    """With folders and handlers."""
    graph = json.loads(run(shop, "--format", "json").stdout)
    assert graph["services"][1:] == [
        {"package": "legacy", "folder": "apps/legacy", "handler": "legacy.main.handler", "standalone": True},
        {"package": "order-api", "folder": "apps/Order_Api", "handler": "order_api.main.handler", "standalone": False},
    ]
    assert graph["libraries"] == [
        {"package": "clock", "folder": "libs/clock"},
        {"package": "logs", "folder": "libs/logs"},
        {"package": "models", "folder": "libs/models"},
    ]
    assert {"from": "order-api", "to": "models"} in graph["edges"]
    assert [{"package": "idle", "folder": "libs/idle"}] == graph["unused"]


def test_a_use_in_a_dev_group_is_no_use(tmp_path: Path) -> None:
    """What an image does not hold is not drawn."""
    group = 'dependencies = []\n[dependency-groups]\ndev = ["lib"]\n[tool.uv.sources]\nlib = { workspace = true }\n'
    root = workspace(tmp_path / "w", {"svc": group, "lib": ""})
    handler(root / "svc")
    assert "flowchart LR\n    svc([svc])\n" == run(lock(root)).stdout


def test_a_workspace_without_services(tmp_path: Path) -> None:
    """What makes a member a service is said."""
    root = lock(workspace(tmp_path / "w", ["a", "b"]))
    result = run(root)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.replace(str(root), "ROOT") == (
        "error: ROOT has no services: no member has a handler; members are: a, b; give one a <module>/main.py with a "
        "`handler`, or name its function as `handler` in its [tool.uv-workspace-function]\n"
    )
