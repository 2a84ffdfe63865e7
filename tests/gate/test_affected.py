"""`services affected`: what a change is to be deployed and tested for.

Covers also: cli/affected_command.py, insight/affected.py.
"""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from gate.cases import wheel
from gate.repository import commit, git
from made import files, handler, lock, member, needs, workspace
from uv_workspace_function.cli.main import main
from uv_workspace_function.insight.affected import effects


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Two services, a library that one of them uses, one that tests use, a package; committed."""
    root = tmp_path / "shop"
    wheels = root / ".wheels"
    wheels.mkdir(parents=True)
    for name, version in (("tiny", "1.0"), ("tiny", "2.0"), ("checker", "1.0"), ("checker", "2.0")):
        wheel(wheels, name, version, [f"{name}.py"], requires=[], points={}, tag="py3-none-any")
    workspace(
        root,
        {
            "orders": needs("models"),
            "billing": 'dependencies = ["tiny<2"]\n[dependency-groups]\ndev = ["fakes", "checker<2"]\n'
            "[tool.uv.sources]\nfakes = { workspace = true }\n",
            "models": "",
            "fakes": "",
        },
        tail='find-links = [".wheels"]',
    )
    for service in ("orders", "billing"):
        handler(root / service)
    (root / "orders/tests").mkdir()
    (root / "orders/tests/test_orders.py").write_text("def test(): pass\n")
    (root / ".gitignore").write_text("*.log\n")
    lock(root)
    commit(root)
    return root


def to_deploy(root: Path, since: str = "HEAD") -> list[str]:
    """The services to deploy."""
    return [affected.member.name for affected in effects(root, since, "deploy").affected]


def to_test(root: Path, since: str = "HEAD") -> list[str]:
    """The members to test."""
    return [affected.member.name for affected in effects(root, since, "test").affected]


def run(root: Path, *arguments: str) -> Result:
    """Call the command."""
    return CliRunner().invoke(main, ["affected", "--workspace", str(root), *arguments])


def test_nothing_changed(shop: Path) -> None:
    """No service is affected, no test, and the exit code says that it went well."""
    assert [] == to_deploy(shop)
    assert [] == to_test(shop)
    assert (0, "") == ((result := run(shop, "--since", "HEAD")).exit_code, result.stdout)


def test_without_services_there_is_nothing_to_deploy(tmp_path: Path) -> None:
    """That is said, and no answer; tests are of libraries, too."""
    root = lock(workspace(tmp_path / "w", ["models"]))
    commit(root)
    (root / "models/src/models/code.py").touch()
    refused = run(root, "--since", "HEAD")
    assert (2, "") == (refused.exit_code, refused.stdout)
    assert "has no services: no member has a handler; members are: models; give one a" in refused.stderr
    assert ["models"] == to_test(root)


def test_the_last_service_is_gone(shop: Path) -> None:
    """What was deployed is removed: that is an answer."""
    for name in ("orders", "billing"):
        (shop / name / f"src/{name}/main.py").unlink()
    assert "billing is gone: `cdk deploy` removes it\norders is gone" in run(shop, "--since", "HEAD").stderr


def test_what_is_not_committed_counts(shop: Path) -> None:
    """The working tree is one of the two sides, untracked files included."""
    (shop / "orders/src/orders/new.py").write_text("x = 1\n")
    assert ["orders"] == to_deploy(shop)


def test_what_is_ignored_does_not(shop: Path) -> None:
    """It is in no context."""
    (shop / "orders/src/orders/debug.log").write_text("x\n")
    assert [] == to_deploy(shop)
    assert [] == to_test(shop)


def test_a_library_affects_who_uses_it(shop: Path) -> None:
    """And no other service; its own tests and its users' are to be run."""
    (shop / "models/src/models/code.py").write_text("x = 1\n")
    assert ["orders"] == to_deploy(shop)
    assert ["models", "orders"] == to_test(shop)


def test_a_library_of_a_dev_group_affects_tests_alone(shop: Path) -> None:
    """No image has it."""
    (shop / "fakes/src/fakes/code.py").write_text("x = 1\n")
    assert [] == to_deploy(shop)
    assert ["billing", "fakes"] == to_test(shop)


def test_a_test_affects_tests_alone(shop: Path) -> None:
    """Those of its own member."""
    (shop / "orders/tests/test_orders.py").write_text("def test(): assert True\n")
    assert [] == to_deploy(shop)
    assert ["orders"] == to_test(shop)


