"""What one file imports, and how much it needs each import; each case is written next to what it means."""

import ast
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uv_workspace_function.gate.imports.source import Need, read_source

TARGET = (3, 14)


def needs(text: str, python: tuple[int, int] = TARGET) -> dict[str, str]:
    """Module -> what it is needed for."""
    return {found.module: str(found.need) for found in read_source(text.encode(), python).imports}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import a, b.c as d", {"a": "run", "b.c": "run"}),
        ("from a.b import c", {"a.b": "run"}),
        ("from . import a\nfrom ..b import c\nfrom .d import *", {}),
        ("def f():\n    import a", {"a": "run"}),
        ("class A:\n    async def f(self):\n        async with x:\n            import a", {"a": "run"}),
        ("for x in y:\n    import a\nelse:\n    import b", {"a": "run", "b": "run"}),
        ("if x:\n    import a\nelif y:\n    import b", {"a": "run", "b": "run"}),
        ("x = lambda: __import__('a.b')", {"a.b": "run"}),
        ("@decorate(import_module('a'))\ndef f(x=import_module('b')): pass", {"a": "run", "b": "run"}),
        ("import_module('.a', package='b')", {}),
        ("import_module(name)\nimport_module(f'a.{b}')\nimport_module('a b')", {}),
        ("class A: import_module = None\nA().import_module('x')", {"x": "run"}),
    ],
)
def test_imports_are_found_wherever_they_stand(text: str, expected: dict[str, str]) -> None:
    """In functions, classes, branches, expressions; relative ones are the package's own."""
    assert expected == needs(text)


@pytest.mark.parametrize(
    ("guard", "inside", "outside"),
    [
        ("TYPE_CHECKING", "types", "run"),
        ("typing.TYPE_CHECKING", "types", "run"),
        ("not TYPE_CHECKING", "run", "types"),
        ("TYPE_CHECKING and x", "types", "run"),
        ("TYPE_CHECKING or x", "run", "run"),
        ("__name__ == '__main__'", "development", "run"),
        ("'__main__' == __name__", "development", "run"),
        ("sys.version_info < (3, 12)", "nothing", "run"),
        ("sys.version_info[:2] >= (3, 14)", "run", "nothing"),
        ("sys.version_info >= (3, 15)", "nothing", "run"),
        ("sys.version_info[0] == 2", "nothing", "run"),
        ("sys.version_info.major >= 3", "run", "nothing"),
        ("sys.version_info.minor < 14", "nothing", "run"),
        ("sys.version_info[1] > 13", "run", "nothing"),
        ("sys.version_info != (3, 1)", "run", "nothing"),
        ("(3, 12) > sys.version_info", "run", "run"),
        ("sys.version_info < limit", "run", "run"),
        ("sys.platform == 'win32'", "nothing", "run"),
        ("sys.platform != 'win32'", "run", "nothing"),
        ("sys.platform in ('linux', 'linux2')", "run", "nothing"),
        ("sys.platform not in {'win32'}", "run", "nothing"),
        ("sys.platform.startswith('darwin')", "nothing", "run"),
        ("os.name == 'nt'", "nothing", "run"),
        ("platform.system() == 'Linux'", "run", "nothing"),
        ("False", "nothing", "run"),
        ("six.PY2", "nothing", "run"),
        ("importlib.util.find_spec('a')", "nothing", "nothing"),
        ("sys.version_info < (3, 9) or x", "run", "run"),
        ("sys.version_info < (3, 9) and x", "nothing", "run"),
        ("anything_else", "run", "run"),
    ],
)
def test_branches(guard: str, inside: str, outside: str) -> None:
    """What stands in a branch is needed as much as the branch is taken on the target: Python 3.14 on Linux."""
    found = needs(f"if {guard}:\n    import inner\nelse:\n    import other")
    found.pop("a", None)
    assert {"inner": inside, "other": outside} == found


def test_a_guard_by_another_name() -> None:
    text = "from typing import TYPE_CHECKING as TYPES\nif TYPES:\n    import a\nif OTHERS:\n    import b"
    assert {"typing": "run", "a": "types", "b": "run"} == needs(text)


def test_a_guard_holds_for_all_that_is_in_it() -> None:
    """Branches in branches, functions, `elif`."""
    text = "if TYPE_CHECKING:\n    if x:\n        import a\n    else:\n        def f():\n            import b\nelif y:\n    import c"
    assert {"a": "types", "b": "types", "c": "run"} == needs(text)


@pytest.mark.parametrize(
    "kind", ["ImportError", "ModuleNotFoundError", "(ValueError, ImportError)", "Exception", "builtins.ImportError", ""]
)
def test_the_code_can_do_without(kind: str) -> None:
    """Where the error of a missing module is caught."""
    assert {"a": "nothing", "b": "nothing", "c": "run"} == needs(
        f"try:\n    import a\nexcept {kind}:\n    pass\nelse:\n    import b\nfinally:\n    import c"
    )


