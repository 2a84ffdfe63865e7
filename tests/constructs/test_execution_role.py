"""The role of a function: below it, allowed what it needs and what it is given, in whatever stack it is."""

from typing import Any

import aws_cdk as cdk
import jsii
import pytest
from assemblies import Resources, resources, shop_function
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_efs as efs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template
from uv_workspace_function import UvWorkspaceFunction, Workspace

WRITE_LOGS = {"logs:CreateLogStream", "logs:PutLogEvents"}
READ_ONLY = "arn:<AWS::Partition>:iam::aws:policy/ReadOnlyAccess"
AUDIT = "arn:<AWS::Partition>:iam::aws:policy/SecurityAudit"


def managed_policies(stack: cdk.Stack, role: str = "Shop/ServiceRole") -> Any:
    """The managed policies of a role in the template."""
    found = resources(stack)
    return found.text(found.of_type("AWS::IAM::Role")[role].get("ManagedPolicyArns"))


def test_policies_that_are_added_later_stay(stack: cdk.Stack, shop: Workspace) -> None:
    """Managed by AWS, by this account, and by ARN; CDK's own two do not."""
    role = shop_function(stack, shop, vpc=ec2.Vpc(stack, "Net", max_azs=1)).role
    assert role is not None
    role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess"))
    role.add_managed_policy(iam.ManagedPolicy(stack, "Own", statements=[statement()]))
    arn = "arn:aws:iam::123456789012:policy/theirs"
    role.add_managed_policy(iam.ManagedPolicy.from_managed_policy_arn(stack, "Theirs", arn))
    assert [READ_ONLY, "<Own>", arn] == managed_policies(stack)


def test_a_policy_that_is_added_while_the_function_is_made_stays(stack: cdk.Stack, shop: Workspace) -> None:
    """An event source is bound before the construct is done with the role."""

    @jsii.implements(lambda_.IEventSource)
    class Source:
        def bind(self, target: lambda_.IFunction) -> None:
            assert target.role is not None
            target.role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("SecurityAudit"))

    shop_function(stack, shop, events=[Source()])
    assert [AUDIT] == managed_policies(stack)


def statement() -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=["s3:ListAllMyBuckets"], resources=["*"])


def test_the_policy_for_vpcs_is_left_out_only_where_cdk_gave_it(stack: cdk.Stack, shop: Workspace) -> None:
    """Somebody who adds it to a function without a VPC wants it."""
    role = shop_function(stack, shop).role
    assert role is not None
    name = "service-role/AWSLambdaVPCAccessExecutionRole"
    role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name(name))
    assert [f"arn:<AWS::Partition>:iam::aws:policy/{name}"] == managed_policies(stack)


def test_a_version_has_no_part_in_the_managed_policies(stack: cdk.Stack, shop: Workspace) -> None:
    """Its hash is taken of the function, while the list is not yet complete."""
    function = shop_function(stack, shop)
    function.current_version  # noqa: B018 it is made by being asked for
    assert function.role is not None
    function.role.add_managed_policy(iam.ManagedPolicy.from_aws_managed_policy_name("ReadOnlyAccess"))
    assert [READ_ONLY] == managed_policies(stack)
    Template.from_stack(stack).resource_count_is("AWS::Lambda::Version", 1)


def test_a_function_with_vpc_tracing_and_a_file_system_is_allowed_all_of_it(stack: cdk.Stack, shop: Workspace) -> None:
    vpc = ec2.Vpc(stack, "Net", max_azs=1)
    access_point = efs.FileSystem(stack, "Files", vpc=vpc).add_access_point("Point")
    files = lambda_.FileSystem.from_efs_access_point(access_point, "/mnt/files")
    function = shop_function(stack, shop, vpc=vpc, tracing=lambda_.Tracing.ACTIVE, filesystem=files)
    function.current_version  # noqa: B018
    actions = {a for allowed in statements(stack).values() for a in allowed}
    assert (
        WRITE_LOGS
        | {
            "ec2:AssignPrivateIpAddresses",
            "ec2:CreateNetworkInterface",
            "ec2:DeleteNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:UnassignPrivateIpAddresses",
            "elasticfilesystem:ClientMount",
            "elasticfilesystem:ClientWrite",
            "xray:PutTelemetryRecords",
            "xray:PutTraceSegments",
        }
        == actions
    )
    assert managed_policies(stack) is None


