"""What no import graph shows of the rooms: commands that are loaded by name, who starts uv, what is written once."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import uv_workspace_function
from uv_workspace_function.cli.main import COMMANDS, HIDDEN

PACKAGE = Path(uv_workspace_function.__file__).parent


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Every module but the builder's, which is a program of its own and cannot import the others."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("builder/"):
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def literals(tree: ast.AST) -> Iterator[ast.Constant]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Constant))


def starts_uv(tree: ast.AST) -> bool:
    """Whether a list begins with uv, as a command line does: by its name, or by a path to one."""
    lines = (node.elts for node in ast.walk(tree) if isinstance(node, ast.List))
    return any(elements and re.search(r"\buv\b['\")]*$", ast.unparse(elements[0])) for elements in lines)


def test_each_command_has_its_module() -> None:
    """`main` loads them by name, so that `services --help` loads none: the import contracts cannot see it."""
    named = [name.replace("-", "_") for name in (*COMMANDS, *HIDDEN)]
    assert sorted(named) == sorted(path.stem.removesuffix("_command") for path in PACKAGE.glob("cli/*_command.py"))


def test_only_uv_py_starts_uv() -> None:
    """A command line of it stands nowhere else, nor does what finds the program."""
    assert [] == [name for name, tree in modules() if name != "uv.py" and starts_uv(tree)]
    finders = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node).startswith(("shutil.which('uv", "os.environ.get('UV'"))
    }
    assert {"uv.py"} == finders


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("run(['uv', 'lock'])", True),
        ("run([str(tools.uv), 'export'])", True),
        ("run([tools.uv, *options])", True),
        ("tool('uv')", False),
        ("[]", False),
    ],
)
def test_a_command_line_of_uv_is_seen(line: str, expected: bool) -> None:
    """So the test above would notice."""
    assert expected == starts_uv(ast.parse(line))


def test_the_name_of_our_table_is_written_once() -> None:
    """As a key; sentences that name the table may spell it."""
    keys = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript | ast.Call)
        for literal in literals(node)
        if literal.value in ("uv-workspace-function", "tool.uv-workspace-function")
    }
    # the distribution's name, and a folder's below the user's cache
    distribution = {"cli/faults.py", "cli/main.py", "constructs/service_archive.py"}
    assert keys <= {*distribution, "gate/stored_facts.py", "gate/report_sarif.py", "oci/store.py"}


def raw_tables(tree: ast.AST) -> set[str]:
    """Where a document is read as it is written, past its values."""
    read = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    return {
        text
        for text in read
        if re.search(r"\b(pyproject\.document|(uv|uv_toml|settings)\.table|(source|sdist|wheel|entry)\.written)$", text)
    }


def test_only_writers_read_a_document_as_it_is_written() -> None:
    """They carry what nothing here reads; everybody else takes values. A backend's own table is asked of `Pyproject.tool`."""
    reader, writers = "definitions/pyproject.py", {"context/rewritten_pyproject.py", "workspace/lock_text.py"}
    assert {reader, *writers} == {name for name, tree in modules() if raw_tables(tree)}


@pytest.mark.parametrize(
    "line", ["member.pyproject.document.get('project')", "pyproject.uv.table", "wheel.written['url']", "entry.written"]
)
def test_a_table_that_leaves_its_reader_is_seen(line: str) -> None:
    """So the test above would notice."""
    assert raw_tables(ast.parse(line))


TESTS = Path(__file__).parent
COVERS = re.compile(r"^Covers also: (.*?)\.$", re.MULTILINE | re.DOTALL)


def covered(docstring: str) -> list[str]:
    """The modules and folders of modules that the docstring of a test names, beside the one that the file is named after."""
    return [name for listed in COVERS.findall(docstring) for name in re.split(r",\s+", listed)]


def test_who_edits_a_module_finds_its_test() -> None:
    """`tests/<room>/test_<module>.py`, or the file whose docstring names it after `Covers also:`; and all that one names is there."""
    trees = (ast.parse(path.read_text(encoding="utf-8")) for path in TESTS.rglob("test_*.py"))
    named = {name for tree in trees for name in covered(ast.get_docstring(tree) or "")}
    assert [] == sorted(name for name in named if not (PACKAGE / name).exists())
    paths = [path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py") if path.name != "__init__.py"]
    assert [] == sorted(
        path.as_posix()
        for path in paths
        if not (TESTS / path.parent / f"test_{path.name}").exists()
        and path.as_posix() not in named
        and f"{path.parent.as_posix()}/" not in named
    ), "name it after `Covers also:` in the docstring of the test that covers it"


def test_what_a_test_covers_is_read_from_its_docstring() -> None:
    """Over lines; so the test above would notice a module that no test names."""
    assert ["gate/a.py", "gate/imports/"] == covered("A claim.\n\nCovers also: gate/a.py,\ngate/imports/.")
    assert [] == covered("It covers also what nobody names.")


def test_nothing_needs_a_table_of_contents() -> None:
    """At most 350 lines per module, and 200 per class."""
    lengths = {
        path.relative_to(PACKAGE): path.read_text(encoding="utf-8").count("\n") for path in PACKAGE.rglob("*.py")
    }
    assert [] == [(path.as_posix(), length) for path, length in lengths.items() if length > 350]
    classes = {
        (name, node.name): (node.end_lineno or 0) - node.lineno + 1
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    assert [] == [(place, length) for place, length in classes.items() if length > 200]


def test_the_plan_names_every_room_and_what_is_there() -> None:
    """That of CONTRIBUTING.md: who reads it finds the module that it names. That of the package: a line per room."""
    text = (TESTS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/]+\.py)`", text)
    assert len(named) > 20
    places = (PACKAGE, TESTS.parent, TESTS.parent / "infra", PACKAGE / "context")
    assert [] == [path for path in named if not any((place / path).is_file() for place in places)]
    rooms = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
    assert [] == [room for room in rooms if not re.search(rf"`{room}/?[`/]", text)]
    assert [] == [room for room in rooms if not re.search(rf"\b{room}\b", uv_workspace_function.__doc__ or "")]


def planned(docstring: str) -> set[str]:
    """The modules that a room's plan names: an indented line begins with one, or with several and commas between them."""
    lines = re.findall(r"^    ((?:\w+/?, )*\w+/?)  ", docstring, re.MULTILINE)
    return {name.rstrip("/") for line in lines for name in line.split(", ")}


@pytest.mark.parametrize(
    "room", ["", *sorted({path.parent.name for path in PACKAGE.glob("*/__init__.py")} - {"builder"})]
)
def test_a_rooms_plan_names_its_modules(room: str) -> None:
    """All of them, and none that is gone. `cli` has one per command; the builder's plan is a part of every image, and stays."""
    tree = ast.parse((PACKAGE / room / "__init__.py").read_text(encoding="utf-8"))
    inner = {path.parent.name for path in (PACKAGE / room).glob("*/__init__.py")} - {"builder"}
    modules = {path.stem for path in (PACKAGE / room).glob("*.py") if not path.match("cli/*_command.py")} - {"__init__"}
    assert modules | inner == planned(ast.get_docstring(tree, clean=False) or "")


def test_a_plan_is_read() -> None:
    """So the test above would notice a module that no plan names."""
    assert {"a", "b", "c"} == planned("What a room is.\n\n    a, b    both\n    c/  the third\n\nNobody here.\n")
