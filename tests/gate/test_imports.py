"""What the gate says of packages whose modules nothing on this machine knows."""

import json
import shlex
from pathlib import Path

from click.testing import CliRunner
from made import handler, lock, member, workspace
from uv_workspace_function.cli.main import main
from wheelhouse import uv, wheel


def not_checked(root: Path) -> dict[str, list[str]]:
    """The codes that could not be judged, and what to do, by member."""
    done = CliRunner().invoke(main, ["check", "--workspace", str(root), "--format", "json"])
    found: dict[str, list[str]] = {}
    for gap in json.loads(done.stdout)["not_checked"]:
        found.setdefault(gap["member"], []).append(gap["remedy"])
    return found


def test_the_command_that_it_names_makes_the_packages_known(tmp_path: Path) -> None:
    """A standalone project has an environment of its own, which a sync of the workspace does not fill."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    wheel(wheels, "fast")
    source = f'[tool.uv]\nno-index = true\nfind-links = ["{wheels}"]\n'
    root = workspace(
        tmp_path / "shop",
        {"orders": 'dependencies = ["fast"]\n'},
        globs=["orders"],
        exclude=["services/legacy"],
        tail=f'find-links = ["{wheels}"]',
    )
    legacy = member(root / "services/legacy", f'dependencies = ["fast"]\n{source}')
    for folder in (root / "orders", legacy):
        handler(folder, "import fast\ndef handler(event, context): return fast\n")
    lock(root)
    lock(legacy)

    said = not_checked(root)
    cached = ", or download the packages into uv's cache"
    commands = {
        "orders": "uv sync --all-packages --all-groups --all-extras",
        "legacy": "uv sync --project services/legacy --all-groups --all-extras",
    }
    assert said == {name: [f"run `{command}`{cached}"] for name, command in commands.items()}

    uv(*shlex.split(commands["legacy"])[1:], cwd=root)
    assert ["orders"] == list(not_checked(root))
    uv(*shlex.split(commands["orders"])[1:], cwd=root)
    assert {} == not_checked(root)
