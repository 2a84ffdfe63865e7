"""docs/recipes.md: its Python synthesizes to what the page says, its workflows are clean, and their commands exist."""

import json
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match, Template
from docs.pages import blocks
from docs.test_operations import unknown
from uv_workspace_function import Workspace

REPOSITORY = Path(__file__).parents[2]
PAGE = REPOSITORY / "docs/recipes.md"
WORKFLOWS = {block.file: block.text for block in blocks(PAGE) if block.language == "yaml" and block.file}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The names that the page's Python leaves, run from top to bottom."""
    names: dict[str, Any] = {"repository": str(REPOSITORY)}
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tmp_path_factory.mktemp("recipes"))
        for block in blocks(PAGE):
            if block.language == "python":
                exec(compile(textwrap.dedent(block.text), str(block), "exec"), names)
    return names


@pytest.fixture(scope="module")
def services(run: dict[str, Any]) -> Template:
    return Template.from_stack(run["stack"])


def test_the_loop_makes_a_function_for_each_handler(services: Template) -> None:
    handlers = [handler for service in Workspace.load(REPOSITORY).services for handler in service.handlers]
    assert handlers
    for handler in handlers:
        services.has_resource_properties(
            "AWS::Lambda::Function", {"ImageConfig": {"Command": [handler]}, "MemorySize": 512, "Timeout": 30}
        )


def test_company_defaults_reach_the_function(run: dict[str, Any]) -> None:
    """And give way to what it says itself; the tag is on its role, too."""
    template = Template.from_stack(run["defaulted"])
    template.has_resource_properties(
        "AWS::Lambda::Function",
        {
            "MemorySize": 1024,
            "Timeout": 30,
            "TracingConfig": {"Mode": "Active"},
            "Environment": {"Variables": {"STAGE": "production", "POWERTOOLS_SERVICE_NAME": "ingestion-worker"}},
        },
    )
    template.has_resource_properties("AWS::Logs::LogGroup", {"RetentionInDays": 90})
    template.has_resource_properties("AWS::IAM::Role", {"Tags": [{"Key": "owner", "Value": "platform"}]})


def test_the_alias_is_shifted_by_codedeploy(services: Template) -> None:
    services.has_resource("AWS::Lambda::Alias", {"UpdatePolicy": {"CodeDeployLambdaAliasUpdate": Match.any_value()}})
    services.has_resource_properties(
        "AWS::Lambda::Alias", {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2}}
    )
    services.has_resource_properties(
        "AWS::CodeDeploy::DeploymentGroup", {"AlarmConfiguration": {"Enabled": True, "Alarms": Match.any_value()}}
    )


def test_a_preview_leaves_nothing_and_production_stays(run: dict[str, Any]) -> None:
    """The snippet with the context, and without."""
    assert "Shop" == run["shop"].stack_name
    retained = {"DeletionPolicy": "Retain"}
    Template.from_stack(run["shop"]).has_resource("AWS::Logs::LogGroup", retained)
    [snippet] = [block.text for block in blocks(PAGE) if block.language == "python" and "try_get_context" in block.text]
    names = {**run, "app": cdk.App(context={"preview": "17"})}
    exec(snippet, names)
    assert "Preview-17" == names["shop"].stack_name
    template = Template.from_stack(names["shop"])
    assert {"Delete"} == {one.get("DeletionPolicy", "Delete") for one in template.to_json()["Resources"].values()}


def test_github_may_only_assume_the_roles_of_the_bootstrap(services: Template) -> None:
    services.has_resource_properties(
        "AWS::IAM::Policy",
        {
            "PolicyDocument": {
                "Statement": [
                    {
                        "Action": "sts:AssumeRole",
                        "Effect": "Allow",
                        "Resource": "arn:aws:iam::123456789012:role/cdk-*",
                    }
                ],
                "Version": "2012-10-17",
            }
        },
    )
    trust = Match.object_like({"token.actions.githubusercontent.com:sub": "repo:acme/platform:environment:production"})
    services.has_resource_properties(
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {
                "Statement": [
                    Match.object_like({"Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": trust}})
                ]
            }
        },
    )


def test_the_pipeline_builds_one_image_for_both_accounts(run: dict[str, Any]) -> None:
    template = Template.from_stack(run["pipeline_stack"])
    (found,) = template.find_resources("AWS::CodePipeline::Pipeline").values()
    stages = {stage["Name"]: [action["Name"] for action in stage["Actions"]] for stage in found["Properties"]["Stages"]}
    assert ["Source", "Build", "UpdatePipeline", "Assets", "Staging", "Production"] == list(stages)
    assert ["ingestion-worker"] == stages["Assets"]


def test_the_container_runs_the_image_and_may_read_the_queue(run: dict[str, Any], services: Template) -> None:
    services.has_resource_properties(
        "AWS::ECS::TaskDefinition",
        {
            "RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},
            "ContainerDefinitions": [
                Match.object_like(
                    {
                        "Image": run["stack"].resolve(run["image"].image_uri),
                        "Command": ["python3", "-m", "ingestion_worker.main"],
                        "WorkingDirectory": "/app",
                    }
                )
            ],
        },
    )


def test_each_service_runs_on_its_own_python(run: dict[str, Any]) -> None:
    """And caches and secrets are given to the builds that say so."""
    assembly = run["app"].synth()
    sources = {
        (stack, source["dockerBuildArgs"]["SERVICE_NAME"]): source
        for stack in ("Moving", "Reports", "FromCodeArtifact")
        for source in _images(assembly, stack)
    }
    assert "3.14" == sources["Moving", "ingestion-worker"]["dockerBuildArgs"]["PYTHON_VERSION"]
    assert "3.13" == sources["Moving", "query-api"]["dockerBuildArgs"]["PYTHON_VERSION"]
    reference = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/build-cache:daily-report"
    assert reference == sources["Reports", "daily-report"]["cacheTo"]["params"]["ref"]
    assert {"netrc": "env=NETRC_OF_BUILDS"} == sources["FromCodeArtifact", "ingestion-worker"]["dockerBuildSecrets"]


def _images(assembly: Any, stack: str) -> list[dict[str, Any]]:
    manifest = json.loads(Path(assembly.directory, f"{stack}.assets.json").read_text())
    return [image["source"] for image in manifest["dockerImages"].values()]


def test_the_workflows_are_clean(tmp_path: Path) -> None:
    """Under zizmor's pedantic persona, with the actions that this repository's own workflows use."""
    assert {".github/workflows/preview.yml", ".github/workflows/deploy.yml"} == WORKFLOWS.keys()
    for name, text in WORKFLOWS.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "--persona=pedantic", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stdout
    own = (REPOSITORY / ".github/workflows/check.yml").read_text()
    uses = {use for text in WORKFLOWS.values() for use in re.findall(r"uses: (.*)", text)}
    assert uses
    assert uses <= set(re.findall(r"uses: (.*)", own))


def test_the_commands_of_the_workflows_exist() -> None:
    """With their options; uv is the version that the Dockerfile pins."""
    texts = "\n".join(WORKFLOWS.values())
    commands = re.findall(r"uv run npx (cdk .*)", texts)
    assert 3 == len(commands)
    assert [[], [], []] == [unknown(command) for command in commands]
    pinned = re.search(r"astral-sh/uv:([\d.]+)", (REPOSITORY / "infra/uv_workspace_function/Dockerfile").read_text())
    assert pinned is not None
    assert {pinned[1]} == set(re.findall(r"uv==([\d.]+)", PAGE.read_text()))
