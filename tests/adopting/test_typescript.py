"""docs/typescript.md: its app runs in Node as it is, and comes to what the Python construct comes to."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import constructs
import pytest
from assemblies import docker_images
from docs.pages import blocks
from made import files, handler, lock, needs, workspace
from uv_workspace_function import UvWorkspaceFunction, Workspace
from uv_workspace_function.insight.cloud_assembly import image_assets

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/typescript.md"
EXAMPLE = REPOSITORY / "examples/typescript"
# npm packages that the Python ones carry, with their types, and the folder where they do: https://github.com/aws/jsii
NPM = {
    "aws-cdk-lib": "aws_cdk",
    "constructs": "constructs",
    "@aws-cdk/asset-node-proxy-agent-v6": "aws_cdk/asset_node_proxy_agent_v6",
    "@aws-cdk/cloud-assembly-schema": "aws_cdk/cloud_assembly_schema",
}


def install(node_modules: Path) -> None:
    """The CDK for Node, without a registry."""
    packages = Path(constructs.__file__).parents[1]
    for name, folder in NPM.items():
        (archive,) = (packages / folder / "_jsii").glob("*.tgz")
        (node_modules / name).mkdir(parents=True)
        subprocess.run(["tar", "-xzf", archive, "--strip-components=1", "-C", node_modules / name], check=True)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two services, one with two handlers, a library, and the app of the page."""
    two = '[tool.uv-workspace-function]\nhandler = ["report.main.daily", "report.main.monthly"]\n'
    members = {"api": needs("models"), "report": two, "models": ""}
    root = workspace(tmp_path_factory.mktemp("shop"), members, globs=[*members])
    handler(root / "api")
    handler(root / "report", "def daily(event, context): ...\ndef monthly(event, context): ...\n")
    (root / "models/src/models/run.sh").write_text("#!/bin/sh\n")
    (root / "models/src/models/run.sh").chmod(0o755)
    for name in ("app.ts", "cdk.json"):
        (root / name).write_text((EXAMPLE / name).read_text())
    install(root / "node_modules")
    return lock(root)


def synth(root: Path) -> subprocess.CompletedProcess[str]:
    """`cdk synth` in the workspace."""
    quiet = {"CDK_NOTICES": "false", "CDK_DISABLE_CLI_TELEMETRY": "true", "UV_OFFLINE": "1", "NO_COLOR": "1"}
    without = {
        name: value for name, value in os.environ.items() if name not in {"UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"}
    }
    return subprocess.run(
        [REPOSITORY / "node_modules/.bin/cdk", "synth", "--quiet"],
        cwd=root,
        env=without | quiet,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def synthesized(shop: Path) -> Path:
    """The app's cloud assembly."""
    done = synth(shop)
    assert 0 == done.returncode, done.stderr
    return shop / "cdk.out"


def images(assembly: Path) -> Mapping[str, dict[str, Any]]:
    """What the CDK CLI is told to build, by service."""
    manifest = json.loads((assembly / "Acme.assets.json").read_text())
    sources = [image["source"] for image in manifest["dockerImages"].values()]
    return {source["dockerBuildArgs"]["SERVICE_NAME"]: source for source in sources}


def test_the_page_shows_the_example() -> None:
    """To the letter."""
    shown = {block.file: block.text for block in blocks(PAGE) if block.file}
    assert {name: (EXAMPLE / name).read_text() for name in ("app.ts", "cdk.json")} == shown


def test_there_is_a_function_for_each_handler(synthesized: Path) -> None:
    """Two of one service share its image."""
    resources = json.loads((synthesized / "Acme.template.json").read_text())["Resources"].values()
    functions = [one["Properties"] for one in resources if one["Type"] == "AWS::Lambda::Function"]
    assert ["api.main.handler", "report.main.daily", "report.main.monthly"] == sorted(
        function["ImageConfig"]["Command"][0] for function in functions
    )
    assert [["arm64"]] * 3 == [function["Architectures"] for function in functions]
    assert {"api", "report"} == set(images(synthesized))
    assert ["api", "report"] == [
        asset.service for asset in image_assets(synthesized)
    ]  # as `services size --cdk-out` reads it


@pytest.mark.parametrize("service", ["api", "report"])
def test_the_images_are_built_from_what_the_python_construct_s_are(
    service: str, shop: Path, synthesized: Path, tmp_path: Path
) -> None:
    """The same files, modes, platform and build arguments."""
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "S")
    chosen = "report.main.daily" if service == "report" else None
    UvWorkspaceFunction(stack, "F", workspace=Workspace.load(shop), service=service, handler=chosen)
    (ours,) = docker_images(stack).values()
    theirs = images(synthesized)[service]
    assert files(tmp_path / ours["directory"]) == files(synthesized / theirs["directory"])
    assert modes(tmp_path / ours["directory"]) == modes(synthesized / theirs["directory"])
    assert (ours["dockerBuildArgs"], ours["platform"]) == (theirs["dockerBuildArgs"], theirs["platform"])


def modes(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.stat().st_mode & 0o111 for path in folder.rglob("*")}


def test_the_next_synth_replaces_the_contexts_and_a_bad_one_ends_in_a_sentence(shop: Path, synthesized: Path) -> None:
    """Only the changed service's image gets another hash; a handler that is gone stops all of them."""
    before = {name: source["directory"] for name, source in images(synthesized).items()}
    main = shop / "api/src/api/main.py"
    text = main.read_text()
    main.write_text(text + "# edited\n")
    done = synth(shop)
    assert 0 == done.returncode, done.stderr
    after = {name: source["directory"] for name, source in images(synthesized).items()}
    assert {"api"} == {name for name in before if before[name] != after[name]}
    main.write_text(text)

    (shop / "api/src/api/main.py").rename(shop / "api/src/api/moved.py")
    pyproject = shop / "api/pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '[tool.uv-workspace-function]\nhandler = "api.main.handler"\n')
    done = synth(shop)
    assert (1, "") == (done.returncode, done.stdout)  # the CLI's own
    assert done.stderr.startswith("error: ")
    assert "api.main" in done.stderr.splitlines()[0]
    assert "    at " not in done.stderr  # no stack trace of Node's
