"""The services of this monorepo as functions: each with its size, what it is told, and what it may do."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from storage import EventTable
from uv_workspace_function import UvWorkspaceFunction, Workspace


class TracedFunction(UvWorkspaceFunction):
    """A function of a service whose calls X-Ray traces."""

    def __init__(self, scope: Construct, construct_id: str, **options: Any) -> None:
        super().__init__(scope, construct_id, tracing=lambda_.Tracing.ACTIVE, **options)
        self._acknowledge_wildcard("*", "X-Ray's two actions know no resource: see ACTIONS_WITHOUT_RESOURCE")

    def allow(self, action: str, *, on: str) -> None:
        """Allow one action on one resource."""
        iam.Grant.add_to_principal(grantee=self, actions=[action], resource_arns=[on])

    def allow_writing(self, bucket: s3.Bucket, prefix: str, reason: str) -> None:
        """Allow new objects below a prefix, and tell cdk-nag why they have no single name."""
        self.allow("s3:PutObject", on=bucket.arn_for_objects(f"{prefix}*"))
        resource = bucket.node.default_child
        if isinstance(resource, cdk.CfnElement):
            name = cdk.Stack.of(self).get_logical_id(resource)
            self._acknowledge_wildcard(f"<{name}.Arn>/{prefix}*", reason)

    def _acknowledge_wildcard(self, resource: str, reason: str) -> None:
        finding = f"AwsSolutions::AwsSolutions-IAM5[Resource::{resource}]"
        cdk.Validations.of(self).acknowledge(cdk.Acknowledgment(id=finding, reason=reason))


class IngestionWorker(TracedFunction):
    """Stores the events of a queue."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: Workspace,
        timeout: cdk.Duration,
        queue: sqs.Queue,
        table: EventTable,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            workspace=workspace,
            service="ingestion-worker",
            memory_size=512,
            timeout=timeout,
            environment={"TABLE_NAME": table.table_name},
        )
        self.add_event_source_mapping(
            "Queue", event_source_arn=queue.queue_arn, batch_size=10, report_batch_item_failures=True
        )
        # What Lambda does in the worker's name:
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
        queue.grant(self, "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
        self.allow("dynamodb:PutItem", on=table.table_arn)


class QueryApi(TracedFunction):
    """Answers questions about events over HTTP, for callers that IAM knows.

    Attributes:
        url: where it answers.
    """

    def __init__(self, scope: Construct, construct_id: str, *, workspace: Workspace, table: EventTable) -> None:
        super().__init__(
            scope,
            construct_id,
            workspace=workspace,
            service="query-api",
            memory_size=512,
            timeout=cdk.Duration.seconds(10),
            environment={"TABLE_NAME": table.table_name, "SOURCE_INDEX": table.BY_SOURCE},
        )
        self.url = self.add_function_url(auth_type=lambda_.FunctionUrlAuthType.AWS_IAM).url
        self.allow("dynamodb:GetItem", on=table.table_arn)
        self.allow("dynamodb:Query", on=table.arn_of_index(table.BY_SOURCE))


class NightlyFunction(TracedFunction):
    """Writes what a day's events come to into a bucket.

    Attributes:
        SERVICE: the service's package name.
        PREFIX: where in the bucket it writes.
        PREFIX_VARIABLE: the variable that tells it.
        REASON: why an object there has no single name.
    """

    SERVICE: str
    PREFIX: str
    PREFIX_VARIABLE: str
    REASON: str

    def __init__(
        self, scope: Construct, construct_id: str, *, workspace: Workspace, table: EventTable, bucket: s3.Bucket
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            workspace=workspace,
            service=self.SERVICE,
            memory_size=1024,
            timeout=cdk.Duration.minutes(5),
            environment={
                "TABLE_NAME": table.table_name,
                "DAY_INDEX": table.BY_DAY,
                "BUCKET_NAME": bucket.bucket_name,
                self.PREFIX_VARIABLE: self.PREFIX,
            },
        )
        self.allow("dynamodb:Query", on=table.arn_of_index(table.BY_DAY))
        self.allow_writing(bucket, self.PREFIX, self.REASON)


class DailyReport(NightlyFunction):
    """Reports on a day's events."""

    SERVICE = "daily-report"
    PREFIX = "reports/"
    PREFIX_VARIABLE = "REPORT_PREFIX"
    REASON = "a report's key begins with its day"


class LegacyExport(NightlyFunction):
    """Exports a day's events for a program that reads files."""

    SERVICE = "legacy-export"
    PREFIX = "exports/"
    PREFIX_VARIABLE = "EXPORT_PREFIX"
    REASON = "a file's key begins with its day"
