"""`services new`: scaffold a service, ready to lock, test and stage.

Covers also: cli/new_command.py.
"""

import errno
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import files, handler, lock, member, workspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv, wheel

HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'


def run(root: Path, *arguments: str) -> Result:
    """Call `services new`."""
    return CliRunner().invoke(main, ["new", "--workspace", str(root), *arguments])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service and a library in different folders, and a wheel that passes for pytest."""
    house = tmp_path / "house"
    house.mkdir()
    wheel(house, "pytest", "9.0")
    wheel(house, "stripe", "9.0")
    root = workspace(
        tmp_path / "w",
        {"libs/models": 'dependencies = ["stripe"]'},
        globs=["libs/*", "apps/*"],
        exclude=["apps/old"],
        tail=f'find-links = ["{house}"]\n',
    )
    handler(member(root / "apps/order_api", name="order-api", build_system=HATCHLING))
    return root


def test_a_new_service_is_locked_staged_and_tested_as_it_is(shop: Path) -> None:
    """uv takes it as a member, its context can be staged, and its own test passes."""
    assert 0 == run(shop, "Invoice.Mailer").exit_code
    lock(shop)
    loaded = Workspace.load(shop)
    assert "invoice_mailer.main.handler" == loaded.member("invoice-mailer").handler
    assert "apps/invoice_mailer/src/invoice_mailer/main.py" in BuildContext.of(loaded, "invoice-mailer").files
    folder = shop / "apps/invoice_mailer"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder / "tests"],
        cwd=shop,
        env={"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout


def test_it_lies_beside_the_other_services_spelled_and_built_as_they_are(shop: Path) -> None:
    """Files on stdout; nothing else in the repository is touched."""
    before = files(shop)
    result = run(shop, "invoice-mailer")
    written = [
        "apps/invoice_mailer/pyproject.toml",
        "apps/invoice_mailer/src/invoice_mailer/__init__.py",
        "apps/invoice_mailer/src/invoice_mailer/main.py",
        "apps/invoice_mailer/events/sample.json",
        "apps/invoice_mailer/tests/test_invoice_mailer.py",
    ]
    assert written == result.stdout.splitlines()
    after = files(shop)
    assert {path: text for path, text in after.items() if path not in written} == before
    assert after["apps/invoice_mailer/pyproject.toml"].endswith(HATCHLING)


def test_what_is_left_to_do_is_said(shop: Path) -> None:
    """Lock, test, and the stack's lines, with its own name in each."""
    assert run(shop, "invoice-mailer").stderr == (
        "\nnext:\n"
        "  uv lock\n"
        "  uv run --package invoice-mailer pytest apps/invoice_mailer/tests/test_invoice_mailer.py\n"
        "and in a stack:\n"
        '  UvWorkspaceFunction(self, "InvoiceMailer", workspace=workspace, service="invoice-mailer")\n'
    )


def give_root(shop: Path, groups: str) -> None:
    """Make the root a project with tests of services."""
    (shop / "tests/services").mkdir(parents=True)
    text = (shop / "pyproject.toml").read_text()
    (shop / "pyproject.toml").write_text(f'[project]\nname = "all"\nversion = "0"\n{groups}{text}')


@pytest.mark.parametrize(
    ("groups", "group"),
    [
        ("", "dev"),
        ('[dependency-groups]\nlint = ["ruff"]\napps = [{ include-group = "lint" }, "Order.API>=1"]\n', "apps"),
    ],
)
def test_tests_go_where_those_of_services_are(shop: Path, groups: str, group: str) -> None:
    """`tests/services` of a root project, which then has to declare it like the others; its sample events are found from there."""
    give_root(shop, groups)
    result = run(shop, "mailer")
    assert result.stdout.splitlines()[-1] == "tests/services/test_mailer.py"
    assert 'EVENTS = Path(__file__).parents[2] / "apps/mailer/events"' in files(shop)["tests/services/test_mailer.py"]
    assert f"  uv add --group {group} mailer\n  uv run pytest tests/services/test_mailer.py\n" in result.stderr


def test_a_root_that_is_no_project_cannot_declare_it(shop: Path) -> None:
    """So the test goes into the service's own folder."""
    (shop / "tests/services").mkdir(parents=True)
    assert run(shop, "mailer").stdout.splitlines()[-1] == "apps/mailer/tests/test_mailer.py"


def test_typed_services_get_a_typed_one(shop: Path) -> None:
    """So that a type checker reads it through the environment like the others."""
    (shop / "apps/order_api/src/order_api/py.typed").touch()
    assert "apps/mailer/src/mailer/py.typed" in run(shop, "mailer").stdout.splitlines()


def test_the_first_member_of_a_workspace(tmp_path: Path) -> None:
    """No lock and no member is needed; the glob says where, uv_build builds it."""
    root = workspace(tmp_path / "w", globs=["lambdas/*"])
    assert "lambdas/mailer/pyproject.toml" in run(root, "mailer").stdout
    assert 'build-backend = "uv_build"' in files(root)["lambdas/mailer/pyproject.toml"]


