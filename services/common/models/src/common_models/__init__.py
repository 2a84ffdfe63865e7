"""The events that the services exchange, and how one is stored.

- `Event`, `parse_event`      what a producer sends; `InvalidEventError` says what is wrong with what it sent
- `item_of`, `event_of`       an event as an item of the table, and back
- `UtcTime`, `utc_text`       a moment, and its text whose alphabetical order is the order in time
- `EventId`, `SourceName`     what names an event and where it comes from
- `reasons`                   why pydantic refused something, without a word of what it refused
"""

from common_models.event import Event, EventId, InvalidEventError, SourceName, UtcTime, parse_event
from common_models.stored import event_of, item_of, utc_text
from common_models.validation import reasons

__all__ = [
    "Event",
    "EventId",
    "InvalidEventError",
    "SourceName",
    "UtcTime",
    "event_of",
    "item_of",
    "parse_event",
    "reasons",
    "utc_text",
]
