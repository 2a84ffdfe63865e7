"""`services who`: which services hold a package, and through what.

Covers also: cli/who_command.py.
"""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import handler, lock, needs, workspace
from uv_workspace_function.cli.main import main
from wheelhouse import uv, wheel


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two services: one holds `low` 1.0 by three ways, the other 2.0b1 for Windows alone; `extra-only` comes by an extra."""
    base = tmp_path_factory.mktemp("shop")
    house = base / "house"
    house.mkdir()
    wheel(house, "low", "1.0")
    wheel(house, "low", "2.0b1")
    wheel(house, "mid", requires=["low"])
    wheel(house, "top", requires=["mid", "extra-only; extra == 'fast'"], extras=["fast"])
    wheel(house, "extra-only")
    wheel(house, "winning", requires=["low"])
    wheel(house, "tester")
    api = needs("models").replace("dependencies = [", 'dependencies = ["top[fast]", "low<2", ')
    windows = 'dependencies = ["winning; sys_platform == \'win32\'", "mid"]\n[dependency-groups]\ndev = ["tester"]\n'
    root = workspace(
        base / "w",
        {"api": api, "models": 'dependencies = ["mid"]', "report": windows},
        tail=f'find-links = ["{house}"]\n',
    )
    for name in ("api", "report"):
        handler(root / name)
    return lock(root)


def run(root: Path, *arguments: str) -> Result:
    """Call `services who`."""
    return CliRunner().invoke(main, ["who", "--workspace", str(root), *arguments])


def test_each_way_to_a_package_is_a_line(shop: Path) -> None:
    """One for each direct dependency that leads there, the shortest; a dependency of its own is said to be one."""
    assert run(shop, "low").stdout == (
        "api: low 1.0, its own dependency\n"
        "api: low 1.0 through models -> mid\n"
        "api: low 1.0 through top -> mid\n"
        "report: low 1.0 through mid\n"
    )


def test_uv_tree_knows_the_same_holders(shop: Path) -> None:
    """uv's own inverted tree names the same direct users of the package."""
    tree = uv(
        "tree",
        "--frozen",
        "--no-dev",
        "--invert",
        "--package",
        "low",
        "--depth",
        "1",
        "--python-platform",
        "linux",
        cwd=shop,
    ).stdout
    users = {line.split(" ")[1] for line in tree.splitlines() if line.startswith(("├──", "└──"))}
    found = json.loads(run(shop, "low", "--json").stdout)
    assert users == {(chain or [holder["service"]])[-1] for holder in found for chain in holder["through"]}


def test_an_extra_that_is_asked_for_on_the_way_counts(shop: Path) -> None:
    """Its packages are in the image."""
    assert "api: extra-only 1.0 through top\n" == run(shop, "extra-only").stdout


def test_a_library_can_be_asked_for(shop: Path) -> None:
    """Any spelling of its name does."""
    assert "api: models 1, its own dependency\n" == run(shop, "Models>=1").stdout


def test_as_json(shop: Path) -> None:
    """An empty way is the service's own requirement."""
    assert json.loads(run(shop, "low<1.5", "--json").stdout)[0] == {
        "service": "api",
        "package": "low",
        "version": "1.0",
        "through": [[], ["models", "mid"], ["top", "mid"]],
    }


@pytest.mark.parametrize(
    ("requirement", "message"),
    [
        ("low>1.5", "no service holds low>1.5, but low 1.0 in api, report\n"),
        ("winning", "no service holds winning: winning is locked only for other members, groups or machines\n"),
        ("tester", "no service holds tester: tester is locked only for other members, groups or machines\n"),
        ("extra-onli", "no service holds extra-onli: extra-onli is not in any lock; did you mean 'extra-only'?\n"),
    ],
)
def test_none_is_an_answer_too(shop: Path, requirement: str, message: str) -> None:
    """With what there is instead; exit code 0, nothing on stdout."""
    result = run(shop, requirement)
    assert (0, "", message) == (result.exit_code, result.stdout, result.stderr)


@pytest.mark.parametrize("requirement", ["low<<1", "", "low @ file:///x", "low; python_version > '3'", "low[a]"])
def test_what_is_no_requirement_is_refused(shop: Path, requirement: str) -> None:
    """Exit code 2, and how to write it."""
    result = run(shop, requirement)
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.endswith("write it like 'urllib3<2.5'\n")


def test_an_unknown_python_is_refused(shop: Path) -> None:
    """In one line."""
    result = run(shop, "low", "--python", "three")
    assert (2, "error: python must be a minor version such as '3.14', not 'three'\n") == (
        result.exit_code,
        result.stderr,
    )
