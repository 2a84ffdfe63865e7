"""Workspaces as people have them, odd ones included: a context of theirs is to uv what the whole workspace is."""

import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
import uv_workspace_function
from made import handler, lock, member, needs, workspace
from uv_workspace_function.code.layouts import layout_of
from uv_workspace_function.context.build_context import BuildContext
from uv_workspace_function.definitions.pyproject import Pyproject
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import uv, wheel


def exported(folder: Path, name: str) -> str:
    """What uv installs for a member, by its own word."""
    return uv("export", "--frozen", "--no-default-groups", "--no-header", "--package", name, cwd=folder).stdout


def staged(root: Path, name: str, out: Path) -> BuildContext:
    """A member's context, written to `out`."""
    made = BuildContext.of(Workspace.load(root), name)
    made.write(out)
    return made


@pytest.mark.parametrize(
    "environments",
    [
        ["sys_platform == 'linux'"],
        ["sys_platform == 'linux'", "sys_platform == 'darwin' and platform_machine == 'arm64'"],
        ["python_version >= '3.12'"],
        ["python_version < '3.13' and sys_platform == 'linux'", "sys_platform == 'win32'"],
    ],
)
def test_environments_limit_an_export_as_in_the_workspace(tmp_path: Path, environments: list[str]) -> None:
    """`tool.uv.environments` is a marker on every line that uv prints, with forks and without."""
    forks = [
        "used==1.0; python_version < '3.12'",
        "used==2.0; python_version >= '3.12'",
        "other; sys_platform == 'win32'",
    ]
    root = workspace(
        tmp_path / "w",
        {"libs/a": f"dependencies = {forks}\n", "libs/b": 'dependencies = ["other"]\n'},
        globs=["libs/*"],
        tail=f'find-links = ["wheels"]\nenvironments = {environments}\n',
    )
    (root / "wheels").mkdir()
    for name, version in (("used", "1.0"), ("used", "2.0"), ("other", "1.0")):
        wheel(root / "wheels", name, version)
    lock(root)
    for name in ("a", "b"):
        staged(root, name, tmp_path / name)
        whole = exported(root, name)
        assert " ; " in whole
        assert whole == exported(tmp_path / name, name)


