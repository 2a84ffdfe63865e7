"""The scheduled job: sums up a day of events and leaves the report in a bucket."""

import json
import logging
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from daily_report.summary import Row, summarize

TABLE_NAME = os.environ["TABLE_NAME"]
DAY_INDEX = os.environ["DAY_INDEX"]
BUCKET_NAME = os.environ["BUCKET_NAME"]
REPORT_PREFIX = os.environ["REPORT_PREFIX"]

# Nobody waits for a report: it is worth trying longer.
RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 6})
dynamodb = boto3.client("dynamodb", config=RETRIES)
s3 = boto3.client("s3", config=RETRIES)

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Write the report of one day; run again for the same day, it replaces it.

    Args:
        event: from the schedule; a `date` (`YYYY-MM-DD`) in it asks for that day instead of the one before.
        context: of the invocation.

    Returns:
        The day, the number of its events, and the keys of the two objects.

    Raises:
        ValueError: `date` is no date.
    """
    day = day_of_report(event)
    summary = summarize(day, _events_of(day))
    csv_key, json_key = (f"{REPORT_PREFIX}{day}/{name}" for name in ("events.csv", "summary.json"))
    s3.put_object(Bucket=BUCKET_NAME, Key=csv_key, Body=summary.csv.encode(), ContentType="text/csv; charset=utf-8")
    # Last, so that a summary is there only where its report is complete.
    s3.put_object(Bucket=BUCKET_NAME, Key=json_key, Body=summary.json.encode(), ContentType="application/json")
    written = {"day": day, "events": summary.events, "csv": csv_key, "summary": json_key}
    logger.info(json.dumps({"message": "report written", **written}))
    return written


def day_of_report(event: dict[str, Any]) -> str:
    """The day an invocation is about: the `date` it names, else the day before its schedule's time, in UTC.

    The schedule's own `time` is used, not the clock's: a run that is retried past midnight is about the same day.

    Args:
        event: of the invocation.

    Returns:
        The day, such as `2026-01-17`.

    Raises:
        ValueError: `date` is no date in this form.
    """
    asked = event.get("date")
    if asked is not None:
        if not _is_day(asked):
            raise ValueError(f"date: expected a day such as 2026-01-17, got {asked!r}")
        return str(asked)
    now = datetime.fromisoformat(event["time"]).astimezone(UTC) if "time" in event else datetime.now(UTC)
    return (now.date() - timedelta(days=1)).isoformat()


def _is_day(text: object) -> bool:
    try:
        # fromisoformat also reads 20260117 and 2026-W03-6
        return isinstance(text, str) and date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _events_of(day: str) -> Iterator[Row]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=TABLE_NAME,
        IndexName=DAY_INDEX,
        KeyConditionExpression="#day = :day",
        ProjectionExpression="#source, #type, #time, #value",
        ExpressionAttributeNames={f"#{name}": name for name in ("day", "source", "type", "time", "value")},
        ExpressionAttributeValues={":day": {"S": day}},
    )
    for page in pages:
        for item in page["Items"]:
            yield Row(
                source=item["source"]["S"],
                type=item["type"]["S"],
                time=item["time"]["S"],
                value=float(item["value"]["N"]) if "value" in item else None,
            )
