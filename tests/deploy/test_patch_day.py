"""A new base image under the same services: what is built again, and what stays as it is. docs/operations.md counts on it."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from uv_workspace_function import BuildContext, Workspace

from local_cloud.state import PROJECT

BASE = "public.ecr.aws/lambda/python:3.14"
TAG = "uv-workspace-function-patch-day"
Build = Callable[[str], tuple[list[str], str]]


@pytest.fixture
def build_on(cloud: None, tmp_path: Path) -> Iterator[Build]:
    """Builds query-api on a base image that a patch was added to; returns the image's layers, and what the build said."""
    context = tmp_path / "context"
    staged = BuildContext.of(Workspace.load(PROJECT), "query-api")
    staged.write(context)
    made: list[str] = []

    def build(patch: str) -> tuple[list[str], str]:
        base = tmp_path / patch
        base.mkdir()
        (base / "patch").write_text(f"{patch} {time.time_ns()}")  # one that no build has seen
        (base / "Dockerfile").write_text(f"FROM {BASE}\nCOPY patch /etc/patch\n")
        names = (f"{TAG}-base:{patch}", f"{TAG}:{patch}")
        made.extend(names)
        docker("build", "--platform=linux/arm64", "--provenance=false", f"--tag={names[0]}", str(base))
        arguments = {**staged.build_args, "BASE_IMAGE": names[0]}
        options = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        said = docker(
            *("build", "--progress=plain", "--platform=linux/arm64", "--provenance=false", *options),
            *(f"--tag={names[1]}", str(context)),
        )
        (image,) = json.loads(docker("image", "inspect", names[1]))
        return image["RootFS"]["Layers"], said

    yield build
    subprocess.run(["docker", "image", "rm", "--force", *made], check=False, capture_output=True)


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def steps_that_ran(said: str) -> set[str]:
    """The stages of the build with a step that was not answered by the cache."""
    stages = dict(re.findall(r"^#(\d+) \[(\S+) \d+/\d+\] (?:RUN|COPY|WORKDIR)", said, re.MULTILINE))
    cached = set(re.findall(r"^#(\d+) CACHED$", said, re.MULTILINE))
    return {stage for number, stage in stages.items() if number not in cached}


def test_a_new_base_image_changes_the_layers_of_the_base_alone(build_on: Build) -> None:
    """Packages, libraries and code are neither installed nor compiled again, and their layers are the same, byte by byte."""
    before, _ = build_on("first")
    after, said = build_on("second")

    below = [layer for layer in before if layer not in after]
    assert len(below) == 1
    assert before[before.index(below[0]) + 1 :] == after[before.index(below[0]) + 1 :]
    assert steps_that_ran(said) == {"layout", "runtime-off"}
