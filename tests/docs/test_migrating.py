"""docs/migrating.md: each diff on it is what the CDK CLI says of the same two stacks."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from docs.pages import blocks
from uv_workspace_function import UvWorkspaceFunction, UvWorkspaceZipFunction, Workspace, ZipOptions

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/migrating.md"


def image_function(stack: cdk.Stack, folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.14\n")
    lambda_.DockerImageFunction(
        stack,
        "Worker",
        code=lambda_.DockerImageCode.from_image_asset(str(folder)),
        architecture=lambda_.Architecture.ARM_64,
        memory_size=512,
    )


def zip_function(stack: cdk.Stack, folder: Path) -> None:
    (folder / "index.py").write_text("def handler(event, context): ...\n")
    lambda_.Function(
        stack,
        "Worker",
        runtime=lambda_.Runtime.PYTHON_3_13,
        architecture=lambda_.Architecture.ARM_64,
        handler="index.handler",
        code=lambda_.Code.from_asset(str(folder)),
        memory_size=512,
    )


def ours(stack: cdk.Stack, _: Path) -> None:
    UvWorkspaceFunction(stack, "Worker", workspace=Workspace.load(REPOSITORY), service="query-api", memory_size=512)


def our_zip(stack: cdk.Stack, _: Path) -> None:
    UvWorkspaceZipFunction(
        stack,
        "Worker",
        workspace=Workspace.load(REPOSITORY),
        service="query-api",
        memory_size=512,
        archive=ZipOptions(python_version="3.13"),
    )


def synthesized(make: Callable[[cdk.Stack, Path], None], folder: Path) -> Path:
    """The assembly of a stack with one function."""
    (folder / "code").mkdir(parents=True)
    app = cdk.App(outdir=str(folder / "out"))
    make(cdk.Stack(app, "Shop"), folder / "code")
    app.synth()
    return folder / "out"


def difference(before: Path, after: Path) -> str:
    """The resources in what `cdk diff` prints, hashes shortened."""
    done = subprocess.run(
        [REPOSITORY / "node_modules/.bin/cdk", "diff", "--app", after, "--template", before / "Shop.template.json"],
        env={**os.environ, "NO_COLOR": "1", "CI": "true", "CDK_NOTICES": "false", "CDK_DISABLE_CLI_TELEMETRY": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    told = re.search(r"^Resources\n(.*?)\n\n", done.stdout + done.stderr, re.DOTALL | re.MULTILINE)
    assert told is not None, done.stdout + done.stderr
    return re.sub(r"[0-9a-f]{64}", "HASH", told[1]).rstrip()


Make = Callable[[cdk.Stack, Path], None]


@pytest.mark.parametrize(
    ("at", "before", "after"),
    [(0, image_function, ours), (1, zip_function, our_zip), (2, zip_function, ours)],
    ids=["image", "zip to zip", "zip to image"],
)
def test_the_diff_on_the_page_is_the_cli_s(at: int, before: Make, after: Make, tmp_path: Path) -> None:
    told = difference(synthesized(before, tmp_path / "before"), synthesized(after, tmp_path / "after"))
    shown = [block.text for block in blocks(PAGE) if block.language == "text"][at]
    assert shown.rstrip().splitlines() == told.splitlines()
