"""A build context as a folder: what is in it, that uv takes it for a workspace, and that it is whole or absent.

Covers also: context/rewritten_pyproject.py, context/workspace_files.py.
"""

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from made import BUILD_SYSTEM, files, handler, lock, member, needs, workspace
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv, wheel

BUILDER = (".uv-workspace-function/", "Dockerfile")


def context(root: Path, name: str, **options: Any) -> BuildContext:
    """The context of a member."""
    return BuildContext.of(Workspace.load(root), name, **options)


def own_files(made: BuildContext) -> list[str]:
    """The context's files without what every context has."""
    return [path for path in made.files if not path.startswith(BUILDER)]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A service with a library, another one beside it, and third-party wheels in the repository."""
    root = workspace(
        tmp_path / "shop",
        {
            "apps/api": 'dependencies = ["models", "used"]\n[tool.uv.sources]\nmodels = { workspace = true }\n'
            "[dependency-groups]\ndev = ['unused']\n[tool.ruff]\nline-length = 100\n[tool.uv-workspace-function]\nhandler = 'api.main.handler'\n",
            "apps/other": 'dependencies = ["unused"]\n',
            "libs/models": "",
        },
        globs=["apps/*", "libs/*"],
        head='[dependency-groups]\ndev = ["other"]\n[tool.ruff]\nline-length = 120\n',
        tail='find-links = ["wheels"]\ndefault-groups = ["dev"]\nconstraint-dependencies = ["used<3", "unused<3"]\n'
        "sources = { other = { workspace = true }, models = { workspace = true } }\n",
    )
    (root / "wheels").mkdir()
    for name in ("used", "unused"):
        wheel(root / "wheels", name)
    handler(root / "apps/api")
    (root / "apps/api/src/api/data.json").write_text("{}")
    (root / "apps/api/tests").mkdir()
    (root / "apps/api/tests/test_api.py").touch()
    return lock(root)


def test_a_context_is_the_workspace_cut_down(shop: Path) -> None:
    """The closure's files at their own places, a cut lock, the wheels of the closure, and nothing of others."""
    assert own_files(context(shop, "api")) == [
        "apps/api/pyproject.toml",
        "apps/api/src/api/__init__.py",
        "apps/api/src/api/data.json",
        "apps/api/src/api/main.py",
        "libs/models/pyproject.toml",
        "libs/models/src/models/__init__.py",
        "pyproject.toml",
        "uv.lock",
        "wheels/used-1.0-py3-none-any.whl",
    ]


def test_definitions_are_reduced_to_what_a_build_reads(shop: Path) -> None:
    """The root is virtual; groups, linters' tables and our own are gone; what speaks of others is gone."""
    made = context(shop, "api")
    assert made.files["pyproject.toml"].content.decode() == (
        '[tool.uv]\nno-index = true\nfind-links = [\n    "wheels",\n]\nconstraint-dependencies = [\n    "used<3",\n]\n'
        '\n[tool.uv.sources.models]\nworkspace = true\n\n[tool.uv.workspace]\nmembers = [\n    "apps/api",\n    "libs/models",\n]\n'
    )  # fmt: skip
    assert made.files["apps/api/pyproject.toml"].content.decode() == (
        '[project]\nname = "api"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = [\n    "models",\n    "used",\n]\n'
        '\n[build-system]\nrequires = [\n    "uv_build",\n]\nbuild-backend = "uv_build"\n\n[tool.uv.sources.models]\nworkspace = true\n'
    )


def test_uv_exports_from_a_context_what_it_exports_from_the_workspace(shop: Path, tmp_path: Path) -> None:
    """Law 2, on one example; the property tests have the rest."""
    context(shop, "api").write(tmp_path / "out")
    command = ("export", "--frozen", "--no-default-groups", "--package", "api")
    assert uv(*command, cwd=shop).stdout == uv(*command, cwd=tmp_path / "out").stdout


