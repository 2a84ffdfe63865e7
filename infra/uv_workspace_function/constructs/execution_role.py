"""The role that a function runs as: what AWS documents that it needs, and nothing else."""

from collections.abc import Mapping
from typing import cast

import aws_cdk as cdk
import jsii
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

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
# A subnet or security group that another account shares has that account's number in its ARN; network interfaces are one's own:
# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html
_NETWORK_RESOURCES: Mapping[str, str | None] = {"network-interface": None, "security-group": "*", "subnet": "*"}
# https://docs.aws.amazon.com/lambda/latest/dg/durable-security.html
_DURABLE_ACTIONS = ("lambda:CheckpointDurableExecution", "lambda:GetDurableExecutionState")
# What CDK gives the role that it makes for a function; each allows its actions on every resource of the account.
_BASIC_POLICIES = (
    "service-role/AWSLambdaBasicDurableExecutionRolePolicy",
    "service-role/AWSLambdaBasicExecutionRole",
    "service-role/AWSLambdaVPCAccessExecutionRole",
)


def drop_basic_policies(role: iam.Role) -> None:
    """Take from a new function's role the managed policies that CDK gave it; those that are added later stay.

    Args:
        role: the role, right after the function was made.
    """
    resource = cast(iam.CfnRole, role.node.default_child)
    given = resource.managed_policy_arns
    arns = cdk.Stack.of(role).resolve(given) or []
    dropped = [arn for arn in arns if any(policy in str(arn) for policy in _BASIC_POLICIES)]
    resource.managed_policy_arns = cdk.Lazy.uncached_list(_Without(given, dropped), omit_empty=True)


@jsii.implements(cdk.IListProducer)
class _Without:
    """A list of ARNs, known when the template is written, without some of them."""

    def __init__(self, arns: list[str] | None, dropped: list[object]) -> None:
        self._arns, self._dropped = arns, dropped

    def produce(self, context: cdk.IResolveContext) -> list[str]:
        """Leave out what is dropped; jsii's name."""
        kept = [arn for arn in context.resolve(self._arns) or [] if arn not in self._dropped]
        return [arn if isinstance(arn, str) else cdk.Token.as_string(arn) for arn in kept]


def permissions_of(function: lambda_.Function, role: iam.IRole) -> iam.IGrantable:
    """Where permissions of a function go: to its role, or into a policy beside the function where the role is of another stack.

    A policy in the role's own stack would name what the function's stack has, which needs the role: neither could be deployed.
    """
    if cdk.Stack.of(role) is cdk.Stack.of(function):
        return role
    policy = iam.Policy(function, "RolePolicy")
    role.attach_inline_policy(policy)  # a role without policy updates takes none, and the policy is not deployed
    # Only the resource: the function's whole tree would include the policy.
    cast(cdk.CfnResource, function.node.default_child).node.add_dependency(policy)
    return policy


def allow_network_interfaces(grantee: iam.IGrantable, stack: cdk.Stack) -> None:
    """Allow what Lambda does in a function's name to put it into a VPC.

    Args:
        grantee: the function's role, or a policy of it.
        stack: the stack whose account and region the function is in.
    """
    iam.Grant.add_to_principal(grantee=grantee, actions=[*_NETWORK_ACTIONS_ON_ANY], resource_arns=["*"])
    resources = [
        stack.format_arn(service="ec2", account=account, resource=resource, resource_name="*")
        for resource, account in _NETWORK_RESOURCES.items()
    ]
    iam.Grant.add_to_principal(grantee=grantee, actions=[*_NETWORK_ACTIONS], resource_arns=resources)


def allow_durable_executions(function: lambda_.Function, role: iam.IRole) -> None:
    """Allow a durable function to save its progress.

    The policy names the function and so is deployed after it, which can't wait for it in turn.
    """
    statement = iam.PolicyStatement(actions=[*_DURABLE_ACTIONS], resources=[f"{function.function_arn}:*"])
    role.attach_inline_policy(iam.Policy(function, "DurableExecutions", statements=[statement]))
