"""A project that is copied and whose `src` is itself the package: `from src.config import X`, handler `src.handler.handler`."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from made import lock, workspace
from uv_workspace_function.builder.workspace import Workspace as BuilderWorkspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.code.handlers import HandlerError
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.gate.runner import check
from uv_workspace_function.insight.comparison import compare
from uv_workspace_function.target.target import Target
from uv_workspace_function.workspace.workspace import Workspace

HANDLER = "from src.config import LIMIT\n\n\ndef handler(event, context):\n    return LIMIT\n"
PACKAGE = {"src/__init__.py": "", "src/config.py": "LIMIT = 3\n", "src/handler.py": HANDLER}


def made(root: Path, files: Mapping[str, str], tail: str = "") -> Path:
    """A workspace with one project that is copied."""
    workspace(root, globs=["fn"])
    pyproject = f'[project]\nname = "fn"\nversion = "1"\nrequires-python = ">=3.11"\n{tail}'
    for path, text in {"pyproject.toml": pyproject, **files}.items():
        (root / "fn" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "fn" / path).write_text(text)
    return lock(root)


def copied(context: BuildContext, folder: Path) -> set[str]:
    """What the image's builder puts on the path."""
    context.write(folder)
    built = BuilderWorkspace.read(folder, "fn")
    return {str(target) for target, _ in built.importable_files(built.service)}


SHAPES = {
    "it imports from src": (PACKAGE, "src.handler.handler"),
    "a namespace": ({k: v for k, v in PACKAGE.items() if "__init__" not in k}, "src.handler.handler"),
    "relative imports": ({**PACKAGE, "src/handler.py": HANDLER.replace("from src.", "from .")}, "src.handler.handler"),
    "no import at all": (
        {"src/__init__.py": "", "src/app.py": "def handler(e, c):\n    return 3\n"},
        "src.app.handler",
    ),
    "a module beside it": (
        {**PACKAGE, "src/handler.py": "", "app.py": HANDLER, "defaults.json": "{}"},
        "app.handler",
    ),
    "modules beside each other": (
        {**PACKAGE, "src/handler.py": HANDLER.replace("src.", "")},
        "handler.handler",
    ),
    "without __init__.py": ({"src/handler.py": "def handler(event, context):\n    return 3\n"}, "handler.handler"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_handler_is_found_and_answers(tmp_path: Path, shape: str) -> None:
    """As its code imports: by the name `src`, or with `src` on the path; the builder puts it there."""
    files, handler = SHAPES[shape]
    root = made(tmp_path / "w", files)
    context = BuildContext.of(Workspace.load(root), "fn")
    assert handler == context.closure.handler()
    module = handler.rpartition(".")[0].replace(".", "/")
    assert f"{module}.py" in copied(context, tmp_path / "context")
    report = check(root, Target())
    assert ([], 0) == ([f.problem for f in report.findings], report.exit_code)
    done = CliRunner().invoke(main, ["invoke", "fn", "--workspace", str(root), "--event", "-"], input="{}")
    assert (0, 3) == (done.exit_code, json.loads(done.stdout)), done.stderr


def test_what_lies_beside_is_in_the_image(tmp_path: Path) -> None:
    """Where modules at the top import from `src`, with their data."""
    root = made(tmp_path / "w", SHAPES["a module beside it"][0])
    context = BuildContext.of(Workspace.load(root), "fn")
    assert {
        "app.py",
        "defaults.json",
        "src/__init__.py",
        "src/config.py",
        "src/handler.py",
    } == copied(context, tmp_path / "context")


def test_files_are_told_by_their_place_in_the_workspace(tmp_path: Path) -> None:
    """The context holds `src` in a `src`; nobody has to know."""
    root = made(tmp_path / "w", PACKAGE)
    before = BuildContext.of(Workspace.load(root), "fn")
    assert "fn/src/src/handler.py" in before.files
    (root / "fn/src/config.py").write_text("LIMIT = 4\n")
    assert ["fn/src/config.py"] == [
        change.name for change in compare(before, BuildContext.of(Workspace.load(root), "fn"))
    ]
    (root / "fn/src/model.bin").write_bytes(bytes(6_000_000))
    assert [("UWF014", "fn/src/model.bin")] == [(f.code, f.file) for f in check(root, Target()).findings]


@pytest.mark.parametrize(
    ("shape", "handler", "remedy"),
    [
        ("it imports from src", "handler.handler", "begin `handler` with 'src.': fn/src is itself the package"),
        (
            "without __init__.py",
            "src.handler.handler",
            (
                "what lies in fn/src is on the path itself: begin `handler` with 'handler', or have fn/src be a package, with "
                "an `__init__.py` and imports that begin with `src`"
            ),
        ),
    ],
)
def test_the_other_way_to_write_it_is_told(tmp_path: Path, shape: str, handler: str, remedy: str) -> None:
    """One sentence says what works."""
    root = made(tmp_path / "w", SHAPES[shape][0])
    with pytest.raises(HandlerError) as raised:
        Workspace.load(root).closure("fn").handler(handler)
    assert remedy == raised.value.remedy
