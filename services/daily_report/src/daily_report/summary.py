"""A day of events in figures."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd


class Row(NamedTuple):
    """What the report needs of one event.

    Attributes:
        source: where it happened.
        type: what happened.
        time: when, as UTC text such as `2026-01-17T02:31:00.000000Z`.
        value: its figure, or `None`.
    """

    source: str
    type: str
    time: str
    value: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A day's report, in two forms.

    Attributes:
        events: how many events the day has.
        csv: a header, then one line for each source and type; figures rounded to six decimals.
        json: the day's counts, in all, by source, by type and by hour (UTC).
    """

    events: int
    csv: str
    json: str


def summarize(day: str, rows: Iterable[Row]) -> Summary:
    """The report of one day; the same events give the same bytes.

    Args:
        day: such as `2026-01-17`.
        rows: the day's events; none is a valid day.

    Returns:
        The report.
    """
    frame = pd.DataFrame(list(rows), columns=list(Row._fields)).astype(
        {"source": "str", "type": "str", "time": "str", "value": "float64"}
    )
    values = frame.groupby(["source", "type"])["value"]
    table = pd.DataFrame(
        {
            "events": values.size(),
            "values": values.count(),
            "total": values.sum(),
            "mean": values.mean(),
            "median": values.median(),
            "p95": values.quantile(0.95),
            "smallest": values.min(),
            "largest": values.max(),
        }
    )
    counts = {
        "day": day,
        "events": len(frame),
        "sources": _counts(frame["source"]),
        "types": _counts(frame["type"]),
        "hours": _counts(frame["time"].str.slice(11, 13)),
    }
    return Summary(
        events=len(frame),
        csv=table.round(6).to_csv(lineterminator="\n"),
        json=json.dumps(counts, indent=2) + "\n",
    )


def _counts(column: "pd.Series[str]") -> dict[str, int]:
    return {str(name): int(count) for name, count in column.value_counts().sort_index().items()}
