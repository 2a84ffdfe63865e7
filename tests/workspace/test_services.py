"""Which members are services: by their handlers, and by who needs them.

Covers also: workspace/users.py.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import lock, member, needs, workspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.code.handlers import HandlerError
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.gate.runner import check
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace

DEF = "def lambda_handler(event, context):\n    return event\n"
TWO = "def sell(event, context):\n    return 'sold'\n\n\ndef refund(event, context):\n    return 'refunded'\n"


def app(folder: Path, text: str = DEF, name: str = "app") -> None:
    """Give a made package a module."""
    (next((folder / "src").iterdir()) / f"{name}.py").write_text(text)


def services(root: Path) -> dict[str, tuple[str, ...]]:
    """The services with their handlers."""
    return {service.name: service.handlers for service in Workspace.load(root).services}


def run(root: Path, *arguments: str) -> Result:
    """Call a command."""
    return CliRunner().invoke(main, [arguments[0], "--workspace", str(root), *arguments[1:]])


def test_what_another_member_needs_is_a_library(tmp_path: Path) -> None:
    """For itself or for an extra; it says who needs it, and how it can be a service all the same."""
    extra = "dependencies = []\n[project.optional-dependencies]\nfast = ['clock']\n[tool.uv.sources.clock]\nworkspace = true\n"
    root = workspace(tmp_path / "w", {"orders": needs("models"), "billing": extra, "models": "", "clock": ""})
    for name in ("orders", "billing", "models", "clock"):
        app(root / name)
    lock(root)
    assert {"orders": ("orders.app.lambda_handler",), "billing": ("billing.app.lambda_handler",)} == services(root)
    with pytest.raises(HandlerError) as raised:
        Workspace.load(root).service("models")
    assert str(raised.value) == (
        "'models' is a library, since orders needs it at run time; if it is a service as well, declare "
        'handler = "models.app.lambda_handler" in [tool.uv-workspace-function] of models/pyproject.toml'
    )
    pyproject = root / "models/pyproject.toml"
    pyproject.write_text(
        pyproject.read_text() + '[tool.uv-workspace-function]\nhandler = "models.app.lambda_handler"\n'
    )
    assert "models" in services(root)


def test_a_dev_group_makes_no_library(tmp_path: Path) -> None:
    """What tests need is in no image."""
    group = "dependencies = []\n[dependency-groups]\ndev = ['orders']\n[tool.uv.sources.orders]\nworkspace = true\n"
    root = workspace(tmp_path / "w", {"orders": "", "checks": group})
    app(root / "orders")
    assert {"orders": ("orders.app.lambda_handler",)} == services(lock(root))


ROOT = """[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["orders"]
[tool.uv.sources]
orders = { workspace = true }
"""


@pytest.mark.parametrize("build", ["", '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'])
def test_a_root_that_gathers_members_makes_no_library(tmp_path: Path, build: str) -> None:
    """It is in no image, built or not."""
    root = workspace(tmp_path / "w", ["orders"], globs=["orders"], head=ROOT + build)
    (root / "src/shop").mkdir(parents=True)
    (root / "src/shop/__init__.py").touch()
    app(root / "orders")
    assert {"orders": ("orders.app.lambda_handler",)} == services(lock(root))


def test_a_root_that_is_a_service_needs_its_libraries(tmp_path: Path) -> None:
    """Its image holds them."""
    root = workspace(tmp_path / "w", ["orders"], head=ROOT)
    (root / "lambda_function.py").write_text(DEF)
    app(root / "orders")
    assert {"shop": ("lambda_function.lambda_handler",)} == services(lock(root))


def test_standalone_projects_around_a_root_that_is_the_library(tmp_path: Path) -> None:
    """One project per function, each with a lock of its own."""
    head = ROOT.replace('["orders"]', "[]").replace("orders = { workspace = true }\n", "")
    head += '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
    root = workspace(tmp_path / "w", exclude=["functions/*"], globs=["none/*"], head=head)
    (root / "src/shop").mkdir(parents=True)
    (root / "src/shop/__init__.py").touch()
    (root / "src/shop/handler.py").write_text("def handler(event, context): ...\n")
    for name in ("create", "remove"):
        folder = root / "functions" / name
        member(folder, 'dependencies = ["shop"]\n[tool.uv.sources]\nshop = { path = "../.." }\n')
        app(folder)
        lock(folder)
    expected = {"create": ("create.app.lambda_handler",), "remove": ("remove.app.lambda_handler",)}
    assert expected == services(lock(root))


def two_handlers(root: Path) -> Path:
    """A service that declares two."""
    handlers = '[tool.uv-workspace-function]\nhandler = ["orders.api.sell", "orders.api.refund"]\n'
    workspace(root, {"orders": handlers})
    app(root / "orders", TWO, "api")
    return lock(root)


def test_a_member_can_declare_several_handlers(tmp_path: Path) -> None:
    """They are listed; what needs one asks which."""
    root = two_handlers(tmp_path / "w")
    assert {"orders": ("orders.api.sell", "orders.api.refund")} == services(root)
    assert "orders.api.sell, orders.api.refund" in run(root, "list").stdout
    assert ["orders.api.sell", "orders.api.refund"] == json.loads(run(root, "list", "--json").stdout)[0]["handler"]
    refused = run(root, "invoke", "orders")
    assert (2, "") == (refused.exit_code, refused.stdout)
    assert refused.stderr == (
        "error: 'orders' has 2 handlers: orders.api.sell, orders.api.refund; say which one: --handler orders.api.sell of a "
        "command, handler='orders.api.sell' of the construct\n"
    )


def test_each_declared_handler_is_checked(tmp_path: Path) -> None:
    """A finding for each that is not there."""
    root = two_handlers(tmp_path / "w")
    assert (0, ()) == ((report := check(root, Target())).exit_code, report.findings)
    app(root / "orders", TWO.replace("def refund", "def reimburse"), "api")
    assert [("UWF007", 6, "orders.api.refund")] == [(f.code, f.line, f.subject) for f in check(root, Target()).findings]


@pytest.mark.parametrize("handler", ["3", "true", '["orders.api.sell", 3]', "{}"])
def test_a_handler_is_a_string_or_several(tmp_path: Path, handler: str) -> None:
    """Told with what to write."""
    root = workspace(tmp_path / "w", {"orders": f"[tool.uv-workspace-function]\nhandler = {handler}\n"})
    with pytest.raises(WorkspaceError, match="handler must be a string or a list of strings, not"):
        services(lock(root))


def test_an_empty_list_makes_a_library(tmp_path: Path) -> None:
    """What is declared counts: whoever has a function of that name for other ends says so."""
    root = workspace(tmp_path / "w", {"orders": "[tool.uv-workspace-function]\nhandler = []\n"})
    app(root / "orders")
    assert {} == services(lock(root))


def undecided(root: Path) -> Path:
    """A service with two functions that can be its handler."""
    workspace(root, ["orders"])
    app(root / "orders")
    app(root / "orders", name="index")
    return lock(root)


CHOICE = (
    "'orders' has 2 functions that can be its handler, and none is guessed: orders.app.lambda_handler, "
    "orders.index.lambda_handler; name one in [tool.uv-workspace-function] of orders/pyproject.toml, "
    'handler = "orders.app.lambda_handler", or all that are handlers, '
    'handler = ["orders.app.lambda_handler", "orders.index.lambda_handler"]'
)


def test_of_several_candidates_none_is_guessed(tmp_path: Path) -> None:
    """What needs no handler works; what needs one names them, and says what to write."""
    root = undecided(tmp_path / "w")
    assert "orders.app.lambda_handler? orders.index.lambda_handler?" in run(root, "list").stdout
    for arguments in (("graph",), ("size",), ("prune", "orders", "--list")):
        assert 0 == run(root, *arguments).exit_code, arguments
    assert f"error: {CHOICE}\n" == run(root, "invoke", "orders").stderr
    with pytest.raises(HandlerError) as raised:
        Workspace.load(root).closure("orders").handler()
    assert CHOICE == str(raised.value)


def test_the_gate_could_not_check_what_is_not_chosen(tmp_path: Path) -> None:
    """Neither clean nor a finding."""
    report = check(undecided(tmp_path / "w"), Target())
    assert (2, ()) == (report.exit_code, report.findings)
    (gap,) = report.not_checked
    assert (("UWF007",), "orders", CHOICE) == (gap.codes, gap.member, f"{gap.reason}; {gap.remedy}")


def test_without_services_nothing_is_clean(tmp_path: Path) -> None:
    """The check says what it could not judge and names what looks like a handler; other commands end as `graph` does."""
    root = workspace(tmp_path / "w", ["orders"])
    app(root / "orders", "def on_order(event, context): ...\n", "api")
    report = check(lock(root), Target())
    assert 2 == report.exit_code
    (gap,) = report.not_checked
    assert {"UWF007", "UWF008", "UWF012"} < set(gap.codes)
    assert gap.reason == (
        "no member has a handler, so there is no service to judge; what looks like a handler is orders.api.on_order (orders)"
    )
    for command in (("graph",), ("size",), ("who", "orders")):
        refused = run(root, *command)
        assert (2, "") == (refused.exit_code, refused.stdout), command
        assert "what looks like a handler is orders.api.on_order (orders); give one a" in refused.stderr


def test_the_gate_tells_of_what_looks_like_a_service_and_is_taken_for_a_library(tmp_path: Path) -> None:
    """Until its table says which it is; what has only a handler's name is not told."""
    root = workspace(tmp_path / "w", {"orders": needs("models", "clock"), "models": "", "clock": ""})
    for name, text in (("orders", DEF), ("models", DEF), ("clock", "def handler(tick): ...\n")):
        app(root / name, text)
    lock(root)

    def told() -> list[str]:
        report = check(root, Target(), offline=True)
        assert () == report.not_checked
        return [note for note in report.notes if "library" in note]

    assert [
        (
            "models has what looks like a handler (models.app.lambda_handler), but is taken for a library, since orders needs it at run time: "
            'in [tool.uv-workspace-function] of models/pyproject.toml say handler = "models.app.lambda_handler" if it is a service as well, '
            "else handler = []"
        )
    ] == told()
    pyproject = root / "models/pyproject.toml"
    text = pyproject.read_text()
    for answer in ("[]", '"models.app.lambda_handler"'):
        pyproject.write_text(f"{text}[tool.uv-workspace-function]\nhandler = {answer}\n")
        assert [] == told()


def test_where_only_a_library_has_a_handler_the_gap_names_it(tmp_path: Path) -> None:
    """And not that no member has one."""
    root = lock(workspace(tmp_path / "w", {"orders": needs("models"), "models": ""}))
    app(root / "models")
    assert ["models"] == [gap.member for gap in check(root, Target(), offline=True).not_checked]
