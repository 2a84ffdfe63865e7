"""The example in the docstring of each public class runs."""

import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
import uv_workspace_function
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs

ROOT = Path(__file__).parents[2]
CLASSES = [name for name in uv_workspace_function.__all__ if inspect.isclass(getattr(uv_workspace_function, name))]


def example(name: str) -> str:
    """The code of a class's example: what follows its `::`."""
    docstring = inspect.getdoc(getattr(uv_workspace_function, name)) or ""
    match = re.search(r"^Example:\n    [^\n]*::\n\n((?:        [^\n]*\n|\n)+)", docstring + "\n", flags=re.MULTILINE)
    assert match is not None, f"{name} has no example"
    return textwrap.dedent(match[1])


def test_every_public_class_is_looked_at() -> None:
    assert {
        "BuildContext",
        "EcrImage",
        "FunctionDefaults",
        "ImageOptions",
        "UvWorkspaceFunction",
        "UvWorkspaceImage",
        "UvWorkspaceZipFunction",
        "Workspace",
        "WorkspaceError",
        "ZipOptions",
    } == set(CLASSES)


@pytest.mark.parametrize("name", CLASSES)
def test_the_example_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an app of its own, with this repository as the workspace."""
    monkeypatch.chdir(tmp_path)
    app = cdk.App(outdir=str(tmp_path / "cdk.out"))
    stack = cdk.Stack(app, "Stack", env=cdk.Environment(account="123456789012", region="eu-west-1"))
    names: dict[str, Any] = {name: getattr(uv_workspace_function, name) for name in uv_workspace_function.__all__}
    names |= {
        "app": app,
        "cdk": cdk,
        "ecr": ecr,
        "lambda_": lambda_,
        "logs": logs,
        "queue": sqs.Queue(stack, "Queue"),
        "repository": ROOT,
        "stack": stack,
        "workspace": uv_workspace_function.Workspace.load(ROOT),
    }
    exec(example(name), names)
    app.synth()
