"""app.py, the front door: what people see when something is wrong."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def front_door(tmp_path: Path) -> Path:
    """A folder with app.py alone: it takes its own folder for the workspace."""
    shutil.copy(ROOT / "app.py", tmp_path)
    return tmp_path


def run(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run app.py as the CLI does."""
    environment = {**os.environ, "CDK_OUTDIR": str(folder / "cdk.out")}
    return subprocess.run(
        [sys.executable, "app.py"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_what_is_wrong_with_the_workspace_is_one_line_and_exit_code_2(front_door: Path) -> None:
    """No traceback; and no assembly that could be deployed."""
    done = run(front_door)
    message = f"error: there is no pyproject.toml in {front_door}; give the folder of a uv workspace's root\n"
    assert (2, "", message) == (done.returncode, done.stdout, done.stderr)
    assert not (front_door / "cdk.out" / "manifest.json").exists()


def test_what_the_rules_refuse_is_told_with_exit_code_1(front_door: Path) -> None:
    """Here a stack without the acknowledgments of the real one."""
    (front_door / "service_stack.py").write_text(
        "import aws_cdk as cdk\n"
        "from aws_cdk import aws_sqs as sqs\n"
        "class ServiceStack(cdk.Stack):\n"
        "    def __init__(self, scope, construct_id, *, workspace):\n"
        "        super().__init__(scope, construct_id)\n"
        "        sqs.Queue(self, 'Queue')\n"
    )
    (front_door / "pyproject.toml").write_text("[tool.uv.workspace]\nmembers = []\n")
    (front_door / "uv.lock").write_text('version = 1\nrequires-python = ">=3.11"\n')
    done = run(front_door)
    assert 1 == done.returncode
    assert "AwsSolutions::AwsSolutions-SQS4" in done.stderr
    assert "Traceback" not in done.stderr
