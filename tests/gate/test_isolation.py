"""What to do about a handler that does not import on its own (UWF011): by what is missing."""

from pathlib import Path

import pytest
from made import handler, lock, workspace
from uv_workspace_function.gate.runner import check
from uv_workspace_function.target.target import Target

# No reading of the source finds such an import: only importing does.
IMPORT = "import importlib\nNAME = {name!r}\nimportlib.import_module(NAME)\ndef handler(event, context): ...\n"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("nowhere.inner", "declare what it imports where it imports it: `uv add --package MEMBER PACKAGE`"),
        ("orders.nowhere", "orders is orders's own: correct the import, or see `services prune orders --list`"),
        (
            "orders.lib.code",
            (
                "orders/src/orders/lib/ is left out of every image (ignored by .gitignore): `include` in [tool.uv-workspace-function] of "
                "orders/pyproject.toml takes what is no secret and no tool's own; or give it another name"
            ),
        ),
    ],
)
def test_the_remedy_is_for_what_is_missing(tmp_path: Path, name: str, expected: str) -> None:
    """A package is declared, a module of the member's own is corrected, code that was left out is included."""
    root = workspace(tmp_path / "shop", {"orders": ""}, globs=["orders"])
    handler(root / "orders", IMPORT.format(name=name))
    lost = root / "orders/src/orders/lib"
    lost.mkdir()
    (lost / "__init__.py").touch()
    (lost / "code.py").touch()
    (root / ".gitignore").write_text("lib/\n")
    lock(root)

    [finding] = check(root, Target(python="3.14"), isolated=True).findings
    assert ("UWF011", "orders/src/orders/main.py", 3) == (finding.code, finding.file, finding.line)
    assert expected == finding.remedy


def test_the_remedy_for_code_that_is_wrong_is_to_correct_it(tmp_path: Path) -> None:
    """Nothing is missing then."""
    root = workspace(tmp_path / "shop", {"orders": ""}, globs=["orders"])
    handler(root / "orders", "int.nothing\ndef handler(event, context): ...\n")
    lock(root)

    [finding] = check(root, Target(python="3.14"), isolated=True).findings
    assert "correct it there, and call it once: `services invoke`" == finding.remedy
