"""What tells people that something is wrong with the services, and shows them what."""

from collections.abc import Iterator, Mapping

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

_PERIOD = cdk.Duration.minutes(5)
_SHARE_OF_TIMEOUT = 0.8


class Monitoring(Construct):
    """Alarms on functions and a queue, and one dashboard with what they watch.

    An alarm only changes its state until somebody wants to hear of it: give each of `alarms` an action, such as an SNS topic.

    Args:
        scope: what it is a part of.
        construct_id: its id there.
        functions: the functions by the name that people know them by; each needs an explicit timeout.
        queue: the queue that the first of them works off.
        dead_letters: where the queue's failures end.
        oldest_message: how long a message may wait in the queue.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, lambda_.Function],
        queue: sqs.IQueue,
        dead_letters: sqs.IQueue,
        oldest_message: cdk.Duration,
    ) -> None:
        super().__init__(scope, construct_id)
        self.alarms = [
            *(alarm for name, function in functions.items() for alarm in self._function_alarms(name, function)),
            self._alarm(
                "DeadLetters",
                dead_letters.metric_approximate_number_of_messages_visible(period=_PERIOD, statistic="Maximum"),
                threshold=1,
                description="A message failed so often that it lies in the dead-letter queue: see docs/operations.md",
            ),
            self._alarm(
                "OldestMessage",
                queue.metric_approximate_age_of_oldest_message(period=_PERIOD, statistic="Maximum"),
                threshold=oldest_message.to_seconds(),
                description=f"A message waits longer than {oldest_message.to_human_string()}",
            ),
        ]
        self.dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=cdk.Duration.days(1))
        self.dashboard.add_widgets(cloudwatch.AlarmStatusWidget(title="Alarms", alarms=self.alarms, width=24))
        for name, function in functions.items():
            self.dashboard.add_widgets(*_function_widgets(name, function))
        self.dashboard.add_widgets(
            cloudwatch.GraphWidget(
                title="Queue",
                left=[
                    queue.metric_approximate_number_of_messages_visible(label="waiting"),
                    dead_letters.metric_approximate_number_of_messages_visible(label="dead letters"),
                ],
                right=[queue.metric_approximate_age_of_oldest_message(label="age of the oldest")],
                width=24,
            )
        )

    def _function_alarms(self, name: str, function: lambda_.Function) -> Iterator[cloudwatch.Alarm]:
        timeout = function.timeout
        if timeout is None:
            raise ValueError(f"{name} has no timeout to watch; give it one with timeout=")
        yield self._alarm(
            f"{name}Errors",
            function.metric_errors(period=_PERIOD),
            threshold=1,
            description=f"{name} failed",
        )
        yield self._alarm(
            f"{name}Throttles",
            function.metric_throttles(period=_PERIOD),
            threshold=1,
            description=f"{name} was not started, since too many run already",
        )
        yield self._alarm(
            f"{name}Duration",
            function.metric_duration(period=_PERIOD, statistic="Maximum"),
            threshold=_SHARE_OF_TIMEOUT * timeout.to_milliseconds(),
            description=f"{name} took more than {_SHARE_OF_TIMEOUT:.0%} of its {timeout.to_human_string()}",
        )

    def _alarm(
        self, construct_id: str, metric: cloudwatch.Metric, *, threshold: float, description: str
    ) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            construct_id,
            metric=metric,
            threshold=threshold,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            evaluation_periods=1,
            # A function that nobody calls, and an empty queue, report nothing at all.
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=description,
        )


def _function_widgets(name: str, function: lambda_.Function) -> tuple[cloudwatch.GraphWidget, cloudwatch.GraphWidget]:
    calls = cloudwatch.GraphWidget(
        title=f"{name}: calls",
        left=[function.metric_invocations(), function.metric_errors(), function.metric_throttles()],
        width=12,
    )
    duration = cloudwatch.GraphWidget(
        title=f"{name}: duration",
        left=[function.metric_duration(statistic=statistic) for statistic in ("p50", "p99", "Maximum")],
        width=12,
    )
    return calls, duration
