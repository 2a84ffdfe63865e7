"""`services list` and `services prune` as people call them.

Covers also: cli/list_command.py, cli/prune_command.py.
"""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import files, handler, lock, needs, workspace
from uv_workspace_function.cli.main import COMMANDS, main
from wheelhouse import sdist


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A service with a library."""
    root = workspace(tmp_path_factory.mktemp("shop"), {"api": needs("models"), "models": ""})
    handler(root / "api")
    return lock(root)


def run(*arguments: str | Path) -> Result:
    """Call the command."""
    return CliRunner().invoke(main, list(map(str, arguments)))


_READING = (("list",), ("prune", "api", "--list"), ("check",))


@pytest.fixture
def closed(shop: Path) -> Iterator[Path]:
    """The same workspace, of and for a user who may not read everything."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as folder:
        root = shutil.copytree(shop, Path(folder).resolve() / "w")
        if user == 0:  # whom no mode stops
            for path in (root.parent, root, *root.rglob("*")):
                os.chown(path, 65534, -1)
            for command in _READING:  # what is imported on the way may lie where that user cannot go
                run(*command, "--workspace", root)
            os.seteuid(65534)
        try:
            yield root
        finally:
            os.seteuid(user)
            importlib.invalidate_caches()
            for path in (root, *root.rglob("*")):
                path.chmod(0o700)


@pytest.mark.parametrize("command", _READING, ids=lambda command: command[0])
@pytest.mark.parametrize(
    ("folder", "told"),
    [
        (".", "pyproject.toml"),
        ("api", "api/pyproject.toml"),
        ("api/src", "api/src"),
        ("api/src/api", "api/src/api"),
        ("models", "models/pyproject.toml"),
    ],
)
def test_a_folder_that_may_not_be_read_is_named(closed: Path, folder: str, told: str, command: tuple[str, ...]) -> None:
    """Whatever it holds, and whatever is asked."""
    (closed / folder).chmod(0)
    result = run(*command, "--workspace", closed)
    assert 2 == result.exit_code, result.output
    remedy = r"(; |\n    fix: )make it readable"
    assert re.search(rf"cannot read \S*{told}\S*: permission denied{remedy}", result.output), result.output


def test_a_folder_of_members_that_may_not_be_read_is_named(closed: Path) -> None:
    """It is not taken for an empty one, but only where uv would look into it, too."""
    pyproject = closed / "pyproject.toml"
    (closed / "more").mkdir(mode=0)
    before = pyproject.read_text()
    pyproject.write_text(before.replace("exclude = []", "exclude = ['more/*']").replace("['*']", "['api', 'models']"))
    assert 0 == run("list", "--workspace", closed).exit_code
    pyproject.write_text(before.replace("['*']", "['api', 'models', 'more/*']"))
    result = run("list", "--workspace", closed)
    assert (2, "error: cannot read more: permission denied; make it readable\n") == (
        result.exit_code,
        result.stderr,
    )


def test_list_shows_services_first(shop: Path) -> None:
    """One line a member."""
    assert run("list", "--workspace", shop).stdout == (
        "PACKAGE  FOLDER  HANDLER           LOCAL   THIRD-PARTY\n"
        "api      api     api.main.handler  models  0\n"
        "models   models  -                 -       0\n"
    )


def test_list_as_json(shop: Path) -> None:
    """The same for programs."""
    assert json.loads(run("list", "--workspace", shop, "--json").stdout)[0] == {
        "package": "api",
        "folder": "api",
        "handler": "api.main.handler",
        "standalone": False,
        "local": ["models"],
        "third_party": 0,
    }


def test_prune_writes_a_context(shop: Path, tmp_path: Path) -> None:
    """Data goes to the folder, words to stderr."""
    result = run("prune", "Api", "--workspace", shop, "--output", tmp_path / "out")
    assert (0, "") == (result.exit_code, result.stdout)
    assert "uv.lock" in files(tmp_path / "out")


def test_prune_lists_without_writing(shop: Path, tmp_path: Path) -> None:
    """Files, what was left out, and the digest."""
    (shop / "api/src/api/.env").write_text("SECRET=1")
    result = run("prune", "api", "--workspace", shop, "--list")
    (shop / "api/src/api/.env").unlink()
    assert "  api/src/api/main.py\n" in result.stdout
    assert "  left out  api/src/api/.env: " in result.stdout
    assert result.stdout.splitlines()[-1].startswith("digest ")
    assert [] == list(tmp_path.iterdir())


