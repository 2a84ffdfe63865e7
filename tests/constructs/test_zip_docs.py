"""docs/zip-functions.md: its examples run, and its table names every option."""

import dataclasses
import re
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import pipelines
from uv_workspace_function import UvWorkspaceZipFunction, ZipOptions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "zip-functions.md").read_text()


def test_the_examples_run(stack: cdk.Stack) -> None:
    """One after the other."""
    names: dict[str, Any] = {"repository": ROOT, "stack": stack}
    examples = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    for example in examples:
        exec(example, names)
    assert 2 == len(examples)
    assert isinstance(names["query"], UvWorkspaceZipFunction)
    assert isinstance(names["publishing"], pipelines.CodeBuildOptions)


def test_the_table_names_every_option() -> None:
    fields = {field.name for field in dataclasses.fields(ZipOptions)}
    assert fields == set(re.findall(r"^\| `([a-z_]+)` \|", PAGE, flags=re.MULTILINE))
