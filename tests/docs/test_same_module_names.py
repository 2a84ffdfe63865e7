"""docs/same-module-names.md, done as it says in a workspace whose members share module names, and whose CDK app has that name, too."""

import os
import subprocess
from pathlib import Path

import pytest
from adopting.reader import REPOSITORY
from docs.pages import blocks

PAGE = REPOSITORY / "docs/same-module-names.md"
MEMBERS = {
    "mail": ("", "app", 1),
    "thumbs": ("src", "app", 2),
    "orders": ("src", "orders.app", 3),
}
"""The folder below a member's that is its import root, its handler's module, and what it answers."""


def make(root: Path) -> Path:
    """The three layouts of the page, each with a helper and a test that nobody else's module would pass."""
    (root / "lambdas").mkdir(parents=True)
    (root / "pyproject.toml").write_text('[tool.uv.workspace]\nmembers = ["lambdas/*"]\n')
    (root / "app.py").write_text('"""The CDK app."""\n')
    for name, (source, module, answer) in MEMBERS.items():
        member = root / "lambdas" / name
        head = f'[project]\nname = "{name}"\nversion = "1"\nrequires-python = ">=3.11"\n'
        package = module.rpartition(".")[0]
        code = member / source / package
        code.mkdir(parents=True)
        (member / "tests").mkdir()
        (member / "pyproject.toml").write_text(head)
        if package:
            (code / "__init__.py").touch()
        helpers = f"{package}.helpers" if package else "helpers"
        (code / "helpers.py").write_text(f"def of_{name}() -> int:\n    return {answer}\n")
        (code / "app.py").write_text(
            f"from {helpers} import of_{name}\n\n\n"
            f"def handler(event: dict[str, str], context: object) -> int:\n    return of_{name}()\n"
        )
        (member / "tests/test_app.py").write_text(
            f"from {module} import handler\n\n\ndef test_handler() -> None:\n    assert handler({{}}, None) == {answer}\n"
        )
    for block in blocks(PAGE):
        if block.file is not None:
            with (root / block.file).open("a") as stream:
                stream.write(f"\n{block.text}")
    return root


def run(root: Path, command: str) -> tuple[int, str]:
    """A command in the workspace, with this repository's pytest, mypy and pyright."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHONPATH", "PYTEST", "MYPY"))}
    folders = [str(REPOSITORY / ".venv/bin"), str(REPOSITORY / "node_modules/.bin"), os.environ["PATH"]]
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=root,
        env=kept | {"PATH": os.pathsep.join(folders)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=600,
    )
    return done.returncode, done.stdout


def command(tool: str) -> str:
    """The page's command for a tool."""
    [found] = [
        line for block in blocks(PAGE) if block.language == "sh" for line in block.text.splitlines() if tool in line
    ]
    return found


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace of its own: the tests edit it."""
    return make(tmp_path / "root")


def mistype(root: Path, name: str) -> None:
    """Have a member's handler promise what it does not return."""
    source, module, _ = MEMBERS[name]
    path = root / "lambdas" / name / source / f"{module.replace('.', '/')}.py"
    path.write_text(path.read_text().replace("-> int:", "-> str:"))


def test_each_member_s_test_meets_its_own_code(root: Path) -> None:
    """And where one does not, the command says so."""
    code, said = run(root, command("pytest"))
    assert (0, 3) == (code, said.count("1 passed")), said
    helpers = root / "lambdas/thumbs/src/helpers.py"
    helpers.write_text(helpers.read_text().replace("return 2", "return 1"))
    code, said = run(root, command("pytest"))
    assert (123, 2, 1) == (code, said.count("1 passed"), said.count("1 failed")), said


def test_one_run_of_pytest_mixes_the_members_up(root: Path) -> None:
    """As the page says: tests are kept apart, what they import is not."""
    code, said = run(root, "pytest -o 'pythonpath=lambdas/mail lambdas/thumbs/src lambdas/orders/src' lambdas")
    assert code == 1, said
    assert "assert 1 == 2" in said


def test_mypy_judges_each_member_by_its_own_modules(root: Path) -> None:
    """Strictly; a wrong type is found in the member that has it."""
    code, said = run(root, command("mypy"))
    assert (0, 3) == (code, said.count("no issues found in")), said
    mistype(root, "thumbs")
    code, said = run(root, command("mypy"))
    assert (123, 2) == (code, said.count("no issues found in")), said
    assert "lambdas/thumbs/src/app.py:5: error: Incompatible return value type" in said


def test_one_run_of_mypy_refuses_the_second_app(root: Path) -> None:
    """And with `--explicit-package-bases` it does not find what the members import."""
    code, said = run(root, "mypy lambdas")
    assert (2, True) == (code, 'Duplicate module named "app"' in said or 'Duplicate module named "test_app"' in said), (
        said
    )
    code, said = run(root, "mypy --explicit-package-bases lambdas")
    assert (1, True) == (code, 'module named "helpers"' in said), said


def test_pyright_judges_each_member_by_its_own_modules_in_one_run(root: Path) -> None:
    """A wrong type is found in the member that has it, and a member without its line is not taken for right."""
    assert (0, "0 errors, 0 warnings, 0 informations\n") == run(root, command("pyright"))
    mistype(root, "thumbs")
    code, said = run(root, command("pyright"))
    assert (1, True) == (code, "lambdas/thumbs/src/app.py:5:12 - error" in said), said
    assert "1 error, " in said
    pyproject = root / "pyproject.toml"
    kept = [line for line in pyproject.read_text().splitlines() if 'root = "lambdas/mail"' not in line]
    pyproject.write_text("\n".join(kept))
    code, said = run(root, command("pyright"))
    assert (1, True) == (code, "lambdas/mail/tests/test_app.py:1:17 - error" in said), said
