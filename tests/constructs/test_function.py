"""UvWorkspaceFunction: the resources it makes, what it passes through, and what it refuses."""

import shutil
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import made
import pytest
from assemblies import docker_images, resources
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk.assertions import Template
from uv_workspace_function import ImageOptions, UvWorkspaceFunction, Workspace, WorkspaceError
from uv_workspace_function.constructs.execution_role import ACTIONS_WITHOUT_RESOURCE
from wheelhouse import sdist, wheel

WRITE_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}


def shop_function(stack: cdk.Stack, workspace: Workspace, **options: Any) -> dict[str, Any]:
    """The template's properties of one function with these options."""
    UvWorkspaceFunction(stack, "Shop", workspace=workspace, service="shop", **options)
    made = resources(stack)
    (function,) = made.of_type("AWS::Lambda::Function").values()
    properties: dict[str, Any] = made.text(function)
    return properties


def test_it_is_an_arm64_image_function_with_its_handler_as_command(stack: cdk.Stack, shop: Workspace) -> None:
    """Nothing else is set that was not asked for."""
    properties = shop_function(stack, shop)
    (image,) = (name.removeprefix("shop-") for name in docker_images(stack))
    assert {
        "Architectures": ["arm64"],
        "Code": {"ImageUri": properties["Code"]["ImageUri"]},
        "ImageConfig": {"Command": ["shop.main.handler"]},
        "LoggingConfig": {"LogGroup": "<Shop/LogGroup>"},
        "PackageType": "Image",
        "Role": "<Shop/ServiceRole>.Arn",
    } == properties
    assert properties["Code"]["ImageUri"].endswith(f":{image}")


def test_it_has_a_role_that_may_write_to_its_log_group_alone(stack: cdk.Stack, shop: Workspace) -> None:
    """No managed policy, no `*`; only Lambda can take the role on."""
    UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop")
    found = resources(stack)
    assert {"<Shop/LogGroup>.Arn": WRITE_LOGS} == found.statements("Shop/ServiceRole")
    assume = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}}
    assert {
        "Shop/ServiceRole": {"AssumeRolePolicyDocument": {"Statement": [assume], "Version": "2012-10-17"}}
    } == found.of_type("AWS::IAM::Role")


def test_it_has_a_log_group_that_keeps_a_month_and_outlives_it(stack: cdk.Stack, shop: Workspace) -> None:
    UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop")
    assert {"Shop/LogGroup": {"RetentionInDays": 30}} == resources(stack).of_type("AWS::Logs::LogGroup")
    Template.from_stack(stack).has_resource("AWS::Logs::LogGroup", {"DeletionPolicy": "Retain"})


def test_how_long_logs_are_kept_can_be_chosen(stack: cdk.Stack, shop: Workspace) -> None:
    """And whether they go with the function; no custom resource is made for it."""
    UvWorkspaceFunction(
        stack,
        "Shop",
        workspace=shop,
        service="shop",
        log_retention=logs.RetentionDays.ONE_WEEK,
        log_removal_policy=cdk.RemovalPolicy.DESTROY,
    )
    template = Template.from_stack(stack)
    template.resource_count_is("AWS::Lambda::Function", 1)
    template.has_resource("AWS::Logs::LogGroup", {"DeletionPolicy": "Delete", "Properties": {"RetentionInDays": 7}})


