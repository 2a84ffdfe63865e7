"""The role that a function runs as: what AWS documents that it needs, and nothing else."""

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

ACTIONS_WITHOUT_RESOURCE = frozenset(
    {
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }
)
"""The only actions that a role is allowed on `*`, since IAM knows no resource for them.

Source: the service authorization reference,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html and
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
"""

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
_NETWORK_ACTIONS_ON_ANY = ("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets")
_NETWORK_ACTIONS = (
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
)
_NETWORK_RESOURCES = ("network-interface", "security-group", "subnet")


def new_role(scope: Construct, construct_id: str) -> iam.Role:
    """A role that Lambda may take on, with no permission yet.

    Args:
        scope: what it is a part of.
        construct_id: its id there.
    """
    return iam.Role(scope, construct_id, assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))


def allow_network_interfaces(role: iam.IRole, stack: cdk.Stack) -> None:
    """Allow what Lambda does in a function's name to put it into a VPC.

    Args:
        role: the function's role.
        stack: the stack whose account and region the VPC is in.
    """
    role.add_to_principal_policy(iam.PolicyStatement(actions=[*_NETWORK_ACTIONS_ON_ANY], resources=["*"]))
    resources = [
        stack.format_arn(service="ec2", resource=resource, resource_name="*") for resource in _NETWORK_RESOURCES
    ]
    role.add_to_principal_policy(iam.PolicyStatement(actions=[*_NETWORK_ACTIONS], resources=resources))
