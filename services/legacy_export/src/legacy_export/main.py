"""The scheduled job that leaves a partner's file in a bucket."""

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import boto3
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from common_logging import log_invocations, service_logger

from legacy_export.fixed_width import export_file

TABLE_NAME = os.environ["TABLE_NAME"]
DAY_INDEX = os.environ["DAY_INDEX"]
BUCKET_NAME = os.environ["BUCKET_NAME"]
EXPORT_PREFIX = os.environ["EXPORT_PREFIX"]

RETRIES = Config(retries={"mode": "standard", "total_max_attempts": 6})
dynamodb = boto3.client("dynamodb", config=RETRIES)
s3 = boto3.client("s3", config=RETRIES)

logger = service_logger("legacy-export")


@log_invocations(logger, offered_id=lambda event: event.get("id"))
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:  # noqa: ARG001
    """Write the partner's file of one day; run again for the same day, it replaces it.

    Args:
        event: from the schedule; a `date` (`YYYY-MM-DD`) in it asks for that day instead of the one before.
        context: of the invocation.

    Returns:
        The day, the number of its events, and the key of the file.

    Raises:
        ValueError: `date` is no date, or a name doesn't fit into the partner's columns.
    """
    day = _day(event)
    seen = list(_events_of(day))
    key = f"{EXPORT_PREFIX}{day}.txt"
    body = export_file(day, seen).encode("ascii")
    s3.put_object(Bucket=BUCKET_NAME, Key=key, Body=body, ContentType="text/plain; charset=us-ascii")
    logger.info("file exported", day=day, events=len(seen), key=key)
    return {"day": day, "events": len(seen), "key": key}


def _day(event: dict[str, Any]) -> str:
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


def _events_of(day: str) -> Iterator[tuple[str, str, str]]:
    pages = dynamodb.get_paginator("query").paginate(
        TableName=TABLE_NAME,
        IndexName=DAY_INDEX,
        KeyConditionExpression="#day = :day",
        ProjectionExpression="#source, #type, #time",
        ExpressionAttributeNames={f"#{name}": name for name in ("day", "source", "type", "time")},
        ExpressionAttributeValues={":day": {"S": day}},
    )
    for page in pages:
        for item in page["Items"]:
            yield item["time"]["S"][11:13], item["source"]["S"], item["type"]["S"]
