"""Locks of every revision that uv has written: cut down, uv still reads them, and reads the same."""

import shutil
from pathlib import Path

import pytest
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.workspace import freshness
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv

HERE = Path(__file__).parents[1] / "workspaces/lock_revisions"
MEMBERS = ["core", "root-app", "svc-x", "svc-y", "util"]


@pytest.fixture(params=sorted(path.name for path in (HERE / "locks").iterdir()))
def old(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The workspace with the lock of one uv."""
    root = tmp_path / "workspace"
    shutil.copytree(HERE, root, ignore=shutil.ignore_patterns("locks"))
    shutil.copy(HERE / "locks" / request.param / "uv.lock", root)
    if request.param == "0.4.0":
        # It knew no dependency groups, and locked dynamic versions: uv would make it anew today. How it is cut down is another question.
        monkeypatch.setattr(freshness, "ask_offline", lambda *_, **__: None)
        for path, new in (("pyproject.toml", ""), ("packages/svc-x/pyproject.toml", 'old=["packaging"]\n')):
            lines = (root / path).read_text().splitlines(keepends=True)
            text = "".join(new if line.startswith(("conflicts", "old=")) else line for line in lines)
            (root / path).write_text(text)
    return root


@pytest.mark.parametrize(
    ("member", "extras"),
    [*((member, ()) for member in MEMBERS), ("core", ("slow",)), ("svc-x", ("new",)), ("svc-x", ("old",))],
    ids=str,
)
def test_a_lock_of_any_revision_exports_the_same_when_cut_down(
    old: Path, tmp_path: Path, member: str, extras: tuple[str, ...]
) -> None:
    """Law 2 for the locks in the wild, conflicting extras included."""
    BuildContext.of(Workspace.load(old), member, extras=extras).write(tmp_path / "context")
    asked = [f"--extra={extra}" for extra in extras]
    command = ["export", "--frozen", "--no-default-groups", "--package", member, *asked]
    whole, cut = (uv(*command, cwd=folder).stdout for folder in (old, tmp_path / "context"))
    assert whole == cut
    assert len(whole.splitlines()) > 5
