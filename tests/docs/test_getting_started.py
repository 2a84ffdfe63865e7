"""docs/getting-started.md, done as it says in a copy of this repository."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from adopting.reader import REPOSITORY, Reader, shell
from docs.pages import blocks
from uv_workspace_function import UvWorkspaceFunction, Workspace

PAGE = REPOSITORY / "docs/getting-started.md"


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """A copy with a history, an edited service, and the page followed in it."""
    base = tmp_path_factory.mktemp("started")
    reader = Reader(root=base / "repository", wheels=base, engine=False)
    tracked = shell("git ls-files --cached --others --exclude-standard", REPOSITORY).splitlines()
    for path in tracked:
        if (REPOSITORY / path).is_file():
            (reader.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / path, reader.root / path)
    who = "-c user.name=a -c user.email=a@example.com"
    shell(f"git init --quiet && git add --all && git {who} commit --quiet --message=copy", reader.root)
    with (reader.root / "services/query_api/src/query_api/main.py").open("a") as stream:
        stream.write("\n# edited\n")
    reader.follow(PAGE)
    return reader


def test_an_edited_service_is_the_one_that_is_rebuilt(started: Reader) -> None:
    """It alone."""
    assert "query-api\n" == started.printed["uv run services affected --since HEAD"]


def test_a_new_service_is_tested_and_deployed(started: Reader, tmp_path: Path) -> None:
    """Its own test passed on the way; the line for the stack synthesizes."""
    tested = started.printed["uv run pytest tests/services/test_invoice_mailer.py"]
    assert "1 passed" in tested
    [lines] = [block.text for block in blocks(PAGE) if block.language == "python"]
    workspace = Workspace.load(started.root)
    app = cdk.App(outdir=str(tmp_path / "cdk.out"), context={"aws:cdk:disable-asset-staging": True})
    names: dict[str, Any] = {
        "self": cdk.Stack(app, "S"),
        "workspace": workspace,
        "UvWorkspaceFunction": UvWorkspaceFunction,
    }
    exec(lines, names)
    template = app.synth().get_stack_by_name("S").template
    functions = [r for r in template["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    assert [["invoice_mailer.main.handler"]] == [f["Properties"]["ImageConfig"]["Command"] for f in functions]


def test_nothing_else_was_changed(started: Reader) -> None:
    """`services new` adds files, `uv add` lists the service and locks."""
    said = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all"],
        cwd=started.root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    changed = {line[3:] for line in said.splitlines()}
    assert changed == {
        "services/query_api/src/query_api/main.py",
        "pyproject.toml",
        "uv.lock",
        "services/invoice_mailer/pyproject.toml",
        "services/invoice_mailer/events/sample.json",
        "services/invoice_mailer/src/invoice_mailer/__init__.py",
        "services/invoice_mailer/src/invoice_mailer/main.py",
        "services/invoice_mailer/src/invoice_mailer/py.typed",
        "tests/services/test_invoice_mailer.py",
    }
