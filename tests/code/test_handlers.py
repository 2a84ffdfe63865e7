"""Whether a handler exists is read from source; Python itself says what a source binds.

Covers also: code/_newer_syntax_tree.py, code/bindings.py, code/branches.py, code/module_reader.py,
code/newer_syntax.py, code/syntax.py.
"""

import re
import sys
import types
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from backends import build_wheels
from hypothesis import given
from hypothesis import strategies as st
from made import handler as handler_in
from made import lock, needs, workspace
from uv_workspace_function.code.handlers import HandlerError, check_handler, conventional_handler, refuse_library
from uv_workspace_function.workspace.members import Member
from uv_workspace_function.workspace.workspace import Workspace

PROJECT = '[project]\nname = "{name}"\nversion = "1"\n'
UV_BUILD = PROJECT + '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'


@pytest.fixture
def package(tmp_path: Path) -> Any:
    """A package with the files given, `src/<module>/__init__.py` among them unless it has tables of its own."""

    def of(name: str = "orders", files: dict[str, str] | None = None, pyproject: str = UV_BUILD) -> Member:
        module = name.replace("-", "_")
        files = {f"src/{module}/__init__.py": "", "pyproject.toml": pyproject.format(name=name), **(files or {})}
        for path, text in files.items():
            file = tmp_path / "services" / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return Member.load(tmp_path, PurePosixPath("services", name))

    return of


@pytest.fixture
def service(package: Any) -> Any:
    """The package `orders` whose `main.py` holds the text."""
    return lambda text, **files: package(files={"src/orders/main.py": text, **files})


