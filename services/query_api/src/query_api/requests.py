"""What may be asked, checked field by field."""

from typing import Annotated, Self

from common_models import EventId, SourceName, UtcTime
from pydantic import BaseModel, ConfigDict, Field, model_validator

LARGEST_PAGE = 100


class EventPath(BaseModel):
    """Names one event."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: EventId


class SourcePath(BaseModel):
    """Names one source."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    source: SourceName


class PageQuery(BaseModel):
    """Which page of a source's events is wanted.

    Attributes:
        start: `from`, the earliest time on the page; without it from the first event on.
        end: `to`, the time before which the page ends; without it up to the last event.
        limit: how many events a page has at most, 1 to 100.
        cursor: the cursor of the page before; without it the first page.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    start: Annotated[UtcTime | None, Field(alias="from")] = None
    end: Annotated[UtcTime | None, Field(alias="to")] = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 50
    cursor: str | None = None

    @model_validator(mode="after")
    def _ends_after_it_starts(self) -> Self:
        if self.start is not None and self.end is not None and self.start >= self.end:
            raise ValueError("expected from to be before to")
        return self
