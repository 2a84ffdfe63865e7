"""The log group of one function, below it in the construct tree."""

from dataclasses import dataclass
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

# As CDK names the one that it makes under the flag useCdkManagedLogGroup: who comes from there keeps the logical id.
_ID = "LogGroup"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LogGroupOptions:
    """The options of a function's own log group; None is its default."""

    name: str | None
    retention: logs.RetentionDays | None
    removal_policy: cdk.RemovalPolicy | None
    encryption_key: kms.IKey | None


def own_log_group(function: lambda_.Function, options: LogGroupOptions) -> logs.LogGroup:
    """Make a function's log group, in the place of the one that CDK may have made for it."""
    function.node.try_remove_child(_ID)
    if options.encryption_key is not None:
        _allow_logs(options.encryption_key, options.name or "*", cdk.Stack.of(function))
    # An injector's values are defaults below what a construct is made with: ours would hide them.
    injected = _has_injector(function, logs.LogGroup)
    group = logs.LogGroup(
        function,
        _ID,
        log_group_name=options.name,
        retention=options.retention or (None if injected else logs.RetentionDays.ONE_MONTH),
        removal_policy=options.removal_policy or (None if injected else cdk.RemovalPolicy.RETAIN),
        encryption_key=options.encryption_key,
    )
    resource = function.node.default_child
    if not isinstance(resource, cdk.CfnResource):
        raise TypeError(f"{function.node.path} has no resource of its own")
    resource.add_property_override("LoggingConfig.LogGroup", group.log_group_name)
    return group


def _has_injector(scope: Construct, construct: Any) -> bool:
    injectors, uid = getattr(cdk, "PropertyInjectors", None), getattr(construct, "PROPERTY_INJECTION_ID", None)
    if injectors is None or uid is None:  # both are younger than the oldest aws-cdk-lib
        return False
    return any(
        injectors.has_property_injectors(each) and injectors.of(each).for_(uid) is not None
        for each in scope.node.scopes
    )


def _allow_logs(key: kms.IKey, name: str, stack: cdk.Stack) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html"""
    # A group without a name given cannot be named here: it needs the key before it has one.
    groups = stack.format_arn(
        service="logs", resource="log-group", resource_name=name, arn_format=cdk.ArnFormat.COLON_RESOURCE_NAME
    )
    statement = iam.PolicyStatement(
        principals=[iam.ServicePrincipal(f"logs.{stack.region}.{stack.url_suffix}")],
        actions=["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
        resources=["*"],
        conditions={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )
    key.add_to_resource_policy(statement)