def test_a_byte_order_mark_is_no_error(tmp_path: Path) -> None:
    """Editors on Windows write one, and uv reads over it."""
    root = workspace(tmp_path / "w", {"a": ""})
    for path in (root / "pyproject.toml", root / "a/pyproject.toml"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    lock(root)
    staged(root, "a", tmp_path / "out")
    assert exported(root, "a") == exported(tmp_path / "out", "a")


def test_a_root_s_own_dockerfile_is_not_the_image_s(tmp_path: Path) -> None:
    """A service that is the root itself and includes its own still gets the shared Dockerfile and builder."""
    include = '[tool.uv-workspace-function]\ninclude = ["Dockerfile", ".uv-workspace-function/**"]\n'
    head = f'[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n{include}'
    root = workspace(tmp_path / "w", head=head)
    (root / "main.py").write_text("def handler(event, context): ...\n")
    (root / "Dockerfile").write_text("FROM scratch\n")
    (root / ".uv-workspace-function/builder").mkdir(parents=True)
    (root / ".uv-workspace-function/builder/old.py").touch()
    made = staged(lock(root), "app", tmp_path / "out")
    shared = Path(uv_workspace_function.__file__).parent / "Dockerfile"
    assert shared.read_bytes() == (tmp_path / "out/Dockerfile").read_bytes()
    assert not (tmp_path / "out/.uv-workspace-function/builder/old.py").exists()
    assert [".uv-workspace-function/builder/old.py", "Dockerfile"] == [dropped.path for dropped in made.dropped]


@pytest.mark.parametrize("how", ["setup.py", "include"])
def test_a_root_s_own_dockerignore_is_not_the_context_s(tmp_path: Path, how: str) -> None:
    """BuildKit would obey it beside the shared Dockerfile, and the image would lack what it names."""
    names = [".dockerignore", "Dockerfile.dockerignore"]
    include = f"[tool.uv-workspace-function]\ninclude = {names if how == 'include' else []}\n"
    build_system = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    head = f'[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n{include}{build_system}'
    root = workspace(tmp_path / "w", globs=["libs/*"], head=head)
    (root / "setup.py").write_text("import setuptools\nprint('more')\nsetuptools.setup()\n")
    (root / "src/app/inner").mkdir(parents=True)
    (root / "src/app/inner/.dockerignore").touch()
    for path in (*names, "src/app/__init__.py", "src/app/main.py"):
        (root / path).write_text("**\n" if path in names else "")
    made = staged(lock(root), "app", tmp_path / "out")
    assert ["src/app/inner/.dockerignore"] == [path for path in made.files if "dockerignore" in path]
    assert "Dockerfile.dockerignore" in [dropped.path for dropped in made.dropped]


@pytest.mark.parametrize("inner", ["a-inner", "z-inner"])
def test_a_member_inside_another_one_s_module_is_in_that_one_s_wheel(tmp_path: Path, inner: str) -> None:
    """The backend puts the whole module into the wheel, so the context has it; its definition is the cut one all the same."""
    root = workspace(
        tmp_path / "w",
        {"app": needs(inner)},
        globs=["app", "app/src/app/plugins/*"],
        tail="[tool.ruff]\nline-length = 9\n",
    )
    member(root / "app/src/app/plugins" / inner, "[tool.ruff]\nline-length = 9\n")
    member(root / "app/src/app/plugins/other")
    lock(root)
    uv("build", "--wheel", "--package", "app", "--out-dir", tmp_path / "whole", cwd=root)
    staged(root, "app", tmp_path / "out")
    uv("build", "--wheel", "--package", "app", "--out-dir", tmp_path / "cut", cwd=tmp_path / "out")
    (whole,), (cut,) = ((tmp_path / folder).glob("*.whl") for folder in ("whole", "cut"))
    assert ZipFile(whole).namelist() == ZipFile(cut).namelist()
    assert "app/plugins/other/src/other/__init__.py" in ZipFile(cut).namelist()
    assert "ruff" not in (tmp_path / "out/app/src/app/plugins" / inner / "pyproject.toml").read_text()


def test_a_context_is_the_same_whatever_was_asked_for_before(tmp_path: Path) -> None:
    """A path dependency below a package that takes all its files is never that package's, known or not."""
    root = workspace(
        tmp_path / "w",
        {"svc": 'dependencies = ["ext"]\n[tool.uv.sources]\next = { path = "../vendor/ext" }\n'},
        globs=["svc"],
        head='[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n',
    )
    member(root / "vendor/ext")
    loaded = Workspace.load(lock(root))
    before = BuildContext.of(loaded, "app")
    BuildContext.of(loaded, "svc")
    assert before.digest == BuildContext.of(Workspace.load(root), "app").digest
    assert not [path for path in before.files if path.startswith("vendor/")]


def test_a_standalone_project_s_own_path_dependency_is_not_its_code(tmp_path: Path) -> None:
    """Of a flat project all files are copied, but a package below it is installed."""
    root = workspace(tmp_path / "w", exclude=["old"])
    tail = 'dependencies = ["ext"]\n[tool.uv.sources]\next = { path = "vendor/ext" }\n[tool.uv]\nno-index = true\n'
    member(root / "old/vendor/ext")
    (root / "old/vendor/ext/notes.txt").touch()
    member(root / "old", tail, build_system="")
    (root / "old/src").rename(root / "old/code")
    lock(root / "old")
    files = BuildContext.of(Workspace.load(lock(root)), "old").files
    assert "old/vendor/ext/src/ext/__init__.py" in files
    assert "old/vendor/ext/notes.txt" not in files


def test_excluded_folders_that_are_nobody_s_service_are_let_be(tmp_path: Path) -> None:
    """Another workspace, and examples that share a name, do not stop the workspace that excludes them."""
    root = workspace(tmp_path / "w", {"libs/a": ""}, globs=["libs/*"], exclude=["other", "examples/*"])
    lock(workspace(root / "other", {"inner": ""}))
    for folder in ("examples/one", "examples/two"):
        lock(member(root / folder, name="example"))
    lock(member(root / "examples/three", name="a"))
    loaded = Workspace.load(lock(root))
    assert (["a"], []) == ([m.name for m in loaded.members], [m.name for m in loaded.standalone])


def test_an_excluded_service_needs_a_name_of_its_own(tmp_path: Path) -> None:
    """Otherwise nobody could tell which of them is meant."""
    root = workspace(tmp_path / "w", {"libs/a": ""}, globs=["libs/*"], exclude=["old"])
    member(root / "old", name="a")
    handler(root / "old")
    lock(root / "old")
    with pytest.raises(WorkspaceError) as caught:
        Workspace.load(lock(root))
    assert str(caught.value) == (
        "two members of the workspace are named 'a': libs/a and old; rename the one that is excluded from the workspace"
    )


@pytest.mark.parametrize(
    ("asking", "root_settings"),
    [
        ('requires = ["uv_build", "plugin[full]"]', "sources = { plugin = { workspace = true } }\n"),
        (
            'requires = ["uv_build"]',
            "sources = { plugin = { workspace = true } }\nextra-build-dependencies = { svc = ['plugin[full]'] }\n",
        ),
    ],
)
def test_what_a_build_takes_from_the_workspace_is_in_the_context(
    tmp_path: Path, asking: str, root_settings: str
) -> None:
    """Named by the build system or by uv's extra-build-dependencies; and what an extra of it adds."""
    root = workspace(tmp_path / "w", globs=["svc", "plugin", "parts", "other"], tail=root_settings)
    member(root / "svc", build_system=f'[build-system]\n{asking}\nbuild-backend = "uv_build"\n')
    tail = "[project.optional-dependencies]\nfull = ['parts']\n[tool.uv.sources]\nparts = { workspace = true }\n"
    member(root / "plugin", tail)
    member(root / "parts")
    member(root / "other")
    lock(root)
    made = staged(root, "svc", tmp_path / "out")
    definitions = [path for path in made.files if path.endswith("pyproject.toml")]
    assert ["parts/pyproject.toml", "plugin/pyproject.toml", "pyproject.toml", "svc/pyproject.toml"] == definitions
    assert exported(root, "svc") == exported(tmp_path / "out", "svc")


def test_what_the_root_says_of_itself_as_a_package_reaches_no_other(tmp_path: Path) -> None:
    """Its build settings are for its own wheel."""
    head = '[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n'
    root = workspace(tmp_path / "w", {"svc": ""}, globs=["svc"], head=head, tail="package = true\n")
    (root / "src/app").mkdir(parents=True)
    (root / "src/app/__init__.py").touch()
    before = BuildContext.of(Workspace.load(lock(root)), "svc").digest
    settings = root / "pyproject.toml"
    settings.write_text(settings.read_text() + "[tool.uv.build-backend]\ndefault-excludes = false\n")
    assert before == BuildContext.of(Workspace.load(lock(root)), "svc").digest


def test_a_setting_of_a_backend_stays_when_somebody_else_locks_it(tmp_path: Path) -> None:
    """What builds a package is in no lock, but the name can be there, for another member's sake."""
    root = workspace(tmp_path / "w", {"svc": "", "other": 'dependencies = ["uv-build"]\n'}, globs=["svc", "other"],
        tail='find-links = ["wheels"]\nno-build-package = ["uv-build", "other"]\n')  # fmt: skip
    (root / "wheels").mkdir()
    wheel(root / "wheels", "uv-build")
    definition = BuildContext.of(Workspace.load(lock(root)), "svc").files["pyproject.toml"].content.decode()
    assert 'no-build-package = [\n    "uv-build",\n]\n' in definition


def test_a_standalone_project_without_settings_takes_the_workspace_s(tmp_path: Path) -> None:
    """As uv does: indexes, and whether there is one; what the root says of its own project is not taken."""
    root = workspace(
        tmp_path / "w",
        globs=["libs/*"],
        exclude=["apps/old"],
        tail='find-links = ["wheels"]\npackage = false\n[[tool.uv.index]]\nname = "shelf"\nurl = "wheels"\nformat = "flat"\n',
    )
    (root / "wheels").mkdir()
    wheel(root / "wheels", "used")
    old = member(root / "apps/old", 'dependencies = ["used"]\n')
    lock(old)
    made = staged(lock(root), "old", tmp_path / "out")
    assert "wheels/used-1.0-py3-none-any.whl" in made.files
    assert tomllib.loads(made.files["apps/old/uv.toml"].content.decode()) == {
        "no-index": True,
        "find-links": ["../../wheels"],
        "index": [{"name": "shelf", "url": "../../wheels", "format": "flat"}],
    }
    uv("sync", "--frozen", "--no-editable", cwd=tmp_path / "out/apps/old")
    assert exported(old, "old") == exported(tmp_path / "out/apps/old", "old")
    (old / "pyproject.toml").write_text((old / "pyproject.toml").read_text() + "[tool.uv]\n")
    assert "apps/old/uv.toml" not in BuildContext.of(Workspace.load(root), "old").files


def test_a_standalone_workspace_can_have_members_beside_itself(tmp_path: Path) -> None:
    """Its globs may begin with `..`; the context's do then, too."""
    root = workspace(tmp_path / "w", {"libs/a": ""}, globs=["libs/*"], exclude=["old"])
    member(root / "old", needs("vendored") + '[tool.uv.workspace]\nmembers = ["../vendor/*"]\n')
    member(root / "vendor/vendored")
    lock(root / "old")
    staged(lock(root), "old", tmp_path / "out")
    assert exported(root / "old", "old") == exported(tmp_path / "out/old", "old")


def test_links_in_a_circle_do_not_stop_the_search_for_members(tmp_path: Path) -> None:
    """A `**` that followed them would never end."""
    root = lock(workspace(tmp_path / "w", {"libs/a/pkg-a": "", "libs/b/pkg-b": ""}, globs=["libs/**/pkg-?"]))
    for folder, target in (
        ("a/up", ".."),
        ("b/up", "../.."),
        ("up", "."),
        ("a/self", "self"),
        ("d/e", "../f"),
        ("f/d", "../d"),
    ):
        (root / "libs" / folder).parent.mkdir(exist_ok=True)
        (root / "libs" / folder).symlink_to(target)
    (root / "libs/c").symlink_to("b")
    with pytest.raises(WorkspaceError, match=r"two members of .* are named 'pkg-b': libs/b/pkg-b and libs/c/pkg-b"):
        Workspace.load(root)
    (root / "libs/c").unlink()
    assert ["pkg-a", "pkg-b"] == [m.name for m in Workspace.load(root).members]


def test_a_setting_that_no_path_can_be_is_the_backend_s_to_refuse(tmp_path: Path) -> None:
    """It finds nothing, and is no exception of ours."""
    build_system = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    folder = member(tmp_path / "a", '[tool.setuptools.packages.find]\nwhere = ["\\u0000"]\n', build_system=build_system)
    assert () == layout_of(Pyproject.load(folder / "pyproject.toml"), folder).modules


SETUP_PY = """
from setuptools import find_packages, setup
data = {"lib": open("DATA").read().split()}
setup(package_dir={"": "python"}, packages=find_packages("python"), package_data=data)
"""


def wheel_of(root: Path, folder: str, out: Path) -> dict[str, bytes]:
    """The wheel that uv builds of a package, with the backends of this environment."""
    uv("build", "--wheel", "--no-build-isolation", "--out-dir", out, root / folder, cwd=root)
    with ZipFile(next(out.glob("*.whl"))) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}


