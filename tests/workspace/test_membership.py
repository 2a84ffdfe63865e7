"""Which folders are members: `uv workspace list` is asked, and the same ones have to come out."""

import re
import time
from pathlib import Path

import pytest
from uv_workspace_function import Workspace, WorkspaceError
from uv_workspace_function.workspace import membership
from wheelhouse import uv

FOLDERS = ["p/a", "p/a-x", "p/b", "p/b/c", "p/.hidden", "q/y", "q/unmanaged"]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of projects, with folders that are none between them."""
    root = tmp_path_factory.mktemp("tree")
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True)
        name = folder.strip(".").replace("/", "-").replace(".", "")
        managed = "[tool.uv]\nmanaged = false\n" if "unmanaged" in folder else ""
        text = f'[project]\nname = "{name}"\nversion = "0"\nrequires-python = ">=3.11"\n{managed}'
        (root / folder / "pyproject.toml").write_text(text)
    (root / "p/empty").mkdir()
    (root / "p/file").touch()
    return root


@pytest.mark.parametrize(
    ("members", "exclude"),
    [
        (["p/a", "p/b"], []),
        (["p/*"], []),
        (["p/*", "q/y"], ["p/a"]),
        (["p/**"], []),
        (["p/**"], ["p/b*"]),
        (["p/**"], ["p/b"]),
        (["p/**"], ["p/?"]),
        (["p/**"], ["*/c"]),
        (["p/**"], ["**/c"]),
        (["p/**"], ["./p/a", "p/b/"]),
        (["p/**"], ["p/[!a]"]),
        (["p/**"], ["p/**/c"]),
        (["p/**"], ["p/*"]),
        (["p/a*/", "./p/b", "p/b/../b/c"], []),
        (["p/[ab]"], ["**/a"]),
        (["p/{a,b}"], []),
        (["p/nothing", "p/file"], []),
    ],
    ids=str,
)
def test_members_are_those_that_uv_lists(tree: Path, members: list[str], exclude: list[str]) -> None:
    """`*` stays in a component in `members` and crosses them in `exclude`, as in uv."""
    (tree / "pyproject.toml").write_text(f"[tool.uv.workspace]\nmembers = {members}\nexclude = {exclude}\n")
    listed = uv("workspace", "list", "--paths", cwd=tree).stdout.splitlines()
    expected = sorted(str(Path(line).relative_to(tree)) for line in listed)
    assert expected == [str(folder) for folder in membership.folders(tree, members, exclude=exclude)]


@pytest.mark.parametrize(
    "pattern",
    [
        "p/[",
        "p/[a",
        "p/[*]",
        "p/[]a]",
        "p/[!]",
        "p/[!a]",
        "p/[]",
        "[p]/a]",
        "p/a**",
        "p/**a",
        "**/a",
        "p/***",
        "p/**/*",
        "**",
    ],
)
def test_a_glob_that_uv_refuses_is_refused(tree: Path, pattern: str) -> None:
    """Whatever else uv says of the workspace."""
    for key in ("members", "exclude"):
        tables = {"members": ["p/a"], "exclude": []} | {key: [pattern]}
        (tree / "pyproject.toml").write_text(
            "\n".join(["[tool.uv.workspace]", *(f"{k} = {v}" for k, v in tables.items())])
        )
        refused = "Pattern syntax error" in uv("workspace", "list", cwd=tree, check=False).stderr
        assert membership.is_malformed(pattern) is refused
        if refused:
            with pytest.raises(
                WorkspaceError, match=f"{re.escape(repr(pattern))} in `{key}` of .* is not a glob that uv takes: "
            ):
                Workspace.load(tree)


def test_no_glob_takes_long(tmp_path: Path) -> None:
    """However many wildcards it has: these took minutes by backtracking, and by looking at a folder once per way to it."""
    name = "a" * 120
    deep = tmp_path.joinpath(*["a"] * 12)
    (deep / name).mkdir(parents=True)
    (deep / name / "pyproject.toml").touch()
    begun = time.process_time()
    found = list(membership.folders(tmp_path, [f"{'**/' * 12}{name}"], exclude=["*a" * 20 + "b", "**/a" * 20 + "b"]))
    assert [(deep / name).relative_to(tmp_path).as_posix()] == [folder.as_posix() for folder in found]
    assert list(membership.folders(tmp_path, ["**"], exclude=["*a" * 20])) == []
    assert 5 > time.process_time() - begun
