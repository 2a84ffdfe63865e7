"""The log group of a function: below it, with its format and levels, under every flag."""

from pathlib import Path
from typing import Any

import aws_cdk as cdk
import jsii
import pytest
from assemblies import resources, shop_function
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk.assertions import Template
from uv_workspace_function import UvWorkspaceFunction, Workspace


@pytest.fixture(params=[False, True], ids=["plain", "managed-log-group"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> cdk.Stack:
    """A stack with the flag by which CDK makes a log group for each function, and one without."""
    context = {"aws:cdk:disable-asset-staging": True, "aws:cdk:enable-path-metadata": True}
    context["@aws-cdk/aws-lambda:useCdkManagedLogGroup"] = request.param
    return cdk.Stack(cdk.App(outdir=str(tmp_path / "either"), context=context), "Stack")


def test_the_flag_for_log_groups_makes_no_second_one(either: cdk.Stack, shop: Workspace) -> None:
    shop_function(either, shop, log_removal_policy=cdk.RemovalPolicy.DESTROY)
    found = resources(either)
    assert {"Shop/LogGroup": {"RetentionInDays": 30}} == found.of_type("AWS::Logs::LogGroup")
    assert {"LogGroup": "<Shop/LogGroup>"} == found.text(found.by_path["Shop"]["Properties"]["LoggingConfig"])


def test_a_group_of_the_caller_counts_under_the_flag_too(either: cdk.Stack, shop: Workspace) -> None:
    group = logs.LogGroup(either, "Theirs")
    assert group is shop_function(either, shop, log_group=group).log_group
    assert ["Theirs"] == list(resources(either).of_type("AWS::Logs::LogGroup"))


def test_format_and_levels_stay_beside_the_group(either: cdk.Stack, shop: Workspace) -> None:
    function = shop_function(
        either,
        shop,
        logging_format=lambda_.LoggingFormat.JSON,
        application_log_level_v2=lambda_.ApplicationLogLevel.DEBUG,
        system_log_level_v2=lambda_.SystemLogLevel.WARN,
    )
    function.current_version  # noqa: B018 it is made by being asked for
    found = resources(either)
    assert {
        "LogFormat": "JSON",
        "ApplicationLogLevel": "DEBUG",
        "SystemLogLevel": "WARN",
        "LogGroup": "<Shop/LogGroup>",
    } == found.text(found.by_path["Shop"]["Properties"]["LoggingConfig"])


def test_the_function_tells_its_log_group(either: cdk.Stack, shop: Workspace) -> None:
    """To Python and to the CDK, which would make a custom resource for one that it does not know."""
    function = shop_function(either, shop)
    function.log_group.add_metric_filter(
        "Failures",
        filter_pattern=logs.FilterPattern.literal("ERROR"),
        metric_namespace="Shop",
        metric_name="Failures",
    )
    found = resources(either)
    assert "<Shop/LogGroup>" == found.text(found.by_path["Shop/LogGroup/Failures"]["Properties"]["LogGroupName"])
    assert 1 == len(found.of_type("AWS::Lambda::Function"))


def test_its_name_can_be_chosen(stack: cdk.Stack, shop: Workspace) -> None:
    shop_function(stack, shop, log_group_name="/aws/lambda/shop")
    assert "/aws/lambda/shop" == resources(stack).of_type("AWS::Logs::LogGroup")["Shop/LogGroup"]["LogGroupName"]


def test_under_the_flag_it_is_the_resource_that_cdk_had_made(shop: Workspace, tmp_path: Path) -> None:
    """With the same name CloudFormation keeps it, and what is in it."""
    context = {"@aws-cdk/aws-lambda:useCdkManagedLogGroup": True}
    ours, theirs = (cdk.Stack(cdk.App(outdir=str(tmp_path / each), context=context), "Stack") for each in ("a", "b"))
    image = shop_function(ours, shop, function_name="shop", log_group_name="/aws/lambda/shop").image
    code = lambda_.DockerImageCode.from_ecr(image.repository, tag_or_digest="1")
    lambda_.DockerImageFunction(theirs, "Shop", code=code, function_name="shop")
    found = [list(Template.from_stack(each).find_resources("AWS::Logs::LogGroup")) for each in (ours, theirs)]
    assert found[0] == found[1]


@pytest.mark.parametrize(("name", "resource"), [(None, "*"), ("/shop", "/shop")])
def test_the_logs_service_may_use_its_key(stack: cdk.Stack, shop: Workspace, name: str | None, resource: str) -> None:
    """For log groups of this account and region, or the one that is named: CDK adds no such statement itself."""
    key = kms.Key(stack, "Key")
    shop_function(stack, shop, log_encryption_key=key, log_group_name=name)
    found = resources(stack)
    group = found.text(found.by_path["Shop/LogGroup"]["Properties"])
    assert "<Key>.Arn" == group["KmsKeyId"]
    *_, statement = found.text(found.by_path["Key"]["Properties"]["KeyPolicy"]["Statement"])
    assert {"Service": "logs.<AWS::Region>.<AWS::URLSuffix>"} == statement["Principal"]
    arn = f"arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group:{resource}"
    assert {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}} == statement["Condition"]


@jsii.implements(cdk.IPropertyInjector)
class Injector:
    """A company's values for one kind of construct, where nothing else is given. jsii hands it the CDK's own names and values."""

    def __init__(self, kind: str, values: dict[str, Any]) -> None:
        self.kind, self.values = kind, values

    @property
    def construct_unique_id(self) -> str:
        return self.kind

    def inject(self, original_props: Any, *, id: str, scope: Any) -> Any:  # noqa: A002 jsii's name
        return self.values | {name: value for name, value in original_props.items() if value is not None}


def test_the_retention_of_a_property_injector_counts(shop: Workspace, tmp_path: Path) -> None:
    """Ours is only a default, and so is an injector's."""
    injector = Injector(logs.LogGroup.PROPERTY_INJECTION_ID, {"retention": 90})
    app = cdk.App(outdir=str(tmp_path), property_injectors=[injector], context={"aws:cdk:enable-path-metadata": True})
    stack = cdk.Stack(app, "Stack")
    shop_function(stack, shop)
    UvWorkspaceFunction(stack, "Own", workspace=shop, service="shop", log_retention=logs.RetentionDays.ONE_DAY)
    days = {path: group["RetentionInDays"] for path, group in resources(stack).of_type("AWS::Logs::LogGroup").items()}
    assert {"Shop/LogGroup": 90, "Own/LogGroup": 1} == days


def test_the_log_group_of_a_property_injector_counts(shop: Workspace, tmp_path: Path) -> None:
    context = {"aws:cdk:enable-path-metadata": True}
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path), context=context), "Stack")
    group = logs.LogGroup(stack, "Theirs")
    cdk.PropertyInjectors.of(stack).add(
        Injector(
            lambda_.DockerImageFunction.PROPERTY_INJECTION_ID,
            {"logGroup": group, "memorySize": 512},
        )
    )
    shop_function(stack, shop)
    found = resources(stack)
    assert ["Theirs"] == list(found.of_type("AWS::Logs::LogGroup"))
    assert {"<Theirs>.Arn": {"logs:CreateLogStream", "logs:PutLogEvents"}} == found.statements("Shop/ServiceRole")
    assert 512 == found.by_path["Shop"]["Properties"]["MemorySize"]
