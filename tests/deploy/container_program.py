"""Which program the CDK CLI calls for images: docker or, where DEPLOY_WITHOUT_DOCKER=1, `uv-workspace-docker` with no docker on its PATH."""

import json
import os
import shlex
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import boto3
from images import twins

from local_cloud.checkout import Checkout
from local_cloud.stand_ins import LAMBDA_IMAGE_BY_ARCH
from local_cloud.state import PROJECT

IS_WITHOUT_DOCKER = os.environ.get("DEPLOY_WITHOUT_DOCKER") == "1"
BASE = LAMBDA_IMAGE_BY_ARCH["arm64"]
REGISTRY = "public.ecr.aws"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerProgram:
    """A program that takes docker's calls, and what it needs."""

    program: str = "docker"
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of the CDK CLI, beside those of this process."""
    with_an_engine: Mapping[str, str] = field(default_factory=dict)
    """Variables that have it pass on to docker what is not about an image of ours."""
    mirror: str = ""
    """What the base image is pulled from instead of its registry; empty where it is not."""

    @classmethod
    def without_docker(cls, folder: Path) -> Self:
        """Ours: an empty cache, docker's configuration without credentials, the base image in a registry of this machine."""
        (folder / "docker").mkdir()
        plugins = Path(os.environ.get("DOCKER_CONFIG", "~/.docker"), "cli-plugins").expanduser()
        if plugins.exists():  # docker's own, for an app that has other assets
            (folder / "docker/cli-plugins").symlink_to(plugins)
        path = path_without_docker(folder / "path")
        assert shutil.which("docker", path=path) is None
        return cls(
            program=str(PROJECT / ".venv/bin/uv-workspace-docker"),
            variables={
                "PATH": os.pathsep.join([str(PROJECT / "node_modules/.bin"), str(PROJECT / ".venv/bin"), path]),
                "DOCKER_CONFIG": str(folder / "docker"),
                "UV_WORKSPACE_DOCKER_CACHE": str(folder / "cache"),
                "UV_WORKSPACE_DOCKER_INTERPRETER": str(twins.interpreter()),
            },
            with_an_engine={"UV_WORKSPACE_DOCKER_ENGINE": str(shutil.which("docker"))},
            # The engine's own images are for nobody else to read.
            mirror=pushed(BASE, f"aws-{time.time_ns()}/lambda/python:3.14").removesuffix("/lambda/python:3.14"),
        )

    def copy_to(self, folder: Path, *, app: str = "python app.py") -> Checkout:
        """A copy of this repository whose CDK CLI calls this program."""
        made = Checkout.copy_to(folder, app=app, docker=self.program, variables=self.variables)
        if self.mirror:
            settings = json.loads((folder / "cdk.json").read_text())
            settings["context"]["uv-workspace-function:mirrors"] = {REGISTRY: self.mirror}
            (folder / "cdk.json").write_text(json.dumps(settings))
        return made

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that runs the CDK CLI by itself, or this program."""
        return {**os.environ, **self.variables, "CDK_DOCKER": self.program}

    def within_reach(self, image: str, name: str) -> str:
        """An image of the engine by a name that this program finds it by: its own, or that of a new repository."""
        return pushed(image, name) if self.mirror else image


def repository(name: str) -> str:
    """Make a repository in the emulator's ECR; its address."""
    boto3.client("ecr").create_repository(repositoryName=name)
    (described,) = boto3.client("ecr").describe_repositories(repositoryNames=[name])["repositories"]
    return str(described["repositoryUri"])


def pushed(image: str, name: str) -> str:
    """Push an image of the engine to a new repository of the emulator's; its name there."""
    path, _, tag = name.partition(":")
    there = f"{repository(path)}:{tag}"
    for command in (("tag", image, there), ("push", "--quiet", there), ("image", "rm", there)):
        subprocess.run(["docker", *command], check=True, capture_output=True)
    return there


def path_without_docker(folder: Path) -> str:
    """PATH with no docker on it: a folder that has it beside other programs is replaced by one that starts these."""
    path = []
    for number, place in enumerate(map(Path, os.environ["PATH"].split(os.pathsep))):
        if not (place / "docker").exists():
            path.append(str(place))
            continue
        instead = folder / str(number)
        instead.mkdir(parents=True)
        for program in place.iterdir():
            if program.name != "docker" and program.is_file() and os.access(program, os.X_OK):
                (instead / program.name).write_text(f'#!/bin/sh\nexec {shlex.quote(str(program))} "$@"\n')
                (instead / program.name).chmod(0o755)
        path.append(str(instead))
    return os.pathsep.join(path)
