"""The builder's program on this machine: each file as the context has it, with bytecode that a second step takes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from oci.conftest import Build, reused
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.oci import builder_program, interpreter
from uv_workspace_function.oci.staged import StagedContext
from uv_workspace_function.oci.store import Store
from uv_workspace_function.workspace.workspace import Workspace


@pytest.fixture
def context(shop: Path) -> StagedContext:
    return StagedContext.of(BuildContext.of(Workspace.load(shop), "orders"))


@pytest.fixture
def program(context: StagedContext, python_314: Path, tmp_path: Path) -> tuple[interpreter.Interpreter, Path]:
    store = Store(tmp_path / "store")
    found = interpreter.find(store, "3.14", uv=Path("no-uv"), given=python_314)
    return found, builder_program.kept(store, context, found)


def test_a_file_that_is_another_one_is_written_again(
    context: StagedContext, program: tuple[interpreter.Interpreter, Path], tmp_path: Path
) -> None:
    """What lies there is believed only where it is the context's."""
    found, folder = program
    changed = folder / "builder/layer.py"
    changed.write_text("raise SystemExit('not the program')")
    (folder / "builder/home.py").unlink()
    assert folder == builder_program.kept(Store(tmp_path / "store"), context, found)
    assert {path.name: path.read_bytes() for path in (folder / "builder").iterdir()} == {
        Path(path).name: file.content for path, file in context.program.items()
    }


def test_a_second_step_compiles_nothing(program: tuple[interpreter.Interpreter, Path]) -> None:
    """Neither the program nor what it imports; and no variable of it reaches a backend."""
    found, folder = program
    command = [*builder_program.command(found, folder, "no-such-step")]
    variables = {"PYTHON_VERSION": "3.14", "PYTHONDONTWRITEBYTECODE": "1"}

    def compiled() -> list[str]:
        done = subprocess.run(
            [command[0], "-v", *command[1:]], check=False, cwd=folder, env=variables, capture_output=True, text=True
        )
        assert "KeyError: 'no-such-step'" in done.stderr
        return [line for line in done.stderr.splitlines() if line.startswith("# created '")]

    first = compiled()
    assert any("builder/layer" in line for line in first)
    assert all(f"'{folder}/bytecode/" in line for line in first)
    assert [] == compiled()


def test_bytecode_that_was_cut_off_is_made_again(build: Build, cache: Path) -> None:
    """As a full disk leaves it; Python itself would fail with it for ever."""
    build("orders")
    cut = [path for path in cache.glob("programs/*/bytecode/**/*.pyc") if path.parent.name == "builder"]
    for path in cut:
        path.write_bytes(path.read_bytes()[:100])
    shutil.rmtree(cache / "records/steps")
    assert set() == reused(build("orders"))
    assert all(path.stat().st_size > 100 for path in cut)


def test_a_program_that_nobody_wanted_for_a_month_goes(
    program: tuple[interpreter.Interpreter, Path], tmp_path: Path
) -> None:
    _, folder = program
    store = Store(tmp_path / "store")
    store.bound()
    assert folder.exists()
    os.utime(folder, (0, 0))
    store.bound()
    assert not folder.exists()
