"""How an event is stored: the item of the table, in DynamoDB's own form.

The keys of the table and of its indexes are written down in `services/README.md`.
"""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from common_models.event import Event


def utc_text(moment: datetime) -> str:
    """A moment as text of fixed width, so that alphabetical order is the order in time.

    Args:
        moment: with any offset.

    Returns:
        For instance `2026-01-17T02:31:00.000000Z`.
    """
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def item_of(event: Event) -> dict[str, Any]:
    """The item that stores an event; `day` is the day of its time, in UTC.

    Args:
        event: what to store.

    Returns:
        Attributes as DynamoDB's client takes them. `data` is stored as JSON text: a number of any size stays as it is.
    """
    time = utc_text(event.time)
    item = {
        "id": {"S": event.id},
        "source": {"S": event.source},
        "type": {"S": event.type},
        "time": {"S": time},
        "day": {"S": time[:10]},
        "data": {"S": json.dumps(event.data, ensure_ascii=False, separators=(",", ":"))},
    }
    return item if event.value is None else item | {"value": {"N": f"{event.value:f}"}}


def event_of(item: dict[str, Any]) -> Event:
    """The event that an item stores.

    Args:
        item: all attributes, as DynamoDB's client gives them.

    Returns:
        An event equal to the one that was stored.
    """
    return Event(
        id=item["id"]["S"],
        source=item["source"]["S"],
        type=item["type"]["S"],
        time=datetime.fromisoformat(item["time"]["S"]),
        value=Decimal(item["value"]["N"]) if "value" in item else None,
        data=json.loads(item["data"]["S"]),
    )