def statements(stack: cdk.Stack) -> dict[str, set[str]]:
    """What the function's role is allowed, conditions left out."""
    template = Template.from_stack(stack).to_json()
    for resource in template["Resources"].values():
        for each in resource.get("Properties", {}).get("PolicyDocument", {}).get("Statement", []):
            each.pop("Condition", None)
    return Resources(template).statements("Shop/ServiceRole")


def test_what_is_attached_to_the_function_reaches_role_and_log_group(stack: cdk.Stack, shop: Workspace) -> None:
    function = shop_function(stack, shop)
    cdk.Tags.of(function).add("team", "sales")
    boundary = iam.ManagedPolicy.from_managed_policy_arn(stack, "B", "arn:aws:iam::123456789012:policy/boundary")
    iam.PermissionsBoundary.of(function).apply(boundary)
    cdk.RemovalPolicies.of(function).destroy()
    found = resources(stack)
    tag = [{"Key": "team", "Value": "sales"}]
    role, group = found.by_path["Shop/ServiceRole"], found.by_path["Shop/LogGroup"]
    assert (tag, tag) == (role["Properties"]["Tags"], group["Properties"]["Tags"])
    assert "arn:aws:iam::123456789012:policy/boundary" == role["Properties"]["PermissionsBoundary"]
    assert "Delete" == group["DeletionPolicy"]


def test_the_role_has_the_logical_id_of_docker_image_function(stack: cdk.Stack, shop: Workspace, tmp_path: Any) -> None:
    """Who comes from there keeps it, and so its ARN."""
    ours = shop_function(stack, shop)
    other = cdk.Stack(cdk.App(outdir=str(tmp_path / "other")), "Stack")
    code = lambda_.DockerImageCode.from_ecr(ours.image.repository, tag_or_digest="1")
    theirs = lambda_.DockerImageFunction(other, "Shop", code=code)
    ids = [
        {
            kind: list(Template.from_stack(each).find_resources(kind))
            for kind in ("AWS::IAM::Role", "AWS::Lambda::Function")
        }
        for each in (stack, theirs.stack)
    ]
    assert ids[0] == ids[1]


def test_functions_of_derived_names_do_not_collide(stack: cdk.Stack, shop: Workspace) -> None:
    """Before, the second one's name was that of the first one's log group."""
    shop_function(stack, shop)
    for name in ("ShopLogs", "ShopRole", "ShopImage"):
        UvWorkspaceFunction(stack, name, workspace=shop, service="shop")
    assert 4 == len(resources(stack).of_type("AWS::Lambda::Function"))


def test_a_shared_subnet_may_be_used(shop: Workspace, tmp_path: Any) -> None:
    """It and its security groups can have another account's number in their ARN; the network interface has ours."""
    context = {"aws:cdk:disable-asset-staging": True, "aws:cdk:enable-path-metadata": True}
    env = cdk.Environment(account="111111111111", region="eu-west-1")
    stack = cdk.Stack(cdk.App(outdir=str(tmp_path), context=context), "Stack", env=env)
    vpc = ec2.Vpc.from_vpc_attributes(
        stack,
        "Shared",
        vpc_id="vpc-0123456789abcdef0",
        availability_zones=["eu-west-1a"],
        private_subnet_ids=["subnet-0123456789abcdef0"],
        private_subnet_route_table_ids=["rtb-1"],
    )
    shop_function(stack, shop, vpc=vpc)
    allowed = resources(stack).statements("Shop/ServiceRole")
    create = {resource for resource, actions in allowed.items() if "ec2:CreateNetworkInterface" in actions}
    assert {
        "arn:<AWS::Partition>:ec2:eu-west-1:111111111111:network-interface/*",
        "arn:<AWS::Partition>:ec2:eu-west-1:*:security-group/*",
        "arn:<AWS::Partition>:ec2:eu-west-1:*:subnet/*",
    } == create


