"""`cdk-assets`, with which CDK Pipelines publish, calling our program: what is there already costs the registry nothing.

The CDK CLI publishes by the same library.

Covers also: cli/uv_workspace_docker.py.
"""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cdk_docker import aws
from cdk_docker.aws import Aws
from cdk_docker.conftest import Staged
from oci.ecr import Ecr

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv/bin/uv-workspace-docker"
ASSETS = 60


@pytest.fixture
def account(registry: Ecr) -> Iterator[Aws]:
    """An account whose registry has the repository `assets`."""
    with aws.serving(registry) as found:
        yield found


class Assembly:
    """A cloud assembly with image assets, as synth writes it."""

    def __init__(self, folder: Path, staged: Staged, account: Aws) -> None:
        self.folder, self.staged, self.account = folder, staged, account
        self.calls = folder / "calls"
        program = folder / "program"
        program.write_text(f'#!/bin/sh\necho "$*" >> "{self.calls}"\nexec "{PROGRAM}" "$@"\n')
        program.chmod(0o755)

    def write(self, *tags: str) -> None:
        """Declare an asset per tag."""
        source = {
            "directory": str(self.staged.folder),
            "dockerBuildArgs": self.staged.arguments,
            "platform": "linux/arm64",
        }
        role = f"arn:${{AWS::Partition}}:iam::{aws.ACCOUNT}:role/cdk-image-publishing-role"
        assets = {
            tag: {
                "displayName": f"service {tag}",
                "source": source,
                "destinations": {
                    "current": {
                        "repositoryName": "assets",
                        "imageTag": tag,
                        "region": "eu-west-1",
                        "assumeRoleArn": role,
                    }
                },
            }
            for tag in tags
        }
        # The version that cdk-assets knows; image assets have had this form in all of them.
        document = {"version": "54.0.0", "files": {}, "dockerImages": assets}
        (self.folder / "Shop.assets.json").write_text(json.dumps(document))

    def publish(self, *assets: str, **variables: str) -> tuple[list[str], Any]:
        """Publish, as a pipeline's step does; docker's commands that this took, and the process."""
        self.calls.write_text("")
        command = [
            str(ROOT / "node_modules/.bin/cdk-assets"),
            *("--path", "Shop.assets.json", "--verbose", "publish", *assets),
        ]
        environment = {**os.environ, **self.account.environment(), "CDK_DOCKER": str(self.folder / "program")}
        done = subprocess.run(
            command, cwd=self.folder, env={**environment, **variables}, capture_output=True, text=True, check=False
        )
        return [line.split()[0] for line in self.calls.read_text().splitlines()], done


@pytest.fixture
def assembly(variables: None, account: Aws, staged: Callable[..., Staged], tmp_path: Path) -> Assembly:
    """With the context of one service."""
    context = staged()
    return Assembly(context.folder.parent, context, account)


def test_an_asset_is_built_and_pushed(assembly: Assembly, registry: Ecr, tmp_path: Path) -> None:
    """It honours CDK_DOCKER; the token goes by stdin to where docker keeps it, and the next publication asks for nothing."""
    assembly.write("0a1b")
    calls, done = assembly.publish("0a1b:current")
    assert (0, ["login", "inspect", "build", "tag", "push"]) == (done.returncode, calls), done.stderr
    assert ["0a1b"] == list(registry.tags["assets"])
    assert aws.PASSWORD not in done.stdout + done.stderr
    kept = tmp_path / "docker/config.json"
    assert {registry.host} == set(json.loads(kept.read_text())["auths"])
    registry.assert_whole()
    registry.forget()
    calls, done = assembly.publish("0a1b:current")
    assert ((0, []), []) == ((done.returncode, calls), registry.asked), done.stderr


def test_what_did_not_change_asks_the_registry_for_nothing(
    assembly: Assembly, staged: Callable[..., Staged], shop: Path, registry: Ecr, account: Aws
) -> None:
    """60 services, a line changed in one: for the other 59 the CLI asks ECR's API whether they are there, and nobody asks for more."""
    tags = [f"service-{number}" for number in range(ASSETS)]
    assembly.write(tags[0])
    assembly.publish()
    registry.tags["assets"] |= dict.fromkeys(tags, registry.tags["assets"][tags[0]])
    (shop / "services/orders/src/orders/main.py").write_text("def handler(event, context):\n    return 2\n")
    assembly.staged = staged()
    assembly.write(*tags[1:], "changed")
    registry.forget()
    account.asked.clear()

    calls, done = assembly.publish()

    assert (0, ["login", "inspect", "build", "tag", "push"]) == (done.returncode, calls), done.stderr
    assert ASSETS == account.asked["DescribeImages"]
    paths = [path for _, path in registry.asked]
    assert {"/v2/assets/manifests/changed"} == {path for path in paths if "/manifests/" in path}
    of_others = contents(registry, tags[1]) - contents(registry, "changed")
    assert 2 == len(of_others)  # the configuration, and the layer with the code
    assert [] == [path for path in paths if path.rpartition("/")[2] in of_others]


def contents(registry: Ecr, tag: str) -> set[str]:
    """The digests of what an image consists of."""
    manifest = registry.tagged(tag, "assets")
    return {entry["digest"] for entry in (manifest["config"], *manifest["layers"])}