def test_the_code_cannot_do_without() -> None:
    """Where another error is caught."""
    assert {"a": "run", "b": "run"} == needs("try:\n    import a\nexcept ValueError:\n    import b")


def test_what_stands_in_for_a_module() -> None:
    """Is needed only where that one is missing; and so on."""
    found = read_source(
        b"try:\n    import a\nexcept ImportError:\n    try:\n        from b import x\n    except ImportError:\n        import c",
        TARGET,
    )
    assert [("a", Need.NOTHING, ()), ("b", Need.NOTHING, ("a",)), ("c", Need.RUN, ("a", "b"))] == [
        (i.module, i.need, i.instead_of) for i in found.imports
    ]


def test_flags_of_a_failed_import_guard_what_they_name() -> None:
    """And an import in a function of what is optional elsewhere in the file is optional, too; at the top it is not."""
    text = (
        "try:\n    import a\n    HAS_A = True\nexcept ImportError:\n    HAS_A = False\n"
        "if HAS_A:\n    import a.more\n    import its_plugin\n"
        "def f():\n    from a.deep import x\n    import b\n"
    )
    assert {"a": "nothing", "a.more": "nothing", "its_plugin": "nothing", "a.deep": "nothing", "b": "run"} == needs(
        text
    )
    assert {"a": "run"} == needs(
        "def f():\n    try:\n        import a\n    except ImportError:\n        pass\nimport a"
    )


def test_names_in_strings() -> None:
    """Of what looks like a name, an entry point or a URL; neither docstrings nor prose."""
    facts = read_source(
        b'"""redis"""\nA = "celery.app:main"\nB = "postgresql+asyncpg://host"\nC = "install boto3 first"\n', TARGET
    )
    assert {"celery", "app", "main", "postgresql", "asyncpg", "host"} == facts.words


def test_lines() -> None:
    """Of each import, also in a file of newer syntax with strings over several lines."""
    text = 'import a\nx = f"""{\n    1\n}"""\ntype X = list[\n    int\n]\nimport b\n'
    assert [("a", 1), ("b", 8)] == [(i.module, i.line) for i in read_source(text.encode(), TARGET).imports]


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        (b"x = 1\ndef f(:\n", 2, "invalid syntax"),
        (b"if x:\n    a\n  b\n", 3, "unindent does not match any outer indentation level"),
        (b'x = "\xff"\n', 1, "is not utf-8"),
        (b"x = 1\ny = '\0'\n", 2, "null byte"),
        (b"# -*- coding: nonsense -*-\n", None, "unknown encoding: nonsense"),
        (b"(" * 1000, None, ""),
        (b"type X = int\nx = " + b"(" * 1500 + b")" * 1500 + b"\n", None, ""),
    ],
)
def test_what_does_not_parse(content: bytes, line: int | None, reason: str) -> None:
    """Says where and why, for certain."""
    unparsed = read_source(content, TARGET).unparsed
    assert unparsed is not None
    assert unparsed.certain
    assert reason in unparsed.reason
    assert line in (None, unparsed.line)


@pytest.mark.skipif(
    sys.version_info >= TARGET, reason="this Python is no older than the target: it reads all of it itself"
)
def test_without_libcst_newer_syntax_is_uncertain(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not called wrong."""
    monkeypatch.setitem(sys.modules, "libcst", None)
    unparsed = read_source(b"type X = int\n", TARGET).unparsed
    assert unparsed is not None
    assert not unparsed.certain


@pytest.mark.skipif(
    sys.version_info >= TARGET, reason="this Python is no older than the target: it reads all of it itself"
)
@pytest.mark.parametrize("long", ["+1" * 2000, ".b(1)" * 1500])
def test_a_long_expression_beside_newer_syntax_is_uncertain(long: str) -> None:
    """Too deep for a tree that the newer syntax can be taken out of: a limit of this Python, not of the source."""
    unparsed = read_source(f"type X = int\nx = a{long}\n".encode(), TARGET).unparsed
    assert unparsed is not None
    assert not unparsed.certain


names = st.sampled_from(["alpha", "beta.gamma", "delta"])
statements = st.recursive(
    st.builds("import {}".format, names) | st.builds("from {} import x".format, names) | st.just("pass"),
    lambda inner: st.builds(
        lambda head, body: head + "\n" + "\n".join(f"    {line}" for part in body for line in part.splitlines()),
        st.sampled_from(["def f():", "class A:", "if x:", "for x in y:", "while x:", "with x:", "async def g():"]),
        st.lists(inner, min_size=1, max_size=3),
    ),
    max_leaves=12,
)


@settings(max_examples=100)
@given(st.lists(statements, max_size=6).map("\n".join))
def test_every_import_statement_is_found(text: str) -> None:
    """As many as Python's own tree has, each at its line."""
    expected = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            expected += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            expected.append((str(node.module), node.lineno))
    assert sorted(expected) == sorted((i.module, i.line) for i in read_source(text.encode(), TARGET).imports)
