"""Law 15: no file from outside the repository, and none below its `.git`, enters a build context, whatever a workspace holds.

Covers also: boundary.py.
"""

import os
import socket
import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from made import handler, lock, member, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import wheel

MARK = "hunter2-outside"
HATCHLING = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
SETUPTOOLS = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with secrets of its own below `.git` and beside it, and a workspace that is harmless so far."""
    root = workspace(tmp_path / "repo", {"svc": ""}, globs=["svc"], tail='find-links = ["wheels"]\n')
    handler(root / "svc")
    (root / "wheels").mkdir()
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for path in (".git/config", ".git/logs/HEAD", ".env.d/prod", ".venv/pyvenv.cfg", ".GIT/config"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        with (root / path).open("a") as stream:
            stream.write(f"\n# {MARK}\n")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text(f"{MARK}\n")
    return root


def gathered(root: Path) -> BuildContext:
    """The service's context; the lock is written anew for what a test has changed."""
    lock(root)
    return BuildContext.of(Workspace.load(root), "svc")


def holds_nothing_of_it(made: BuildContext) -> bool:
    return not [path for path, file in made.files.items() if MARK.encode() in file.content]


def package(root: Path, tail: str = "", build_system: str = HATCHLING) -> Path:
    return member(root / "svc", tail, build_system=build_system)


def _include(*paths: str) -> Callable[[Path], object]:
    return lambda root: package(root, f"[tool.uv-workspace-function]\ninclude = {list(paths)}\n")


def _link(path: str, target: str) -> Callable[[Path], object]:
    def make(root: Path) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).symlink_to(target)

    return make


