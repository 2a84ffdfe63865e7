"""The worker: every good event is stored once, and a bad record alone comes back to the queue."""

import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.responses import DynamoHandler

Sample = Callable[[str, str], dict[str, Any]]
Log = Callable[[], list[dict[str, Any]]]
Start = Callable[[str], ModuleType]

ORDER_1001, ORDER_1002, LOGIN_77 = (
    "059f36b4-87a3-44ab-83d2-661975830a7d",
    "2e1424d4-f796-459a-8184-9c92662be6da",
    "7b9d5c1e-0c1f-4d3b-9a53-2a4f5f0f8e11",
)
NOT_VALID, NOT_JSON = "a3c7b0f2-6d0e-4a3e-8f2a-51f1f5b7c0d9", "c44d2a57-3b0a-4c5e-93b1-0d9d8a6e7f21"


@pytest.fixture
def worker(table: Any, cold_start: Start) -> Callable[[], ModuleType]:
    """Starts the worker; called in the test itself, as pytest gives each phase of a test its own standard output."""
    return lambda: cold_start("ingestion_worker")


def failures(*message_ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in message_ids]}


def ids(table: Any) -> list[str]:
    return sorted(item["id"] for item in table.scan()["Items"])


@pytest.fixture
def throttle(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Has DynamoDB refuse the first puts of some events; gives the ids of all puts that reach it."""

    def refuse(*events: str, times: int) -> list[str]:
        put_item, left, seen = DynamoHandler.put_item, dict.fromkeys(events, times), []

        def refuse_first(handler: DynamoHandler) -> Any:
            event = handler.body["Item"]["id"]["S"]
            seen.append(event)
            if left.get(event, 0) == 0:
                return put_item(handler)
            left[event] -= 1
            raise JsonRESTError("ThrottlingException", "Rate of requests exceeds the allowed throughput")

        monkeypatch.setattr(DynamoHandler, "put_item", refuse_first)
        # botocore retries as it always does, only without its pauses.
        monkeypatch.setattr("botocore.endpoint.time.sleep", lambda seconds: None)
        return seen

    return refuse


def test_a_good_batch_is_stored_and_nothing_comes_back(
    worker: Callable[[], ModuleType], table: Any, sample: Sample, context: Any
) -> None:
    assert worker().handler(sample("ingestion_worker", "batch"), context) == failures()
    stored = {item["id"]: item for item in table.scan()["Items"]}
    assert sorted(stored) == ["login-77", "order-1001", "order-1002"]
    assert {name: str(value) for name, value in stored["order-1002"].items()} == {
        "id": "order-1002",
        "source": "shop-berlin",
        "type": "order.placed",
        "time": "2026-01-17T04:10:30.250000Z",
        "day": "2026-01-17",
        "value": "12.5",
        "data": '{"currency":"EUR","items":1}',
    }
    assert "value" not in stored["login-77"]


def test_an_empty_batch_is_nothing_to_do(
    worker: Callable[[], ModuleType], table: Any, sample: Sample, context: Any
) -> None:
    assert worker().handler(sample("ingestion_worker", "empty"), context) == failures()
    assert ids(table) == []


def test_the_same_event_twice_is_stored_once(
    worker: Callable[[], ModuleType], table: Any, sample: Sample, context: Any, log: Log
) -> None:
    main = worker()
    assert main.handler(sample("ingestion_worker", "duplicates"), context) == failures()
    before = table.scan()["Items"]
    assert main.handler(sample("ingestion_worker", "duplicates"), context) == failures()
    assert [item["id"] for item in before] == ["order-1001"]
    assert table.scan()["Items"] == before
    said = [line["message"] for line in log() if "message_id" in line]
    assert said == ["event stored", "event was stored before", "event was stored before", "event was stored before"]


def test_only_the_bad_records_of_a_batch_come_back(
    worker: Callable[[], ModuleType], table: Any, sample: Sample, context: Any
) -> None:
    assert worker().handler(sample("ingestion_worker", "poison"), context) == failures(NOT_VALID, NOT_JSON)
    assert ids(table) == ["order-1001", "order-1002"]


def test_a_batch_of_bad_records_alone_comes_back_without_an_error(
    worker: Callable[[], ModuleType], table: Any, sample: Sample, context: Any
) -> None:
    batch = {"Records": sample("ingestion_worker", "poison")["Records"][1:3]}
    assert worker().handler(batch, context) == failures(NOT_VALID, NOT_JSON)


def test_the_reason_of_a_refusal_is_logged_under_its_message_id_without_the_body(
    worker: Callable[[], ModuleType], sample: Sample, context: Any, log: Log
) -> None:
    worker().handler(sample("ingestion_worker", "poison"), context)
    lines = log()
    assert {line["message_id"]: line["reason"] for line in lines if line["level"] == "ERROR"} == {
        NOT_VALID: "time: expected a time such as 2026-01-17T02:31:00Z; value: Input should be a valid decimal",
        NOT_JSON: "Invalid JSON: expected value at line 1 column 1",
    }
    text = json.dumps(lines)
    assert not [secret for secret in ("DE02120300000000202051", "a lot", "<order", "EUR") if secret in text]


def test_lines_of_a_record_carry_its_correlation_id_and_no_other_records(
    worker: Callable[[], ModuleType], sample: Sample, context: Any, log: Log
) -> None:
    worker().handler(sample("ingestion_worker", "batch"), context)
    assert [(line["message"], line.get("message_id"), line.get("correlation_id")) for line in log()] == [
        ("event stored", ORDER_1001, "checkout-5f2c"),
        ("event stored", ORDER_1002, ORDER_1002),
        ("event stored", LOGIN_77, LOGIN_77),
        ("batch done", None, None),
    ]


def test_another_event_under_a_taken_id_is_refused_and_the_stored_one_kept(
    worker: Callable[[], ModuleType], table: Any, sample: Sample, context: Any, log: Log
) -> None:
    batch = sample("ingestion_worker", "duplicates")
    _, second = batch["Records"]
    second["body"] = json.dumps(json.loads(second["body"]) | {"value": 50})
    assert worker().handler(batch, context) == failures(second["messageId"])
    assert [str(item["value"]) for item in table.scan()["Items"]] == ["49.9"]
    assert [line["reason"] for line in log() if line["level"] == "ERROR"] == [
        "the id order-1001 is taken by an event with another content"
    ]


def test_a_short_throttle_is_overcome_within_the_invocation(
    worker: Callable[[], ModuleType],
    throttle: Callable[..., list[str]],
    table: Any,
    sample: Sample,
    context: Any,
) -> None:
    seen = throttle("order-1002", times=1)
    assert worker().handler(sample("ingestion_worker", "batch"), context) == failures()
    assert seen == ["order-1001", "order-1002", "order-1002", "login-77"]
    assert ids(table) == ["login-77", "order-1001", "order-1002"]


def test_a_throttled_record_comes_back_alone_and_is_stored_when_it_does(
    worker: Callable[[], ModuleType],
    throttle: Callable[..., list[str]],
    table: Any,
    sample: Sample,
    context: Any,
    log: Log,
) -> None:
    main = worker()
    throttle("order-1002", times=2)
    batch = sample("ingestion_worker", "batch")
    assert main.handler(batch, context) == failures(ORDER_1002)
    assert ids(table) == ["login-77", "order-1001"]
    (error,) = [line for line in log() if line["level"] == "ERROR"]
    assert error["message_id"] == ORDER_1002
    assert "(ThrottlingException)" in error["reason"]

    assert main.handler({"Records": [batch["Records"][1]]}, context) == failures()
    assert ids(table) == ["login-77", "order-1001", "order-1002"]


def test_a_full_batch_that_is_throttled_all_along_comes_back_whole(
    worker: Callable[[], ModuleType],
    throttle: Callable[..., list[str]],
    sample: Sample,
    context: Any,
) -> None:
    seen = throttle("order-1001", "order-1002", "login-77", times=99)
    assert worker().handler(sample("ingestion_worker", "batch"), context) == failures(ORDER_1001, ORDER_1002, LOGIN_77)
    # Two attempts each: more would not fit into the time a function has for ten records.
    assert len(seen) == 6


def test_without_its_table_no_record_is_lost(cold_start: Start, sample: Sample, context: Any) -> None:
    main = cold_start("ingestion_worker")
    assert main.handler(sample("ingestion_worker", "batch"), context) == failures(ORDER_1001, ORDER_1002, LOGIN_77)


def test_a_missing_setting_ends_the_cold_start(cold_start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TABLE_NAME")
    with pytest.raises(KeyError, match="TABLE_NAME"):
        cold_start("ingestion_worker")
