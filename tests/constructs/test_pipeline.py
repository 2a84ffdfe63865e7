"""CDK Pipelines with two environments: one image for both, a base before what is built on it, and publishing without Docker.

The last follows docs/without-docker.md.
"""

import json
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk import aws_codecommit as codecommit
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import pipelines
from aws_cdk.assertions import Template
from docs.pages import blocks
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, Workspace

ENVIRONMENTS = {
    "Staging": cdk.Environment(account="111111111111", region="eu-west-1"),
    "Production": cdk.Environment(account="222222222222", region="eu-central-1"),
}

PAGE = Path(__file__).parents[2] / "docs/without-docker.md"


@pytest.fixture
def base(tmp_path: Path) -> str:
    """A folder with a Dockerfile."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "Dockerfile").write_text("FROM public.ecr.aws/lambda/python:3.14\n")
    return str(tmp_path / "base")


def pipeline(
    shop: Workspace,
    outdir: Path,
    *,
    base: str | None = None,
    parallel: bool = True,
    publishing: pipelines.CodeBuildOptions | None = None,
    build: Callable[[pipelines.CodePipeline], None] = pipelines.CodePipeline.build_pipeline,
) -> dict[str, Any]:
    """The template of a pipeline that deploys a function to both environments."""
    app = cdk.App(outdir=str(outdir))
    stack = cdk.Stack(app, "Pipeline", env=cdk.Environment(account="333333333333", region="eu-west-1"))
    source = pipelines.CodePipelineSource.code_commit(
        codecommit.Repository.from_repository_name(stack, "Source", "shop"), "main"
    )
    synth = pipelines.ShellStep("Synth", input=source, commands=["uv run --frozen python app.py"])
    made = pipelines.CodePipeline(
        stack,
        "Pipeline",
        synth=synth,
        cross_account_keys=True,
        publish_assets_in_parallel=parallel,
        asset_publishing_code_build_defaults=publishing,
    )
    for name, env in ENVIRONMENTS.items():
        stage = cdk.Stage(app, name, env=env)
        function_stack = cdk.Stack(stage, "Shop")
        options = ImageOptions()
        if base is not None:
            options = ImageOptions(base_image=ecr_assets.DockerImageAsset(function_stack, "Base", directory=base))
        UvWorkspaceFunction(function_stack, "Shop", workspace=shop, service="shop", image=options)
        made.add_stage(stage)
    build(made)
    return dict(Template.from_stack(stack).to_json())


def asset_actions(template: dict[str, Any]) -> list[tuple[str, int]]:
    """The actions that publish, with their place in the order."""
    (found,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::CodePipeline::Pipeline")
    (stage,) = (each for each in found["Properties"]["Stages"] if each["Name"] == "Assets")
    return [(action["Name"], action["RunOrder"]) for action in stage["Actions"]]


def test_both_environments_get_the_image_that_is_built_once(shop: Workspace, tmp_path: Path) -> None:
    """One action, with one command for each environment and one hash in them."""
    assert [("shop", 1)] == asset_actions(pipeline(shop, tmp_path / "out"))
    spec = (tmp_path / "out" / "Pipeline.template.json").read_text()
    published = re.findall(r'publish \\*"(shop-[0-9a-f]+):(\d+)', spec)
    assert ["111111111111", "222222222222"] == [account for _, account in published]
    assert 1 == len({asset for asset, _ in published})


def test_a_base_is_published_at_the_same_time_by_default(shop: Workspace, base: str, tmp_path: Path) -> None:
    """So the first run with a new base fails: docs/construct.md says so."""
    template = pipeline(shop, tmp_path / "out", base=base)
    assert [1, 1] == [order for _, order in asset_actions(template)]


def test_a_base_is_published_first_by_one_project(shop: Workspace, base: str, tmp_path: Path) -> None:
    """With publish_assets_in_parallel=False: in the order in which a stack declares them, for each environment."""
    template = pipeline(shop, tmp_path / "out", base=base, parallel=False)
    assert 1 == len(asset_actions(template))
    (spec,) = (tmp_path / "out").glob("buildspec-*.yaml")
    commands = re.findall(r'--path \\?"([^"\\]+).*? publish \\?"([^"\\]+)', spec.read_text())
    by_environment: dict[str, list[str]] = {}
    for manifest, asset in commands:
        by_environment.setdefault(manifest.partition("/")[0], []).append(asset)
    assert ["assembly-Staging", "assembly-Production"] == list(by_environment)
    for first, second in by_environment.values():
        assert ("shop-" in first, "shop-" in second) == (False, True)


def test_images_are_published_without_docker(shop: Workspace, tmp_path: Path) -> None:
    """As docs/without-docker.md has it: the program and its variables are there, and nothing is privileged."""
    (block,) = [block for block in blocks(PAGE) if block.language == "python"]
    given: dict[str, Any] = {}
    exec(block.text, given)
    template = pipeline(shop, tmp_path / "out", publishing=given["publishing"], build=given["build_without_privileges"])
    projects = [
        each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::CodeBuild::Project"
    ]
    publishing = [project for project in projects if "cdk-assets" in json.dumps(project)]
    assert {False} == {project["Environment"]["PrivilegedMode"] for project in publishing}
    (spec,) = [json.loads(project["Source"]["BuildSpec"]) for project in publishing]
    assert f"=={version('uv-workspace-function')}'" in spec["phases"]["install"]["commands"][0]
    assert given["variables"] == spec["env"]["variables"]
    assert [*given["install"], "npm install -g cdk-assets@latest"] == spec["phases"]["install"]["commands"]


def test_they_would_be_privileged(shop: Workspace, tmp_path: Path) -> None:
    """Otherwise nobody needs what the page says."""
    template = pipeline(shop, tmp_path / "out")
    projects = [
        each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::CodeBuild::Project"
    ]
    assert True in {project["Environment"]["PrivilegedMode"] for project in projects}