@pytest.fixture
def app(tmp_path: Any) -> cdk.App:
    context = {"aws:cdk:disable-asset-staging": True, "aws:cdk:enable-path-metadata": True}
    return cdk.App(outdir=str(tmp_path / "app"), context=context)


def lambda_role(scope: Any, construct_id: str = "Theirs") -> iam.Role:
    return iam.Role(scope, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def test_a_role_of_another_stack_gets_a_policy_beside_the_function(app: cdk.App, shop: Workspace) -> None:
    """In the role's own stack it would name the log group, whose stack needs the role."""
    security, stack = cdk.Stack(app, "Security"), cdk.Stack(app, "Stack")
    options: dict[str, Any] = {"vpc": ec2.Vpc(stack, "Net", max_azs=1), "tracing": lambda_.Tracing.ACTIVE}
    shop_function(stack, shop, role=lambda_role(security), **options)
    app.synth()
    found = resources(stack)
    (policy,) = found.of_type("AWS::IAM::Policy").items()
    assert "Shop/RolePolicy" == policy[0]
    allowed = {action for each in policy[1]["PolicyDocument"]["Statement"] for action in listed(each["Action"])}
    assert {*WRITE_LOGS, "ec2:CreateNetworkInterface", "ec2:DescribeSubnets"} <= allowed
    assert "Shop/RolePolicy" in {found.paths[name] for name in found.by_path["Shop"]["DependsOn"]}
    # the policy names the log group, which so can't wait for it
    assert "Shop/RolePolicy" not in {found.paths[name] for name in found.by_path["Shop/LogGroup"]["DependsOn"]}


def listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


def test_a_role_of_another_stack_that_says_so_is_left_alone(app: cdk.App, shop: Workspace) -> None:
    role = lambda_role(cdk.Stack(app, "Security")).without_policy_updates()
    stack = cdk.Stack(app, "Stack")
    shop_function(stack, shop, role=role)
    app.synth()
    assert {} == resources(stack).of_type("AWS::IAM::Policy")


@pytest.mark.parametrize("role_in_parent", [True, False])
def test_a_role_across_a_nested_stack_works(app: cdk.App, shop: Workspace, role_in_parent: bool) -> None:
    """From the parent to the nested one, and from there to the parent."""
    parent = cdk.Stack(app, "Parent")
    nested = cdk.NestedStack(parent, "Nested")
    role_stack, function_stack = (parent, nested) if role_in_parent else (nested, parent)
    shop_function(function_stack, shop, role=lambda_role(role_stack))
    app.synth()
    assert ["Shop/RolePolicy"] == [
        path.removeprefix("Nested/") for path in resources(function_stack).of_type("AWS::IAM::Policy")
    ]


def test_an_imported_role_gets_a_policy(app: cdk.App, shop: Workspace) -> None:
    """By its name; of the own stack, and of another one."""
    stack = cdk.Stack(app, "Stack")
    arn = "arn:aws:iam::123456789012:role/theirs"
    for name, scope in (("Here", stack), ("There", cdk.Stack(app, "Other"))):
        role = iam.Role.from_role_arn(scope, f"Role{name}", arn)
        UvWorkspaceFunction(stack, name, workspace=shop, service="shop", role=role)
    app.synth()
    roles = [each["Roles"] for each in resources(stack).of_type("AWS::IAM::Policy").values()]
    assert [["theirs"], ["theirs"]] == roles
