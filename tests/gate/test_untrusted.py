"""A workspace that nobody trusts: what `services check` runs of it, and what `--offline` keeps from running."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from made import handler, lock, member, workspace
from uv_workspace_function.cli.main import main

BACKEND = """
import os
open({ran!r}, "a").close()
def get_requires_for_build_editable(settings=None):
    return []
def prepare_metadata_for_build_editable(folder, settings=None):
    os.makedirs(os.path.join(folder, "orders-1.dist-info"))
    with open(os.path.join(folder, "orders-1.dist-info", "METADATA"), "w") as stream:
        stream.write("Metadata-Version: 2.1\\nName: orders\\nVersion: 1\\n")
    with open(os.path.join(folder, "orders-1.dist-info", "WHEEL"), "w") as stream:
        stream.write("Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return "orders-1.dist-info"
def build_wheel(*_): raise NotImplementedError
build_editable = build_wheel
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service, locked."""
    root = workspace(tmp_path / "shop", ["orders"])
    handler(root / "orders")
    return lock(root)


def run(root: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["check", "--workspace", str(root), *options])


def test_a_fresh_lock_is_clean_offline(shop: Path) -> None:
    """Nothing is lost where nothing is dynamic."""
    result = run(shop, "--offline")
    assert "UWF001" not in result.stdout, result.stdout
    assert run(shop).stdout == result.stdout


def test_a_stale_lock_is_found_offline(shop: Path) -> None:
    """Without an index."""
    member(shop / "orders", 'dependencies = ["requests"]')
    assert (
        "error UWF001  uv.lock:1\n    uv.lock does not match its pyproject.toml files" in run(shop, "--offline").stdout
    )


def test_no_backend_runs_offline(shop: Path, tmp_path: Path) -> None:
    """It does where uv is asked with an index, which docs/checks.md says."""
    ran = tmp_path / "ran"
    system = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    member(shop / "orders", 'dynamic = ["dependencies"]', build_system=system)
    (shop / "orders/backend.py").write_text(BACKEND.format(ran=str(ran)))
    said = run(shop, "--offline").stdout
    assert (
        "could not check UWF001, UWF002: uv.lock: uv cannot tell offline: uv would run the build backend of orders, which has "
        "dynamic dependencies"
    ) in said
    assert not ran.exists()
    run(shop)
    assert ran.exists()


def test_what_an_index_would_not_help_is_not_sent_to_one(shop: Path) -> None:
    """uv's own words say what to fix: here it is another uv than the workspace wants."""
    root = shop / "pyproject.toml"
    root.write_text(root.read_text().replace("[tool.uv]\n", '[tool.uv]\nrequired-version = "<0.1"\n'))
    said = run(shop, "--offline").stdout
    assert (
        "could not check UWF001, UWF002: uv.lock: uv cannot tell offline: Required uv version `<0.1` does not match"
        in said
    )
    assert "\n    fix: fix what uv says, then run the check again\n" in said
    assert "run the check without --offline" not in said


def test_a_workspace_that_cannot_be_read_is_not_asked_about_offline(shop: Path) -> None:
    """uv would resolve it with an index."""
    (shop / "uv.lock").unlink()
    result = run(shop, "--offline")
    assert result.exit_code == 2
    assert "could not check UWF001 to UWF" in result.stdout


def test_isolated_and_offline_exclude_each_other(shop: Path) -> None:
    """The one runs what the other keeps from running."""
    result = run(shop, "--offline", "--isolated")
    assert result.exit_code == 2
    assert "--isolated runs the workspace's code" in result.stderr


def test_no_module_of_the_folder_runs(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs of ours are not looked for in the folder that the check runs in."""
    ran = tmp_path / "ran"
    for name in ("ruff", "uv", "subprocess", "json", "sitecustomize", "usercustomize"):
        (shop / f"{name}.py").write_text(f"open({str(ran)!r}, 'a').write({name!r})\n")
    (shop / "orders/src/orders/newer.py").write_text("type Name = str\n")
    monkeypatch.chdir(shop)
    run(shop)
    assert not ran.exists()
    import subprocess

    subprocess.run([sys.executable, "-m", "ruff"], cwd=shop, capture_output=True, check=False)
    assert ran.exists()
