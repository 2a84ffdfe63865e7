"""Absolute places: what a digest would take from where a clone lies, and no image has, is refused by its name."""

from pathlib import Path

import pytest
from made import handler, lock, member, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import wheel

WHEEL = "{root}/wheels/dep-1.0-py3-none-any.whl"
BY_PATH = 'dependencies = ["dep"]\n[tool.uv.sources]\ndep = {{ path = "%s" }}\n'
REMEDY = (
    "an absolute path: it is another one on each machine, and none in an image's build; "
    "name it relative to its pyproject.toml, and run `uv lock`"
)


def made(root: Path, tail: str = "", member_tail: str = "") -> BuildContext:
    """The context of a service of a workspace with a wheel and a library beside it."""
    workspace(root, {"svc": member_tail.format(root=root)}, globs=["svc"], tail=tail.format(root=root))
    handler(root / "svc")
    (root / "wheels").mkdir()
    wheel(root / "wheels", "dep")
    member(root / "lib")
    return BuildContext.of(Workspace.load(lock(root)), "svc")


@pytest.mark.parametrize(
    ("tail", "member_tail", "expected"),
    [
        ("", BY_PATH % WHEEL, f"uv.lock: dep 1.0 lies at {WHEEL}, "),
        ("", f'dependencies = ["dep @ file://{WHEEL}"]\n', f"svc/pyproject.toml: dep lies at {WHEEL}, "),
        ("", f'[project.optional-dependencies]\nx = ["dep @ file://{WHEEL}"]\n', f"svc/pyproject.toml: dep lies at {WHEEL}, "),
        ('find-links = ["{root}/wheels"]\n', 'dependencies = ["dep"]\n', "uv.lock: dep 1.0 lies at {root}/wheels/dep-1.0-py3-none-any.whl, "),
        ('find-links = ["file://{root}/wheels"]\n', 'dependencies = ["dep"]\n', "uv.lock: dep 1.0 lies at {root}/wheels/dep-1.0-py3-none-any.whl, "),
        ('find-links = ["{root}/wheels"]\n', "", "pyproject.toml: an index lies at {root}/wheels, "),
        ("", 'dependencies = ["lib"]\n[tool.uv.sources]\nlib = {{ path = "{root}/lib" }}\n', "uv.lock: lib lies at {root}/lib, "),
        ("", 'dependencies = ["lib"]\n[tool.uv.sources]\nlib = {{ path = "{root}/lib", editable = true }}\n', "uv.lock: lib lies at {root}/lib, "),
    ],
    ids=["wheel", "URL", "URL of an extra", "find-links", "find-links by URL", "find-links that nothing is from", "folder", "editable"],
)  # fmt: skip
def test_an_absolute_place_is_refused(tmp_path: Path, tail: str, member_tail: str, expected: str) -> None:
    with pytest.raises(WorkspaceError) as caught:
        made(tmp_path / "w", tail, member_tail)
    said = str(caught.value).removeprefix(str(tmp_path / "w")).removeprefix("/")
    assert expected.format(root=tmp_path / "w") + REMEDY == said


def test_a_relative_place_makes_one_digest_everywhere(tmp_path: Path) -> None:
    """The remedy is one."""
    tail = BY_PATH % "../wheels/dep-1.0-py3-none-any.whl"
    assert 1 == len({made(tmp_path / name, "", tail).digest for name in ("a", "another")})