def test_a_standalone_project_keeps_its_place(tmp_path: Path) -> None:
    """`../clock` resolves, and the only lock is its own."""
    root = workspace(tmp_path / "w", {"libs/clock": ""}, globs=["libs/*"], exclude=["apps/legacy"])
    legacy = member(
        root / "apps/legacy",
        'dependencies = ["clock"]\n[tool.uv.sources]\nclock = { path = "../../libs/clock", editable = true }\n',
    )
    lock(legacy)
    lock(root)
    made = context(root, "legacy")
    assert own_files(made) == [
        "apps/legacy/pyproject.toml",
        "apps/legacy/src/legacy/__init__.py",
        "apps/legacy/uv.lock",
        "libs/clock/pyproject.toml",
        "libs/clock/src/clock/__init__.py",
    ]
    made.write(tmp_path / "out")
    command = ("export", "--frozen", "--no-default-groups")
    assert uv(*command, cwd=legacy).stdout == uv(*command, cwd=tmp_path / "out/apps/legacy").stdout


def test_a_local_build_requirement_is_in_the_context(tmp_path: Path) -> None:
    """The plugin's sources come along, and it is a member there; uv still finds what it needs."""
    root = workspace(tmp_path / "w", {"svc": "", "plugin": "", "other": ""})
    tail = "[tool.uv.sources.plugin]\nworkspace = true\n"
    member(root / "svc", tail, build_system=BUILD_SYSTEM.replace('"uv_build"]', '"uv_build", "plugin"]'))
    lock(root)
    made = context(root, "svc")
    assert "plugin/src/plugin/__init__.py" in made.files
    assert '"plugin",\n    "svc"' in made.files["pyproject.toml"].content.decode()
    made.write(tmp_path / "out")
    assert "-e ./svc\n" in uv("export", "--frozen", "--package", "svc", cwd=tmp_path / "out").stdout


# A whole PEP 517 backend: the wheel it makes holds one module, which the package it is built with provides.
_BACKEND = """\
import zipfile

from stamp import STAMP

def build_wheel(folder, config_settings=None, metadata_directory=None):
    files = {
        "a.py": f"STAMP = {STAMP!r}\\n",
        "a-1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: a\\nVersion: 1\\n",
        "a-1.dist-info/WHEEL": "Wheel-Version: 1.0\\nGenerator: mine\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "a-1.dist-info/RECORD": "",
    }
    with zipfile.ZipFile(f"{folder}/a-1-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return "a-1-py3-none-any.whl"
"""


@pytest.fixture
def own_backend(tmp_path: Path) -> Path:
    """A member built by a backend that lies in a folder of the repository, of which the lock says nothing."""
    root = workspace(tmp_path / "w", globs=["m/*"], tail='sources = { mine = { path = "tools/mine" } }')
    member(root / "m/a", build_system='[build-system]\nrequires = ["mine"]\nbuild-backend = "mine"\n')
    backend = member(
        root / "tools/mine", 'dependencies = ["stamp"]\n[tool.uv.sources]\nstamp = { path = "../stamp" }\n'
    )
    (backend / "src/mine/__init__.py").write_text(_BACKEND)
    stamp = member(root / "tools/stamp")
    (stamp / "src/stamp/__init__.py").write_text("STAMP = 1\n")
    return lock(root)


def test_a_backend_of_the_repository_is_in_the_context(own_backend: Path, tmp_path: Path) -> None:
    """uv builds the member from the context alone; what the backend needs from a path comes with it."""
    before = context(own_backend, "a")
    assert {"tools/mine/src/mine/__init__.py", "tools/stamp/src/stamp/__init__.py"} < set(own_files(before))
    before.write(tmp_path / "out")
    uv("sync", "--frozen", "--no-editable", "--package", "a", cwd=tmp_path / "out")
    (built,) = (tmp_path / "out/.venv").glob("lib/python*/site-packages/a.py")
    assert "STAMP = 1\n" == built.read_text()
    (own_backend / "tools/stamp/src/stamp/__init__.py").write_text("STAMP = 2\n")
    assert context(own_backend, "a").digest != before.digest


