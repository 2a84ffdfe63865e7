"""git, asked safely: nothing that a clone holds runs, and nothing that a shell or a hook says changes the answer."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest
import uv_workspace_function
from gate.repository import commit, git
from uv_workspace_function import WorkspaceError
from uv_workspace_function.insight.git_history import History

PACKAGE = Path(uv_workspace_function.__file__).parent


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a workspace's folder in it, of which one file was changed since."""
    top = tmp_path / "top"
    (top / "shop/orders").mkdir(parents=True)
    (top / "shop/orders/main.py").write_text("x = 1\n")
    (top / "README").write_text("x\n")
    commit(top)
    (top / "shop/orders/main.py").write_text("x = 2\n")
    (top / "README").write_text("y\n")
    (top / "shop/new.py").write_text("\n")
    return top


def answers(root: Path) -> tuple[str, frozenset[str], str]:
    """All that is asked of git."""
    history = History.at(root)
    name = history.commit("HEAD")
    with history.checkout(name) as tree:
        text = (tree / "orders/main.py").read_text()
    return name, history.changed(name), text


def test_git_is_started_in_one_module() -> None:
    """Where the guards are."""
    starting = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.List | ast.Tuple) and node.elts
        if isinstance(node.elts[0], ast.Constant) and node.elts[0].value == "git"
        if "subprocess" in path.read_text()
    }
    assert starting == {"insight/git_history.py"}


def test_paths_are_relative_to_the_workspace(repository: Path) -> None:
    """And those beside it are none of its."""
    _, changed, text = answers(repository / "shop")
    assert changed == frozenset({"orders/main.py", "new.py"})
    assert text == "x = 1\n"


def test_a_bare_repository_in_a_subfolder_is_none(repository: Path, tmp_path: Path) -> None:
    """Tracked, as a pull request can bring it: neither its monitor runs nor is its history compared with."""
    expected = answers(repository / "shop")
    ran = tmp_path / "ran"
    bare = tmp_path / "bare"
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    for entry in bare.iterdir():
        entry.rename(repository / "shop" / entry.name)
    with (repository / "shop/config").open("a") as config:
        config.write(f"[core]\nbare = false\nworktree = {repository}/shop\nfsmonitor = touch {ran} &&\n")
    name, changed, text = answers(repository / "shop")
    assert (expected[0], expected[2], False) == (name, text, ran.exists())
    assert expected[1] < changed
    subprocess.run(["git", "status"], cwd=repository / "shop", capture_output=True, check=False)
    assert ran.exists()


def test_no_program_of_a_configuration_runs(repository: Path, tmp_path: Path) -> None:
    """No monitor, no hook, no other diff, no conversion of texts."""
    expected = answers(repository / "shop")
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 $* >> {ran}\n")
    program.chmod(0o755)
    (tmp_path / "hooks").mkdir()
    for hook in ("post-index-change", "post-checkout", "reference-transaction", "fsmonitor-watchman"):
        (tmp_path / "hooks" / hook).symlink_to(program)
    for key, value in {
        "core.fsmonitor": program,
        "core.hooksPath": tmp_path / "hooks",
        "core.pager": program,
        "diff.external": program,
        "diff.ours.textconv": program,
        "diff.ours.command": program,
    }.items():
        git(repository, "config", key, str(value))
    (repository / ".git/info/attributes").write_text("*.py diff=ours\n")
    assert answers(repository / "shop") == expected
    assert not ran.exists()
    subprocess.run(["git", "diff"], cwd=repository, capture_output=True, check=False)
    assert ran.exists()


def test_variables_of_a_hook_change_nothing(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that git hands to hooks, and more, as of another repository."""
    expected = answers(repository / "shop")
    other = tmp_path / "other"
    other.mkdir()
    (other / "file").touch()
    commit(other)
    local = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    for name in local.stdout.split():
        monkeypatch.setenv(name, str(other / ".git"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.worktree")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(other))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    monkeypatch.setenv("GIT_ICASE_PATHSPECS", "1")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(repository))
    monkeypatch.setenv("GIT_TRACE", "1")
    assert answers(repository / "shop") == expected


def test_a_hook_of_a_linked_worktree_is_answered_of_its_own(repository: Path, tmp_path: Path) -> None:
    """git sets GIT_DIR there, which means the repository and not the worktree's folder."""
    linked = tmp_path / "linked"
    git(repository, "worktree", "add", "--quiet", str(linked))
    (linked / "shop/orders/main.py").write_text("x = 3\n")
    said = tmp_path / "said"
    program = (
        "from pathlib import Path\n"
        "from uv_workspace_function.insight.git_history import History\n"
        f"history = History.at(Path({str(linked / 'shop')!r}))\n"
        f"Path({str(said)!r}).write_text(repr((str(history.top), sorted(history.changed('HEAD')))))\n"
    )
    hook = repository / ".git/hooks/pre-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec {sys.executable} - <<'END'\n{program}END\n")
    hook.chmod(0o755)
    variables = {**os.environ, "PYTHONPATH": str(PACKAGE.parent)}
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "--quiet", "-am", "x"],
        cwd=linked, env=variables, check=True,
    )  # fmt: skip
    assert said.read_text() == repr((str(linked), ["orders/main.py"]))


def test_no_index_is_written(repository: Path) -> None:
    """A question leaves the working tree's index as it is, even where its times are old."""
    os.utime(repository / "README", (1, 1))
    before = (repository / ".git/index").read_bytes()
    answers(repository / "shop")
    assert (repository / ".git/index").read_bytes() == before


def test_a_container_s_safe_directories_count(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of what variables configure, this is kept: it says whom a folder may belong to, and nothing of what is in it."""
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    monkeypatch.setattr(
        "uv_workspace_function.insight.git_history._OF_THE_MACHINE", frozenset({"GIT_TEST_ASSUME_DIFFERENT_OWNER"})
    )
    with pytest.raises(WorkspaceError, match="dubious ownership"):
        History.at(repository)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "safe.directory")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "*")
    assert History.at(repository).top == repository
