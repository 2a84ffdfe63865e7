"""Workspaces of each shape, with locks written by uv: what is read of them, and that each member's context is true."""

import json
import shutil
from pathlib import Path

import pytest
from made import lock, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv

HERE = Path(__file__).parents[1] / "workspaces"

# by hand: shape -> member -> its folder, the local packages of its closure, the third-party ones
SHAPES: dict[str, dict[str, tuple[str, str, str]]] = {
    "nested": {
        "core": ("libs/core", "core core-plugin", "iniconfig"),
        "core-plugin": ("libs/core/plugins/one", "core-plugin", "iniconfig"),
        "web-frontend": ("apps/Web_Frontend", "core core-plugin web-frontend", "idna iniconfig"),
    },
    "root_member": {
        "pricing": ("packages/pricing", "pricing", "iniconfig"),
        "shopfront": (".", "pricing shopfront", "idna iniconfig"),
    },
    "virtual": {
        "hourly": ("jobs/hourly", "hourly shared", "idna"),
        "nightly": ("jobs/nightly", "nightly shared", "idna iniconfig"),
        "shared": ("shared", "shared", "idna"),
        "the-monorepo": (".", "the-monorepo", "six"),
    },
    "standalone": {
        "common": ("libs/common", "common tools", "iniconfig"),
        "new": ("services/new", "common new tools", "idna iniconfig"),
        "old": ("services/old", "common old tools", "idna iniconfig"),
        "tools": ("libs/tools", "tools", "iniconfig"),
    },
    "conflicts": {
        "billing": ("billing", "billing shared", "colorama idna iniconfig iniconfig"),
        "orders": ("orders", "orders search shared", "certifi colorama idna iniconfig iniconfig"),
        "search": ("search", "search", ""),
        "shared": ("shared", "shared", "colorama idna iniconfig iniconfig"),
    },
    "vcs_versions": {
        "app": ("packages/app", "app with-hatch with-setuptools", "idna iniconfig"),
        "with-hatch": ("packages/with-hatch", "with-hatch", "idna"),
        "with-setuptools": ("packages/with-setuptools", "with-setuptools", "iniconfig"),
    },
}
SERVICES = {
    "nested": "web-frontend",
    "root_member": "shopfront",
    "virtual": "hourly nightly",
    "standalone": "new old",
    "conflicts": "billing orders",
    "vcs_versions": "app",
}
EVERY_MEMBER = [(shape, name) for shape, members in SHAPES.items() for name in members]


@pytest.fixture
def root(shape: str, tmp_path: Path) -> Path:
    """A copy of the workspace, away from this repository."""
    return Path(shutil.copytree(HERE / shape, tmp_path / shape))


def test_every_shape_is_tested() -> None:
    """A folder that nobody reads proves nothing."""
    folders = {path.name for path in HERE.iterdir() if path.is_dir()}
    assert folders == {*SHAPES, "lock_revisions"}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_workspace_has_the_members_and_services_that_are_there(shape: str, root: Path) -> None:
    """Members as uv lists them, and the standalone project; services by their handlers."""
    workspace = Workspace.load(root)
    found = {member.name: member.folder.as_posix() for member in (*workspace.members, *workspace.standalone)}
    assert found == {name: folder for name, (folder, _, _) in SHAPES[shape].items()}
    by_uv = {Path(line) for line in uv("workspace", "list", "--paths", cwd=root).stdout.splitlines()}
    assert {member.path for member in workspace.members} == {path.resolve() for path in by_uv}
    assert [member.name for member in workspace.services] == SERVICES[shape].split()


@pytest.mark.parametrize(("shape", "name"), EVERY_MEMBER)
def test_a_closure_is_what_the_member_needs(shape: str, name: str, root: Path) -> None:
    """Its groups and the extras that nobody asks for left out."""
    _, local, third_party = SHAPES[shape][name]
    closure = Workspace.load(root).closure(name)
    assert [member.name for member in closure.local] == local.split()
    assert [package.name for package in closure.third_party] == third_party.split()


@pytest.mark.parametrize(("shape", "name"), EVERY_MEMBER)
def test_a_context_exports_what_the_workspace_does(shape: str, name: str, root: Path, tmp_path: Path) -> None:
    """Law 2, by uv's word, in the folder whose lock it is."""
    workspace = Workspace.load(root)
    project = workspace.project_of(workspace.member(name)).folder
    BuildContext.of(workspace, name).write(tmp_path / "context")
    export = ("export", "--frozen", "--no-default-groups", "--no-annotate", "--package", name)
    exports = [uv(*export, cwd=folder / project).stdout for folder in (root, tmp_path / "context")]
    assert exports[0] == exports[1]
    assert len([*(tmp_path / "context").rglob("uv.lock")]) == 1


