"""The report: a day's figures, the same however often it is asked for."""

import json
from collections.abc import Callable
from decimal import Decimal
from types import ModuleType
from typing import Any

import pytest

Sample = Callable[[str, str], dict[str, Any]]
Start = Callable[[str], ModuleType]

HEADER = "source,type,events,values,total,mean,median,p95,smallest,largest\n"


def put(table: Any, event_id: str, time: str, source: str, kind: str, value: str | None = None) -> None:
    item: dict[str, Any] = {
        "id": event_id,
        "source": source,
        "type": kind,
        "time": time,
        "day": time[:10],
        "data": "{}",
    }
    table.put_item(Item=item if value is None else item | {"value": Decimal(value)})


def objects(bucket: Any) -> dict[str, str]:
    return {found.key: found.get()["Body"].read().decode() for found in bucket.objects.all()}


@pytest.fixture
def a_day(table: Any) -> None:
    """Five events on 17 January, one on each day beside it."""
    put(table, "e-0", "2026-01-16T23:59:59.999999Z", "shop-berlin", "order.placed", "1000")
    put(table, "e-1", "2026-01-17T00:00:00.000000Z", "shop-berlin", "order.placed", "10")
    put(table, "e-2", "2026-01-17T02:31:00.000000Z", "shop-berlin", "order.placed", "20")
    put(table, "e-3", "2026-01-17T02:59:00.000000Z", "shop-berlin", "order.placed", "60.1")
    put(table, "e-4", "2026-01-17T13:00:00.000000Z", "shop-berlin", "order.returned", "-0.3")
    put(table, "e-5", "2026-01-17T23:59:59.999999Z", "shop-seoul", "customer.signed-in")
    put(table, "e-6", "2026-01-18T00:00:00.000000Z", "shop-seoul", "order.placed", "1000")


@pytest.mark.usefixtures("a_day")
def test_a_schedule_reports_the_day_before_it(bucket: Any, cold_start: Start, sample: Sample, context: Any) -> None:
    assert cold_start("daily_report").handler(sample("daily_report", "scheduled"), context) == {
        "day": "2026-01-17",
        "events": 5,
        "csv": "reports/2026-01-17/events.csv",
        "summary": "reports/2026-01-17/summary.json",
    }
    written = objects(bucket)
    assert sorted(written) == ["reports/2026-01-17/events.csv", "reports/2026-01-17/summary.json"]
    # By hand: 95 % of the way through 10, 20, 60.1 lies at 0.9 between the last two: 20 + 0.9 * 40.1.
    assert written["reports/2026-01-17/events.csv"] == HEADER + (
        "shop-berlin,order.placed,3,3,90.1,30.033333,20.0,56.09,10.0,60.1\n"
        "shop-berlin,order.returned,1,1,-0.3,-0.3,-0.3,-0.3,-0.3,-0.3\n"
        "shop-seoul,customer.signed-in,1,0,0.0,,,,,\n"
    )
    assert json.loads(written["reports/2026-01-17/summary.json"]) == {
        "day": "2026-01-17",
        "events": 5,
        "sources": {"shop-berlin": 4, "shop-seoul": 1},
        "types": {"customer.signed-in": 1, "order.placed": 3, "order.returned": 1},
        "hours": {"00": 1, "02": 2, "13": 1, "23": 1},
    }


@pytest.mark.usefixtures("a_day")
def test_a_date_in_the_event_goes_before_the_schedule(
    bucket: Any, cold_start: Start, sample: Sample, context: Any
) -> None:
    event = sample("daily_report", "scheduled") | {"date": "2026-01-16"}
    assert cold_start("daily_report").handler(event, context)["events"] == 1
    assert sorted(objects(bucket)) == ["reports/2026-01-16/events.csv", "reports/2026-01-16/summary.json"]


@pytest.mark.usefixtures("a_day")
def test_a_second_run_writes_the_same_bytes(bucket: Any, cold_start: Start, sample: Sample, context: Any) -> None:
    main = cold_start("daily_report")
    main.handler(sample("daily_report", "scheduled"), context)
    first = objects(bucket)
    main.handler(sample("daily_report", "of-a-day"), context)
    assert objects(bucket) == first


@pytest.mark.usefixtures("table")
def test_a_day_without_events_has_an_empty_report(bucket: Any, cold_start: Start, sample: Sample, context: Any) -> None:
    assert cold_start("daily_report").handler(sample("daily_report", "of-a-day"), context)["events"] == 0
    written = objects(bucket)
    assert written["reports/2026-01-17/events.csv"] == HEADER
    assert json.loads(written["reports/2026-01-17/summary.json"]) == {
        "day": "2026-01-17",
        "events": 0,
        "sources": {},
        "types": {},
        "hours": {},
    }


def test_a_day_of_several_pages_is_read_to_its_end(
    table: Any, bucket: Any, cold_start: Start, monkeypatch: pytest.MonkeyPatch, context: Any
) -> None:
    for number in range(7):
        put(table, f"e-{number}", f"2026-01-17T0{number}:00:00.000000Z", "shop", "order.placed", "1")
    main = cold_start("daily_report")
    pages = []

    def limited(params: dict[str, Any], **_: object) -> dict[str, Any]:
        pages.append(params)
        return params | {"Limit": 3}

    # DynamoDB ends a page at 1 MB; a limit makes as many pages with less data.
    main.dynamodb.meta.events.register("provide-client-params.dynamodb.Query", limited)
    assert main.handler({"date": "2026-01-17"}, context)["events"] == 7
    assert len(pages) == 3


@pytest.mark.parametrize(
    ("event", "day"),
    [
        ({"date": "2024-02-29"}, "2024-02-29"),
        ({"time": "2026-01-18T01:00:00Z"}, "2026-01-17"),
        ({"time": "2026-01-01T00:00:00Z"}, "2025-12-31"),
        ({"time": "2026-01-18T00:30:00+01:00"}, "2026-01-16"),
        ({"time": "2026-01-18T01:00:00Z", "date": None}, "2026-01-17"),
    ],
)
@pytest.mark.usefixtures("aws")
def test_the_day_follows_from_the_event_alone(cold_start: Start, event: dict[str, Any], day: str) -> None:
    assert cold_start("daily_report").day_of_report(event) == day


@pytest.mark.parametrize("date", ["yesterday", "20260117", "2026-W03-6", "2026-02-30", "", 20260117, "2026-01-17/../x"])
@pytest.mark.usefixtures("table")
def test_a_wrong_date_is_refused_and_nothing_written(
    bucket: Any, cold_start: Start, context: Any, date: object
) -> None:
    with pytest.raises(ValueError, match="date: expected a day such as 2026-01-17, got ") as refused:
        cold_start("daily_report").handler({"date": date}, context)
    assert repr(date) in str(refused.value)
    assert objects(bucket) == {}


@pytest.mark.usefixtures("a_day")
def test_a_report_that_cannot_be_written_is_an_error(cold_start: Start, sample: Sample, context: Any) -> None:
    main = cold_start("daily_report")
    with pytest.raises(main.s3.exceptions.NoSuchBucket):
        main.handler(sample("daily_report", "scheduled"), context)
