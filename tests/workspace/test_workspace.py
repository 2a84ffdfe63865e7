"""A workspace as it is read: members, services, closures, and what is wrong with it.

Covers also: workspace/closure.py, workspace/members.py, workspace/local_packages.py.
"""

import shutil
from pathlib import Path, PurePosixPath

import pytest
from made import BUILD_SYSTEM, handler, lock, member, needs, workspace
from uv_workspace_function.errors import WorkspaceError
from uv_workspace_function.workspace.workspace import Workspace
from wheelhouse import wheel


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two services, three libraries in a chain, and a standalone project."""
    root = workspace(
        tmp_path_factory.mktemp("shop"),
        {"apps/Order_Api": needs("models"), "apps/billing": "", "libs/models": needs("logs"), "libs/logs": needs("clock"), "libs/clock": ""},
        globs=["apps/*", "libs/*"],
        exclude=["apps/legacy", "libs/nothing"],
    )  # fmt: skip
    for folder in ("apps/Order_Api", "apps/billing"):
        handler(root / folder)
    legacy = member(
        root / "apps/legacy", 'dependencies = ["clock"]\n[tool.uv.sources]\nclock = { path = "../../libs/clock" }\n'
    )
    handler(legacy)
    lock(legacy)
    return lock(root)


def message(of: Path, then: str | None = None) -> str:
    """What a WorkspaceError says when the workspace is loaded, or then asked for a member's closure."""
    with pytest.raises(WorkspaceError) as caught:
        loaded = Workspace.load(of)
        if then is not None:
            loaded.closure(then)
    return str(caught.value).replace(str(of.resolve()), "ROOT")


def test_members_services_and_standalone_projects(shop: Path) -> None:
    """Names are normalized, folders are what they are, a handler makes a service."""
    loaded = Workspace.load(shop)
    assert ["billing", "clock", "logs", "models", "order-api"] == [m.name for m in loaded.members]
    assert ["legacy"] == [m.name for m in loaded.standalone]
    assert ["billing", "legacy", "order-api"] == [m.name for m in loaded.services]
    assert PurePosixPath("apps/Order_Api") == loaded.member("order.API").folder
    assert "order_api.main.handler" == loaded.member("Order_Api").handler


def test_a_closure_is_transitive(shop: Path) -> None:
    """A library two steps away belongs to it."""
    closure = Workspace.load(shop).closure("order-api")
    assert ["clock", "logs", "models", "order-api"] == [m.name for m in closure.local]
    assert ["clock", "logs", "models"] == [m.name for m in closure.libraries]


def test_a_standalone_project_reaches_a_library_by_path(shop: Path) -> None:
    """Its closure comes from its own lock; the library is the workspace's own."""
    loaded = Workspace.load(shop)
    closure = loaded.closure("legacy")
    assert [loaded.member("clock"), loaded.member("legacy")] == list(closure.local)
    assert PurePosixPath("apps/legacy") == closure.project.folder


def test_a_root_package_is_a_member(tmp_path: Path) -> None:
    """Its folder is `.`."""
    root = workspace(tmp_path / "w", ["lib"], globs=["lib"], head='[project]\nname = "app"\nversion = "1"\nrequires-python = ">=3.11"\n' + needs("lib") + BUILD_SYSTEM)  # fmt: skip
    (root / "src/app").mkdir(parents=True)
    (root / "src/app/__init__.py").touch()
    lock(root)
    loaded = Workspace.load(root)
    assert ["app", "lib"] == [m.name for m in loaded.members]
    assert ["app", "lib"] == [m.name for m in loaded.closure("app").local]


def test_a_cycle_among_local_packages_is_legal(tmp_path: Path) -> None:
    """uv locks it, so it has a closure."""
    root = lock(workspace(tmp_path / "w", {"a": needs("b"), "b": needs("a")}))
    assert ["a", "b"] == [m.name for m in Workspace.load(root).closure("a").local]


