"""Whether a lock is fresh: uv's own answer to one offline question, and no code of the workspace runs for it."""

import threading
from pathlib import Path
from typing import Any

import pytest
from made import BUILD_SYSTEM, hide_uv, lock, member, workspace
from uv_workspace_function import Workspace, WorkspaceError
from uv_workspace_function.uv import UvAnswer, ask_offline
from uv_workspace_function.workspace import freshness
from uv_workspace_function.workspace.freshness import check_fresh
from wheelhouse import sdist, uv

# A backend in the package itself: it writes down that it ran, and tells what it was made to tell.
_BACKEND = """
import os
open({ran!r}, "a").close()
def get_requires_for_build_wheel(settings=None):
    return []
def prepare_metadata_for_build_wheel(folder, settings=None):
    name = "{name}-1.dist-info"
    os.makedirs(os.path.join(folder, name))
    with open(os.path.join(folder, name, "METADATA"), "w") as stream:
        stream.write("Metadata-Version: 2.1\\nName: {name}\\nVersion: 1\\n")
    with open(os.path.join(folder, name, "WHEEL"), "w") as stream:
        stream.write("Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    return name
get_requires_for_build_editable = get_requires_for_build_wheel
prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel
def build_wheel(*_): raise NotImplementedError
build_editable = build_wheel
"""
LEFT = "the build backend of orders, which has a requirement that only a backend reads: "
_IN_TREE = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def said(root: Path) -> str | None:
    read = Workspace.load(root)
    return check_fresh(read, read.project)


def taken(reason: str) -> str:
    return f"uv.lock was used without checking that it is fresh: {reason}"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A workspace with a fresh lock."""
    root = workspace(tmp_path / "shop", ["orders", "billing"])
    return lock(root)


def test_a_fresh_lock_is_fresh(shop: Path) -> None:
    """For uv, and so for us."""
    assert said(shop) is None


@pytest.mark.parametrize(
    "change",
    [
        'dependencies = ["requests"]',
        'dependencies = ["billing"]\n[tool.uv.sources]\nbilling = { workspace = true }',
        'optional-dependencies = { fast = ["billing"] }\n[tool.uv.sources]\nbilling = { workspace = true }',
        '[dependency-groups]\ndev = ["billing"]\n[tool.uv.sources]\nbilling = { workspace = true }',
    ],
    ids=["requirement", "member", "extra", "group"],
)
def test_a_lock_that_uv_would_make_anew_is_refused(shop: Path, change: str) -> None:
    """Whatever changed."""
    member(shop / "orders", change)
    with pytest.raises(WorkspaceError) as caught:
        said(shop)
    problem = "uv.lock is stale: it does not match what the pyproject.toml files ask for now"
    assert (problem, "run `uv lock`") == (caught.value.problem, caught.value.remedy)


def test_the_lock_of_a_standalone_project_is_asked_about_by_itself(tmp_path: Path) -> None:
    """And the remedy names its folder."""
    root = workspace(tmp_path / "shop", ["orders", "export"], exclude=["export"])
    lock(root)
    lock(root / "export")
    member(root / "export", 'dependencies = ["requests"]')
    read = Workspace.load(root)
    assert check_fresh(read, read.project) is None
    with pytest.raises(WorkspaceError, match=r"export/uv.lock is stale: .*; run `uv lock --project export`$"):
        check_fresh(read, read.project_of(read.member("export")))


def test_without_uv_it_is_not_known(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work goes on, with a reason."""
    hide_uv(monkeypatch)
    assert said(shop) == taken("uv could not be run; put it on PATH (https://docs.astral.sh/uv)")


def test_what_uv_cannot_tell_is_not_known(shop: Path) -> None:
    """In uv's own words."""
    (shop / "pyproject.toml").write_text((shop / "pyproject.toml").read_text() + "[tool.uv.pip]\nno-such-setting = 1\n")
    text = (shop / "pyproject.toml").read_text().replace("no-index = true", 'required-version = ">=99"')
    (shop / "pyproject.toml").write_text(text)
    answer = said(shop)
    assert answer is not None
    assert answer.startswith(taken("Required uv version `>=99` does not match"))


def backend(folder: Path, ran: Path) -> None:
    (folder / "backend.py").write_text(_BACKEND.format(ran=str(ran), name=folder.name))


@pytest.mark.parametrize(
    ("tail", "reason"),
    [
        ('dynamic = ["dependencies"]', "uv would run the build backend of orders, which has dynamic dependencies"),
        (
            'dynamic = ["optional-dependencies"]',
            "uv would run the build backend of orders, which has dynamic optional-dependencies",
        ),
        (
            'dependencies = ["other @ {root:uri}/other"]',
            f"uv would run {LEFT}'other @ {{root:uri}}/other'",
        ),
        (
            'dependencies = ["other =="]',
            f"uv would run {LEFT}'other =='",
        ),
        (
            'dependencies = ["billing @ file:../billing"]',
            f"uv would run {LEFT}'billing @ file:../billing'",
        ),
    ],
)
def test_no_backend_runs(shop: Path, tmp_path: Path, tail: str, reason: str) -> None:
    """uv is not asked where one would; with the same question, it runs."""
    ran = tmp_path / "ran"
    member(shop / "orders", tail, build_system=_IN_TREE)
    backend(shop / "orders", ran)
    assert (said(shop), ran.exists()) == (taken(reason), False)
    uv("lock", "--check", cwd=shop, check=False)
    assert ran.exists()


