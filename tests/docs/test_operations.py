"""docs/operations.md: nobody runs it against an account, so its commands are held to what the CDK CLI and AWS's API take."""

import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from click.testing import CliRunner
from docs.pages import blocks
from uv_workspace_function.cli.main import main

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/operations.md"
OF_EVERY_AWS_COMMAND = {"--region", "--query"}


def commands() -> list[str]:
    """Every line of the page's shell blocks, and every `cdk` and `aws` command that its prose and tables name."""
    lines = [line for block in blocks(PAGE) if block.language == "sh" for line in block.text.splitlines()]
    named = re.findall(r"`((?:cdk|aws) [a-z][^`]+)`", PAGE.read_text())
    return sorted({line.strip() for line in [*lines, *named]})


@functools.cache
def options_of_cdk(subcommand: str) -> set[str]:
    done = subprocess.run(
        [REPOSITORY / "node_modules/.bin/cdk", subcommand, "--help"],
        check=True,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )
    assert done.stdout.startswith(f"cdk {subcommand}"), f"the CDK CLI has no {subcommand}"
    return set(re.findall(r"(--[a-z-]+)", done.stdout))


def unknown(command: str) -> list[str]:
    """The words of a command that its program would not take."""
    program, *words = shlex.split(command)
    options = {word.partition("=")[0] for word in words if word.startswith("--")}
    match program:
        case "cdk":
            return sorted(options - options_of_cdk(words[0]))
        case "aws":
            model = botocore.session.get_session().get_service_model(words[0])
            operation = next(name for name in model.operation_names if xform_name(name, "-") == words[1])
            shape = model.operation_model(operation).input_shape
            members = shape.members if shape else {}
            return sorted(options - {f"--{xform_name(name, '-')}" for name in members} - OF_EVERY_AWS_COMMAND)
        case "git" | "docker":
            return []
        case "services":
            help_ = CliRunner().invoke(main, [words[0], "--help"]).output
            return sorted(option for option in options if option not in help_)
        case "scripts/with-tools":
            asked = [sys.executable, words[1], "--help"]
            told = subprocess.run(asked, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
            return sorted(option for option in options if option not in told)
    return [program]


@pytest.mark.parametrize("command", commands())
def test_a_command_is_one_that_its_program_takes(command: str) -> None:
    """With its options."""
    assert unknown(command) == []


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("cdk gc --rollback-days=3", ["--rollback-days"]),
        ("aws sqs list-message-move-tasks --queue-url Q", ["--queue-url"]),
        ("kubectl apply", ["kubectl"]),
        ("services build --pull", ["--pull"]),
    ],
)
def test_one_that_it_does_not_take_would_be_found(command: str, wrong: list[str]) -> None:
    """The check above can fail."""
    assert unknown(command) == wrong


def test_one_that_does_not_exist_would_be_found() -> None:
    """Of the API, and of the CDK CLI."""
    with pytest.raises(StopIteration):
        unknown("aws sqs move-messages")
    with pytest.raises((AssertionError, subprocess.CalledProcessError)):
        unknown("cdk publish")
