"""Names that are taken from a module of a local package and that it does not bind.

Covers also: gate/imports/module_names.py, gate/imports/module_table.py, gate/imports/handed_name.py.
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
        "import sys as _sys\n_sys.modules[__name__] = object()",
        "from sys import modules\nmodules[__name__] = object()",
        "from sys import modules as known\nknown.update({__name__: object()})",
        "import sys\nsys.modules |= {__name__: object()}",
        "import sys\nsys.modules.setdefault('a.b', object())",
        "import sys\ntable = sys.modules\ntable[__name__] = object()",
        "import sys\ndel sys.modules[__name__]",
        "import sys\nsys.modules.pop(__name__)",
        "import sys\nm = module_from_spec(spec)\nsys.modules['a.b'] = m",
        "import sys\nm = Lazy()\nsys.modules[name] = m",
        "import sys\nfill(sys.modules)",
        "import sys\nfor n in names: setattr(sys.modules[__name__], n, 1)",
        "import sys\nsys.modules[__name__].__dict__.update(x=1)",
        "import sys\nvars(sys.modules[__name__]).update(x=1)",
        "import sys\nsys.modules[__name__].__class__ = Lazy",
        "import sys\nme = sys.modules.get(__name__)\nfor n in names: setattr(me, n, 1)",
        "import sys\ndef fill_in(): lazy.fill(sys.modules[__name__])",
        "import importlib\nme = importlib.import_module(__name__)\nfor n in names: setattr(me, n, 1)",
        "import lazy\n_lazy = lazy.install(__name__, {'x': 'y'})",
        "import lazy\ntry:\n    lazy.install(module=__name__)\nexcept Exception: pass",
        "import lazy\nif DEBUG: pass\nelse: lazy.install(names, [__name__])",
        "import lazy\ndef _install(): lazy.install(__name__)\n_install()",
        "import apipkg\napipkg.initpkg(__name__, {'x': 'y:z'})",
        "import enum\n@enum.global_enum\nclass A(enum.Enum): x = 1",
        "from public import public\npublic(x=1)",
    ],
)
def test_a_module_that_makes_names_may_bind_any(text: str) -> None:
    """No statement of it binds `x`, and something else may."""
    assert names_of(ast.parse(text)).may_bind("x")


@pytest.mark.parametrize(
    "text",
    [
        "import logging\nlog = logging.getLogger(__name__)",
        "import logging\nlogging.getLogger(__name__).addHandler(logging.NullHandler())",
        "import structlog\nlog = structlog.get_logger(name=__name__)",
        "from importlib.resources import files\nTEXT = (files(__name__) / 'a').read_text()",
        "app = Flask(__name__)",
        "__version__ = version(__name__)",
        "print(f'{__name__} is loaded')",
        "run(main, quiet=__name__ != '__main__')",
        "if __name__ == '__main__': run(__name__)",
        "def later(): lazy.install(__name__)",
        "import sys\nif 'x' in sys.modules: pass",
        "import sys\nfound = sys.modules.get('x')",
        "import sys\nfound = sys.modules['x']",
        "import sys\nm = module_from_spec(spec)\nsys.modules[name] = m\nspec.loader.exec_module(m)",
        "import sys\nsys.modules.pop('x', None)",
        "import sys\ndel sys.modules[name]",
        "import sys\nfor name in list(sys.modules): print(name)",
        "import sys\nnames = [n for n, m in sys.modules.items()]",
        "import sys as s\nif s.modules.get('x') is None: pass",
        "import sys, inspect\nfound = inspect.getmembers(sys.modules[__name__])",
        "import sys\ndef f(n): return getattr(sys.modules[__name__], n)",
        "from other import modules\nmodules[__name__] = 1",
    ],
)
def test_a_module_that_only_reads_its_name_or_its_place_binds_what_it_says(text: str) -> None:
    """Loggers, resources, applications and look-ups in `sys.modules` give a module no name."""
    names = names_of(ast.parse(text))
    assert not names.may_bind("x")
    assert not names.replaces_modules


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
        ("import sys\ndef export(): sys._getframe(1).f_locals['x'] = 1", True),
        ("import sys\ndef export(): names = sys._getframe(1).f_globals; names['x'] = 1", True),
        ("import a\nobject.__setattr__(a, 'x', 1)", True),
        ("import a\nfor n in names: object.__setattr__(a, n, 1)", True),
        ("import a\na.__setattr__('x', 1)", True),
        ("import a, b\nfor m in (a, b):\n    for n in names: setattr(m, n, 1)", True),
        ("import a\nm = a.b\nfor n in names: setattr(m, n, 1)", True),
        ("import sys\nsys.modules['a'].x = 1", True),
        ("import sys\nfound = sys.modules.get(name)\nfor n in names: setattr(found, n, 1)", True),
        ("import sys\nname = sys._getframe(1).f_globals['__name__']", False),
        ("import sys\nprint(sys._getframe(1).f_locals.get('x'))", False),
        ("class A:\n    def f(self): object.__setattr__(self, 'x', 1)", False),
        ("import a\nprint(vars(a)['x'], a.__dict__.get('x'))", False),
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


@pytest.mark.parametrize(
    ("helper", "use", "expected"),
    [
        ("def fill(module):\n    for n in names: setattr(module, n, 1)", "import orders.m\nfill(orders.m)", True),
        ("def fill(module): module.__dict__.update(found)", "import sys\nfill(module=sys.modules['m'])", True),
        ("def fill(*modules):\n    for m in modules: vars(m).update(f)", "from a import m\nfill([m])", True),
        ("def fill(module): m = module; m.__dict__.update(f)", "from a import m\nfill(m)", True),
        ("def fill(m): m.__dict__.update(f)", "from a import m, fill as go\ngo(m)", True),
        ("def fill(m): m.__dict__.update(f)", "from a import m, fill\nfrom b import later\nlater(fill, m)", True),
        ("class fill:\n    def __init__(self, m): setattr(m, n, 1)", "from a import m\nfill(m)", True),
        (
            "class fill:\n    def __init__(self, m): self.m = m\n    def go(self): setattr(self.m, n, 1)",
            "from a import m\nfill(m).go()",
            True,
        ),
        ("def fill(row, new):\n    for n in new: setattr(row, n, 1)", "def f(row): fill(row, {})", False),
        ("def fill(row, new):\n    for n in new: setattr(row, n, 1)", "from a import m\nshow(m)", False),
        ("def fill(module): return module.__dict__.get('x')", "from a import m\nfill(m)", False),
        ("def fill(m): return m\ndef other():\n    m = {}\n    setattr(m, n, 1)", "from a import m\nfill(m)", False),
        ("def fill(m):\n    def inner(): setattr(m, n, 1)\n    inner()", "from a import m\nfill(m)", True),
    ],
)
def test_a_function_that_fills_what_it_is_given_may_fill_a_module(helper: str, use: str, expected: bool) -> None:
    """If it is given one anywhere; rows and other objects are no modules."""
    fillers = names_of(ast.parse(helper)).fillers.split()
    assert expected == (not set(fillers).isdisjoint(names_of(ast.parse(use)).handed_modules.split()))
