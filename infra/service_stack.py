"""The wiring of this monorepo: events arrive in a queue, are stored once, answered over HTTP, and reported on every night."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct
from functions import DailyReport, IngestionWorker, LegacyExport, QueryApi
from monitoring import Monitoring
from storage import EventTable, PrivateBucket, PrivateQueue
from uv_workspace_function import Workspace

_WORKER_TIMEOUT = cdk.Duration.seconds(30)
# AWS's advice: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
_VISIBILITY_TIMEOUT = cdk.Duration.seconds(6 * 30)


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

        dead_letters = PrivateQueue(self, "DeadLetters", retention_period=cdk.Duration.days(14))
        queue = PrivateQueue(
            self,
            "Queue",
            visibility_timeout=visibility_timeout,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead_letters, max_receive_count=5),
        )
        table = EventTable(self, "Events")
        bucket = PrivateBucket(self, "Reports", access_logs=PrivateBucket(self, "AccessLogs"))

        worker_timeout = min(_WORKER_TIMEOUT, visibility_timeout, key=cdk.Duration.to_seconds)
        worker = IngestionWorker(
            self, "IngestionWorker", workspace=workspace, timeout=worker_timeout, queue=queue, table=table
        )
        query_api = QueryApi(self, "QueryApi", workspace=workspace, table=table)
        daily_report = DailyReport(self, "DailyReport", workspace=workspace, table=table, bucket=bucket)
        legacy_export = LegacyExport(self, "LegacyExport", workspace=workspace, table=table, bucket=bucket)
        events.Rule(
            self,
            "EveryNight",
            schedule=events.Schedule.cron(hour="1", minute="0"),
            targets=[targets.LambdaFunction(daily_report), targets.LambdaFunction(legacy_export)],
        )

        functions = {each.node.id: each for each in (worker, query_api, daily_report, legacy_export)}
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
            "QueryApiUrl": query_api.url,
            **{f"{name}Function": function.function_name for name, function in functions.items()},
        }
        for name, value in outputs.items():
            cdk.CfnOutput(self, name, value=value)
