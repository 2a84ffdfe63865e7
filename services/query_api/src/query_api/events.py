"""The table of events, as the one who reads it sees it."""

import os
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config
from common_models import Event, event_of, utc_text

from query_api.cursor import Cursor
from query_api.requests import PageQuery

TABLE_NAME = os.environ["TABLE_NAME"]
SOURCE_INDEX = os.environ["SOURCE_INDEX"]
EARLIEST, LATEST = "0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"

# A caller waits: two quick attempts, then an answer.
dynamodb = boto3.client(
    "dynamodb",
    config=Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some events of one source, by time.

    Attributes:
        events: the earliest first; possibly fewer than were asked for.
        cursor: what asks for the next page; `None` on the last one.
    """

    events: tuple[Event, ...]
    cursor: str | None


def event_by_id(event_id: str) -> Event | None:
    """The event with an id.

    Args:
        event_id: the event's id.

    Returns:
        The event, or `None` where there is none.
    """
    # Consistent: whoever knows the id has reason to expect the event.
    item = dynamodb.get_item(TableName=TABLE_NAME, Key={"id": {"S": event_id}}, ConsistentRead=True).get("Item")
    return None if item is None else event_of(item)


def page_of_source(source: str, wanted: PageQuery) -> Page:
    """One page of a source's events.

    Args:
        source: where the events happened.
        wanted: which page.

    Returns:
        The page. The index is eventually consistent: an event appears on it shortly after it was stored.

    Raises:
        InvalidCursorError: the cursor belongs to no page of this query.
    """
    # BETWEEN includes both ends: without its "Z" the text of `to` sorts after every earlier time, and before itself.
    first = EARLIEST if wanted.start is None else utc_text(wanted.start)
    last = LATEST if wanted.end is None else utc_text(wanted.end).removesuffix("Z")
    query = f"{source} {first} {last}"
    after: dict[str, Any] = {}
    if wanted.cursor is not None:
        cursor = Cursor.decode(wanted.cursor, query)
        key = {"source": {"S": source}, "time": {"S": cursor.time}, "id": {"S": cursor.id}}
        after = {"ExclusiveStartKey": key}
    answer = dynamodb.query(
        TableName=TABLE_NAME,
        IndexName=SOURCE_INDEX,
        KeyConditionExpression="#source = :source AND #time BETWEEN :first AND :last",
        ExpressionAttributeNames={"#source": "source", "#time": "time"},
        ExpressionAttributeValues={":source": {"S": source}, ":first": {"S": first}, ":last": {"S": last}},
        Limit=wanted.limit + 1,  # one more than the page takes tells whether there is a next page
        **after,
    )
    items = answer["Items"][: wanted.limit]
    # DynamoDB stops at 1 MB: the page may then be short and yet not the last.
    more = len(answer["Items"]) > wanted.limit or "LastEvaluatedKey" in answer
    if not (more and items):
        return Page(events=tuple(map(event_of, items)), cursor=None)
    next_page = Cursor(time=items[-1]["time"]["S"], id=items[-1]["id"]["S"])
    return Page(events=tuple(map(event_of, items)), cursor=next_page.encode(query))
