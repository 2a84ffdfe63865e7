"""docs/construct.md: its examples run, and its tables name every option."""

import inspect
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from assemblies import docker_images
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template
from uv_workspace_function import UvWorkspaceFunction, UvWorkspaceImage

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "construct.md").read_text()


def test_the_examples_run(stack: cdk.Stack, tmp_path: Path) -> None:
    """One after the other, in one stack."""
    (tmp_path / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.14\n")
    names: dict[str, Any] = {
        "cdk": cdk,
        "folder_with_dockerfile": str(tmp_path),
        "queue": sqs.Queue(stack, "Queue"),
        "repository": ROOT,
        "stack": stack,
    }
    examples = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    for example in examples:
        exec(example, names)
    assert 7 == len(examples)
    assert 4 == len(
        docker_images(stack)
    )  # the worker's, the plain container's, the extension's, and the one on top of it; the cached one is the worker's
    task = Template.from_stack(stack).find_resources("AWS::ECS::TaskDefinition")
    (container,) = next(iter(task.values()))["Properties"]["ContainerDefinitions"]
    assert stack.resolve(names["image"].image_uri) == container["Image"]


def test_the_tables_name_every_option() -> None:
    """Of both constructs, and none besides."""
    parameters = {
        name
        for construct in (UvWorkspaceFunction, UvWorkspaceImage)
        for name in inspect.signature(construct.__init__).parameters
    }
    cells = re.findall(r"^\| (`[a-z_`, ]+) \|", PAGE, flags=re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}
    assert parameters - {"self", "scope", "construct_id", "options"} == named
