"""Which functions are handlers by their names, as this package, AWS and SAM name them.

Covers also: code/likely_handlers.py.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from uv_workspace_function.code.conventions import conventional_handlers
from uv_workspace_function.code.handlers import HandlerError, check_handler, refuse_library
from uv_workspace_function.code.likely_handlers import likely_handlers
from uv_workspace_function.workspace.members import Member

COPIED = '[project]\nname = "orders"\nversion = "1"\n'
BUILT = COPIED + '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
DEF = "def {}(event, context): ...\n"


@pytest.fixture
def package(tmp_path: Path) -> Any:
    """A package of the files given; without a table of its own it is copied."""

    def of(files: dict[str, str], pyproject: str = COPIED) -> Member:
        for path, text in {"pyproject.toml": pyproject, **files}.items():
            file = tmp_path / "services/orders" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Member.load(tmp_path, PurePosixPath("services/orders"))

    return of


NAMES = [
    *(f"{module}.{name}" for module in ("app", "index", "handler", "main") for name in ("handler", "lambda_handler")),
    "lambda_function.lambda_handler",
]


@pytest.mark.parametrize("handler", NAMES)
@pytest.mark.parametrize(
    ("folder", "prefix", "pyproject"),
    [
        ("", "", COPIED),
        ("src/", "", COPIED),
        ("orders/", "orders.", BUILT),
        ("src/orders/", "orders.", BUILT),
        ("acme/orders/", "acme.orders.", BUILT + '[tool.hatch.build.targets.wheel]\npackages = ["acme"]\n'),
    ],
    ids=["at a copied member's top", "below src", "in a built module", "in one below src", "in a namespace"],
)
def test_a_handler_is_known_by_its_name(package: Any, handler: str, folder: str, prefix: str, pyproject: str) -> None:
    """Wherever its module lies; the whole check agrees."""
    module, _, name = handler.rpartition(".")
    files = {f"{folder}{module}.py": DEF.format(name), **({f"{folder}__init__.py": ""} if prefix else {})}
    made = package(files, pyproject)
    assert (f"{prefix}{handler}",) == conventional_handlers(made)
    assert f"{prefix}{handler}" == check_handler(made)


def test_a_module_can_be_a_folder(package: Any) -> None:
    """`lambda_function/__init__.py`, at the top or inside; and a folder of that name with such a module in it."""
    assert ("lambda_function.lambda_handler",) == conventional_handlers(
        package({"lambda_function/__init__.py": DEF.format("lambda_handler")})
    )
    nested = {"lambda_function/__init__.py": "", "lambda_function/app/__init__.py": DEF.format("handler")}
    assert ("lambda_function.app.handler",) == conventional_handlers(package(nested))


def test_main_handler_wins(package: Any) -> None:
    """It is this package's own word; another handler beside it is for those who name it."""
    files = {"main.py": DEF.format("handler"), "app.py": DEF.format("lambda_handler")}
    assert ("main.handler",) == conventional_handlers(package(files))


def test_of_several_none_is_guessed(package: Any) -> None:
    """They are named, with the lines to write."""
    made = package({"app.py": DEF.format("handler"), "index.py": DEF.format("handler")})
    assert ("app.handler", "index.handler") == conventional_handlers(made)
    with pytest.raises(HandlerError) as raised:
        check_handler(made)
    assert str(raised.value) == (
        "'orders' has 2 functions that can be its handler, and none is guessed: app.handler, index.handler; "
        'name one in [tool.uv-workspace-function] of services/orders/pyproject.toml, handler = "app.handler", '
        'or all that are handlers, handler = ["app.handler", "index.handler"]'
    )


def test_the_folders_of_sam_are_told_apart(package: Any) -> None:
    """`functions/<name>/app.py` in one member: as many candidates, by their whole names."""
    files = {f"functions/{name}/app.py": DEF.format("lambda_handler") for name in ("create", "remove")}
    assert ("functions.create.app.lambda_handler", "functions.remove.app.lambda_handler") == conventional_handlers(
        package(files)
    )


def test_what_is_imported_counts_where_nothing_is_defined(package: Any) -> None:
    """A shim that takes the handler from elsewhere is one, unless the handler itself is there."""
    shim = {"lambda_function.py": "from core import lambda_handler\n", "core.py": DEF.format("lambda_handler")}
    assert ("lambda_function.lambda_handler",) == conventional_handlers(package(shim))
    assert ("app.lambda_handler",) == conventional_handlers(package({"app.py": DEF.format("lambda_handler")}))