def refusal(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(HandlerError) as raised:
        check_handler(*args, **kwargs)
    return str(raised.value)


# However it is bound

BOUND = [
    "def handler(event, context): ...",
    "async def handler(event, context): ...",
    "class handler: ...",
    "handler = print",
    "handler: object = print",
    "other = handler = print",
    "other, (handler, *rest) = 1, (2, 3)",
    "*handler, last = [1, 2]",
    "import json as handler",
    "import handler",
    "import handler.sub",
    "from json import dumps as handler",
    "if True:\n    def handler(): ...\nelse:\n    handler = None",
    "try:\n    import nothing_of_this_name\nexcept ImportError:\n    handler = print",
    "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    handler = e\nfinally:\n    pass",
    "import io\nwith io.StringIO() as handler:\n    pass",
    "import io\nwith io.StringIO():\n    handler = 1",
    "for handler in [1]:\n    pass",
    "for _ in [1]:\n    handler = 1",
    "while True:\n    handler = 1\n    break",
    "(handler := print)",
    "print(handler := 1)",
    "[handler := n for n in [1]]",
    "def f(a=(handler := 1)): ...",
    "@(handler := lambda f: f)\ndef f(): ...",
    "class C((handler := object)): ...",
    "f = lambda a=(handler := 1): a",
    "match 1:\n    case handler:\n        pass",
    "match [1, 2]:\n    case [_, *handler]:\n        pass",
    "match {1: 2}:\n    case {**handler}:\n        pass",
    "match 1:\n    case int() as handler:\n        pass",
    "def bind():\n    global handler\n    handler = 1\nbind()",
    "from json import *\nhandler = dumps",
]
NOT_BOUND = [
    "",
    "def handle(event, context): ...",
    "handler: object",
    "def outer():\n    def handler(): ...",
    "def outer():\n    handler = 1",
    "class C:\n    def handler(self): ...",
    "class C:\n    handler = 1",
    "f = lambda handler: handler",
    "[handler for handler in [1]]",
    "{handler: 1 for handler in [1]}",
    "sum(handler for handler in [1])",
    "import types\nx = types.SimpleNamespace()\nx.handler = 1",
    "x = {}\nx['handler'] = 1",
    "# def handler(): ...",
    "'handler'",
    "from json import dumps",
    "import json.decoder as other",
    "try:\n    1 / 0\nexcept ZeroDivisionError as handler:\n    pass",
    "def f(handler=1): ...",
    "def f(handler): handler = 1",
]


def really_binds(source: str) -> bool:
    """What Python says, with an empty module `handler` to import."""
    module = types.ModuleType("main")
    stand_ins = {"handler": types.ModuleType("handler"), "handler.sub": types.ModuleType("handler.sub")}
    sys.modules.update(stand_ins)
    try:
        exec(source, module.__dict__)  # the sources above
    finally:
        for name in stand_ins:
            del sys.modules[name]
    return hasattr(module, "handler")


@pytest.mark.parametrize("source", BOUND)
def test_a_name_counts_however_it_is_bound(service: Any, source: Any) -> None:
    """Every statement by which Python binds a name at a module's top level."""
    assert really_binds(source)
    assert check_handler(service(source), "orders.main.handler") == "orders.main.handler"


@pytest.mark.parametrize("source", NOT_BOUND)
def test_a_name_of_another_scope_does_not_count(service: Any, source: Any) -> None:
    """What a function, a class or a comprehension binds for itself, the module has not."""
    assert not really_binds(source)
    assert "src/orders/main.py binds no 'handler'" in refusal(service(source), "orders.main.handler")


@given(
    bound=st.lists(st.sampled_from(BOUND), min_size=1, max_size=2),
    other=st.lists(st.sampled_from(NOT_BOUND), max_size=3),
)
def test_statements_around_a_binding_do_not_hide_it(
    tmp_path_factory: pytest.TempPathFactory, bound: Any, other: Any
) -> None:
    """Python and the checker agree on modules put together from such statements, in blocks too."""
    root = tmp_path_factory.mktemp("made")
    statements = [*other, *bound]
    indented = ["    " + line for statement in statements for line in statement.splitlines()]
    (root / "src/orders").mkdir(parents=True)
    (root / "src/orders/__init__.py").touch()
    (root / "pyproject.toml").write_text(UV_BUILD.format(name="orders"))
    made = Member.load(root, PurePosixPath())
    for source in ("\n".join(statements), "if True:\n" + "\n".join([*indented, "    pass"])):
        (made.path / "src/orders/main.py").write_text(source)
        try:
            binds = really_binds(source)
        except SyntaxError:  # `global handler` after a use of it
            continue
        if "as handler:\n    pass" in source or not binds:  # an `except ... as handler` deletes the name again
            continue
        assert check_handler(made) == "orders.main.handler"


def test_a_wrapped_application_is_a_handler(service: Any) -> None:
    """`handler = Mangum(app)`, the module need not be importable here."""
    assert check_handler(service("from mangum import Mangum\nfrom .api import app\nhandler = Mangum(app)\n"))


def test_a_module_that_answers_for_any_name_has_the_handler(service: Any) -> None:
    """PEP 562."""
    assert check_handler(service("def __getattr__(name): ..."), "orders.main.anything")


# Star imports


def test_a_star_import_is_followed_where_it_is_local(service: Any, package: Any) -> None:
    """Through relative and absolute imports, packages, and other local packages."""
    common = package("common", {"src/common/handlers.py": "def handler(): ...\ndef _private(): ..."})
    orders = service(
        "from .inner import *",
        **{
            "src/orders/inner/__init__.py": "from ..deep import *",
            "src/orders/deep.py": "from common.handlers import *",
        },
    )
    assert check_handler(orders, "orders.main.handler", local=[common]) == "orders.main.handler"
    assert "binds no 'other'" in refusal(orders, "orders.main.other", local=[common])
    assert "binds no '_private'" in refusal(orders, "orders.main._private", local=[common])


def test_a_star_import_respects_all(service: Any) -> None:
    """`__all__` decides what a star takes, private names included."""
    inner = "__all__ = ['_shown']\ndef _shown(): ...\ndef handler(): ..."
    orders = service("from .inner import *", **{"src/orders/inner.py": inner})
    assert check_handler(orders, "orders.main._shown")
    assert "binds no 'handler'" in refusal(orders, "orders.main.handler")


def test_a_star_import_of_what_is_not_local_is_trusted(service: Any) -> None:
    """Third-party source is not at hand at synth."""
    assert check_handler(service("from powertools import *"), "orders.main.handler")


def test_star_imports_in_a_circle_end(service: Any) -> None:
    """Two modules that take everything from each other."""
    orders = service("from .other import *", **{"src/orders/other.py": "from .main import *"})
    assert "binds no 'handler'" in refusal(orders, "orders.main.handler")


# Where it is found


def test_the_convention_is_a_main_module_with_a_handler(package: Any) -> None:
    """`<module>/main.py`, the module named like the package first; a namespace package's too."""
    namespace = UV_BUILD + '[tool.uv.build-backend]\nmodule-name = "acme.orders"\n'
    files = {"src/acme/orders/__init__.py": "", "src/acme/orders/main.py": "def handler(): ..."}
    assert conventional_handler(package("orders", {"src/orders/main.py": "handler = 1"})) == "orders.main.handler"
    assert conventional_handler(package("acme-orders", files, namespace)) == "acme.orders.main.handler"


def test_a_project_that_is_no_package_has_its_main_module_beside_the_table(package: Any) -> None:
    """Without a build system, `main.py` in the project's own folder is on the path."""
    flat = package("flat", {"main.py": "def handler(): ..."}, PROJECT)
    (flat.path / "src/flat/__init__.py").unlink()
    (flat.path / "src/flat").rmdir()
    (flat.path / "src").rmdir()
    assert conventional_handler(flat) == "main.handler"
    assert check_handler(flat) == "main.handler"


@pytest.mark.parametrize(
    ("text", "handler"),
    [
        ("from fastapi import FastAPI\napp = FastAPI()\n", None),
        ("from other import *\n", "orders.main.handler"),
        ("from .rest import *\n", "orders.main.handler"),
        ("from math import *\nimport handler_of_others\n", None),
        ("from .implementation import *\n", "orders.main.handler"),
        ("from .implementation import handler\n", "orders.main.handler"),
        ("if True:\n    handler = 1\n", "orders.main.handler"),
        ("# our handler is elsewhere\n", None),
        ("# our handler\ndef broken(:\n", "orders.main.handler"),
    ],
)
def test_a_main_module_without_a_handler_makes_no_service(service: Any, text: Any, handler: Any) -> None:
    """Many a program has a `main.py`; one that does not parse, or may take a handler from elsewhere, counts."""
    files = {"src/orders/implementation.py": "handler = 1", "src/orders/rest.py": "from other import *"}
    assert conventional_handler(service(text, **files)) == handler


def test_a_handler_taken_with_everything_of_a_library_makes_a_service(tmp_path: Path) -> None:
    """The workspace lists it; whether the library has one is said where its closure is known."""
    root = workspace(tmp_path / "w", {"orders": needs("common"), "common": ""})
    handler_in(root / "orders", "from common import *\n")
    library = root / "common/src/common/__init__.py"
    library.write_text("def handler(event, context): ...\n")
    lock(root)
    assert ["orders"] == [service.name for service in Workspace.load(root).services]
    assert "orders.main.handler" == Workspace.load(root).closure("orders").handler()
    library.write_text("def entry(event, context): ...\n")
    with pytest.raises(HandlerError, match="binds no 'handler'"):
        Workspace.load(root).closure("orders").handler()


@pytest.mark.parametrize(
    "handler", ["orders.main.handler", "orders/main.handler", "orders.sub.handler", "orders.handler"]
)
def test_a_handler_may_be_in_any_module(service: Any, handler: Any) -> None:
    """A package's own `__init__.py`, a subpackage; Lambda takes slashes up to the module too."""
    files = {"src/orders/sub/__init__.py": "def handler(): ...", "src/orders/__init__.py": "from .main import handler"}
    assert check_handler(service("def handler(): ...", **files), handler) == handler


def test_a_handler_may_be_in_another_local_package(service: Any, package: Any) -> None:
    """What the service depends on is on the path with it."""
    common = package("common", {"src/common/entry.py": "def handler(): ..."})
    assert check_handler(service(""), "common.entry.handler", local=[common]) == "common.entry.handler"


@pytest.mark.parametrize(
    ("handler", "distribution"),
    [
        ("datadog_lambda.handler.handler", "datadog-lambda"),
        ("mangum.handler", "mangum"),
        ("google.cloud.thing.handler", "google-cloud"),
        ("acme.lib.entry.handler", "acme-lib-entry"),
    ],
)
def test_a_handler_may_be_in_a_locked_third_party_package(service: Any, handler: Any, distribution: Any) -> None:
    """The package's name is the module's or its beginning."""
    assert check_handler(service(""), handler, third_party={"other", distribution}) == handler
    for another in (distribution + "x", distribution[:-1]):
        assert "no module" in refusal(service(""), handler, third_party={"other", another})


def test_a_compiled_module_is_taken_on_trust(service: Any) -> None:
    """A binary has no source to read."""
    orders = service("", **{"src/orders/fast.cpython-314-aarch64-linux-gnu.so": ""})
    assert check_handler(orders, "orders.fast.handler") == "orders.fast.handler"


def test_a_module_that_the_build_makes_is_taken_on_trust(package: Any) -> None:
    """A Rust extension is there once it is built."""
    maturin = PROJECT + '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n'
    assert check_handler(package("fast-orders", pyproject=maturin), "fast_orders.native.handler")


# What is refused


def test_a_library_is_told_from_a_service_without_its_handler(package: Any, service: Any) -> None:
    """Which of the two it is, and where was looked."""
    with pytest.raises(HandlerError) as library:
        refuse_library(package("common-models"))
    with pytest.raises(HandlerError) as unbound:
        refuse_library(service("def handle(): ..."))
    assert str(library.value) == (
        "'common-models' is a library: there is no `handler` in [tool.uv-workspace-function] of "
        "services/common-models/pyproject.toml, and there is no services/common-models/src/common_models/main.py; "
        "add one of them for a service"
    )
    assert str(unbound.value) == (
        "'orders' has no handler: services/orders/src/orders/main.py binds no 'handler'; define it there, or name another "
        "function as `handler` in [tool.uv-workspace-function] of services/orders/pyproject.toml"
    )


def test_a_package_without_a_module_is_said_to_be_one(package: Any) -> None:
    """A layout in which the backend finds nothing."""
    empty = package("empty", pyproject=UV_BUILD + '[tool.uv.build-backend]\nmodule-root = "lib"\n')
    assert refusal(empty) == (
        "'empty' is a library: there is no `handler` in [tool.uv-workspace-function] of services/empty/pyproject.toml, and "
        "no importable package was found in services/empty; add one of them for a service"
    )


def test_a_name_that_is_not_bound_is_refused_with_those_that_are(service: Any) -> None:
    """The module is there, the function is not."""
    orders = service("import json\ndef handle(): ...\nclass Handler: ...\napp = Handler()\n_hidden = Handler()\n")
    assert refusal(orders, "orders.main.handler") == (
        "the handler of 'orders' is 'orders.main.handler', but services/orders/src/orders/main.py binds no 'handler' "
        "(it has Handler, app, handle); define it there, or correct `handler`"
    )


def test_a_module_is_no_handler(service: Any) -> None:
    """The function's name was forgotten."""
    assert refusal(service("def handler(): ..."), "orders.main") == (
        "the handler of 'orders' is 'orders.main', but services/orders/src/orders/__init__.py binds no 'main'; "
        "'orders.main' is a module: name a function in it, such as 'orders.main.handler'"
    )


def test_a_module_in_no_layout_is_refused(service: Any, package: Any) -> None:
    """Where was looked, in every package of the closure; what the backend does not ship does not count."""
    common = package("common")
    orders = service("", **{"scripts/tool.py": "def handler(): ..."})
    assert refusal(orders, "scripts.tool.handler", local=[common], third_party={"boto3"}) == (
        "the handler of 'orders' is 'scripts.tool.handler', but its closure has no module 'scripts.tool': looked in "
        "services/common/src/common, services/orders/src/orders, and for a third-party package of that name; correct "
        "`handler`, or add the package that has it to the dependencies"
    )


SETUPTOOLS = '[project]\nname = "{name}"\nversion = "1"\n[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
SHIPPING = {
    "listed": ('[tool.setuptools]\npackages = ["orders"]\n', {}),
    "listed whole": ('[tool.setuptools]\npackages = ["orders", "orders.api"]\n', {}),
    "listed elsewhere": ('[tool.setuptools]\npackages = ["orders"]\npackage-dir = {{ "" = "src" }}\n', {}),
    "a module": ('[tool.setuptools]\npackages = ["orders"]\npy-modules = ["single"]\n', {}),
    "found": ("[tool.setuptools.packages.find]\n", {}),
    "found by a pattern": ('[tool.setuptools.packages.find]\ninclude = ["orders"]\n', {}),
    "found but one": ('[tool.setuptools.packages.find]\nexclude = ["*.api*"]\n', {}),
    "discovered": ("[tool.other]\n", {}),
    "setup.cfg": ("", {"setup.cfg": "[options]\npackages = orders\n"}),
    "setup.cfg finds regular packages": ("", {"setup.cfg": "[options]\npackages = find:\n"}),
    "setup.cfg finds all": ("", {"setup.cfg": "[options]\npackages = find_namespace:\n"}),
    "setup.py": ("", {"setup.py": "import setuptools as s\ns.setup(packages=['orders'])\n"}),
    "setup.py finds": ("", {"setup.py": "from setuptools import *\nsetup(packages=find_packages(include=['orders*']))\n"}),
    "setup.py computes": (
        "",
        {
            "setup.cfg": "[options]\npackages = orders\n",
            "setup.py": "from setuptools import *\nsetup(packages=find_namespace_packages(include=['order'+'s*']))\n",
        },
    ),
    "data": ('[tool.setuptools]\npackages = ["orders"]\npackage-data = {{ orders = ["api/*"] }}\n', {}),
    "a manifest": ('[tool.setuptools]\npackages = ["orders"]\n', {"MANIFEST.in": "graft orders\n"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def shipping(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """For each shape, with a regular package and with a namespace: the package and the wheel that setuptools builds."""
    made: dict[tuple[str, bool], Member] = {}
    main = "def handler(event, context): ...\n"
    for shape, (tables, more) in SHIPPING.items():
        for regular in (True, False):
            root = "src/" if "elsewhere" in shape else ""
            files = {f"{root}orders/__init__.py": "", f"{root}orders/api/main.py": main, **more}
            files |= {f"{root}orders/api/__init__.py": ""} if regular else {}
            files |= {"single.py": main} if "module" in shape else {}
            folder = tmp_path_factory.mktemp("shape") / "orders"
            for path, text in {**files, "pyproject.toml": (SETUPTOOLS + tables).format(name="orders")}.items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text)
            made[shape, regular] = Member.load(folder.parent, PurePosixPath(folder.name))
    wheels = build_wheels("setuptools", [package.path for package in made.values()])
    return dict(zip(made, zip(made.values(), wheels, strict=True), strict=True))


@pytest.mark.parametrize("regular", [True, False], ids=["regular", "namespace"])
@pytest.mark.parametrize("shape", SHIPPING)
def test_a_handler_is_refused_where_its_package_is_not_in_the_wheel(shipping: Any, shape: Any, regular: Any) -> None:
    """Of setuptools' packages each one counts alone: what is refused is what the wheel it builds lacks."""
    made, wheel = shipping[shape, regular]
    assert "orders/__init__.py" in wheel
    if "orders/api/main.py" in wheel:
        assert check_handler(made, "orders.api.main.handler") == "orders.api.main.handler"
    else:
        message = refusal(made, "orders.api.main.handler")
        assert "the wheel of 'orders' lacks the package 'orders.api': its `packages` are orders, and" in message
        assert "list 'orders.api' there" in message
    if "single.py" in wheel:
        assert check_handler(made, "single.handler") == "single.handler"


def test_a_handler_that_its_backend_excludes_is_refused(package: Any) -> None:
    """The build would make an image without it."""
    excluding = f'{UV_BUILD}[tool.uv.build-backend]\nwheel-exclude = ["main.py"]\n'
    orders = package(files={"src/orders/main.py": "def handler(event, context): ...\n"}, pyproject=excluding)
    assert refusal(orders, "orders.main.handler") == (
        "the handler of 'orders' is 'orders.main.handler', but the wheel of 'orders' lacks src/orders/main.py: a pattern of its "
        "build backend excludes it; change that in services/orders/pyproject.toml, or move the handler"
    )


def test_a_missing_module_of_a_local_package_is_not_looked_for_elsewhere(service: Any) -> None:
    """A distribution whose name begins like the local module is no excuse."""
    assert "no module 'orders.mian'" in refusal(service(""), "orders.mian.handler", third_party={"orders-mian"})


@pytest.mark.parametrize(
    "handler", ["handler", "", ".handler", "orders.main.", "orders:main", "orders.main.handler()", "a b.c"]
)
def test_what_is_no_dotted_path_is_refused(service: Any, handler: Any) -> None:
    """Before it is looked for."""
    assert refusal(service(""), handler) == (
        f"{handler!r}, the handler of 'orders', is not a dotted path to a callable; "
        "write it as '<module>.<function>', such as 'orders.main.handler'"
    )


@pytest.mark.parametrize("with_libcst", [True, False])
def test_a_source_that_does_not_parse_is_refused(
    service: Any, monkeypatch: pytest.MonkeyPatch, with_libcst: Any
) -> None:
    """With its line, and what the parser says."""
    if not with_libcst:
        monkeypatch.setattr("uv_workspace_function.code.syntax.as_older_python", lambda *_: False)
    orders = service("import json\n\ndef handler(event, context)\n    return 1\n")
    assert refusal(orders) == (
        "services/orders/src/orders/main.py, line 3 does not parse: expected ':'; "
        "correct it, or the handler in it cannot be checked"
    )


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("return 1\ndef handler(): ...\n", r"line 1 does not parse: 'return' outside function"),
        ("def handler(): ...\nnonlocal x\n", r"line 2 does not parse: nonlocal declaration not allowed"),
        ("def handler(): ...\n# caf\udce9\n", r"line 2 does not parse: byte 0xe9 is not utf-8"),
    ],
)
def test_a_source_that_does_not_compile_is_refused(service: Any, source: str, why: str) -> None:
    """Lambda would find it when it imports the handler."""
    orders = service("")
    (orders.path / "src/orders/main.py").write_text(source, encoding="utf-8", errors="surrogateescape")
    assert re.search(why, refusal(orders, "orders.main.handler"))


@pytest.mark.parametrize("terms", [2_000, 20_000])
def test_a_deep_expression_is_no_limit(service: Any, terms: int) -> None:
    """A sum of so many strings is as many levels deep, and Python compiles it."""
    text = "QUERY = " + " + ".join(["'x'"] * terms) + "\ndef handler(event, context): ...\n"
    assert check_handler(service(text)) == "orders.main.handler"


@pytest.mark.parametrize("with_libcst", [True, False])
@pytest.mark.parametrize(
    "syntax",
    [
        "type Events = list[str]",
        "def first[T](items: list[T]) -> T: ...",
        "class Box[T]: ...",
        "try: pass\nexcept ValueError, TypeError: pass",
        "name = 'x'\ntext = f'{name + 'y'}'",
        "text = t'hello {1}'",
    ],
)
def test_syntax_of_the_images_python_is_read_by_an_older_one(
    service: Any, monkeypatch: pytest.MonkeyPatch, syntax: Any, with_libcst: Any
) -> None:
    """`cdk synth` may run on Python 3.11 over code for 3.14."""
    if not with_libcst:
        monkeypatch.setattr("uv_workspace_function.code.syntax.as_older_python", lambda *_: False)
    orders = service(f"{syntax}\n\n\ndef handler(event, context): ...\n")
    assert check_handler(orders) == "orders.main.handler"
    assert "binds no 'other'" in refusal(orders, "orders.main.other")
