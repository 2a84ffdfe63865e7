"""The partner's file, record by record. Runs in the standalone project's own environment, with its pandas 2."""

from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

import pytest
from legacy_export.fixed_width import export_file

Sample = Callable[[str, str], dict[str, Any]]
Start = Callable[[str], ModuleType]


def put(table: Any, event_id: str, time: str, source: str, kind: str) -> None:
    table.put_item(Item={"id": event_id, "source": source, "type": kind, "time": time, "day": time[:10], "data": "{}"})


def record(text: str) -> str:
    """A record of the file as the partner describes it: 140 characters, then CRLF."""
    return text.ljust(140) + "\r\n"


def detail(hour: str, source: str, kind: str, events: str) -> str:
    return f"D{hour}{source:<64}{kind:<64}{events}\r\n"


def test_it_runs_on_the_older_pandas() -> None:
    assert version("pandas").startswith("2.")


def test_the_file_counts_events_by_hour_source_and_type() -> None:
    seen = [
        ("13", "shop-seoul", "customer.signed-in"),
        ("02", "shop-berlin", "order.placed"),
        ("02", "shop-berlin", "order.placed"),
        ("02", "shop-berlin", "order.returned"),
    ]
    assert export_file("2026-01-17", seen) == (
        record("H20260117")
        + detail("02", "shop-berlin", "order.placed", "000000002")
        + detail("02", "shop-berlin", "order.returned", "000000001")
        + detail("13", "shop-seoul", "customer.signed-in", "000000001")
        + record("T000000003000000004")
    )


def test_a_day_without_events_is_a_header_and_a_trailer() -> None:
    assert export_file("2026-01-17", []) == record("H20260117") + record("T000000000000000000")


@pytest.mark.parametrize("column", ["source", "type"])
def test_a_name_of_full_width_fits_and_a_longer_one_is_refused(column: str) -> None:
    def a_file(length: int) -> str:
        names = {"source": "s", "type": "t"} | {column: "x" * length}
        return export_file("2026-01-17", [("00", names["source"], names["type"])])

    assert {len(line) for line in a_file(64).split("\r\n")[:-1]} == {140}
    with pytest.raises(ValueError, match=f"^column '{column}': a cell is wider than the partner's 64 characters$"):
        a_file(65)


def test_a_schedule_exports_the_day_before_it(
    table: Any, bucket: Any, cold_start: Start, sample: Sample, context: Any
) -> None:
    put(table, "e-0", "2026-01-16T23:59:59.999999Z", "shop-berlin", "order.placed")
    put(table, "e-1", "2026-01-17T02:31:00.000000Z", "shop-berlin", "order.placed")
    put(table, "e-2", "2026-01-17T02:59:00.000000Z", "shop-berlin", "order.placed")
    main = cold_start("legacy_export")
    assert main.handler(sample("legacy_export", "scheduled"), context) == {
        "day": "2026-01-17",
        "events": 2,
        "key": "exports/2026-01-17.txt",
    }
    expected = (
        record("H20260117") + detail("02", "shop-berlin", "order.placed", "000000002") + record("T000000001000000002")
    )
    read = {found.key: found.get()["Body"].read().decode("ascii") for found in bucket.objects.all()}
    assert read == {"exports/2026-01-17.txt": expected}
    main.handler(sample("legacy_export", "of-a-day"), context)
    assert [found.get()["Body"].read().decode("ascii") for found in bucket.objects.all()] == [expected]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("date", ["yesterday", "20260117", "", 20260117])
def test_a_wrong_date_is_refused_and_nothing_written(
    bucket: Any, cold_start: Start, context: Any, date: object
) -> None:
    with pytest.raises(ValueError, match="date: expected a day such as 2026-01-17, got ") as refused:
        cold_start("legacy_export").handler({"date": date}, context)
    assert repr(date) in str(refused.value)
    assert list(bucket.objects.all()) == []


@pytest.mark.usefixtures("table", "bucket")
def test_it_logs_with_the_common_library(
    cold_start: Start, sample: Sample, context: Any, log: Callable[[], list[dict[str, Any]]]
) -> None:
    cold_start("legacy_export").handler(sample("legacy_export", "scheduled"), context)
    (line,) = log()
    assert {name: line[name] for name in ("service", "message", "day", "events", "correlation_id")} == {
        "service": "legacy-export",
        "message": "file exported",
        "day": "2026-01-17",
        "events": 0,
        "correlation_id": "1f0c4d9e-77a2-4b0c-9d1d-0e5a6b7c8d9f",
    }
