"""The options of a function are typed: as DockerImageFunction has them, and so that type checkers find mistakes."""

import inspect
import json
import re
import subprocess
import sys
from collections import abc
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import aws_cdk
from aws_cdk import (
    aws_codeguruprofiler,
    aws_ec2,
    aws_iam,
    aws_kms,
    aws_lambda,
    aws_logs,
    aws_sns,
    aws_sqs,
)
from aws_cdk.interfaces import aws_kms as kms_references
from aws_cdk.interfaces import aws_lambda as lambda_references
from uv_workspace_function import ImageOptions, ZipOptions
from uv_workspace_function.constructs import option_checks, zip_function
from uv_workspace_function.constructs.function_options import (
    DockerImageFunctionOptions,
    OwnOptions,
    ZipFunctionOptions,
)

ROOT = Path(__file__).parents[2]
NAMES = {
    "Any": Any,
    "ImageOptions": ImageOptions,
    "Mapping": abc.Mapping,
    "Sequence": abc.Sequence,
    "ZipOptions": ZipOptions,
    "cdk": aws_cdk,
    "codeguruprofiler": aws_codeguruprofiler,
    "ec2": aws_ec2,
    "iam": aws_iam,
    "kms": aws_kms,
    "kms_references": kms_references,
    "lambda_": aws_lambda,
    "lambda_references": lambda_references,
    "logs": aws_logs,
    "sns": aws_sns,
    "sqs": aws_sqs,
}
# The function writes to it, so a reference without grants is not enough.
NARROWER = {"log_group": aws_logs.ILogGroup | None}


def shape(hint: Any) -> Any:
    """A type in a form in which `Optional[Sequence[str]]` and `Sequence[str] | None` are equal."""
    arguments = get_args(hint)
    if not arguments:
        return hint
    origin = get_origin(hint)
    return (Union if type(None) in arguments or origin not in (dict, abc.Mapping, abc.Sequence) else origin), frozenset(
        map(shape, arguments)
    )


def test_the_options_are_those_of_docker_image_function() -> None:
    """By name and type, but for what an image function of ours cannot have."""
    theirs = get_type_hints(aws_lambda.DockerImageFunctionProps.__init__)
    expected = {
        name: hint for name, hint in theirs.items() if name not in {*option_checks._REFUSED, "return"}
    } | NARROWER
    ours = {
        name: eval(annotation.__forward_arg__, dict(NAMES))
        for name, annotation in DockerImageFunctionOptions.__annotations__.items()
    }
    assert {name: shape(hint) for name, hint in expected.items()} == {name: shape(hint) for name, hint in ours.items()}


def test_the_options_of_a_zip_function_are_those_of_the_cdk_s_function() -> None:
    """By name and type, but for what the service and its archive decide."""
    theirs = get_type_hints(aws_lambda.FunctionProps.__init__)
    decided = {*zip_function._REFUSED, "handler", "return"}
    expected = {name: hint for name, hint in theirs.items() if name not in decided} | NARROWER
    ours = {
        name: eval(annotation.__forward_arg__, dict(NAMES))
        for name, annotation in ZipFunctionOptions.__annotations__.items()
        if name not in {*OwnOptions.__annotations__, "archive"}
    }
    assert {name: shape(hint) for name, hint in expected.items()} == {name: shape(hint) for name, hint in ours.items()}


def test_what_is_refused_exists() -> None:
    """An option that the CDK does not take any more needs no refusal."""
    assert (
        option_checks._REFUSED.keys()
        <= inspect.signature(aws_lambda.DockerImageFunctionProps.__init__).parameters.keys()
    )


def test_pyright_finds_every_mistake_and_nothing_else(tmp_path: Path) -> None:
    """As mypy does, which checks this file with the rest."""
    calls = Path(__file__).with_name("typed_calls.py").read_text()
    wrong = {number for number, line in enumerate(calls.splitlines(), 1) if "# type: ignore[" in line}
    (tmp_path / "calls.py").write_text(re.sub(r"# type: ignore.*", "", calls))
    configuration = {
        "include": ["calls.py"],
        "extraPaths": [str(ROOT / "infra")],
        "typeCheckingMode": "standard",
        "pythonVersion": "3.11",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "basedpyright", f"--pythonpath={sys.executable}", "--outputjson"]
    report = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    found = json.loads(report.stdout)["generalDiagnostics"]
    assert wrong == {each["range"]["start"]["line"] + 1 for each in found if each["severity"] == "error"}, report.stdout
