"""cdk-nag's AwsSolutions pack: clean but for what the stack acknowledges one by one, and awake."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import cdk_nag
import pytest
from aws_cdk import aws_lambda as lambda_
from cdk_nag import AwsSolutionsChecks
from service_stack import ServiceStack
from uv_workspace_function import UvWorkspaceFunction, Workspace

Findings = set[tuple[str, str]]


def checked(app: cdk.App) -> None:
    """Synthesize an app with the rules of app.py."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    app.synth()


def report(folder: Path, kind: str) -> Findings:
    """What the rules found: rule and construct."""
    plugins = json.loads((folder / "validation-report.json").read_text())["pluginReports"]
    (solutions,) = (plugin for plugin in plugins if plugin["pluginName"] == "AwsSolutions")
    return {
        (violation["ruleName"], construct["constructPath"])
        for violation in solutions[kind]
        for construct in violation["violatingConstructs"]
    }


ACKNOWLEDGED = {
    ("AwsSolutions-IAM5[Resource::*]", "ServiceStack/IngestionWorker/ServiceRole/DefaultPolicy/Resource"),
    ("AwsSolutions-IAM5[Resource::*]", "ServiceStack/QueryApi/ServiceRole/DefaultPolicy/Resource"),
    ("AwsSolutions-IAM5[Resource::*]", "ServiceStack/DailyReport/ServiceRole/DefaultPolicy/Resource"),
    ("AwsSolutions-IAM5[Resource::*]", "ServiceStack/LegacyExport/ServiceRole/DefaultPolicy/Resource"),
    (
        "AwsSolutions-IAM5[Resource::<Reports65402A0A.Arn>/reports/*]",
        "ServiceStack/DailyReport/ServiceRole/DefaultPolicy/Resource",
    ),
    (
        "AwsSolutions-IAM5[Resource::<Reports65402A0A.Arn>/exports/*]",
        "ServiceStack/LegacyExport/ServiceRole/DefaultPolicy/Resource",
    ),
}


@pytest.fixture(scope="module")
def service_stack(flags: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> ServiceStack:
    """The stack, checked."""
    app = cdk.App(outdir=str(tmp_path_factory.mktemp("cdk.out")), context=flags)
    stack = ServiceStack(app, "ServiceStack", workspace=Workspace.load(Path(__file__).parents[2]))
    checked(app)
    return stack


def test_the_stack_has_the_findings_it_acknowledges_and_no_other(service_stack: ServiceStack) -> None:
    """X-Ray's two actions, and one prefix of one bucket each for report and export."""
    folder = Path(service_stack.node.root.outdir)  # type: ignore[attr-defined]
    assert (set(), ACKNOWLEDGED) == (report(folder, "violations"), report(folder, "suppressedViolations"))


def test_every_acknowledgment_is_needed_and_has_a_reason(service_stack: ServiceStack) -> None:
    """One that nothing fires for any more would hide the next finding."""
    key = cdk.Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    declared = {
        (rule, construct.node.path): reason
        for construct in service_stack.node.find_all()
        for entry in construct.node.metadata
        if entry.type == key
        for rule, reason in entry.data.items()
    }
    expected = {
        (f"AwsSolutions::{rule}", path.removesuffix("/ServiceRole/DefaultPolicy/Resource"))
        for rule, path in ACKNOWLEDGED
    }
    assert expected == declared.keys()
    assert all(declared.values())


def test_the_default_role_would_be_refused(shop: Workspace, tmp_path: Path) -> None:
    """The rules do fire: the same image in CDK's own function has a managed policy."""
    app = cdk.App(outdir=str(tmp_path))
    stack = cdk.Stack(app, "Stack")
    image = UvWorkspaceFunction(stack, "Ours", workspace=shop, service="shop").image
    code = lambda_.DockerImageCode.from_ecr(image.repository, tag_or_digest=image.image_tag)
    lambda_.DockerImageFunction(stack, "Default", code=code)
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        checked(app)
    managed = "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole]"
    assert {(managed, "Stack/Default/ServiceRole/Resource")} == report(tmp_path, "violations")


# What docs/construct.md lists: an empty function of ours, and the CDK's own.
INLINE, ENCRYPTED = "IAMNoInlinePolicy", "CloudWatchLogGroupEncrypted"
CONCURRENCY, LETTERS, VPC = "LambdaConcurrency", "LambdaDLQ", "LambdaInsideVPC"
PACKS: dict[str, tuple[set[str], set[str]]] = {
    "AwsSolutionsChecks": (set(), {"IAM4"}),
    "HIPAASecurityChecks": ({INLINE, ENCRYPTED, CONCURRENCY, LETTERS, VPC}, {CONCURRENCY, LETTERS, VPC}),
    "NIST80053R4Checks": ({INLINE, ENCRYPTED, VPC}, {VPC}),
    "NIST80053R5Checks": ({INLINE, ENCRYPTED, CONCURRENCY, LETTERS, VPC}, {CONCURRENCY, LETTERS, VPC}),
    "PCIDSS321Checks": ({INLINE, ENCRYPTED, VPC}, {VPC}),
}


@pytest.mark.parametrize("pack", PACKS)
def test_other_packs_find_what_the_page_lists(shop: Workspace, tmp_path: Path, pack: str) -> None:
    """More than in the CDK's own function, which has neither a log group nor a policy of its own."""
    app = cdk.App(outdir=str(tmp_path))
    stack = cdk.Stack(app, "Stack")
    image = UvWorkspaceFunction(stack, "Ours", workspace=shop, service="shop").image
    code = lambda_.DockerImageCode.from_ecr(image.repository, tag_or_digest=image.image_tag)
    lambda_.DockerImageFunction(stack, "Default", code=code)
    cdk.Validations.of(app).add_plugins(getattr(cdk_nag, pack)(app))
    with pytest.raises(RuntimeError, match="ValidationFailed"):
        app.synth()
    reports = json.loads((tmp_path / "validation-report.json").read_text())["pluginReports"]
    found: dict[str, set[str]] = {"Ours": set(), "Default": set()}
    for violation in (each for report in reports for each in report["violations"]):
        for construct in violation["violatingConstructs"]:
            rule = violation["ruleName"].partition("[")[0].rpartition("-")[2]
            found[construct["constructPath"].split("/")[1]].add(rule)
    assert PACKS[pack] == (found["Ours"], found["Default"])
