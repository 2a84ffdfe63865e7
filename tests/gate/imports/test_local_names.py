"""Names that are taken from a module of a local package and that it does not bind.

Covers also: gate/imports/module_names.py.
"""

import ast
from pathlib import Path

import pytest
from made import handler, lock, workspace
from uv_workspace_function.gate.imports.module_names import names_of
from uv_workspace_function.gate.runner import check
from uv_workspace_function.target.target import Target


def test_a_finding_names_the_module_the_name_and_the_nearest_that_there_are(tmp_path: Path) -> None:
    """The most alike first; what is like none of them gets no proposal."""
    root = workspace(tmp_path / "shop", {"orders": ""}, globs=["orders"])
    handler(root / "orders", "from orders.prices import rate, zzz\ndef handler(event, context): return rate\n")
    package = root / "orders/src/orders"
    (package / "prices.py").write_text("RATE = 1\nrates = 2\n_rate = 3\ndef total(): pass\n")
    lock(root)

    found = [(f.code, f.file, f.line, f.problem, f.remedy) for f in check(root, Target(python="3.14")).findings]
    start = "orders imports orders.prices"
    module = "orders/src/orders/prices.py binds no"
    remedy = "import a name that it has, or define it there"
    assert [
        ("UWF003", "orders/src/orders/main.py", 1, f"{start}.rate, but {module} 'rate'; nearest: rates", remedy),
        ("UWF003", "orders/src/orders/main.py", 1, f"{start}.zzz, but {module} 'zzz'", remedy),
    ] == found


@pytest.mark.parametrize(
    "text",
    [
        "from other import *",
        "def __getattr__(name): return name",
        "from lazy import __getattr__",
        "globals()['x'] = 1",
        "locals().update(x=1)",
        "vars().update(x=1)",
        "exec(source)",
        "import sys\nsys.modules[__name__] = object()",
        "import apipkg\napipkg.initpkg(__name__, {'x': 'y:z'})",
        "import enum\n@enum.global_enum\nclass A(enum.Enum): x = 1",
        "from public import public\npublic(x=1)",
    ],
)
def test_a_module_that_makes_names_may_bind_any(text: str) -> None:
    """No statement of it binds `x`, and something else may."""
    assert names_of(ast.parse(text)).may_bind("x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a.b\na.b.x = 1", True),
        ("import a.b as m\nsetattr(m, 'x', 1)", True),
        ("from a import m\nfor n in names: setattr(m, n, 1)", True),
        ("import importlib\nm = importlib.import_module('a')\nm.__dict__.update(x=1)", True),
        ("import a\nvars(a)['x'] = 1", True),
        ("import a.b as m\nm.x += 1", True),
        ("import sys\ndef export(): sys._getframe(1).f_globals['x'] = 1", True),
        ("class A:\n    def f(self): self.x = 1", False),
        ("class A:\n    def f(self, n): setattr(self, n, 1)", False),
        ("from a import Shape\nfor n in names: setattr(Shape, n, 1)", False),
        ("print(vars(arguments))", False),
        ("import a\na.y = 1\nx = 1", False),
    ],
)
def test_what_a_file_sets_on_other_modules(text: str, expected: bool) -> None:
    """By assignment, by `setattr`, or through the module's dictionary; not on itself or on a class."""
    assert expected == names_of(ast.parse(text)).may_set("x")
