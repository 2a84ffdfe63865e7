"""Events: what is one, why something is none, and that storing one loses nothing."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from common_models import InvalidEventError, event_of, item_of, parse_event, utc_text
from hypothesis import given
from hypothesis import strategies as st

GOOD: dict[str, Any] = {"id": "e-1", "source": "shop", "type": "order.placed", "time": "2026-01-17T02:31:00Z"}


def text(**changed: Any) -> str:
    return json.dumps(GOOD | changed)


def test_an_event_may_come_without_value_and_data() -> None:
    event = parse_event(text())
    assert (event.id, event.source, event.type) == ("e-1", "shop", "order.placed")
    assert (event.time, event.value, event.data) == (datetime(2026, 1, 17, 2, 31, tzinfo=UTC), None, {})


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2026-01-17T02:31:00Z", "2026-01-17T02:31:00.000000Z"),
        ("2026-01-17T00:30:00.25+01:00", "2026-01-16T23:30:00.250000Z"),
        ("2026-12-31T23:59:59.999999-00:01", "2027-01-01T00:00:59.999999Z"),
        ("0999-01-01T00:00:00Z", "0999-01-01T00:00:00.000000Z"),
    ],
)
def test_times_are_stored_in_utc_and_the_day_is_theirs(written: str, stored: str) -> None:
    item = item_of(parse_event(text(time=written)))
    assert (item["time"], item["day"]) == ({"S": stored}, {"S": stored[:10]})


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (text(time="1768617060"), "time: expected a time such as 2026-01-17T02:31:00Z"),
        (text(time="2026-01-17 02:31:00Z"), "time: expected a time such as 2026-01-17T02:31:00Z"),
        (text(time="2026-02-30T00:00:00Z"), "time: expected a time such as 2026-01-17T02:31:00Z"),
        (text(time="2026-01-17T02:31:00"), "time: expected a time such as 2026-01-17T02:31:00Z"),
        (text(time=1768617060), "time: Input should be a valid datetime"),
        (text(time="0001-01-01T00:00:00+14:00"), "time: expected a time within the years 1 to 9999, in UTC"),
        (text(id=""), "id: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'"),
        (text(id="e 1"), "id: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'"),
        (text(id="e-1\n"), "id: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'"),
        (text(id="x" * 129), "id: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'"),
        (text(id=1), "id: Input should be a valid string"),
        (text(source="Shop"), "source: String should match pattern '^[a-z0-9][a-z0-9._-]{0,63}$'"),
        (text(value="a lot"), "value: Input should be a valid decimal"),
        (text(value=True), "value: Decimal input should be an integer, float, string or Decimal object"),
        (text(value=1e300), "value: Decimal input should have no more than 15 digits in total"),
        (text(value=0.1234567), "value: Decimal input should have no more than 6 decimal places"),
        (text(value=1234567890.5), "value: Decimal input should have no more than 9 digits before the decimal point"),
        (text(value=float("nan")), "value: Input should be a finite number"),
        (text(data={"deep": [float("inf")]}), "data: Out of range float values are not JSON compliant"),
        (text(data={"x": "y" * 100_000}), "data: expected at most 100000 bytes of JSON, got 100008"),
        (text(data=[]), "data: Input should be an object"),
        (text(colour="red"), "colour: Extra inputs are not permitted"),
        ("[]", "Input should be an object"),
        ("", "Invalid JSON: EOF while parsing a value at line 1 column 0"),
        ("<order/>", "Invalid JSON: expected value at line 1 column 1"),
    ],
)
def test_what_is_no_event_is_refused_with_its_reason(body: str, reason: str) -> None:
    with pytest.raises(InvalidEventError) as refused:
        parse_event(body)
    assert str(refused.value) == reason


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InvalidEventError) as refused:
        parse_event('{"id": "e-1", "source": "shop", "value": "a lot"}')
    assert str(refused.value) == ("type: Field required; time: Field required; value: Input should be a valid decimal")


def test_after_five_reasons_the_rest_is_counted() -> None:
    with pytest.raises(InvalidEventError) as refused:
        parse_event(text(**{f"extra{number}": 0 for number in range(8)}))
    assert str(refused.value).endswith("; extra4: Extra inputs are not permitted; and 3 more")


@pytest.mark.parametrize("field", ["id", "source", "type", "time", "value", "data", "unknown"])
def test_a_refusal_holds_nothing_of_the_refused_values(field: str) -> None:
    with pytest.raises(InvalidEventError) as refused:
        parse_event(text(**{field: "SECRET \x1b[31m"}))
    assert "SECRET" not in str(refused.value)
    # Nor would a stack trace: pydantic's own error, which quotes its input, is not what caused this one.
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_field_name_from_outside_cannot_forge_a_log_line() -> None:
    with pytest.raises(InvalidEventError) as refused:
        parse_event(text(**{"a\nb\x1b[31m" + "c" * 500: 0}))
    assert str(refused.value).isprintable()
    assert len(str(refused.value)) == 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = st.fixed_dictionaries(
    {
        "id": st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._:-]{0,20}\Z"),
        "source": st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,20}\Z"),
        "type": st.from_regex(r"\A[a-z0-9][a-z0-9._-]{0,20}\Z"),
        "time": st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    },
    optional={
        "value": st.decimals(-999_999_999, 999_999_999, places=6).map(str),
        "data": st.dictionaries(st.text(), json_values, max_size=3),
    },
)


@given(bodies)
def test_storing_and_reading_an_event_gives_the_same_event(body: dict[str, Any]) -> None:
    event = parse_event(json.dumps(body))
    item = item_of(event)
    # boto3's own codec: whatever DynamoDB does to a number (10.50 becomes 10.5) happens here too.
    plain = {name: TypeDeserializer().deserialize(value) for name, value in item.items()}
    assert event_of({name: TypeSerializer().serialize(value) for name, value in plain.items()}) == event
    assert event.data == body.get("data", {})


@given(bodies)
def test_what_the_api_answers_is_the_event_that_was_sent(body: dict[str, Any]) -> None:
    answer = json.loads(parse_event(json.dumps(body)).model_dump_json())
    assert answer["value"] == (float(body["value"]) if "value" in body else None)
    assert Decimal(str(answer["value"] or 0)) == Decimal(body.get("value", 0))
    assert {name: answer[name] for name in ("id", "source", "type")} == {
        name: body[name] for name in ("id", "source", "type")
    }


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_the_order_of_stored_times_is_the_order_in_time(one: datetime, other: datetime) -> None:
    try:
        earlier = one.astimezone(UTC) < other.astimezone(UTC)
    except OverflowError:
        return
    assert (utc_text(one) < utc_text(other)) == earlier