def test_an_archive_that_builds_is_in_the_context(own_backend: Path) -> None:
    """A build requirement may be a wheel by path, too."""
    path = wheel(own_backend / "tools", "mine")
    pyproject = own_backend / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("tools/mine", f"tools/{path.name}"))
    made = context(own_backend, "a")
    assert path.read_bytes() == made.files[f"tools/{path.name}"].content
    assert "tools/mine/pyproject.toml" not in made.files


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("../mine", ": that is not a path below the workspace's root, and a build context reaches no further; move it below the root and name it by a relative path, or publish it to an index"),
        ("tools/gone", ", but there is nothing; restore it, or correct the path"),
    ],
)  # fmt: skip
def test_a_backend_that_no_context_can_hold_is_refused(own_backend: Path, path: str, expected: str) -> None:
    """By name, and with what to do."""
    pyproject = own_backend / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("tools/mine", path))
    with pytest.raises(WorkspaceError) as caught:
        context(own_backend, "a")
    assert f"a is built with mine, which tool.uv.sources takes from {path}{expected}" == str(caught.value)


def test_a_version_from_vcs_is_passed_from_outside(tmp_path: Path) -> None:
    """A context has no `.git`."""
    root = workspace(tmp_path / "w")
    backend = '[build-system]\nrequires = ["hatchling", "hatch_vcs>=0.4"]\nbuild-backend = "hatchling.build"\n[tool.hatch.version]\nsource = "vcs"\n'
    folder = member(root / "acme-svc", '[tool.uv-workspace-function]\nversion = "1.2"\n', build_system=backend)
    text = (folder / "pyproject.toml").read_text()
    lock(root)
    (folder / "pyproject.toml").write_text(text.replace('version = "1"\n', 'dynamic = ["version"]\n', 1))
    # as uv locks a dynamic version: it needs no backend from an index here
    (root / "uv.lock").write_text((root / "uv.lock").read_text().replace('version = "1"\nsource', "source"))
    variables = context(root, "acme-svc").files[".uv-workspace-function/build-env.json"].content.decode()
    assert '{\n  "acme-svc": {\n    "SETUPTOOLS_SCM_PRETEND_VERSION": "1.2"\n  }\n}\n' == variables


def test_uv_toml_travels_reduced(shop: Path) -> None:
    """It overrides [tool.uv], so the build has to have it."""
    (shop / "uv.toml").write_text(
        'offline = true\nno-index = true\nfind-links = ["wheels"]\nindex-strategy = "unsafe-best-match"\n[pip]\nno-deps = true\n'
    )
    made = context(shop, "api")
    assert (
        'no-index = true\nfind-links = [\n    "wheels",\n]\nindex-strategy = "unsafe-best-match"\n'
        == made.files["uv.toml"].content.decode()
    )


def test_a_uv_toml_that_says_nothing_to_a_build_changes_nothing(tmp_path: Path) -> None:
    """One with a cache's place alone; but it takes the effect from what [tool.uv] says of the same kind."""
    root = workspace(tmp_path / "w", {"a": ""})
    lock(root)
    pyproject = "[tool.uv]\nworkspace = { members = ['a'] }\n"
    (root / "pyproject.toml").write_text(pyproject)
    before = context(root, "a").digest
    (root / "uv.toml").write_text('cache-dir = "cache"\n')
    assert context(root, "a").digest == before
    (root / "pyproject.toml").write_text(f"{pyproject}index-strategy = 'unsafe-best-match'\n")
    assert context(root, "a").files["uv.toml"].content == b""


def test_an_archive_outside_the_root_is_refused(tmp_path: Path) -> None:
    """No build context reaches it."""
    (tmp_path / "outside").mkdir()
    wheel(tmp_path / "outside", "used")
    root = workspace(tmp_path / "w", {"a": 'dependencies = ["used"]\n'}, tail='find-links = ["../outside"]\n')
    lock(root)
    with pytest.raises(WorkspaceError) as caught:
        context(root, "a")
    assert str(caught.value).startswith("uv.lock: used 1.0 lies at ../outside/used-1.0-py3-none-any.whl, outside")


