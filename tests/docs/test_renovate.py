"""renovate.json: each of its own patterns finds what it is there for."""

import json
import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
MANAGERS = json.loads((REPOSITORY / "renovate.json").read_text())["customManagers"]
FILES = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
    cwd=REPOSITORY,
    capture_output=True,
    text=True,
    check=True,
).stdout.splitlines()


def found(manager: dict[str, list[str]]) -> set[str]:
    """What a manager finds in this repository's files, as Renovate reads its patterns."""
    names = [re.compile(pattern.strip("/")) for pattern in manager["managerFilePatterns"]]
    patterns = [re.compile(pattern.replace("(?<", "(?P<")) for pattern in manager["matchStrings"]]
    return {
        f"{match['depName']} {match['currentValue']}"
        for file in FILES
        if (REPOSITORY / file).is_file() and any(name.search(file) for name in names)
        for pattern in patterns
        for match in pattern.finditer((REPOSITORY / file).read_text())
    }


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "ghcr.io/astral-sh/uv"), (2, "uv-build"), (3, "aws-cdk"), (4, "aws-sam-cli")],
)
def test_a_pattern_finds_its_package(number: int, name: str) -> None:
    """And exactly one version of it, so that an update leaves none behind."""
    assert [name] == [found_name.split(" ")[0] for found_name in found(MANAGERS[number])]


def test_a_pinned_base_image_would_be_found() -> None:
    """As docs/base-image.md writes it, in a stack."""
    [pattern] = MANAGERS[1]["matchStrings"]
    line = f'ImageOptions(base_image="public.ecr.aws/lambda/python:3.14@sha256:{"0" * 64}")'
    match = re.search(pattern.replace("(?<", "(?P<"), line)
    assert match is not None
    assert ("public.ecr.aws/lambda/python", "3.14") == (match["depName"], match["currentValue"])


def test_the_cli_of_the_docs_is_the_one_that_is_locked() -> None:
    """A reader gets what the tests use."""
    locked = json.loads((REPOSITORY / "package.json").read_text())["devDependencies"]["aws-cdk"]
    assert {f"aws-cdk {locked}"} == found(MANAGERS[3])


ADOPTERS = json.loads((REPOSITORY / "examples" / "renovate" / "adopters.json").read_text())
DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f'base_image="public.ecr.aws/lambda/python:3.14@{DIGEST}"', ("public.ecr.aws/lambda/python", "3.14", DIGEST)),
        ('builder_image="registry.example.com:5000/gcc:3"', ("registry.example.com:5000/gcc", "3", None)),
        (f'uv_image="ghcr.io/astral-sh/uv:0.13.9@{DIGEST}"', ("ghcr.io/astral-sh/uv", "0.13.9", DIGEST)),
        ("base_image=base", None),
        ('base_image="public.ecr.aws/lambda/python"', None),
    ],
)
def test_the_preset_for_adopters_finds_the_images_of_a_stack(
    line: str, expected: tuple[str, str, str | None] | None
) -> None:
    """What names a tag; an object or a name without one is no pin."""
    [manager] = ADOPTERS["customManagers"]
    [pattern] = manager["matchStrings"]
    match = re.search(pattern.replace("(?<", "(?P<"), f"UvWorkspaceFunction(self, 'A', {line})")
    found = match and (match["depName"], match["currentValue"], match["currentDigest"])
    assert expected == found