def test_no_backend_of_a_dynamic_version_runs(shop: Path, tmp_path: Path) -> None:
    """uv asks for a version when it resolves anew: not where that could come of a backend which is in the repository."""
    ran = tmp_path / "ran"
    member(shop / "orders", 'dynamic = ["version"]', build_system=_IN_TREE)
    path = shop / "orders/pyproject.toml"
    path.write_text(path.read_text().replace('version = "1"\n', "", 1))
    backend(shop / "orders", ran)
    expected = taken("uv would run the build backend of orders, which has a dynamic version")
    assert (said(shop), ran.exists()) == (expected, False)
    uv("lock", "--check", cwd=shop, check=False)
    assert ran.exists()


def test_a_dynamic_version_of_a_backend_from_an_index_is_no_hindrance(tmp_path: Path) -> None:
    """Fresh is fresh, and another member's change is stale; its own is not known, for uv would ask the backend."""
    root = workspace(tmp_path / "shop", ["orders", "billing"])
    system = '[build-system]\nrequires = ["hatchling", "hatch-vcs"]\nbuild-backend = "hatchling.build"\n'
    member(root / "orders", build_system=system)
    lock(root)
    path = root / "orders/pyproject.toml"
    path.write_text(path.read_text().replace('version = "1"\n', 'dynamic = ["version"]\n', 1))
    locked = root / "uv.lock"
    locked.write_text(locked.read_text().replace('name = "orders"\nversion = "1"\n', 'name = "orders"\n'))
    assert said(root) is None
    member(root / "billing", 'dependencies = ["requests"]')
    with pytest.raises(WorkspaceError, match=r"uv.lock is stale"):
        said(root)
    member(root / "billing")
    path.write_text(path.read_text().replace("dynamic", 'dependencies = ["requests"]\ndynamic', 1))
    assert said(root) == taken("Failed to generate package metadata for `orders @ editable+orders`")


def test_a_path_dependency_that_is_not_locked_yet_is_looked_at(shop: Path, tmp_path: Path) -> None:
    """Its backend would run as well: a path, or a URL of a file."""
    ran = tmp_path / "ran"
    member(shop / "vendored/tool", 'dynamic = ["dependencies"]', build_system=_IN_TREE)
    backend(shop / "vendored/tool", ran)
    reason = taken("uv would run the build backend of vendored/tool, which has dynamic dependencies")
    member(
        shop / "orders",
        'dependencies = ["tool"]\n[tool.uv.sources]\ntool = { path = "../vendored/tool", editable = true }',
    )
    assert (said(shop), ran.exists()) == (reason, False)
    member(shop / "orders", f'dependencies = ["tool @ file://{shop}/vendored/tool"]')
    assert (said(shop), ran.exists()) == (reason, False)


def test_a_source_archive_in_the_repository_is_not_built(tmp_path: Path) -> None:
    """Its metadata would come of its own backend."""
    root = workspace(tmp_path / "shop", globs=["orders"])
    (root / "vendored").mkdir()
    made = sdist(root / "vendored", "tool", files={"src/tool/__init__.py": ""})
    member(
        root / "orders", f'dependencies = ["tool"]\n[tool.uv.sources]\ntool = {{ path = "../vendored/{made.name}" }}'
    )
    lock(root)
    assert said(root) == taken(
        "Distribution `tool==1.0 @ path+vendored/tool-1.0.tar.gz` can't be installed because it is marked as `--no-build` but has no "
        "binary distribution"
    )


def test_metadata_that_the_root_tells_instead_needs_no_backend(tmp_path: Path) -> None:
    """`dependency-metadata` is what uv goes by then."""
    tail = '[[tool.uv.dependency-metadata]]\nname = "orders"\nversion = "1"\nrequires-dist = []\n'
    root = workspace(tmp_path / "shop", tail=tail)
    member(root / "orders", 'dynamic = ["dependencies"]', build_system=BUILD_SYSTEM)
    lock(root)
    assert said(root) is None


def test_a_question_that_was_begun_is_asked_once_and_waited_for(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked, may_answer = [], threading.Event()

    def slowly(project: Path, **options: Any) -> UvAnswer | None:
        asked.append(project)
        assert may_answer.wait(60)
        return ask_offline(project, **options)

    monkeypatch.setattr(freshness, "ask_offline", slowly)
    member(shop / "orders", 'dependencies = ["requests"]')
    read = Workspace.load(shop)
    freshness.begin(read)
    freshness.begin(read)
    may_answer.set()
    for _ in range(2):
        with pytest.raises(WorkspaceError, match=r"^uv\.lock is stale"):
            check_fresh(read, read.project)
    assert [shop.resolve()] == asked


def test_what_goes_wrong_while_uv_is_asked_is_raised_where_the_answer_is_wanted(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise WorkspaceError("uv went away")

    monkeypatch.setattr(freshness, "ask_offline", fail)
    read = Workspace.load(shop)
    freshness.begin(read)
    with pytest.raises(WorkspaceError, match=r"^uv went away$"):
        check_fresh(read, read.project)