def _both(*made: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda root: [make(root) for make in made]


WAYS: dict[str, Callable[[Path], object]] = {
    "readme": lambda root: package(root, 'readme = "../../repo/.git/config"\n'),
    "readme above": lambda root: package(root, 'readme = "../.git/config"\n'),
    "readme in another case": lambda root: package(root, 'readme = "../.GIT/config"\n'),
    "readme by table": lambda root: package(root, 'readme = { file = "../.git/logs/HEAD", content-type = "text/plain" }\n'),
    "license file": lambda root: package(root, 'license = { file = "../.git/config" }\n'),
    "license files": lambda root: package(root, 'license-files = ["../.git/config", "../.git/*"]\n'),
    "include of git": _include("../.git/logs", "../.git/config"),
    "include of git through dots": _include("../svc/../.git/logs"),
    "include of secrets": _include("../.env.d/prod"),
    "include of an environment": _include("../.venv/pyvenv.cfg"),
    "force-include": lambda root: package(
        root, '[tool.hatch.build.targets.wheel.force-include]\n"../.git/config" = "svc/x"\n"/proc/self/environ" = "svc/y"\n'
    ),
    "package-dir": lambda root: package(
        root, '[tool.setuptools]\npackages = ["logs"]\n[tool.setuptools.package-dir]\nlogs = "../.git/logs"\n', SETUPTOOLS
    ),
    "data files": lambda root: package(
        root, '[tool.setuptools.data-files]\nshare = ["../.git/config", "../.git/*"]\n', SETUPTOOLS
    ),
    "dynamic readme": lambda root: package(
        root, 'dynamic = ["readme"]\n[tool.setuptools.dynamic]\nreadme = { file = ["../.git/config"] }\n', SETUPTOOLS
    ),
    "setup.cfg": _both(
        lambda root: package(root, "", SETUPTOOLS),
        lambda root: (root / "svc/setup.cfg").write_text("[metadata]\nlong_description = file: ../.git/config\n"),
    ),
    "link": _link("svc/src/svc/x.txt", "../../../../outside/secret.txt"),
    "link to a link": _both(
        _link("svc/src/svc/x.txt", "../../y.txt"), _link("svc/y.txt", "../../outside/secret.txt")
    ),
    "link to a folder": _link("svc/src/svc/x", "../../../../outside"),
    "link to a folder through one": _both(
        _link("here", "../outside"), lambda root: package(root, 'readme = "../here/secret.txt"\n')
    ),
    "link to git": _link("svc/src/svc/x", "../../../.git"),
    "link to git in another case": _link("svc/src/svc/x", "../../../.GIT"),
    "link to a file of git": _link("svc/src/svc/x.txt", "../../../.git/config"),
    "link to git, included": _both(_link("svc/x", "../.git/logs"), _include("x")),
    "link to git on the way": _both(_link("here", ".git"), _include("../here/logs/HEAD")),
    "link to the process": _link("svc/src/svc/x.txt", "/proc/self/environ"),
    "link to the process, included": _both(_link("svc/x.txt", "/proc/self/environ"), _include("x.txt")),
    "link of a README": _both(
        _link("svc/README.md", "../../outside/secret.txt"), lambda root: package(root, 'readme = "README.md"\n')
    ),
    "link of a licence": _link("svc/LICENSE", "../../outside/secret.txt"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_out_or_below_git(repository: Path, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Left out, or refused; never in."""
    monkeypatch.setenv("TOKEN", MARK)
    WAYS[way](repository)
    with suppress(WorkspaceError):
        assert holds_nothing_of_it(gathered(repository))


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock", "uv.toml", "svc/pyproject.toml"])
def test_a_definition_from_outside_is_refused(repository: Path, tmp_path: Path, name: str) -> None:
    """What a workspace is must stand in it."""
    (repository / "uv.toml").write_text('no-index = true\nfind-links = ["wheels"]\n')
    lock(repository)
    outside = tmp_path / "outside" / Path(name).name
    (repository / name).rename(outside)
    (repository / name).symlink_to(outside)
    with pytest.raises(WorkspaceError) as caught:
        BuildContext.of(Workspace.load(repository), "svc")
    assert (
        f"{repository}/{name} leads to {outside}, outside the repository {repository}; put the file itself there"
        == str(caught.value)
    )


def test_a_definition_may_be_a_link_within_the_repository(repository: Path) -> None:
    """Workspaces that share one file are no attack."""
    lock(repository)
    before = BuildContext.of(Workspace.load(repository), "svc").digest
    (repository / "shared").mkdir()
    (repository / "svc/pyproject.toml").rename(repository / "shared/svc.toml")
    (repository / "svc/pyproject.toml").symlink_to("../shared/svc.toml")
    assert before == BuildContext.of(Workspace.load(repository), "svc").digest


@pytest.mark.parametrize("target", ["/proc/self/environ", "outside", ".git/config"])
def test_an_archive_that_leads_out_is_refused(repository: Path, tmp_path: Path, target: str) -> None:
    """One that the lock names, and one that an index folder offers to build backends."""
    built = wheel(repository / "wheels", "setuptools")
    package(repository, "", SETUPTOOLS)
    lock(repository)
    if target == "outside":
        built.rename(tmp_path / "outside" / built.name)
        target = str(tmp_path / "outside" / built.name)
    else:
        built.unlink()
    built.symlink_to(f"../{target}" if target.startswith(".git") else target)
    with pytest.raises(
        WorkspaceError, match=r"which the lock or an index names, leads to .*; put the file itself there"
    ):
        BuildContext.of(Workspace.load(repository), "svc")


def test_a_locked_path_below_git_is_refused(repository: Path) -> None:
    """With no link at all."""
    dep = wheel(repository / "wheels", "dep")
    package(
        repository, 'dependencies = ["dep"]\n[tool.uv.sources]\ndep = { path = "../wheels/dep-1.0-py3-none-any.whl" }\n'
    )
    lock(repository)
    dep.rename(repository / ".git" / dep.name)
    for path in (repository / "uv.lock", repository / "svc/pyproject.toml"):
        path.write_text(path.read_text().replace("wheels/dep", ".git/dep"))
    with pytest.raises(WorkspaceError) as caught:
        BuildContext.of(Workspace.load(repository), "svc")
    assert (
        f".git/{dep.name}, which the lock or an index names, leads to {repository}/.git/{dep.name}, below .git; "
        "put the file itself there"
    ) == str(caught.value)


def test_a_member_below_git_is_refused(repository: Path) -> None:
    member(repository / ".git/svc", name="svc")
    pyproject = repository / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("members = ['svc']", "members = ['.git/svc']"))
    with pytest.raises(WorkspaceError, match=r"below .git; put the file itself there"):
        gathered(repository)


def test_a_git_folder_of_another_name_is_gits(repository: Path, tmp_path: Path) -> None:
    """`git init --separate-git-dir`, a linked worktree, a submodule."""
    (repository / ".git").rename(repository / "svc/src/svc/meta")
    (repository / ".git").write_text("gitdir: svc/src/svc/meta\n")
    assert holds_nothing_of_it(gathered(repository))


def test_what_is_no_file_is_left_out(repository: Path) -> None:
    """A pipe, a socket, a device: nobody waits for it, and it is said."""
    source = repository / "svc/src/svc"
    os.mkfifo(source / "pipe.py")
    (source / "zero.py").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        here = Path.cwd()
        os.chdir(source)
        try:
            listening.bind("socket.py")
        finally:
            os.chdir(here)
    made = gathered(repository)
    left_out = {entry.path.rpartition("/")[2]: entry.reason for entry in made.dropped}
    assert {
        "pipe.py": "not a regular file",
        "socket.py": "not a regular file",
        "zero.py": "reached through a link out of the repository",
    } == left_out