@pytest.mark.parametrize("service", ["svc", "old"])
@pytest.mark.parametrize("required", [True, False])
def test_a_package_without_build_system_is_built_where_the_lock_builds_it(
    tmp_path: Path, service: str, required: bool
) -> None:
    """Once another package depends on it, uv has setuptools build it, with all that this reads; in any lock."""
    root = workspace(tmp_path / "w", {"svc": needs("lib") if required else ""}, globs=["svc", "lib"], exclude=["old"])
    tail = 'dependencies = ["lib"]\n[tool.uv]\nno-index = true\n[tool.uv.sources]\nlib = { path = "../lib" }\n'
    member(root / "old", tail)
    project = '[project]\nname = "lib"\nversion = "1"\nrequires-python = ">=3.11"\nreadme = "README.md"\n'
    made = {"pyproject.toml": project, "setup.py": SETUP_PY, "DATA": "notes.txt", "README.md": "Read",
            "python/lib/__init__.py": "", "python/lib/notes.txt": ""}  # fmt: skip
    for path, text in made.items():
        (root / "lib" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "lib" / path).write_text(text)
    lock(root)
    lock(root / "old")
    locked = tomllib.loads((root / ("uv.lock" if service == "svc" else "old/uv.lock")).read_text())["package"]
    sources = {package["name"]: package["source"] for package in locked}
    built = staged(root, service, tmp_path / "out").closure.local
    if service == "svc" and not required:
        assert "virtual" in sources["lib"]
        assert [member.name for member in built] == ["svc"]
    else:
        assert "virtual" not in sources["lib"]
        assert [member.is_package for member in built if member.name == "lib"] == [True]
        whole, cut = wheel_of(root, "lib", tmp_path / "whole"), wheel_of(tmp_path / "out", "lib", tmp_path / "cut")
        assert whole == cut
        assert {"lib/__init__.py", "lib/notes.txt"} <= cut.keys()


def test_a_member_is_copied_where_the_lock_does_not_build_it(tmp_path: Path) -> None:
    """A library with `package = false` stays one that is copied, and so does a service that nobody depends on."""
    root = workspace(tmp_path / "w", {"svc": needs("lib")}, globs=["svc", "lib"])
    member(root / "svc", needs("lib"), build_system="")
    member(root / "lib", "[tool.uv]\npackage = false\n")
    loaded = Workspace.load(lock(root))
    locked = tomllib.loads((root / "uv.lock").read_text())["package"]
    assert {m.name: m.is_package for m in loaded.members} == {p["name"]: "virtual" not in p["source"] for p in locked}
    assert [m.is_package for m in loaded.closure("svc").local] == [False, False]
