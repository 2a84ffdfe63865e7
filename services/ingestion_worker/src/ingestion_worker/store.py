"""The table of events, as the one who writes it sees it."""

import os
from typing import Any

import boto3
from botocore.config import Config
from common_models import Event, event_of, item_of

TABLE_NAME = os.environ["TABLE_NAME"]

# Two quick attempts: a whole batch fits into one invocation even when every put is throttled, and what fails here is
# retried by the queue.
dynamodb = boto3.client(
    "dynamodb",
    config=Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}),
)


class IdTakenError(Exception):
    """Another event is stored under this event's id."""


def store(event: Event) -> bool:
    """Put an event into the table, unless it is there.

    The condition makes the put safe to repeat: the queue delivers at least once, and a worker may end in the middle of
    a batch.

    Args:
        event: what to store.

    Returns:
        Whether it was stored now; `False` says that the same event was there already.

    Raises:
        IdTakenError: the id is taken by an event with another content, so storing would lose one of the two.
        botocore.exceptions.ClientError: DynamoDB refused (throttled, not allowed).
    """
    try:
        dynamodb.put_item(
            TableName=TABLE_NAME,
            Item=item_of(event),
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    except dynamodb.exceptions.ConditionalCheckFailedException as error:
        # botocore puts the stored item beside the error; its stubs don't know it.
        response: Any = error.response
        if event_of(response["Item"]) != event:
            raise IdTakenError(f"the id {event.id} is taken by an event with another content") from None
        return False
    return True
