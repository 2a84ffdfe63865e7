"""examples/adopting/cdk.json: the page's file with the feature flags of a new app, which this CDK CLI knows."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from docs.pages import blocks

REPOSITORY = Path(__file__).parents[2]
EXAMPLE: dict[str, Any] = json.loads((REPOSITORY / "examples/adopting/cdk.json").read_text())
CDK = REPOSITORY / "node_modules/.bin/cdk"
QUIET = {**os.environ, "CDK_NOTICES": "false", "CDK_DISABLE_CLI_TELEMETRY": "true", "NO_COLOR": "1"}


def test_its_flags_are_those_that_cdk_init_writes(tmp_path: Path) -> None:
    """Of the CLI that the page installs. After an update of it: `cdk init app --language python --generate-only`."""
    command = [str(CDK), "init", "app", "--language", "python", "--generate-only"]
    subprocess.run(command, cwd=tmp_path, env=QUIET, check=True, capture_output=True)
    assert json.loads((tmp_path / "cdk.json").read_text())["context"] == EXAMPLE["context"]


def test_the_rest_is_the_page_s() -> None:
    """Without the flags."""
    shown = {block.file: block.text for block in blocks(REPOSITORY / "docs/adopting.md") if block.file}
    assert json.loads(shown["cdk.json"]) == {name: value for name, value in EXAMPLE.items() if name != "context"}


@pytest.mark.parametrize(("flags", "is_told"), [(EXAMPLE["context"], False), ({}, True)])
def test_the_cli_misses_no_flag(flags: dict[str, Any], is_told: bool, tmp_path: Path) -> None:
    """As it would of an app without them."""
    app = cdk.App(outdir=str(tmp_path / "out"), context=flags)
    cdk.CfnWaitConditionHandle(cdk.Stack(app, "Acme"), "Something")
    app.synth()
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "out", "context": flags}))
    command = [str(CDK), "synth", "--quiet"]
    done = subprocess.run(command, cwd=tmp_path, env=QUIET, check=True, capture_output=True, text=True)
    assert is_told == ("feature flags are not configured" in done.stdout + done.stderr)
