"""docs/construct.md: its examples run, and its tables name every option."""

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from assemblies import docker_images
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, UvWorkspaceImage
from uv_workspace_function.constructs.function_options import DockerImageFunctionOptions, FunctionOptions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "construct.md").read_text()


def test_the_examples_run(stack: cdk.Stack, tmp_path: Path) -> None:
    """One after the other, in one stack."""
    (tmp_path / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.14\n")
    env = cdk.Environment(account="123456789012", region="eu-west-1")
    names: dict[str, Any] = {
        "cdk": cdk,
        "folder_with_dockerfile": str(tmp_path),
        "queue": sqs.Queue(stack, "Queue"),
        "repository": ROOT,
        "stack": stack,
        "defaulted_stack": cdk.Stack(cdk.App(outdir=str(tmp_path / "defaulted")), "Defaulted"),
        "stack_with_env": cdk.Stack(cdk.App(outdir=str(tmp_path / "out")), "WithEnv", env=env),
    }
    examples = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    for example in examples:
        exec(example, names)
    assert 10 == len(examples)
    # the worker's, that on an older Python, the plain container's, the one from a private index, the cached one, the extension's and
    # the one on top of it
    assert 7 == len(docker_images(stack))
    task = Template.from_stack(stack).find_resources("AWS::ECS::TaskDefinition")
    (container,) = next(iter(task.values()))["Properties"]["ContainerDefinitions"]
    assert stack.resolve(names["image"].image_uri) == container["Image"]


def test_the_tables_name_every_option() -> None:
    """Of both constructs and of the image, and none besides but what means more than in the CDK."""
    parameters = {
        name
        for construct in (UvWorkspaceFunction, UvWorkspaceImage)
        for name in inspect.signature(construct.__init__).parameters
    }
    ours = FunctionOptions.__annotations__.keys() - DockerImageFunctionOptions.__annotations__.keys()
    fields = {field.name for field in dataclasses.fields(ImageOptions)}
    cells = re.findall(r"^\| (`[a-z_`, ]+) \|", PAGE, flags=re.MULTILINE)
    named = {name for cell in cells for name in re.findall(r"`([a-z_]+)`", cell)}
    more = {"role", "log_group", "log_retention", "log_removal_policy"}
    assert parameters - {"self", "scope", "construct_id"} | ours | fields | more == named