def test_a_local_build_requirement_is_built_with(tmp_path: Path) -> None:
    """A backend plugin of the workspace is no part of the image, but of the context."""
    root = workspace(tmp_path / "w", {"svc": "", "plugin": needs("helper"), "helper": ""})
    tail = "[tool.uv.sources.plugin]\nworkspace = true\n"
    member(root / "svc", tail, build_system=BUILD_SYSTEM.replace('"uv_build"]', '"uv_build", "Plugin>=1"]'))
    closure = Workspace.load(lock(root)).closure("svc")
    assert ["svc"] == [m.name for m in closure.local]
    assert ["helper", "plugin"] == [m.name for m in closure.builders]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bilding", "no workspace member is named 'bilding'; did you mean 'billing'? services are: billing, legacy, order-api"),
        ("zzz", "no workspace member is named 'zzz'; services are: billing, legacy, order-api"),
        ("../x", "'../x' cannot be a package's name: letters, digits, '-', '_' and '.' are allowed, and the first and last must be a letter or digit"),
    ],
)  # fmt: skip
def test_an_unknown_service_is_refused(shop: Path, name: str, expected: str) -> None:
    """With the nearest name and the known ones."""
    assert expected == message(shop, name)


def test_a_library_is_no_service(shop: Path) -> None:
    """It is said that it is a library, and where a handler was looked for."""
    with pytest.raises(WorkspaceError, match="'clock' is a library"):
        Workspace.load(shop).service("clock")


def test_a_folder_of_another_name_is_pointed_to(tmp_path: Path) -> None:
    """Folder and package name are two values."""
    root = workspace(tmp_path / "w")
    member(root / "orders", name="acme-orders")
    assert "no workspace member is named 'orders'; orders is 'acme-orders'" == message(lock(root), "orders")


def test_no_lock(tmp_path: Path) -> None:
    """The remedy is named."""
    root = workspace(tmp_path / "w", ["a"])
    assert "there is no uv.lock; run `uv lock` and commit the file" == message(root)


def test_no_workspace_table(tmp_path: Path) -> None:
    """The table to write is named."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "a"\n')
    expected = (
        "ROOT/pyproject.toml has no [tool.uv.workspace]; give the workspace's root, or make this one: "
        '[tool.uv.workspace] members = ["services/*"]'
    )
    assert expected == message(tmp_path)


def test_no_pyproject(tmp_path: Path) -> None:
    """The folder is named."""
    assert "there is no pyproject.toml in ROOT; give the folder of a uv workspace's root" == message(tmp_path)


def test_malformed_toml(tmp_path: Path) -> None:
    """File and line are named."""
    root = lock(workspace(tmp_path / "w", ["a"]))
    (root / "a/pyproject.toml").write_text("[project]\nname = \n")
    assert "a/pyproject.toml is malformed TOML: Invalid value (at line 2, column 8)" == message(root)


@pytest.mark.parametrize(
    ("text", "line"), [('[tool.uv.workspace]\nmembers = ["a"\n', 2), ('a = 1\r\n\r\nb = """\r\nc', 4), ("a =", 1)]
)
def test_toml_that_ends_early(tmp_path: Path, text: str, line: int) -> None:
    """The last line is named, where what is never closed is not."""
    (tmp_path / "pyproject.toml").write_bytes(text.encode())
    assert message(tmp_path).endswith(f"(at end of document, line {line})")


def test_not_utf8(tmp_path: Path) -> None:
    """A file in another encoding is named."""
    root = lock(workspace(tmp_path / "w", ["a"]))
    (root / "a/pyproject.toml").write_bytes(b"\xff")
    assert "a/pyproject.toml is not UTF-8, as TOML must be: byte 0 is invalid" == message(root)


def test_two_members_with_one_name(tmp_path: Path) -> None:
    """Both folders are named."""
    root = lock(workspace(tmp_path / "w", ["a"]))
    member(root / "b", name="A")
    expected = "two members of the workspace are named 'a': a and b; rename one, or list it in `exclude` of [tool.uv.workspace]"
    assert expected == message(root)


def test_an_unknown_lock_version(tmp_path: Path) -> None:
    """A format of the future is not guessed at."""
    root = lock(workspace(tmp_path / "w", ["a"]))
    text = (root / "uv.lock").read_text()
    (root / "uv.lock").write_text(text.replace("version = 1", "version = 2", 1))
    assert message(root).startswith("uv.lock has lock version 2; this release reads version 1; update")


def test_a_lock_that_lacks_a_member(tmp_path: Path) -> None:
    """Remedy: uv lock."""
    root = lock(workspace(tmp_path / "w", ["a"]))
    member(root / "b")
    assert "uv.lock lacks the workspace's member b; run `uv lock`" == message(root)