def test_a_locked_version_affects_whose_closure_has_it(shop: Path) -> None:
    """And the entry is named, as it was and as it is."""
    (shop / "billing/pyproject.toml").write_text(
        (shop / "billing/pyproject.toml").read_text().replace("tiny<2", "tiny>=2")
    )
    lock(shop)
    assert ["billing"] == to_deploy(shop)
    billing, *lines = run(shop, "--since", "HEAD", "--explain").stdout.splitlines()
    assert "billing" == billing
    assert [
        "  .wheels/tiny-1.0-py3-none-any.whl is gone",
        "  .wheels/tiny-2.0-py3-none-any.whl is new",
        "  billing/pyproject.toml is different in project.dependencies",
        "  package tiny 1.0 -> 2.0",
    ] == lines


def test_a_locked_version_of_a_dev_group_affects_tests_alone(shop: Path) -> None:
    """Those of the member whose group it is."""
    (shop / "billing/pyproject.toml").write_text(
        (shop / "billing/pyproject.toml").read_text().replace("checker<2", "checker>=2")
    )
    lock(shop)
    assert [] == to_deploy(shop)
    assert ["billing"] == to_test(shop)


def test_a_group_of_the_root_affects_the_tests_that_did_not_have_it(shop: Path) -> None:
    """It is installed beside every member; billing has what is in it already."""
    (shop / "pyproject.toml").write_text(
        (shop / "pyproject.toml").read_text() + '[dependency-groups]\ndev = ["checker"]\n'
    )
    lock(shop)
    assert [] == to_deploy(shop)
    assert ["fakes", "models", "orders"] == to_test(shop)


@pytest.mark.parametrize(
    ("path", "text"),
    [("conftest.py", "x = 1\n"), ("pyproject.toml", "[tool.pytest.ini_options]\nxfail_strict = true\n")],
)
def test_settings_of_test_tools_at_the_root_affect_every_test(shop: Path, path: str, text: str) -> None:
    """And no image."""
    with (shop / path).open("a") as stream:
        stream.write(text)
    assert [] == to_deploy(shop)
    assert ["billing", "fakes", "models", "orders"] == to_test(shop)


def test_a_readme_at_the_root_affects_nothing(shop: Path) -> None:
    """Where the root is no package."""
    (shop / "README.md").write_text("Read me.\n")
    assert [] == to_deploy(shop)
    assert [] == to_test(shop)


def test_new_and_removed_services(shop: Path) -> None:
    """A new one is affected, a removed one is named beside."""
    shutil.rmtree(shop / "billing")
    handler(member(shop / "reports"))
    lock(shop)
    assert ["reports"] == to_deploy(shop)
    result = run(shop, "--since", "HEAD", "--json")
    document = json.loads(result.stdout)
    assert [("reports", "reports", True, True)] == [
        (a["package"], a["folder"], a["service"], a["new"]) for a in document["affected"]
    ]
    assert ["billing"] == document["removed"]
    assert git(shop, "rev-parse", "HEAD") == document["since"]


def test_an_executable_bit_is_a_change(shop: Path) -> None:
    """It is one of the image's, and git has it."""
    (shop / "orders/src/orders/main.py").chmod(0o755)
    assert (
        "  orders/src/orders/main.py was not executable and is executable"
        in run(shop, "--since", "HEAD", "--explain").stdout
    )


def test_export_ignore_hides_nothing(shop: Path) -> None:
    """What git leaves out of archives is in a checkout all the same."""
    (shop / ".gitattributes").write_text("*.py export-ignore\n")
    commit(shop)
    assert [] == to_deploy(shop)


def test_a_workspace_in_a_folder_of_the_repository(shop: Path) -> None:
    """Rules of .gitignore above it hold, and links into the rest of the repository lead there on both sides."""
    top = shop.parent
    (top / ".gitignore").write_text("*.tmp\n")
    (top / "shared.txt").write_text("one\n")
    (shop / "orders/src/orders/shared.txt").symlink_to("../../../../shared.txt")
    (shop / "orders/src/orders/x.tmp").write_text("x")
    shutil.rmtree(shop / ".git")
    commit(top)
    assert [] == to_deploy(shop)
    (top / "shared.txt").write_text("two\n")
    assert ["orders"] == to_deploy(shop)


