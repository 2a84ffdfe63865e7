"""`services why`: what changed in a service's build context.

Covers also: cli/why_command.py, insight/comparison.py.
"""

import json
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import handler, lock, member, workspace
from uv_workspace_function.cli.main import main
from wheelhouse import wheel


def git(root: Path, *arguments: str) -> None:
    """Run git as somebody."""
    who = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


def run(root: Path, *arguments: str) -> Result:
    """Call `services why`."""
    return CliRunner().invoke(main, ["why", "--workspace", str(root), *arguments])


INDEX = "https://packages.example/simple"


def lock_from_index(root: Path) -> None:
    """Lock anew, as if the wheels of the folder beside the workspace came from an index."""
    house = root.parent / "house"
    text = (root / "pyproject.toml").read_text().replace("no-index = true", f'index-url = "{INDEX}"')
    offline = text.replace(f'index-url = "{INDEX}"', f'no-index = true\nfind-links = ["{house}"]')
    (root / "pyproject.toml").write_text(offline)
    (root / "uv.lock").unlink(missing_ok=True)
    lock(root)
    (root / "pyproject.toml").write_text(text)
    locked = (root / "uv.lock").read_text().replace(f'registry = "{house}"', f'registry = "{INDEX}"')
    locked = locked.replace('registry = "../house"', f'registry = "{INDEX}"')
    (root / "uv.lock").write_text(locked.replace('{ path = "', f'{{ url = "{INDEX}/'))


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service with a library and third-party packages at three distances, committed."""
    house = tmp_path / "house"
    house.mkdir()
    for name, requires in [("low", []), ("mid", ["low"]), ("own", []), ("idle", [])]:
        wheel(house, name, "1.0", requires=requires)
    api = 'dependencies = ["models", "own"]\n[tool.uv.sources.models]\nworkspace = true\n'
    root = workspace(
        tmp_path / "w",
        {"api": api, "models": 'dependencies = ["mid"]', "other": 'dependencies = ["idle"]'},
    )
    handler(root / "api")
    lock_from_index(root)
    git(root, "init", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--message=first")
    return root


def release(root: Path, *names: str) -> None:
    """A newer version of packages, locked."""
    for name in names:
        wheel(root.parent / "house", name, "1.1")
    lock_from_index(root)


def test_nothing_is_said_to_be_nothing(shop: Path) -> None:
    """A change elsewhere is no reason."""
    (shop / "other/src/other/more.py").touch()
    release(shop, "idle")
    result = run(shop, "Api", "--since", "main")
    assert (0, "") == (result.exit_code, result.stdout)
    assert "nothing: the build context of api is what it was at main, byte for byte\n" == result.stderr


def test_each_file_and_each_locked_version_is_a_line(shop: Path) -> None:
    """With what of a table differs, and through what a package comes."""
    (shop / "api/src/api/main.py").write_text("def handler(event, context):\n    return None\n")
    (shop / "models/src/models/data.json").write_text("{}")
    text = (shop / "api/pyproject.toml").read_text()
    (shop / "api/pyproject.toml").write_text(text.replace('version = "1"', 'version = "2"'))
    release(shop, "low", "own")
    assert run(shop, "api", "--since", "HEAD").stdout == (
        "api/pyproject.toml is different in project.version\n"
        "api/src/api/main.py is different\n"
        "models/src/models/data.json is new\n"
        "package api 1 -> 2\n"
        "package low 1.0 -> 1.1, through models -> mid\n"
        "package own 1.0 -> 1.1, its own dependency\n"
    )


def test_a_package_that_is_gone_came_through_something(shop: Path) -> None:
    """The way is the one it came by."""
    (shop / "models/pyproject.toml").write_text((shop / "models/pyproject.toml").read_text().replace('["mid"]', "[]"))
    lock_from_index(shop)
    lines = run(shop, "api", "--since", "main").stdout.splitlines()
    assert "package low 1.0 is gone, through models -> mid" in lines
    assert "package mid 1.0 is gone, through models" in lines


def test_as_json(shop: Path) -> None:
    """The same for programs."""
    release(shop, "low")
    found = json.loads(run(shop, "api", "--since", "main", "--json").stdout)
    assert found["changes"] == [
        {
            "kind": "package",
            "name": "low",
            "before": "1.0",
            "after": "1.1",
            "through": ["models", "mid"],
            "text": "package low 1.0 -> 1.1",
        }
    ]


def test_a_new_service_is_new(shop: Path) -> None:
    """All of it, in one line."""
    handler(member(shop / "fresh"))
    lock_from_index(shop)
    assert "fresh is new\n" == run(shop, "fresh", "--since", "main").stdout


def test_a_workspace_that_could_not_be_read_then(shop: Path) -> None:
    """Its own error is told, without the name of a temporary folder."""
    lock_text = (shop / "uv.lock").read_text()
    (shop / "uv.lock").unlink()
    git(shop, "add", "--all")
    git(shop, "commit", "--message=without a lock")
    (shop / "uv.lock").write_text(lock_text)
    result = run(shop, "api", "--since", "HEAD")
    assert (2, "error: api had no build context at HEAD to compare with: there is no uv.lock; run `uv lock` and commit the file\n") == (result.exit_code, result.stderr)  # fmt: skip


@pytest.mark.parametrize("ref", ["nowhere", "--help-me", "1234567"])
def test_a_ref_that_does_not_exist(shop: Path, ref: str) -> None:
    """Exit code 2."""
    result = run(shop, "api", f"--since={ref}")
    assert (2, "") == (result.exit_code, result.stdout)
    assert result.stderr.startswith(f"error: there is no commit {ref!r} in ")


def test_no_repository(tmp_path: Path) -> None:
    """What there must be is said."""
    root = lock(workspace(tmp_path / "w", ["a"]))
    result = run(root, "a", "--since", "main")
    assert 2 == result.exit_code
    assert "is not in a git repository that can be read" in result.stderr