def test_a_stale_lock_is_refused(shop: Path) -> None:
    """For every service that it locks: nobody knows what uv would choose anew."""
    path = shop / "apps/api/pyproject.toml"
    path.write_text(path.read_text().replace('"used"]', '"used>=2"]'))
    for service in ("api", "other"):
        with pytest.raises(WorkspaceError, match=r"uv.lock is stale: .*; run `uv lock`$"):
            context(shop, service)


def test_the_digest_counts_the_executable_bit(shop: Path) -> None:
    """CDK's fingerprint does not look at it, the image has it."""
    before = context(shop, "api").digest
    (shop / "apps/api/src/api/data.json").chmod(0o755)
    assert before != context(shop, "api").digest


def test_a_context_does_not_depend_on_where_and_how_it_is_written(shop: Path, tmp_path: Path) -> None:
    """Neither the umask nor the folder matter."""
    old = os.umask(0o077)
    try:
        context(shop, "api").write(tmp_path / "out")
    finally:
        os.umask(old)
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "out").rglob("*")}
    assert {0o644, 0o755} == modes


def place(path: Path) -> tuple[int, int]:
    """What two names of one file have in common."""
    return path.stat().st_dev, path.stat().st_ino


def test_a_folder_that_is_not_empty_is_left_as_it_was(shop: Path, tmp_path: Path) -> None:
    """Nothing of a user's is overwritten."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    with pytest.raises(WorkspaceError) as caught:
        context(shop, "api").write(tmp_path / "out")
    assert f"{tmp_path}/out is not an empty folder; it was left as it is: choose another, or empty it" == str(
        caught.value
    )
    assert {"mine": "mine"} == files(tmp_path / "out")


@pytest.mark.parametrize("way", ["folder", "current", "link"])
def test_an_empty_folder_stays_the_one_it_is(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """It may be the current one, be led to by a link, or be a mount point, onto which nothing can be renamed."""
    folder = tmp_path / "real"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(folder)
    before, made = place(folder), context(shop, "api")
    made.write({"folder": folder, "current": Path(), "link": tmp_path / "link"}[way])
    assert before == place(folder)
    assert sorted({path.partition("/")[0] for path in made.files}) == sorted(entry.name for entry in folder.iterdir())
    assert set(made.files) == {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("count", range(4))
def test_an_empty_folder_that_cannot_be_filled_is_left_empty(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    """What had been moved into it before something failed is gone again."""
    real, left = Path.rename, [count]

    def failing(path: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(errno.EIO, "Input/output error")
        return real(path, target)

    made = context(shop, "api")
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(WorkspaceError, match=r"could not be written to .*: Input/output error"):
        made.write(tmp_path / "out")
    assert -1 >= left[0]
    assert [] == list((tmp_path / "out").iterdir())


def test_a_full_disk_leaves_nothing(shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No half context looks whole."""
    real, left = os.open, [5]

    def full(path: Any, flags: int, *rest: Any, **options: Any) -> int:
        left[0] -= bool(flags & os.O_CREAT)
        if flags & os.O_CREAT and left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, flags, *rest, **options)

    made = context(shop, "api")
    (tmp_path / "place").mkdir()
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(WorkspaceError) as caught:
        made.write(tmp_path / "place/out")
    monkeypatch.undo()
    assert f"the build context could not be written to {tmp_path}/place/out: the disk is full" == str(caught.value)
    assert [] == list((tmp_path / "place").iterdir())


def test_an_empty_folder_is_taken(shop: Path, tmp_path: Path) -> None:
    """It need not be removed first."""
    (tmp_path / "out").mkdir()
    made = context(shop, "api")
    made.write(tmp_path / "out")
    assert set(made.files) == {
        p.relative_to(tmp_path / "out").as_posix() for p in (tmp_path / "out").rglob("*") if p.is_file()
    }


def test_needs_is_transitive_in_the_members_list(tmp_path: Path) -> None:
    """The workspace table of a context names the whole closure."""
    root = lock(workspace(tmp_path / "w", {"a": needs("b"), "b": needs("c"), "c": "", "d": ""}))
    assert 'members = [\n    "a",\n    "b",\n    "c",\n]' in context(root, "a").files["pyproject.toml"].content.decode()