@pytest.mark.parametrize("shape", ["vcs_versions"])
def test_a_version_from_vcs_is_given_to_its_backend(root: Path) -> None:
    """A context has no `.git`: the version is the package's own table's, or 0.0.0. hatch-vcs knows no name of its own."""
    context = BuildContext.of(Workspace.load(root), "app")
    variables = json.loads(context.files[".uv-workspace-function/build-env.json"].content)
    assert variables == {
        "with-hatch": {"SETUPTOOLS_SCM_PRETEND_VERSION": "0.0.0"},
        "with-setuptools": {"SETUPTOOLS_SCM_PRETEND_VERSION_FOR_WITH_SETUPTOOLS": "2.5"},
    }


@pytest.mark.parametrize("shape", ["standalone"])
def test_a_standalone_project_has_its_own_versions(root: Path) -> None:
    """It needs an older major version than the workspace, and a library of the workspace by path."""
    workspace = Workspace.load(root)
    versions = {
        service: next(p.version for p in workspace.closure(service).third_party if p.name == "idna")
        for service in ("new", "old")
    }
    assert {service: str(version).partition(".")[0] for service, version in versions.items()} == {
        "new": "3",
        "old": "2",
    }


@pytest.mark.parametrize("extras", [["cpu"], ["gpu"], ["cpu", "gpu"], ["gpu", "other"], []])
@pytest.mark.parametrize("always", [[], ["svc[cpu]"]])
def test_extras_that_exclude_each_other_through_others_are_refused_as_uv_does(
    tmp_path: Path, extras: list[str], always: list[str]
) -> None:
    """Whoever asks for them: an extra of another package, or a dependency, of which uv takes both ways of a conflict."""
    apart = "dependencies = []\n[project.optional-dependencies]\ncpu = ['one']\ngpu = ['two']\n[tool.uv]\n"
    apart += "conflicts = [[{extra='cpu'}, {extra='gpu'}]]\n[tool.uv.sources]\none = {workspace=true}\ntwo = {workspace=true}\n"
    asking = f"dependencies = {always}\n[project.optional-dependencies]\ncpu = ['svc[cpu]']\ngpu = ['svc[gpu]']\nother = []\n"
    asking += "[tool.uv.sources.svc]\nworkspace = true\n"
    root = lock(workspace(tmp_path / "w", {"svc": apart, "app": asking, "one": "", "two": ""}))
    options = [f"--extra={extra}" for extra in extras]
    answer = uv("export", "--frozen", "--package=app", *options, cwd=root, check=False)
    loaded = Workspace.load(root)
    if answer.returncode == 0 and not {"./one", "./two"} <= set(answer.stdout.split()):
        assert BuildContext.of(loaded, "app", extras=extras).files
        return
    assert answer.returncode == 0 or "incompatible with the declared conflicts" in answer.stderr
    with pytest.raises(
        WorkspaceError, match=r"^svc\[cpu\] and svc\[gpu\] exclude each other, and app.* needs svc\[cpu\]"
    ):
        BuildContext.of(loaded, "app", extras=extras)


@pytest.mark.parametrize("extras", [["fast"], ["small"], ["small", "fast"], []])
def test_extras_that_exclude_each_other_are_refused_as_uv_does(extras: list[str]) -> None:
    """`[tool.uv] conflicts`: uv locks them apart, and installs no two of them."""
    root = HERE / "conflicts"
    options = [f"--extra={extra}" for extra in extras]
    refused = (
        "incompatible with the declared conflicts"
        in uv("export", "--frozen", "--package=search", *options, cwd=root, check=False).stderr
    )
    assert refused is (len(extras) == 2)
    workspace = Workspace.load(root)
    if not refused:
        assert BuildContext.of(workspace, "search", extras=extras).files
        return
    with pytest.raises(WorkspaceError) as raised:
        BuildContext.of(workspace, "search", extras=extras)
    assert str(raised.value) == (
        "the extras fast and small of search exclude each other, as [tool.uv] `conflicts` says; ask for one of them"
    )