def test_a_role_of_the_caller_is_the_only_role(stack: cdk.Stack, shop: Workspace) -> None:
    """It may write to the log group like an own one."""
    role = iam.Role(stack, "Theirs", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    assert "<Theirs>.Arn" == shop_function(stack, shop, role=role)["Role"]
    found = resources(stack)
    assert ["Theirs"] == list(found.of_type("AWS::IAM::Role"))
    assert {"<Shop/LogGroup>.Arn": WRITE_LOGS} == found.statements("Theirs")


def test_a_role_that_says_so_is_left_alone(stack: cdk.Stack, shop: Workspace) -> None:
    role = iam.Role(stack, "Theirs", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
    shop_function(stack, shop, role=role.without_policy_updates(), tracing=lambda_.Tracing.ACTIVE)
    assert {} == resources(stack).of_type("AWS::IAM::Policy")


def test_a_log_group_of_the_caller_is_the_only_log_group(stack: cdk.Stack, shop: Workspace) -> None:
    """And the function's role may write to it."""
    group = logs.LogGroup(stack, "Theirs", retention=logs.RetentionDays.ONE_DAY)
    assert {"LogGroup": "<Theirs>"} == shop_function(stack, shop, log_group=group)["LoggingConfig"]
    found = resources(stack)
    assert {"Theirs": {"RetentionInDays": 1}} == found.of_type("AWS::Logs::LogGroup")
    assert {"<Theirs>.Arn": WRITE_LOGS} == found.statements("Shop/ServiceRole")


def test_tracing_adds_the_two_actions_that_aws_documents(stack: cdk.Stack, shop: Workspace) -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html."""
    assert {"Mode": "Active"} == shop_function(stack, shop, tracing=lambda_.Tracing.ACTIVE)["TracingConfig"]
    assert {
        "<Shop/LogGroup>.Arn": WRITE_LOGS,
        "*": {"xray:PutTelemetryRecords", "xray:PutTraceSegments"},
    } == resources(stack).statements("Shop/ServiceRole")


def test_a_vpc_adds_the_six_actions_that_aws_documents(stack: cdk.Stack, shop: Workspace) -> None:
    """On all resources only where IAM knows none: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html."""
    vpc = ec2.Vpc(stack, "Net", max_azs=1)
    properties = shop_function(stack, shop, vpc=vpc)
    assert {"SubnetIds", "SecurityGroupIds"} == properties["VpcConfig"].keys()
    ours = {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    }
    here = "arn:<AWS::Partition>:ec2:<AWS::Region>"
    assert {
        "<Shop/LogGroup>.Arn": WRITE_LOGS,
        "*": {"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"},
        f"{here}:<AWS::AccountId>:network-interface/*": ours,
        f"{here}:*:security-group/*": ours,
        f"{here}:*:subnet/*": ours,
    } == resources(stack).statements("Shop/ServiceRole")


def test_the_list_of_actions_without_a_resource_is_what_tracing_and_vpc_put_on_any(
    stack: cdk.Stack, shop: Workspace
) -> None:
    shop_function(stack, shop, vpc=ec2.Vpc(stack, "Net", max_azs=1), tracing=lambda_.Tracing.ACTIVE)
    assert ACTIONS_WITHOUT_RESOURCE == resources(stack).statements("Shop/ServiceRole")["*"]


def test_a_function_in_a_vpc_waits_for_its_permissions(stack: cdk.Stack, shop: Workspace) -> None:
    """Lambda makes the network interfaces when it makes the function."""
    UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop", vpc=ec2.Vpc(stack, "Net", max_azs=1))
    found = resources(stack)
    assert "Shop/ServiceRole/DefaultPolicy" in {found.paths[name] for name in found.by_path["Shop"]["DependsOn"]}


def test_other_options_pass_through(stack: cdk.Stack, shop: Workspace) -> None:
    properties = shop_function(
        stack,
        shop,
        memory_size=512,
        timeout=cdk.Duration.seconds(30),
        environment={"TABLE_NAME": "events"},
        reserved_concurrent_executions=5,
        description="sells",
        ephemeral_storage_size=cdk.Size.gibibytes(1),
    )
    assert {
        "MemorySize": 512,
        "Timeout": 30,
        "Environment": {"Variables": {"TABLE_NAME": "events"}},
        "ReservedConcurrentExecutions": 5,
        "Description": "sells",
        "EphemeralStorage": {"Size": 1024},
    }.items() <= properties.items()


def test_another_architecture_is_that_of_the_function_and_of_its_image(stack: cdk.Stack, shop: Workspace) -> None:
    assert ["x86_64"] == shop_function(stack, shop, architecture=lambda_.Architecture.X86_64)["Architectures"]
    (image,) = docker_images(stack).values()
    assert "linux/amd64" == image["platform"]


def test_snap_start_is_of_the_function_and_of_its_image(stack: cdk.Stack, shop: Workspace) -> None:
    """Lambda refuses to take a snapshot of an image of one's own that does not carry the label."""
    snap_start = lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
    assert {"ApplyOn": "PublishedVersions"} == shop_function(stack, shop, snap_start=snap_start)["SnapStart"]
    (image,) = docker_images(stack).values()
    assert "allow" == image["dockerBuildArgs"]["SNAP_START"]


def test_options_of_the_image_reach_it(stack: cdk.Stack, tmp_path: Path) -> None:
    """Every one."""
    wheels = tmp_path / "w" / "wheels"
    wheels.mkdir(parents=True)
    wheel(wheels, "a")
    sdist(wheels, "a")
    needs = {"shop": 'dependencies = ["a"]\n[project.optional-dependencies]\nfast = []\n'}
    root = made.workspace(tmp_path / "w", needs, globs=["shop"], tail='find-links = ["wheels"]\n')
    made.handler(root / "shop")
    shop_function(
        stack,
        Workspace.load(made.lock(root)),
        image=ImageOptions(
            extras=["fast"],
            python_version="3.13",
            base_image="example.com/python:3.13",
            builder_image="example.com/gcc:1",
            uv_image="example.com/uv:1",
            python_platform="aarch64-manylinux_2_17",
            include_bytecode=False,
            build_from_source=["a"],
            build_on_target=True,
            build_secrets={"netrc": "src=/x"},
            cache_from=[ecr_assets.DockerCacheOption(type="inline")],
            cache_to=ecr_assets.DockerCacheOption(type="inline"),
        ),
    )
    (image,) = docker_images(stack).values()
    assert {
        "SERVICE_NAME": "shop",
        "SERVICE_EXTRAS": "fast",
        "PYTHON_VERSION": "3.13",
        "SOURCE_DATE_EPOCH": "315532800",
        "BASE_IMAGE": "example.com/python:3.13",
        "BUILDER_IMAGE": "example.com/gcc:1",
        "UV_IMAGE": "example.com/uv:1",
        "PYTHON_PLATFORM": "aarch64-manylinux_2_17",
        "INCLUDE_BYTECODE": "0",
        "BUILD_FROM_SOURCE": "a",
        "BUILDER_PLATFORM": "linux/arm64",
    } == image["dockerBuildArgs"]
    assert {"dockerBuildSecrets", "cacheFrom", "cacheTo"} <= image.keys()


def test_two_handlers_of_one_service_share_an_image(stack: cdk.Stack, shop: Workspace) -> None:
    """The handler is the function's command and nothing of the image."""
    UvWorkspaceFunction(stack, "Sell", workspace=shop, service="shop")
    UvWorkspaceFunction(stack, "TakeBack", workspace=shop, service="shop", handler="shop.returns.handler")
    functions = resources(stack).of_type("AWS::Lambda::Function")
    assert {"Sell": ["shop.main.handler"], "TakeBack": ["shop.returns.handler"]} == {
        name: function["ImageConfig"]["Command"] for name, function in functions.items()
    }
    assert functions["Sell"]["Code"] == functions["TakeBack"]["Code"]
    assert 1 == len(docker_images(stack))


def test_it_is_a_function_like_any_other(stack: cdk.Stack, shop: Workspace) -> None:
    """Grants, metrics and its image are at hand."""
    function = UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop")
    queue = sqs.Queue(stack, "Queue")
    queue.grant_consume_messages(function)
    assert "sqs:ReceiveMessage" in resources(stack).statements("Shop/ServiceRole")["<Queue>.Arn"]
    assert "Errors" == function.metric_errors().metric_name
    assert [f"shop-{function.image.asset_hash}"] == list(docker_images(stack))


def test_logical_ids_stay_when_the_folder_moves(shop_root: Path, tmp_path: Path) -> None:
    """Only the image changes, since the paths in it do."""
    root = shutil.copytree(shop_root, tmp_path / "copy")
    before = ids_and_images(root, tmp_path / "before")
    (root / "shops").mkdir()
    (root / "shop").rename(root / "shops" / "shop")
    members = (root / "pyproject.toml").read_text().replace("['*']", "['prices', 'unrelated', 'shops/*']")
    (root / "pyproject.toml").write_text(members)
    (root / "uv.lock").unlink()
    made.lock(root)
    after = ids_and_images(root, tmp_path / "after")
    assert before[0] == after[0]
    assert before[1] != after[1]


def ids_and_images(root: Path, outdir: Path) -> tuple[set[str], set[str]]:
    """The logical ids of a stack with the function, and its images."""
    stack = cdk.Stack(cdk.App(outdir=str(outdir)), "Stack")
    UvWorkspaceFunction(stack, "Shop", workspace=Workspace.load(root), service="shop")
    return set(Template.from_stack(stack).to_json()["Resources"]), set(docker_images(stack))


def test_with_every_recommended_feature_flag_it_is_the_same(
    stack: cdk.Stack, shop: Workspace, tmp_path: Path, flags: dict[str, Any]
) -> None:
    """A new app has them all, an old one none."""
    context = {**flags, "aws:cdk:disable-asset-staging": True, "aws:cdk:enable-path-metadata": True}
    flagged = cdk.Stack(cdk.App(outdir=str(tmp_path / "flagged"), context=context), "Stack")
    for each in (stack, flagged):
        UvWorkspaceFunction(each, "Shop", workspace=shop, service="shop", tracing=lambda_.Tracing.ACTIVE)
    plain, modern = resources(stack), resources(flagged)
    assert plain.statements("Shop/ServiceRole") == modern.statements("Shop/ServiceRole")
    assert plain.by_path.keys() == modern.by_path.keys()


EXTENSION = "a function from an image has no layers: put the extension into it by image=ImageOptions(extensions=[...])"
RECIPE = "docs/extensions.md has the recipe"


@pytest.mark.parametrize(
    ("option", "remedy"),
    [
        ("layers", f"{EXTENSION}, and add Python packages to the service's dependencies; {RECIPE}"),
        (
            "adot_instrumentation",
            (
                f"{EXTENSION}, set AWS_LAMBDA_EXEC_WRAPPER, and give tracing=Tracing.ACTIVE, which allows it to send traces; "
                f"{RECIPE}"
            ),
        ),
        (
            "params_and_secrets",
            f"{EXTENSION}, and allow it to read by secret.grant_read() and parameter.grant_read(); {RECIPE}",
        ),
        (
            "insights_version",
            (
                f"{EXTENSION}, and add the managed policy CloudWatchLambdaInsightsExecutionRolePolicy to the role; {RECIPE}"
            ),
        ),
        ("code", "the code is the image of service=; take lambda_.DockerImageFunction for an image made elsewhere"),
        (
            "code_signing_config",
            "Lambda checks signatures of zip archives only; sign images in the registry instead",
        ),
    ],
)
def test_what_an_image_function_cannot_have_is_refused(
    stack: cdk.Stack, shop: Workspace, option: str, remedy: str
) -> None:
    """With what to do instead, and before anything was made."""
    with pytest.raises(WorkspaceError) as raised:
        shop_function(stack, shop, **{option: object()})
    assert f"{option}= does not work for a function from an image; {remedy}" == str(raised.value)
    assert [] == stack.node.children


def test_a_layer_is_refused_afterwards_too(stack: cdk.Stack, shop: Workspace) -> None:
    function = UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop")
    layer = lambda_.LayerVersion.from_layer_version_arn(stack, "L", "arn:aws:lambda:eu-west-1:123456789012:layer:l:1")
    with pytest.raises(WorkspaceError, match=r"^layers= does not work for a function from an image"):
        function.add_layers(layer)


@pytest.mark.parametrize("option", ["layers", "insights_version"])
def test_none_is_as_good_as_left_out(stack: cdk.Stack, shop: Workspace, option: str) -> None:
    assert "Image" == shop_function(stack, shop, **{option: None})["PackageType"]


def test_an_option_that_nobody_knows_is_a_type_error(stack: cdk.Stack, shop: Workspace) -> None:
    with pytest.raises(TypeError, match="got an unexpected keyword argument 'memmory_size'"):
        shop_function(stack, shop, memmory_size=512)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("log_retention", logs.RetentionDays.ONE_DAY),
        ("log_removal_policy", cdk.RemovalPolicy.DESTROY),
        ("log_group_name", "/shop"),
    ],
)
def test_settings_of_the_own_log_group_do_not_go_with_another(
    stack: cdk.Stack, shop: Workspace, option: str, value: object
) -> None:
    with pytest.raises(WorkspaceError) as raised:
        shop_function(stack, shop, log_group=logs.LogGroup(stack, "L"), **{option: value})
    assert (
        f"log_group= replaces the function's own log group, so {option}= would have no effect; set that on the log group itself"
    ) == str(raised.value)


