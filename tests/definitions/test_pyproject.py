"""Values of a type that no reader expects: each is told with its place, whatever it was meant to be.

Covers also: definitions/uv_settings.py.
"""

import tomllib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from made import lock, member, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import wheel

STRANGE: tuple[Any, ...] = ("x", "", True, [], {}, [7], ["x"], [{}], [[]], {"x": 7}, "\0", "*[", ["../../.."])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose documents have a value for nearly everything that is read."""
    root = workspace(
        tmp_path_factory.mktemp("shop"),
        {"libs/lib": ""},
        globs=["libs/*"],
        exclude=["old"],
        head='[dependency-groups]\ndev = ["used"]\n[tool.uv-workspace-function]\nstandalone = ["old"]\n',
        tail='find-links = ["wheels"]\nenvironments = ["sys_platform == \'linux\'"]\noverride-dependencies = ["used<3"]\n'
        'constraint-dependencies = ["used<3"]\nno-binary-package = ["other"]\nno-build-isolation-package = ["other"]\n'
        'conflicts = [[{ package = "svc", extra = "x" }, { package = "svc", extra = "y" }]]\n'
        'dependency-metadata = [{ name = "used", version = "1.0", requires-dist = [] }]\n'
        "extra-build-dependencies = { used = ['used'] }\nconfig-settings-package = { used = { a = 'b' } }\n",
    )
    member(
        root / "libs/svc",
        'dependencies = ["lib"]\n[project.optional-dependencies]\nx = ["used==1.0"]\ny = ["used==2.0"]\n'
        '[tool.uv.sources]\nlib = { workspace = true }\nused = [{ index = "shelf", marker = "sys_platform == \'darwin\'" }]\n'
        '[[tool.uv.index]]\nname = "shelf"\nurl = "../../wheels"\nformat = "flat"\nexplicit = true\n'
        '[tool.uv-workspace-function]\nhandler = "svc.handler"\ninclude = ["x"]\nexclude = ["y"]\nversion = "1"\n',
    )
    (root / "wheels").mkdir()
    for version in ("1.0", "2.0"):
        wheel(root / "wheels", "used", version)
    lock(member(root / "old"))
    return lock(root)


def places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every place of a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*at, key)
        yield from places(inner, (*at, key))


def put(document: Any, at: tuple[Any, ...], value: Any) -> Any:
    """The document with another value at a place."""
    changed = inner = deepcopy(document)
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    return changed


@pytest.mark.parametrize(
    "file", ["pyproject.toml", "libs/svc/pyproject.toml", "old/pyproject.toml", "uv.lock", "old/uv.lock"]
)
def test_a_strange_value_is_taken_or_refused_in_one_line(shop: Path, file: str) -> None:
    """At every place of the document, one after the other; it is never another exception."""
    path = shop / file
    text = path.read_text()
    document = tomllib.loads(text)
    refused = 0
    try:
        for number, at in enumerate(places(document)):
            # all of them everywhere would take a minute: each place has its turn with some
            for value in (7, *STRANGE[number % 3 :: 3]):
                path.write_text(tomli_w.dumps(put(document, at, value)))
                try:
                    loaded = Workspace.load(shop)
                    assert loaded.services is not None
                    BuildContext.of(loaded, "svc", extras=["x"])
                    BuildContext.of(loaded, "old")
                except WorkspaceError:
                    refused += 1
    finally:
        path.write_text(text)
    assert refused > 20


@pytest.mark.parametrize(
    ("file", "at", "value", "expected"),
    [
        ("pyproject.toml", ("tool", "uv", "workspace", "members"), "libs/*", "tool.uv.workspace.members must be a list, not 'libs/*'; correct it"),
        ("pyproject.toml", ("tool", "uv", "find-links"), [7], "tool.uv.find-links must be a list of strings, not [7]; correct it"),
        ("libs/svc/pyproject.toml", ("project", "dependencies"), {}, "project.dependencies must be a list, not {}; correct it"),
        ("libs/svc/pyproject.toml", ("tool", "uv", "sources", "used"), [7], "tool.uv.sources.used[0] must be a table, not 7; correct it"),
        ("uv.lock", ("package", 0, "name"), 7, "package[0].name must be a string, not 7; run `uv lock`"),
        ("uv.lock", ("package", 0, "source"), True, "package[0].source must be a table, not True; run `uv lock`"),
        ("uv.lock", ("revision",), True, "revision must be an integer, not True; run `uv lock`"),
    ],
)  # fmt: skip
def test_the_place_of_a_strange_value_is_told(
    shop: Path, file: str, at: tuple[str | int, ...], value: object, expected: str
) -> None:
    """The file, the key, what it must be and what it is."""
    path = shop / file
    text = path.read_text()
    path.write_text(tomli_w.dumps(put(tomllib.loads(text), at, value)))
    try:
        with pytest.raises(WorkspaceError) as caught:
            Workspace.load(shop)
    finally:
        path.write_text(text)
    assert f"{file}: {expected}" == str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("handlr = 'a.b'", ".handlr is not a setting; did you mean 'handler'? there are build-from-source, check, exclude, handler, include, standalone, version; correct it"),
        ("zzz = 1", ".zzz is not a setting; there are build-from-source, check, exclude, handler, include, standalone, version; correct it"),
        ("check = { larget-file = 1 }", ".check.larget-file is not a setting; did you mean 'largest-file'? there are allow, environment, largest-file; correct it"),
        ("build-from-source = 'x'", ".build-from-source must be a list, not 'x'; correct it"),
        ("handler = 7", ".handler must be a string or a list of strings, not 7; correct it"),
        ("include = 'data'", ".include must be a list, not 'data'; correct it"),
        ("exclude = [1]", ".exclude must be a list of strings, not [1]; correct it"),
        ("exclude = ['']", ".exclude must be a list of globs, not ['']; correct it"),
        ("check = { largest-file = true }", ".check.largest-file must be an integer, not True; correct it"),
        ("check = { largest-file = 0 }", ".check.largest-file must be a number of bytes above 0, not 0; correct it"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("folder", [".", "a"])
def test_a_mistyped_setting_of_our_own_is_refused(tmp_path: Path, folder: str, text: str, told: str) -> None:
    """In the root's table and in a member's; what other tools' tables hold is theirs to say."""
    root = lock(workspace(tmp_path / "w", {"a": "[tool.uv-workspace]\nhandlr = 1\n"}))
    Workspace.load(root)
    path = root / folder / "pyproject.toml"
    path.write_text(f"{path.read_text()}\n[tool.uv-workspace-function]\n{text}\n")
    with pytest.raises(WorkspaceError) as caught:
        Workspace.load(root)
    assert f"{path.relative_to(root)}: tool.uv-workspace-function{told}" == str(caught.value)