def test_a_lock_with_one_member_too_many(tmp_path: Path) -> None:
    """Remedy: uv lock, or the folder."""
    root = lock(workspace(tmp_path / "w", ["a", "b"]))
    (root / "b/pyproject.toml").unlink()
    expected = "uv.lock has a member that the workspace lacks: b; run `uv lock`, or restore its folder"
    assert expected == message(root)


def test_a_dependency_without_an_entry(tmp_path: Path) -> None:
    """The one that needs it is named."""
    root = lock(workspace(tmp_path / "w", {"a": needs("b"), "b": "", "c": ""}))
    text = (root / "uv.lock").read_text()
    (root / "uv.lock").write_text(text.replace('{ name = "b" }', '{ name = "gone" }'))
    assert "uv.lock: a needs gone, which has no entry in the lock; run `uv lock`" == message(root, "a")


def test_a_local_package_outside_the_root(tmp_path: Path) -> None:
    """It is named, with the way out."""
    member(tmp_path / "outside")
    root = workspace(
        tmp_path / "w", {"a": 'dependencies = ["outside"]\n[tool.uv.sources]\noutside = { path = "../../outside" }\n'}
    )
    expected = (
        "uv.lock: outside lies at ../outside, outside the workspace's root, where no build context reaches; "
        "move it below the root, or publish it to an index"
    )
    assert expected == message(lock(root), "a")


def test_an_unknown_extra(tmp_path: Path) -> None:
    """The nearest and the known ones are named."""
    root = lock(workspace(tmp_path / "w", {"a": "[project.optional-dependencies]\nfast = []\n", "b": ""}))
    with pytest.raises(WorkspaceError) as caught:
        Workspace.load(root).closure("a", ["fats"])
    assert "a has no extra 'fats'; did you mean 'fast'? extras are: fast" == str(caught.value)
    assert ("fast",) == Workspace.load(root).closure("a", ["Fast"]).extras


@pytest.mark.parametrize(
    ("declared", "fits"),
    [(">=3.11", True), (">=3.14.2", True), ("<3.14", False), ("==3.12.*", False), ("~=3.11", True)],
)
def test_a_python_that_is_excluded(tmp_path: Path, declared: str, fits: bool) -> None:
    """A package that admits any patch release admits the image's Python."""
    root = lock(workspace(tmp_path / "w", ["a"]))
    path = root / "a/pyproject.toml"
    path.write_text(path.read_text().replace(">=3.11", declared))
    closure = Workspace.load(root).closure("a")
    if fits:
        closure.check_python("3.14")
        return
    with pytest.raises(WorkspaceError, match=f"a requires Python {declared.replace('*', '.')}, which excludes"):
        closure.check_python("3.14")


def test_a_python_that_nothing_was_locked_for(tmp_path: Path) -> None:
    """Another member's requires-python narrows what uv resolves for: what the service needs beyond is not in the lock."""
    files = {"a": "dependencies = [\"newer; python_version >= '3.14'\"]", "b": ""}
    root = workspace(tmp_path / "w", files, exclude=["wheels"], tail='find-links = ["wheels"]')
    (root / "wheels").mkdir()
    wheel(root / "wheels", "newer")
    path = root / "b/pyproject.toml"
    path.write_text(path.read_text().replace(">=3.11", ">=3.11,<3.13"))
    closure = Workspace.load(lock(root)).closure("a")
    assert () == closure.third_party
    with pytest.raises(WorkspaceError) as caught:
        closure.check_python("3.14")
    assert str(caught.value).startswith(
        "uv.lock covers only Python >=3.11, <3.13, so it lacks what a needs on the image's Python 3.14: "
    )
    closure.check_python("3.12")


def test_a_member_in_a_submodule_that_is_not_checked_out(tmp_path: Path) -> None:
    """`uv lock` would drop it: git has to bring it back. The workspace may lie below the repository's top."""
    root = lock(workspace(tmp_path / "repository" / "python", ["a", "libs/b"], globs=["a", "libs/*"]))
    (tmp_path / "repository" / ".git").mkdir()
    modules = '[submodule "b"]\n\tpath = python/libs/b\n\turl = https://example.org/b\n'
    (tmp_path / "repository" / ".gitmodules").write_text(modules)
    shutil.rmtree(root / "libs/b")
    (root / "libs/b").mkdir()
    with pytest.raises(WorkspaceError) as raised:
        Workspace.load(root)
    assert raised.value.problem.endswith("uv.lock has a member that the workspace lacks: b")
    assert "check out the submodule: `git submodule update --init python/libs/b`" == raised.value.remedy