def test_a_durable_function_may_save_its_progress(stack: cdk.Stack, shop: Workspace) -> None:
    """On the executions of the function only: https://docs.aws.amazon.com/lambda/latest/dg/durable-security.html."""
    shop_function(stack, shop, durable_config=lambda_.DurableConfig(execution_timeout=cdk.Duration.hours(1)))
    found = resources(stack)
    assert {
        "<Shop/LogGroup>.Arn": WRITE_LOGS,
        "<Shop>.Arn:*": {"lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState"},
    } == found.statements("Shop/ServiceRole")
    assert "ManagedPolicyArns" not in found.of_type("AWS::IAM::Role")["Shop/ServiceRole"]
    # It names the function, which so can't wait for it.
    assert "Shop/DurableExecutions" not in {found.paths[name] for name in found.by_path["Shop"]["DependsOn"]}


def test_a_service_that_is_not_there_is_refused(stack: cdk.Stack, shop: Workspace) -> None:
    """As a WorkspaceError of its own: no jsii error is wrapped around it."""
    with pytest.raises(WorkspaceError) as raised:
        UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shopp")
    assert "no workspace member is named 'shopp'; did you mean 'shop'? services are: shop" == str(raised.value)


def test_a_library_is_refused(stack: cdk.Stack, shop: Workspace) -> None:
    with pytest.raises(WorkspaceError, match="'prices' is a library"):
        UvWorkspaceFunction(stack, "Prices", workspace=shop, service="prices")


