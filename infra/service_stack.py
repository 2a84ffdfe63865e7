"""The wiring of this monorepo: events arrive in a queue, are stored once, answered over HTTP, and reported on every night."""

from typing import Any, cast

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from monitoring import Monitoring
from uv_workspace_function import UvWorkspaceFunction, Workspace

_WORKER_TIMEOUT = cdk.Duration.seconds(30)
# AWS's advice: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_TIMEOUT = cdk.Duration.seconds(6 * 30)
_BY_SOURCE, _BY_DAY = "by-source", "by-day"
_REPORTS, _EXPORTS = "reports/", "exports/"


class ServiceStack(cdk.Stack):
    """The services, and what they work on.

    Args:
        scope: the app.
        construct_id: the stack's name.
        workspace: the workspace with the services.
        visibility_timeout: how long a message is hidden while the worker has it, and so how long it waits for its next try. Tests
            shorten it; the worker's timeout is then as short.
        options: what `Stack` takes besides.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        workspace: Workspace,
        visibility_timeout: cdk.Duration = _VISIBILITY_TIMEOUT,
        **options: Any,
    ) -> None:
        super().__init__(scope, construct_id, **options)

        dead_letters = _queue(self, "DeadLetters", retention_period=cdk.Duration.days(14))
        queue = _queue(
            self,
            "Queue",
            visibility_timeout=visibility_timeout,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=5),
        )
        table = _table(self, "Events")
        bucket = _bucket(self, "Reports", access_logs=_bucket(self, "AccessLogs"))
        every_night = events.Rule(self, "EveryNight", schedule=events.Schedule.cron(hour="1", minute="0"))

        worker = UvWorkspaceFunction(
            self,
            "IngestionWorker",
            workspace=workspace,
            service="ingestion-worker",
            memory_size=512,
            timeout=min(_WORKER_TIMEOUT, visibility_timeout, key=cdk.Duration.to_seconds),
            tracing=lambda_.Tracing.ACTIVE,
            environment={"TABLE_NAME": table.table_name},
        )
        worker.add_event_source_mapping(
            "Queue", event_source_arn=queue.queue_arn, batch_size=10, report_batch_item_failures=True
        )
        # What Lambda does in the worker's name:
        # https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AWSLambdaSQSQueueExecutionRole.html
        queue.grant(worker, "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
        _allow(worker, "dynamodb:PutItem", on=table.table_arn)

        query_api = UvWorkspaceFunction(
            self,
            "QueryApi",
            workspace=workspace,
            service="query-api",
            memory_size=512,
            timeout=cdk.Duration.seconds(10),
            tracing=lambda_.Tracing.ACTIVE,
            environment={"TABLE_NAME": table.table_name, "SOURCE_INDEX": _BY_SOURCE},
        )
        url = query_api.add_function_url(auth_type=lambda_.FunctionUrlAuthType.AWS_IAM)
        _allow(query_api, "dynamodb:GetItem", on=table.table_arn)
        _allow(query_api, "dynamodb:Query", on=f"{table.table_arn}/index/{_BY_SOURCE}")

        daily_report = UvWorkspaceFunction(
            self,
            "DailyReport",
            workspace=workspace,
            service="daily-report",
            memory_size=1024,
            timeout=cdk.Duration.minutes(5),
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                "TABLE_NAME": table.table_name,
                "DAY_INDEX": _BY_DAY,
                "BUCKET_NAME": bucket.bucket_name,
                "REPORT_PREFIX": _REPORTS,
            },
        )
        every_night.add_target(targets.LambdaFunction(daily_report))
        _allow(daily_report, "dynamodb:Query", on=f"{table.table_arn}/index/{_BY_DAY}")
        _allow(daily_report, "s3:PutObject", on=bucket.arn_for_objects(f"{_REPORTS}*"))

        legacy_export = UvWorkspaceFunction(
            self,
            "LegacyExport",
            workspace=workspace,
            service="legacy-export",
            memory_size=1024,
            timeout=cdk.Duration.minutes(5),
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                "TABLE_NAME": table.table_name,
                "DAY_INDEX": _BY_DAY,
                "BUCKET_NAME": bucket.bucket_name,
                "EXPORT_PREFIX": _EXPORTS,
            },
        )
        every_night.add_target(targets.LambdaFunction(legacy_export))
        _allow(legacy_export, "dynamodb:Query", on=f"{table.table_arn}/index/{_BY_DAY}")
        _allow(legacy_export, "s3:PutObject", on=bucket.arn_for_objects(f"{_EXPORTS}*"))

        for function in (worker, query_api, daily_report, legacy_export):
            _acknowledge(function, "Resource::*", "X-Ray's two actions know no resource: see ACTIONS_WITHOUT_RESOURCE")
        _acknowledge(daily_report, "Resource::<Reports65402A0A.Arn>/reports/*", "a report's key begins with its day")
        _acknowledge(legacy_export, "Resource::<Reports65402A0A.Arn>/exports/*", "a file's key begins with its day")

        functions = {
            "IngestionWorker": worker,
            "QueryApi": query_api,
            "DailyReport": daily_report,
            "LegacyExport": legacy_export,
        }
        Monitoring(
            self,
            "Monitoring",
            functions=functions,
            queue=queue,
            dead_letters=dead_letters,
            oldest_message=cdk.Duration.minutes(15),
        )
        outputs = {
            "QueueUrl": queue.queue_url,
            "DeadLetterQueueUrl": dead_letters.queue_url,
            "TableName": table.table_name,
            "BucketName": bucket.bucket_name,
            "QueryApiUrl": url.url,
            **{f"{name}Function": function.function_name for name, function in functions.items()},
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)


def _queue(scope: Construct, construct_id: str, **options: Any) -> sqs.Queue:
    return sqs.Queue(
        scope,
        construct_id,
        encryption=sqs.QueueEncryption.SQS_MANAGED,
        enforce_ssl=True,
        removal_policy=cdk.RemovalPolicy.RETAIN,
        **options,
    )


def _table(scope: Construct, construct_id: str) -> dynamodb.Table:
    """The table of events; its keys are explained in services/README.md."""
    table = dynamodb.Table(
        scope,
        construct_id,
        partition_key=_text("id"),
        billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
        point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
            point_in_time_recovery_enabled=True
        ),
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )
    table.add_global_secondary_index(index_name=_BY_SOURCE, partition_key=_text("source"), sort_key=_text("time"))
    table.add_global_secondary_index(
        index_name=_BY_DAY,
        partition_key=_text("day"),
        # not the time: a key that only grows keeps DynamoDB from splitting a busy day
        sort_key=_text("id"),
        projection_type=dynamodb.ProjectionType.INCLUDE,
        non_key_attributes=["source", "type", "time", "value"],
    )
    return table


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)


def _bucket(scope: Construct, construct_id: str, *, access_logs: s3.Bucket | None = None) -> s3.Bucket:
    return s3.Bucket(
        scope,
        construct_id,
        block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
        encryption=s3.BucketEncryption.S3_MANAGED,
        enforce_ssl=True,
        server_access_logs_bucket=access_logs,
        server_access_logs_prefix=f"{construct_id.lower()}/" if access_logs else None,
        removal_policy=cdk.RemovalPolicy.RETAIN,
    )


def _allow(function: lambda_.IFunction, action: str, *, on: str) -> None:
    iam.Grant.add_to_principal(grantee=function, actions=[action], resource_arns=[on])


def _acknowledge(function: UvWorkspaceFunction, finding: str, reason: str) -> None:
    """Tell cdk-nag that a wildcard in a function's policy is meant."""
    acknowledgment = cdk.Acknowledgment(id=f"AwsSolutions::AwsSolutions-IAM5[{finding}]", reason=reason)
    cdk.Validations.of(cast(iam.IRole, function.role)).acknowledge(acknowledgment)