def test_a_library_can_be_pruned(shop: Path) -> None:
    """A handler is not asked for."""
    assert 0 == run("prune", "models", "--workspace", shop, "--list").exit_code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["prune", "apo", "--list"], "error: no workspace member is named 'apo'; did you mean 'api'? services are: api\n"),
        (["prune", "api"], "Error: give --output DIR to write the context, or --list to see what it holds\n"),
        (["prune", "api", "--list", "--extra", "fast"], "error: api has no extra 'fast'; it has no extras\n"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_exit_code_2(shop: Path, arguments: list[str], message: str) -> None:
    """Messages on stderr, nothing on stdout."""
    result = run(*arguments, "--workspace", shop)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.endswith(message)


def test_outside_any_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option that names one is told."""
    monkeypatch.chdir(tmp_path)
    result = run("list")
    assert 2 == result.exit_code
    assert "go to one, or name it with --workspace\n" in result.stderr


def test_the_nearest_workspace_above_is_found(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As uv does."""
    monkeypatch.chdir(shop / "api/src")
    assert 0 == run("list").exit_code


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_s_help_has_an_example(name: str) -> None:
    """And its line in the overview says what it does."""
    result = run(name, "--help")
    assert (0, "") == (result.exit_code, result.stderr)
    assert f"  services {name}" in result.stdout
    assert name in run("--help").stdout


def test_no_command_loads_the_cdk(shop: Path) -> None:
    """A fresh process that lists and prunes has no aws_cdk."""
    program = (
        "import sys\nfrom click.testing import CliRunner\nfrom uv_workspace_function.cli.main import COMMANDS, main\n"
        "for arguments in (['list'], ['prune', 'api', '--list']):\n"
        "    assert CliRunner().invoke(main, [*arguments, '--workspace', sys.argv[1]]).exit_code == 0\n"
        "for name in COMMANDS:\n    assert CliRunner().invoke(main, [name, '--help']).exit_code == 0\n"
        "print(sorted(m for m in sys.modules if m.startswith(('aws_cdk', 'jsii'))))"
    )
    done = subprocess.run([sys.executable, "-c", program, shop], capture_output=True, text=True, check=False)
    assert ("[]\n", "") == (done.stdout, done.stderr)


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """A service that needs a package of which there is only the source, and says that it may be built."""
    (tmp_path / "wheels").mkdir()
    sdist(tmp_path / "wheels", "fastmath")
    member = 'dependencies = ["fastmath"]\n[tool.uv-workspace-function]\nbuild-from-source = ["FastMath"]\n'
    root = workspace(tmp_path, {"api": member}, globs=["api"], tail='find-links = ["wheels"]\n')
    handler(root / "api")
    return lock(root)


def wheel_findings(root: Path) -> list[tuple[str, str, str]]:
    """What `services check` says of wheels: the file, what it is, what to do."""
    report = json.loads(run("check", "--workspace", root, "--format", "json").stdout)
    return [(f["file"], f["what"], f["remedy"]) for f in report["findings"] if f["code"] == "UWF008"]


def test_what_may_be_built_from_source_is_a_build_argument(compiled: Path) -> None:
    """A build by hand needs it as the construct does; the gate lets it be."""
    context = json.loads(run("prune", "api", "--workspace", compiled, "--list", "--json").stdout)
    assert context["build_args"]["BUILD_FROM_SOURCE"] == "fastmath"
    assert wheel_findings(compiled) == []


def test_a_name_to_build_that_the_lock_lacks_is_told(compiled: Path) -> None:
    """By the gate, and by prune."""
    pyproject = compiled / "api" / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('"FastMath"', '"fast-maths"'))
    what = "api/pyproject.toml: build-from-source of [tool.uv-workspace-function] names 'fast-maths', which is not in the lock"
    assert wheel_findings(compiled) == [("api/pyproject.toml", what, "did you mean 'fastmath'?")]
    result = run("prune", "api", "--workspace", compiled, "--list", "--json")
    assert (result.exit_code, result.stderr) == (2, f"error: {what}; did you mean 'fastmath'?\n")


def test_a_lock_for_other_environments_is_told_by_the_gate(tmp_path: Path) -> None:
    """Where `environments` stands."""
    root = workspace(tmp_path, {"api": ""}, tail="environments = [\"sys_platform == 'win32'\"]\n")
    handler(root / "api")
    lock(root)
    assert wheel_findings(root) == [
        (
            "pyproject.toml",
            (
                "uv.lock covers only environments with sys_platform == 'win32', so it lacks what api needs on "
                "CPython 3.14, aarch64, glibc 2.34"
            ),
            (
                "add \"sys_platform == 'linux' and platform_machine == 'aarch64'\" to `environments` of [tool.uv] "
                "and run `uv lock`"
            ),
        )
    ]
