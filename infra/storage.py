"""Where this monorepo's data is: a queue, a table, buckets. All of them outlive the stack."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct


class PrivateQueue(sqs.Queue):
    """A queue that is encrypted and takes only TLS."""

    def __init__(self, scope: Construct, construct_id: str, **options: Any) -> None:
        super().__init__(
            scope,
            construct_id,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=cdk.RemovalPolicy.RETAIN,
            **options,
        )


class EventTable(dynamodb.Table):
    """The table of events; services/README.md explains its keys."""

    BY_SOURCE = "by-source"
    BY_DAY = "by-day"

    def __init__(self, scope: Construct, construct_id: str) -> None:
        super().__init__(
            scope,
            construct_id,
            partition_key=_text("id"),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )
        self.add_global_secondary_index(
            index_name=self.BY_SOURCE, partition_key=_text("source"), sort_key=_text("time")
        )
        self.add_global_secondary_index(
            index_name=self.BY_DAY,
            partition_key=_text("day"),
            # not the time: a key that only grows keeps DynamoDB from splitting a busy day
            sort_key=_text("id"),
            projection_type=dynamodb.ProjectionType.INCLUDE,
            non_key_attributes=["source", "type", "time", "value"],
        )

    def arn_of_index(self, index: str) -> str:
        """The ARN of one of its indexes."""
        return f"{self.table_arn}/index/{index}"


class PrivateBucket(s3.Bucket):
    """A bucket that is encrypted, takes only TLS, and is open to nobody.

    Args:
        scope: what it is a part of.
        construct_id: its id there.
        access_logs: the bucket that its access logs go to.
    """

    def __init__(self, scope: Construct, construct_id: str, *, access_logs: s3.Bucket | None = None) -> None:
        super().__init__(
            scope,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            server_access_logs_bucket=access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/" if access_logs else None,
            removal_policy=cdk.RemovalPolicy.RETAIN,
        )


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
