"""What `services check` says of programs that a build runs."""

from pathlib import Path

import pytest
from made import BUILD_SYSTEM, handler, lock, workspace
from uv_workspace_function.gate.runner import check
from uv_workspace_function.target.target import Target

ABOVE = (
    "orders/{} runs when orders is built, and may read files above orders: a build context has them only if `include` in "
    "[tool.uv-workspace-function] names them"
)
TABLE = (
    "orders/{} runs when orders is built, and may read [tool.ruff] of pyproject.toml: no build context has that; keep what a build reads in "
    "a table of its own"
)


def notes(root: Path) -> list[str]:
    """Those about build programs."""
    return [note for note in check(root, Target(), offline=True).notes if "when orders is built" in note]


@pytest.mark.parametrize(
    ("program", "text", "expected"),
    [
        ("setup.py", "open('../VERSION').read()", [ABOVE]),
        ("setup.py", "Path(__file__).parent.parent / 'shared'", [ABOVE]),
        ("setup.py", "Path(__file__).parents[2]", [ABOVE]),
        ("setup.py", "os.path.join(here, '..', 'shared')", [ABOVE]),
        ("setup.py", "os.path.join(here, os.pardir)", [ABOVE]),
        ("hooks/stubs.py", "read('pyproject.toml')['tool']['ruff']", [TABLE]),
        ("hooks/stubs.py", "read('pyproject.toml')[\"tool\"].get('ruff'); open('../x')", [ABOVE, TABLE]),
        ("setup.py", "Path(__file__).parent / 'VERSION'; Path(__file__).parents[0]", []),
        ("setup.py", "read('pyproject.toml')['tool']['orders']", []),
        ("setup.py", "subprocess.run(['ruff', 'format'])", []),
        ("tools/other.py", "open('../VERSION').read()", []),
    ],
)
def test_what_a_build_may_miss_is_told(tmp_path: Path, program: str, text: str, expected: list[str]) -> None:
    """Of the programs that a build runs, and of no other."""
    hook = '[tool.hatch.build.hooks.custom]\npath = "hooks/stubs.py"\n' if program.startswith("hooks") else ""
    root = workspace(tmp_path / "w", {"orders": hook})
    handler(root / "orders")
    path = root / "orders" / program
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    lock(root)
    assert [each.format(program) for each in expected] == notes(root)


def test_what_include_names_is_known(tmp_path: Path) -> None:
    """Nothing is said where the files above are in the context."""
    root = workspace(tmp_path / "w", {"orders": '[tool.uv-workspace-function]\ninclude = ["../VERSION"]\n'})
    (root / "VERSION").write_text("1\n")
    handler(root / "orders")
    (root / "orders/setup.py").write_text("open('../VERSION').read()")
    lock(root)
    assert [] == notes(root)


def test_a_member_that_is_copied_has_no_build(tmp_path: Path) -> None:
    """Its `setup.py` is not run."""
    root = workspace(tmp_path / "w", {"orders": "[tool.uv]\npackage = false\n"})
    handler(root / "orders")
    definition = root / "orders/pyproject.toml"
    definition.write_text(definition.read_text().replace(BUILD_SYSTEM, ""))
    (root / "orders/setup.py").write_text("open('../VERSION').read()")
    lock(root)
    assert [] == notes(root)
