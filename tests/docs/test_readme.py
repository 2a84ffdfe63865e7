"""README.md and infra/README.md: what they show works."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import constructs
from aws_cdk import aws_lambda_event_sources as event_sources
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template
from docs.pages import blocks
from made import handler, lock, workspace
from uv_workspace_function import UvWorkspaceFunction, Workspace

REPOSITORY = Path(__file__).parents[2]
README = REPOSITORY / "README.md"


def test_the_stack_of_the_first_screen_synthesizes(tmp_path: Path) -> None:
    """Its eight lines, with nothing but imports around them."""
    [stack] = [block.text for block in blocks(README) if block.language == "python"]
    names: dict[str, Any] = {
        "Stack": cdk.Stack,
        "Duration": cdk.Duration,
        "Construct": constructs.Construct,
        "Queue": sqs.Queue,
        "SqsEventSource": event_sources.SqsEventSource,
        "UvWorkspaceFunction": UvWorkspaceFunction,
        "Workspace": Workspace,
    }
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
    """One sentence, at most nine lines of a stack, two commands, one diagram."""
    languages = [block.language for block in blocks(README)]
    assert ["python", "sh", "mermaid"] == languages
    stack, commands, _ = blocks(README)
    assert 9 >= len(stack.text.splitlines())
    assert 2 == len(commands.text.splitlines())


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