def test_files_of_a_submodule_are_in_the_context_of_both_sides(shop: Path, tmp_path: Path) -> None:
    """As far as the submodule is checked out."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "data.txt").write_text("one\n")
    commit(other)
    git(shop, "submodule", "--quiet", "add", str(other), "orders/src/orders/data")
    commit(shop)
    assert [] == to_deploy(shop)
    (shop / "orders/src/orders/data/data.txt").write_text("two\n")
    assert ["orders"] == to_deploy(shop)


def test_the_working_tree_is_left_as_it_is(shop: Path) -> None:
    """Neither its files nor its index."""
    (shop / "orders/src/orders/new.py").write_text("x = 1\n")
    git(shop, "add", "orders/src/orders/new.py")
    (shop / "orders/src/orders/new.py").write_text("x = 2\n")
    before = (
        git(shop, "status", "--porcelain"),
        git(shop, "diff", "--cached"),
        git(shop, "worktree", "list"),
        files(shop / "orders"),
    )
    to_deploy(shop)
    to_test(shop)
    after = (
        git(shop, "status", "--porcelain"),
        git(shop, "diff", "--cached"),
        git(shop, "worktree", "list"),
        files(shop / "orders"),
    )
    assert before == after


def test_a_workspace_that_could_not_be_read_before_affects_everything(shop: Path) -> None:
    """Nobody knows what was deployed, and a stale image is worse than a rebuilt one."""
    (shop / "uv.lock").rename(shop / "saved")
    broken = commit(shop)
    (shop / "saved").rename(shop / "uv.lock")
    commit(shop)
    assert ["billing", "orders"] == to_deploy(shop, broken)
    assert (
        f"  the workspace at {broken[:12]} cannot be read: there is no uv.lock; run `uv lock` and commit the file"
        in run(shop, "--since", broken, "--explain").stdout
    )


@pytest.mark.parametrize("before", ["nothing", "a file of its name"])
def test_a_workspace_that_was_not_there_before_affects_everything(shop: Path, before: str) -> None:
    """In a folder of the repository as at its top."""
    top = shop.parent
    shutil.rmtree(shop / ".git")
    shop.rename(top / "elsewhere")
    (top / "README").write_text("an empty repository\n")
    (top / ".gitignore").write_text("elsewhere\n")
    if before != "nothing":
        shop.write_text("a file\n")
    old = commit(top)
    shop.unlink(missing_ok=True)
    (top / "elsewhere").rename(shop)
    commit(top)
    result = run(shop, "--since", old, "--explain")
    assert 0 == result.exit_code
    assert ["billing", "orders"] == to_deploy(shop, old)
    assert ["billing", "fakes", "models", "orders"] == to_test(shop, old)
    assert f"there was no uv workspace at {old[:12]}" in result.stdout


def test_a_ref_that_does_not_exist(shop: Path) -> None:
    """Exit code 2, and what to do."""
    result = run(shop, "--since", "nowhere")
    assert 2 == result.exit_code
    assert (
        f"error: there is no commit 'nowhere' in {shop}; fetch it, or name another branch, tag or commit\n"
        == result.stderr
    )


def test_a_ref_that_is_an_option(shop: Path) -> None:
    """It is no option of git's."""
    assert "there is no commit '--help'" in run(shop, "--since=--help").stderr
    assert "there is no commit '^HEAD'" in run(shop, "--since=^HEAD").stderr


def test_a_shallow_clone(shop: Path, tmp_path: Path) -> None:
    """Of a clone without the commit, how to get it."""
    first = git(shop, "rev-parse", "HEAD")
    commit(shop)
    git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{shop}", "clone")
    result = run(tmp_path / "clone", "--since", first)
    assert 2 == result.exit_code
    assert "which is shallow; fetch the whole history: `fetch-depth: 0` of actions/checkout" in result.stderr


def test_no_repository(shop: Path) -> None:
    """Exit code 2."""
    shutil.rmtree(shop / ".git")
    result = run(shop, "--since", "HEAD")
    assert 2 == result.exit_code
    assert result.stderr.startswith(f"error: {shop} is not in a git repository that can be read: not a git repository")


def test_no_git(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 2."""
    monkeypatch.setenv("PATH", "")
    result = run(shop, "--since", "HEAD")
    assert (2, "error: git is not on PATH; install it: what changed is read from its history\n") == (
        result.exit_code,
        result.stderr,
    )
