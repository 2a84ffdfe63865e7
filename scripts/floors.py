"""Tries the built wheel with the lowest versions that it allows: what it answers must be what it answers with those of uv.lock.

A requirement may be replaced by another, to see what a floor could be, or what a version that locks in the wild hold does:
`scripts/with-tools python scripts/floors.py packaging==24.2`.
"""

import difflib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
COMMANDS = (
    "list --json",
    "check query-api ingestion-worker --format json",
    "check query-api",
    "size",
    "prune query-api --list",
    "graph",
    "who boto3",
    *(f"{name} --help" for name in ("affected", "invoke", "new", "why")),
)
# cdk-nag, which app.py has, needs a newer aws-cdk-lib than the constructs do.
_SYNTH = """
import aws_cdk as cdk
from pathlib import Path
from uv_workspace_function import UvWorkspaceFunction, UvWorkspaceImage, Workspace

stack = cdk.Stack(cdk.App(context={"aws:cdk:disable-asset-staging": True}), "Services")
queue = cdk.aws_sqs.Queue(stack, "Queue")
for name in ("daily-report", "ingestion-worker", "query-api", "legacy-export"):
    function = UvWorkspaceFunction(stack, name, workspace=Workspace.load(Path.cwd()), service=name, memory_size=512)
    queue.grant_consume_messages(function)
# What the role gets permissions for.
UvWorkspaceFunction(
    stack,
    "Inside",
    workspace=Workspace.load(Path.cwd()),
    service="query-api",
    vpc=cdk.aws_ec2.Vpc(stack, "Vpc"),
    tracing=cdk.aws_lambda.Tracing.ACTIVE,
    dead_letter_queue=queue,
    ephemeral_storage_size=cdk.Size.gibibytes(1),
)
UvWorkspaceImage(stack, "Image", workspace=Workspace.load(Path.cwd()), service="query-api")
template = cdk.assertions.Template.from_stack(stack).to_json()["Resources"]
for name, resource in sorted(template.items()):
    if resource["Type"] == "AWS::Lambda::Function":
        print(name, *sorted(resource["Properties"].items()), sep="\\n  ")
"""


def main() -> int:
    """Compare the answers; returns 0 where they are the same."""
    with tempfile.TemporaryDirectory(prefix="floors-") as folder:
        lowest = _install(Path(folder), replacing=sys.argv[1:])
        differing = [name for name in (*COMMANDS, "synth") if not _same(name, lowest, Path(sys.prefix))]
    return 1 if differing else 0


def _install(folder: Path, *, replacing: list[str]) -> Path:
    """An environment that holds the wheel, with its extras, in the lowest versions of what they require."""
    variables = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}

    def uv(*arguments: str | Path) -> str:
        done = subprocess.run(
            ["uv", *arguments], cwd=PROJECT, env=variables, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    environment, lowest, overrides = folder / "venv", folder / "lowest.txt", folder / "overrides.txt"
    overrides.write_text("\n".join(replacing))
    uv("build", "--quiet", "--package", "uv-workspace-function", "--wheel", "--out-dir", folder)
    uv("venv", "--quiet", "--python", sys.executable, environment)
    python = ("--python", environment)
    resolution = ("--all-extras", "--resolution", "lowest-direct", "--overrides", overrides)
    uv("pip", "compile", "--quiet", *python, *resolution, "infra/pyproject.toml", "--output-file", lowest)
    uv("pip", "install", "--quiet", *python, "--requirements", lowest)
    uv("pip", "install", "--quiet", *python, "--no-deps", *folder.glob("*.whl"))
    print(uv("pip", "freeze", *python), flush=True)
    return environment


def _same(name: str, lowest: Path, ours: Path) -> bool:
    """Whether two environments answer alike; says so, and where they do not."""
    expected, found = (_answer(name, environment) for environment in (ours, lowest))
    if not expected.endswith("exit code 0"):
        print(f"services {name}: fails with the versions of uv.lock\n{expected}", flush=True)
        return False
    difference = list(difflib.unified_diff(expected.splitlines(), found.splitlines(), "uv.lock", "lowest", lineterm=""))
    print("\n  ".join([f"services {name}: {'differs' if difference else 'the same'}", *difference]), flush=True)
    return not difference


def _answer(name: str, environment: Path) -> str:
    """What a command prints in an environment, and its exit code."""
    command = [str(environment / "bin/python")]
    command += ["-c", _SYNTH] if name == "synth" else [str(environment / "bin/services"), *name.split()]
    variables: Mapping[str, str] = {**os.environ, "CDK_VALIDATION": "false", "COLUMNS": "100"}
    done = subprocess.run(command, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    return f"{done.stdout}{done.stderr}exit code {done.returncode}"


if __name__ == "__main__":
    sys.exit(main())
