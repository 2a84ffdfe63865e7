"""What the gate says of packages whose modules nothing on this machine knows.

Covers also: gate/imports/target_syntax.py.
"""

import json
import shlex
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from made import handler, lock, member, workspace
from uv_workspace_function.cli.main import main
from wheelhouse import uv, wheel


def not_checked(root: Path) -> dict[str, list[str]]:
    """The codes that could not be judged, and what to do, by member."""
    done = CliRunner().invoke(main, ["check", "--workspace", str(root), "--format", "json"])
    found: dict[str, list[str]] = {}
    for gap in json.loads(done.stdout)["not_checked"]:
        if "UWF012" in gap["codes"]:
            continue  # the packages come from outside of the workspace, which no build context may hold
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


def test_without_ruff_it_says_that_syntax_was_not_judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a Python older than the one that runs, nobody else knows; ruff is an extra."""
    root = workspace(tmp_path / "shop", ["orders"])
    handler(root / "orders")
    lock(root)
    older = f"3.{sys.version_info.minor - 1}"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "facts"))

    def notes() -> list[str]:
        done = CliRunner().invoke(main, ["check", "--workspace", str(root), "--python", older, "--format", "json"])
        return [note for note in json.loads(done.stdout)["notes"] if "UWF006" in note]

    with monkeypatch.context() as without:
        without.setattr("uv_workspace_function.gate.imports.target_syntax.find_spec", lambda name: None)
        [note] = notes()
        assert note == (
            f"UWF006 (syntax that Python {older} does not have) was not checked in 2 files: that needs ruff, which "
            "uv-workspace-function[syntax] brings"
        )
    assert [] == notes()


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="3.15 knows lazy imports")
def test_of_syntax_newer_than_the_running_python_it_says_what_is_unknown(tmp_path: Path) -> None:
    """What such a module binds nobody tells: a name that it lacks would go unseen, and the report be clean."""
    root = workspace(tmp_path / "shop", ["orders"])
    handler(root / "orders")
    rates = root / "orders/src/orders/rates.py"
    rates.write_text("lazy import json\n")
    lock(root)

    def notes(python: str) -> list[str]:
        done = CliRunner().invoke(main, ["check", "--workspace", str(root), "--python", python, "--format", "json"])
        return [note for note in json.loads(done.stdout)["notes"] if "UWF003" in note]

    [note] = notes("3.15")
    assert note == (
        "UWF003 (names that a local module lacks) was not checked for 1 files, whose syntax is newer than the Python that runs "
        "the check: run it with Python 3.15"
    )
    rates.write_text("import json\n")
    assert [] == notes("3.15")


def test_what_code_and_tests_lack_is_one_finding(tmp_path: Path) -> None:
    """It is declared for the code, which serves the tests: two findings would ask for it twice."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for name in ("fast", "pytest"):
        wheel(wheels, name)
    table = 'dependencies = ["fast"]\n[dependency-groups]\ndev = ["pytest"]\n'
    root = workspace(
        tmp_path / "shop",
        {"billing": table, "orders": table[24:]},
        globs=["billing", "orders"],
        tail=f'find-links = ["{wheels}"]',
    )
    handler(root / "orders", "import fast\ndef handler(event, context): return fast\n")
    handler(root / "billing", "import fast\ndef handler(event, context): return fast\n")
    (root / "orders/tests").mkdir()
    (root / "orders/tests/test_orders.py").write_text("import pytest\nimport fast\n")
    lock(root)
    uv("sync", "--frozen", "--all-packages", "--all-groups", "--no-install-local", cwd=root)

    done = CliRunner().invoke(main, ["check", "--workspace", str(root), "--format", "json"])
    [finding] = [found for found in json.loads(done.stdout)["findings"] if found["code"] == "UWF003"]
    assert ("orders/src/orders/main.py", ["orders/tests/test_orders.py:2"]) == (finding["file"], finding["places"])
    assert "declare it: `uv add --package orders fast`" == finding["remedy"]
