"""README.md and infra/README.md: what they show works."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Template
from click.testing import CliRunner
from docs.pages import blocks
from gate.cases import Case
from made import handler, lock, workspace
from uv_workspace_function import Workspace
from uv_workspace_function.cli.main import main

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"


# What the first screen's report is about: `orders` uses what only `billing` declares, and what is on no machine but its author's.
SHOP = """\
wheel: pyyaml 6.0 yaml/__init__.py
wheel: boto3 1.44 boto3/__init__.py; requires=botocore
wheel: botocore 1.44 botocore/__init__.py botocore/exceptions.py
-- billing/pyproject.toml --
dependencies = ["pyyaml"]
-- billing/src/billing/main.py --
import yaml
def handler(event, context): return yaml
-- orders/pyproject.toml --
dependencies = ["boto3"]
-- orders/src/orders/main.py --
import boto3
import yaml
from botocore.exceptions import ClientError
def handler(event, context): return boto3, yaml, ClientError
"""


def test_the_report_of_the_first_screen_is_what_the_gate_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes and the sum at the end are left out."""
    [shown] = [block.text for block in blocks(README) if block.language == "console"]
    command, _, printed = shown.partition("\n")
    assert "$ uvx uv-workspace-function check" == command
    monkeypatch.chdir(Case.parse(f"A shop.\n{SHOP}", "readme").make(tmp_path / "shop"))
    said = CliRunner().invoke(main, ["check"]).stdout
    assert printed.splitlines() == [line for line in said.splitlines()[:-1] if line and not line.startswith("note: ")]


def test_the_stack_of_the_first_screen_synthesizes(tmp_path: Path) -> None:
    """As it is, imports included."""
    [stack] = [block.text for block in blocks(README) if block.language == "python"]
    names: dict[str, Any] = {}
    exec(stack, names)
    app = cdk.App(outdir=str(tmp_path), context={"aws:cdk:disable-asset-staging": True})
    made = names["ServiceStack"](app, "ServiceStack", workspace=Workspace.load(REPOSITORY))
    template = Template.from_stack(made)
    template.has_resource_properties(
        "AWS::Lambda::Function",
        {"PackageType": "Image", "Architectures": ["arm64"], "MemorySize": 512, "Timeout": 30},
    )
    template.resource_count_is("AWS::Lambda::EventSourceMapping", 1)


def test_the_first_screen_is_a_screen() -> None:
    """One report, one picture, at most nine lines of a stack beside its imports, one number; then how to use it, and how to try it here."""
    text = README.read_text()
    assert ["console", "python", "sh", "sh"] == [block.language for block in blocks(README)]
    _, stack, install, here = blocks(README)
    assert 9 >= len(stack.text.partition("class ")[2].splitlines())
    assert (1, 2) == (len(install.text.splitlines()), len(here.text.splitlines()))
    assert text.index("docs/picture.svg") < text.index("```python")
    assert ["make local", "make test"] == re.findall(r"^make \w+", here.text, re.MULTILINE)


def test_its_number_is_the_benchmark_s() -> None:
    """Both ends of it stand in the table that the named command printed."""
    row = next(
        line
        for line in (REPOSITORY / "docs/performance.md").read_text().splitlines()
        if "new bytes: a line of code |" in line
    )
    ours, _, guide = [cell.strip() for cell in row.split("|")][2:5]
    assert ("6.5 kB", "92,000.2 kB") == (ours, guide)
    assert "pushes 6.5 kB; with uv's own recipe for Lambda it is 92 MB" in README.read_text()


def test_the_commands_are_targets() -> None:
    """`make` knows each `make TARGET` that any page mentions."""
    pages = [README, REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").rglob("*.md")]
    targets = {
        found for page in pages for found in re.findall(r"(?:`|^)make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE)
    }
    assert {"local", "test"} <= targets
    for target in targets:
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert 0 == done.returncode, done.stderr


def test_the_distribution_s_own_readme_synthesizes(tmp_path: Path) -> None:
    """As an app.py beside a workspace with the service it names."""
    root = workspace(tmp_path / "w", ["orders"])
    handler(root / "orders")
    lock(root)
    [app] = [block.text for block in blocks(REPOSITORY / "infra/README.md") if block.language == "python"]
    (root / "app.py").write_text(app)
    environment = {**os.environ, "CDK_OUTDIR": str(root / "cdk.out")}
    subprocess.run([sys.executable, "app.py"], cwd=root, env=environment, check=True)
    assert (root / "cdk.out/Services.template.json").is_file()


def test_the_licence_is_in_the_distribution_too() -> None:
    """The same one."""
    assert (REPOSITORY / "LICENSE").read_bytes() == (REPOSITORY / "infra/LICENSE").read_bytes()