IS_ONE = [
    "async def handler(event, context): ...",
    "@decorated\ndef handler(event, context): ...",
    "handler = Mangum(app)",
    "handler: object = Mangum(app)",
    "handler = lambda event, context: event",
    "handler, other = make(), make()",
    "class handler: ...",
    "handler = None\ntry:\n    handler = make()\nexcept Exception:\n    raise",
    "if True:\n    def handler(event, context): ...\nelse:\n    handler = None",
    "if __name__ != '__main__':\n    handler = make()",
    "if __name__ == '__main__':\n    run()\nelse:\n    handler = make()",
    "if not TYPE_CHECKING:\n    handler = make()",
    "def setup():\n    global handler\n    handler = make()\nsetup()",
]
IS_NONE = [
    "def __getattr__(name): ...  # answers to handler as to any name",
    "if __name__ == '__main__':\n    def handler(event, context): ...",
    "if '__main__' == __name__ and True:\n    handler = make()",
    "if not __name__ != '__main__':\n    handler = make()",
    "if TYPE_CHECKING:\n    from elsewhere import handler",
    "import typing\nif typing.TYPE_CHECKING:\n    from elsewhere import handler",
    "if False:\n    handler = make()",
    "handler = make()\ndel handler",
    "handler = None",
    "handler = 'orders'",
    "handler: object",
    "handler = {}",
    "import handler",
    "import logging\nhandler = logging.StreamHandler()",
    "from logging.handlers import RotatingFileHandler as Rotating\nhandler = Rotating('x')",
    "handler = Rich()\nlogger.addHandler(handler)",
    "handler = Rich()\nhandler.setFormatter(None)",
    "class Orders:\n    def handler(self, event): ...",
    "def outer():\n    def handler(event, context): ...",
    "from unknown import *  # may have a handler",
    "for handler in functions:\n    pass",
    "import aws_cdk as cdk\nhandler = Function(cdk.Stack())",
    "from aws_cdk import aws_lambda\nhandler = aws_lambda.Function()",
]


@pytest.mark.parametrize("source", IS_ONE)
def test_what_can_be_called_is_a_handler(package: Any, source: str) -> None:
    """However it is bound."""
    assert ("app.handler",) == conventional_handlers(package({"app.py": source}))


@pytest.mark.parametrize("source", IS_NONE)
def test_what_is_not_there_or_not_called_is_none(package: Any, source: str) -> None:
    """Nothing that importing does not bind, and nothing that is known to be something else."""
    assert () == conventional_handlers(package({"app.py": source}))


@pytest.mark.parametrize("source", [source for source in IS_NONE if "logg" in source or "__" in source])
def test_neither_is_it_in_main(package: Any, source: str) -> None:
    """`main.handler` is no exception."""
    assert () == conventional_handlers(package({"main.py": source}))


def test_a_module_of_that_name_is_none(package: Any) -> None:
    """`from . import handler` binds a module, in which the handler may be."""
    files = {"orders/__init__.py": "", "orders/app.py": "from . import handler\n"}
    made = package({**files, "orders/handler.py": DEF.format("handler")}, BUILT)
    assert ("orders.handler.handler",) == conventional_handlers(made)


def test_a_stub_is_no_module(package: Any) -> None:
    """Nobody calls `app.pyi`."""
    assert () == conventional_handlers(package({"app.pyi": DEF.format("handler"), "core.py": ""}))


def test_neither_is_what_the_wheel_lacks(package: Any) -> None:
    """A handler that a pattern of the backend excludes is no candidate."""
    excluded = BUILT + '[tool.hatch.build.targets.wheel]\npackages = ["orders"]\nexclude = ["app.py"]\n'
    files = {"orders/__init__.py": "", "orders/app.py": DEF.format("handler"), "orders/index.py": DEF.format("handler")}
    assert ("orders.index.handler",) == conventional_handlers(package(files, excluded))


def test_neither_is_that_of_a_package_inside_or_of_a_test(package: Any) -> None:
    """Another member's folder is its own, and so is that of tests."""
    files = {
        "billing/pyproject.toml": '[project]\nname = "billing"\nversion = "1"\n',
        "billing/app.py": DEF.format("handler"),
        "tests/app.py": DEF.format("handler"),
        "functions/tests/app.py": DEF.format("handler"),
        "functions/core.py": "",
    }
    assert () == conventional_handlers(package(files))


def test_a_declared_handler_that_only_a_script_binds_is_refused(package: Any) -> None:
    """Importing does not come to it."""
    made = package({"app.py": "if __name__ == '__main__':\n    def run(event, context): ...\n"})
    with pytest.raises(HandlerError) as raised:
        check_handler(made, "app.run")
    assert str(raised.value) == (
        "the handler of 'orders' is 'app.run', but services/orders/app.py binds no 'run' when it is imported: only a branch "
        "does for `__main__` or for type checkers; define it outside of that"
    )


def test_what_looks_like_a_handler_is_named(package: Any) -> None:
    """By its parameters, wherever it lies; with the line to write."""
    files = {
        "orders/api.py": "def on_order(\n    event: dict[str, int],\n    _context: object,\n) -> None: ...\n",
        "orders/web.py": "handler = Mangum(app)\n",
        "orders/core.py": "def total(order, discount): ...\n",
        "tests/test_api.py": "def test_it(event, context): ...\n",
    }
    made = package(files)
    assert ["orders.api.on_order", "orders.web.handler"] == [str(one) for one in likely_handlers(made)]
    with pytest.raises(HandlerError) as raised:
        refuse_library(made)
    assert str(raised.value) == (
        "'orders' has no handler by a known name: what looks like one is orders.api.on_order, orders.web.handler; declare "
        'handler = ["orders.api.on_order", "orders.web.handler"] in [tool.uv-workspace-function] of '
        "services/orders/pyproject.toml"
    )
