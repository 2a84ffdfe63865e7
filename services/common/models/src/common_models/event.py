"""What happened somewhere: the event that producers send."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    StringConstraints,
    ValidationError,
)

from common_models.validation import reasons

# An item of the table holds at most 400 KB, and a page of a query 1 MB: this leaves room for several events a page.
LARGEST_DATA = 100_000
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _read_time(value: object) -> object:
    # pydantic alone would take "1737000000" and "2026-01-17 02:31Z" as well: one spelling keeps producers honest.
    if not isinstance(value, str):
        return value
    try:
        if RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value)
    except ValueError:  # the thirtieth of February; its message would quote the text
        pass
    raise ValueError("expected a time such as 2026-01-17T02:31:00Z")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("expected a time within the years 1 to 9999, in UTC") from error


def _storable(data: dict[str, JsonValue]) -> dict[str, JsonValue]:
    size = len(json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode())
    if size > LARGEST_DATA:
        raise ValueError(f"expected at most {LARGEST_DATA} bytes of JSON, got {size}")
    return data


EventId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$")]
SourceName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
EventType = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
UtcTime = Annotated[AwareDatetime, BeforeValidator(_read_time), AfterValidator(_in_utc)]
# At most 15 digits: a number that survives the way through any JSON reader, which has it as a double.
Value = Annotated[
    Decimal,
    Field(max_digits=15, decimal_places=6, allow_inf_nan=False),
    PlainSerializer(float, return_type=float, when_used="json"),
]


class Event(BaseModel):
    """One thing that happened at one source.

    The same `id` means the same event: whoever sends it again sends the same content. Fields that are not listed here
    are refused rather than dropped, so that nothing a producer sends is lost without a word.

    Attributes:
        id: chosen by the producer, unique over all sources; 1 to 128 letters, digits, `.`, `_`, `:`, `-`.
        source: where it happened; 1 to 64 small letters, digits, `.`, `_`, `-`.
        type: what happened, spelled like `source`.
        time: when it happened, in UTC; given with any offset, to the microsecond.
        value: a figure that days are summed over, of at most 9 digits before and 6 after the point.
        data: anything else, at most 100,000 bytes of JSON.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    id: EventId
    source: SourceName
    type: EventType
    time: UtcTime
    value: Value | None = None
    data: Annotated[dict[str, JsonValue], AfterValidator(_storable)] = Field(default_factory=dict)


class InvalidEventError(ValueError):
    """A text that is no event; its message gives the reasons and nothing of the text."""


def parse_event(text: str) -> Event:
    """The event that a JSON text holds.

    Args:
        text: what a producer sent.

    Returns:
        The event, its time in UTC.

    Raises:
        InvalidEventError: the text is not JSON, or not an event.
    """
    try:
        return Event.model_validate_json(text)
    except ValidationError as error:
        # "from None": pydantic's own error knows the text.
        raise InvalidEventError(reasons(error)) from None