def test_a_folder_of_choice(shop: Path) -> None:
    """Anywhere a glob reaches."""
    assert "libs/mail/pyproject.toml" in run(shop, "mailer", "--folder", "libs/mail").stdout


def test_a_backend_with_a_plugin_is_not_copied(shop: Path) -> None:
    """It would want settings that only its owner knows."""
    text = HATCHLING.replace('"hatchling"', '"hatchling", "hatch-vcs"')
    handler(member(shop / "apps/order_api", name="order-api", build_system=text))
    run(shop, "mailer")
    assert 'requires = ["uv_build>=0.13,<0.14"]' in files(shop)["apps/mailer/pyproject.toml"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("-x", "error: '-x' cannot be a package's name: letters, digits, '-', '_' and '.' are allowed, and the first and last must be a letter or digit\n"),
        ("Größe", "error: 'Größe' cannot be a package's name: letters, digits, '-', '_' and '.' are allowed, and the first and last must be a letter or digit\n"),
        ("../x", "error: '../x' cannot be a package's name: letters, digits, '-', '_' and '.' are allowed, and the first and last must be a letter or digit\n"),
        ("2day", "error: '2day' gives the module '2day', which Python cannot import; choose another name\n"),
        ("class", "error: 'class' gives the module 'class', which Python cannot import; choose another name\n"),
        ("JSON", "error: 'JSON' gives the module 'json', which is in Python's standard library; choose another name\n"),
        ("Order_API", "error: the name 'order-api' is taken: it is the package in apps/order_api; choose another\n"),
        ("old", "error: the name 'old' is taken: it is the package in apps/old; choose another\n"),
        ("stripe", "error: the name 'stripe' is taken: uv.lock has a third-party package of it; choose another\n"),
        ("shared", "error: the module 'shared' is taken: it is in acme-shared, libs/acme; choose another name\n"),
        ("idle", "error: apps/idle is there already; choose another name, or another folder with --folder\n"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_or_taken_is_refused(shop: Path, name: str, message: str) -> None:
    """By a member, a standalone project, a locked package, a module or a folder; nothing is written."""
    lock(member(shop / "apps/old", "[tool.uv]\nno-index = true"))
    acme = member(shop / "libs/acme", name="acme-shared")
    (acme / "src/acme_shared").rename(acme / "src/shared")
    (acme / "pyproject.toml").write_text(
        (acme / "pyproject.toml").read_text() + '[tool.uv.build-backend]\nmodule-name = "shared"\n'
    )
    lock(shop)
    (shop / "apps/idle").mkdir()
    before = files(shop)
    result = run(shop, "--", name)
    assert (2, "", message) == (result.exit_code, result.stdout, result.stderr)
    assert before == files(shop)


@pytest.mark.parametrize("folder", ["elsewhere/mailer", "apps/old", "apps/deep/mailer"])
def test_a_folder_that_no_glob_reaches_is_refused(shop: Path, folder: str) -> None:
    """The globs are shown."""
    result = run(shop, "mailer", "--folder", folder)
    assert 2 == result.exit_code
    assert result.stderr == (
        f"error: {folder} would be no member: [tool.uv.workspace] has members = ['libs/*', 'apps/*'], exclude = "
        f"['apps/old']; name a folder that fits with --folder, or add '{folder}' to members\n"
    )


def test_members_listed_one_by_one(tmp_path: Path) -> None:
    """None of them is the new one."""
    root = workspace(tmp_path / "w", ["api"], globs=["api"])
    handler(root / "api")
    assert "mailer would be no member: [tool.uv.workspace] has members = ['api']" in run(root, "mailer").stderr


@pytest.mark.parametrize("folder", ["../w2", "/tmp/x", "."])
def test_a_folder_outside_the_workspace_is_refused(shop: Path, folder: str) -> None:
    """Or the root itself."""
    assert re.search(r"is not a folder below|is there already", run(shop, "mailer", "--folder", folder).stderr)


def test_a_root_that_is_no_workspace(tmp_path: Path) -> None:
    """The table to write is named."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\n')
    assert "has no [tool.uv.workspace]; give the workspace's root" in run(tmp_path, "mailer").stderr


@pytest.mark.parametrize("fails_at", range(5))
def test_a_full_disk_leaves_nothing(shop: Path, fails_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file it is that does not fit."""
    before = sorted(shop.rglob("*"))
    opened = 0
    original = Path.open

    def full(path: Path, *arguments: str, **options: str) -> object:
        nonlocal opened
        if arguments == ("x",):
            opened += 1
            if opened > fails_at:
                raise OSError(errno.ENOSPC, "No space left on device")
        return original(path, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", full)
    result = run(shop, "mailer")
    assert (2, "error: mailer could not be written: the disk is full; nothing was left behind\n") == (
        result.exit_code,
        result.stderr,
    )
    assert before == sorted(shop.rglob("*"))


def test_uv_itself_lists_the_new_member(shop: Path) -> None:
    """The rules that it was checked by are uv's."""
    run(shop, "mailer", "--folder", "apps/mailer")
    lock(shop)
    assert "mailer" in uv("workspace", "list", cwd=shop).stdout.split()
