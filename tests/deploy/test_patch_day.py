"""A new base image under the same services: what is built again, and what stays as it is. docs/operations.md counts on it."""

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from deploy.container_program import IS_WITHOUT_DOCKER, ContainerProgram, repository
from deploy.registry import RegistryImage
from uv_workspace_function import BuildContext, Workspace

from local_cloud.state import PROJECT

pytestmark = pytest.mark.either_way

BASE = "public.ecr.aws/lambda/python:3.14"
TAG = "uv-workspace-function-patch-day"
Build = Callable[[str], tuple[tuple[str, ...], str]]


@pytest.fixture
def build_on(container_program: ContainerProgram, tmp_path: Path) -> Iterator[Build]:
    """Builds query-api on a base image that a patch was added to; returns the image's layers, and what the build said."""
    context = tmp_path / "context"
    staged = BuildContext.of(Workspace.load(PROJECT), "query-api")
    staged.write(context)
    repository_name = f"{TAG}-{time.time_ns()}"
    address = repository(repository_name)
    made: list[str] = []

    def build(patch: str) -> tuple[tuple[str, ...], str]:
        base = tmp_path / patch
        base.mkdir()
        (base / "patch").write_text(f"{patch} {time.time_ns()}")  # one that no build has seen
        (base / "Dockerfile").write_text(f"FROM {BASE}\nCOPY patch /etc/patch\n")
        names = (f"{TAG}-base:{patch}", f"{address}:{patch}")
        made.extend(names)
        call("docker", "build", "--platform=linux/arm64", "--provenance=false", f"--tag={names[0]}", str(base))
        found = container_program.within_reach(names[0], f"{repository_name}-base-{patch}:1")
        arguments = {**staged.build_args, "BASE_IMAGE": found}
        options = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
        how = [] if container_program.mirror else ["--progress=plain", "--provenance=false"]
        command = ["build", *how, *options, "--platform", "linux/arm64", "--tag", names[1], str(context)]
        said = call(container_program.program, *command, environment=container_program.environment)
        call(container_program.program, "push", names[1], environment=container_program.environment)
        return RegistryImage.of(f"{address.partition('/')[0]}/{repository_name}:{patch}").layers, said

    yield build
    subprocess.run(["docker", "image", "rm", "--force", *made], check=False, capture_output=True)


def call(*command: str, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def steps_that_ran(said: str) -> set[str]:
    """The stages of the build with a step that was not answered by the cache; without an engine, the steps."""
    if IS_WITHOUT_DOCKER:
        return set(re.findall(r"^query-api: (\S+)$", said, re.MULTILINE))
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
    # The folders of a new base image are looked at; nothing is made.
    assert steps_that_ran(said) == ({"check-layout"} if IS_WITHOUT_DOCKER else {"layout", "runtime-off"})