def test_a_handler_that_is_not_there_is_refused(stack: cdk.Stack, shop: Workspace) -> None:
    with pytest.raises(WorkspaceError, match=r"the handler of 'shop' is 'shop\.main\.hanlder', but"):
        shop_function(stack, shop, handler="shop.main.hanlder")


def test_the_program_and_its_folder_can_be_chosen(stack: cdk.Stack, shop: Workspace) -> None:
    """Of the container; the handler stays its argument."""
    properties = shop_function(stack, shop, entrypoint=["/opt/run"], working_directory="/srv")
    assert {
        "Command": ["shop.main.handler"],
        "EntryPoint": ["/opt/run"],
        "WorkingDirectory": "/srv",
    } == properties["ImageConfig"]


def test_the_image_has_the_uri_of_a_synthesizer_that_puts_images_elsewhere(shop: Workspace, tmp_path: Path) -> None:
    """A central account's registry, of whose names nothing can be told from account, region and repository."""

    class Central(cdk.DefaultStackSynthesizer):
        def add_docker_image_asset(self, *args: Any, **options: Any) -> cdk.DockerImageAssetLocation:
            source_hash = args[0].source_hash if args else options["source_hash"]
            uri = f"999999999999.dkr.ecr.us-east-1.amazonaws.com/shared:{source_hash}"
            return cdk.DockerImageAssetLocation(image_uri=uri, repository_name="shared", image_tag=source_hash)

    stack = cdk.Stack(cdk.App(outdir=str(tmp_path)), "Stack", synthesizer=Central())
    function = UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop")
    (found,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    expected = f"999999999999.dkr.ecr.us-east-1.amazonaws.com/shared:{function.image.asset_hash}"
    assert expected == found["Properties"]["Code"]["ImageUri"]


def test_the_function_tells_tools_where_its_image_is_built(shop: Workspace, tmp_path: Path) -> None:
    """`sam build` and `cdk watch` look for it in the metadata, which the CDK CLI asks for."""
    context = {"aws:cdk:enable-asset-metadata": True}
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path), context=context), "Stack")
    UvWorkspaceFunction(stack, "Shop", workspace=shop, service="shop")
    (image,) = docker_images(stack).values()
    (found,) = Template.from_stack(stack).find_resources("AWS::Lambda::Function").values()
    assert {
        "aws:asset:path": image["directory"],
        "aws:asset:dockerfile-path": "Dockerfile",
        "aws:asset:docker-build-args": image["dockerBuildArgs"],
        "aws:asset:property": "Code.ImageUri",
    } == found["Metadata"]
