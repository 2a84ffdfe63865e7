"""The HTTP API: what is stored comes back, page by page; what is wrong is said clearly and without our insides."""

import base64
import json
from collections.abc import Callable
from types import ModuleType
from typing import Any

import boto3
import pytest
from common_models import item_of, parse_event
from hypothesis import given
from hypothesis import strategies as st
from query_api.cursor import Cursor, InvalidCursorError

Sample = Callable[[str, str], dict[str, Any]]
Start = Callable[[str], ModuleType]
Log = Callable[[], list[dict[str, Any]]]


def put(table: Any, event_id: str, time: str, source: str = "shop-berlin", **more: Any) -> None:
    body = {"id": event_id, "source": source, "type": "order.placed", "time": time} | more
    boto3.client("dynamodb").put_item(TableName=table.name, Item=item_of(parse_event(json.dumps(body))))


@pytest.fixture
def ask(cold_start: Start, sample: Sample, context: Any) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Sends a request to a freshly started API: its status and JSON body come back."""
    main = cold_start("query_api")

    def send(path: str, method: str = "GET", **query: str) -> tuple[int, dict[str, Any]]:
        event = sample("query_api", "get-event") | {"rawPath": path}
        event["requestContext"]["http"] |= {"path": path, "method": method}
        if query:
            event["queryStringParameters"] = {name.rstrip("_"): value for name, value in query.items()}
        answer = main.handler(event, context)
        assert answer["headers"]["Content-Type"] == "application/json"
        return answer["statusCode"], json.loads(answer["body"])

    return send


Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def ten_events(table: Any) -> list[str]:
    """Ten events of one source, two at each moment, between others; their ids in the order of the pages."""
    for number in range(10):
        put(table, f"order-{number}", f"2026-01-17T0{number // 2}:00:00Z", value=number)
    put(table, "elsewhere", "2026-01-17T02:00:00Z", source="shop-berlin-2")
    return [f"order-{number}" for number in range(10)]


def follow(ask: Ask, path: str, **query: str) -> list[list[str]]:
    """The ids on each page, following the cursors to the end."""
    pages: list[list[str]] = []
    cursor: dict[str, str] = {}
    while True:
        status, body = ask(path, **query, **cursor)
        assert status == 200
        pages.append([event["id"] for event in body["events"]])
        if body["cursor"] is None:
            return pages
        cursor = {"cursor": body["cursor"]}


def test_an_event_is_answered_as_it_was_sent(table: Any, cold_start: Start, sample: Sample, context: Any) -> None:
    put(
        table,
        "order-1001",
        "2026-01-17T03:31:00+01:00",
        value="49.90",
        data={"currency": "EUR", "lines": [1, {"é": None}]},
    )
    answer = cold_start("query_api").handler(sample("query_api", "get-event"), context)
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        200,
        {
            "id": "order-1001",
            "source": "shop-berlin",
            "type": "order.placed",
            "time": "2026-01-17T02:31:00Z",
            "value": 49.9,
            "data": {"currency": "EUR", "lines": [1, {"é": None}]},
        },
    )


def test_an_id_may_be_percent_encoded(table: Any, ask: Ask) -> None:
    put(table, "order:1001", "2026-01-17T02:31:00Z")
    assert ask("/events/order%3A1001")[1]["id"] == "order:1001"


@pytest.mark.usefixtures("table")
def test_an_unknown_event_is_not_found(cold_start: Start, sample: Sample, context: Any) -> None:
    answer = cold_start("query_api").handler(sample("query_api", "unknown-event"), context)
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        404,
        {"statusCode": 404, "message": "no event has the id order-9999"},
    )


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/"), ("GET", "/events"), ("GET", "/events/a/b"), ("POST", "/events/order-1001")]
)
def test_an_unknown_path_or_method_is_not_found(ask: Ask, method: str, path: str) -> None:
    assert ask(path, method) == (404, {"statusCode": 404, "message": "Not found"})


def test_the_sample_page_ends_with_a_cursor_as_more_follows(
    ten_events: list[str], cold_start: Start, sample: Sample, context: Any
) -> None:
    answer = json.loads(cold_start("query_api").handler(sample("query_api", "get-page"), context)["body"])
    assert [event["id"] for event in answer["events"]] == ten_events[:1]
    assert isinstance(answer["cursor"], str)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 9, 10, 11, 100])
def test_pages_of_any_size_give_each_event_once_and_in_order(ten_events: list[str], ask: Ask, limit: int) -> None:
    pages = follow(ask, "/sources/shop-berlin/events", limit=str(limit))
    assert [event for page in pages for event in page] == ten_events
    # No page is empty, and the last one says that it is the last.
    assert [len(page) for page in pages] == [limit] * (10 // limit) + ([10 % limit] if 10 % limit else [])


def test_without_a_limit_a_page_has_fifty_events(table: Any, ask: Ask) -> None:
    for number in range(60):
        put(table, f"order-{number}", f"2026-01-17T00:{number:02}:00Z")
    assert [len(page) for page in follow(ask, "/sources/shop-berlin/events")] == [50, 10]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"from_": "2026-01-17T01:00:00Z", "to": "2026-01-17T03:00:00Z"}, ["order-2", "order-3", "order-4", "order-5"]),
        ({"from_": "2026-01-17T01:00:00.000001Z", "to": "2026-01-17T02:00:00.000001Z"}, ["order-4", "order-5"]),
        ({"from_": "2026-01-17T05:00:00+01:00"}, ["order-8", "order-9"]),
        ({"to": "2026-01-17T01:00:00Z"}, ["order-0", "order-1"]),
        ({"to": "0001-01-01T00:00:00Z"}, []),
        ({"from_": "9999-12-31T23:59:59.999999Z"}, []),
    ],
)
def test_a_page_holds_what_happened_from_and_before_to(
    ten_events: list[str], ask: Ask, query: dict[str, str], expected: list[str]
) -> None:
    assert follow(ask, "/sources/shop-berlin/events", limit="3", **query) == [
        expected[start : start + 3] for start in range(0, max(len(expected), 1), 3)
    ]


@pytest.mark.usefixtures("table")
def test_a_source_without_events_has_an_empty_page(ask: Ask) -> None:
    assert ask("/sources/nowhere/events") == (200, {"events": [], "cursor": None})


def test_an_event_that_arrives_between_two_pages_does_not_disturb_them(
    ten_events: list[str], table: Any, ask: Ask
) -> None:
    _, first = ask("/sources/shop-berlin/events", limit="4")
    put(table, "late", "2026-01-17T00:30:00Z")
    _, second = ask("/sources/shop-berlin/events", limit="4", cursor=first["cursor"])
    assert [event["id"] for event in first["events"] + second["events"]] == ten_events[:8]


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/sources/shop/events", {"limit": "0"}, "limit: Input should be greater than or equal to 1"),
        ("/sources/shop/events", {"limit": "101"}, "limit: Input should be less than or equal to 100"),
        (
            "/sources/shop/events",
            {"limit": "1,2"},
            "limit: Input should be a valid integer, unable to parse string as an integer",
        ),
        ("/sources/shop/events", {"from_": "yesterday"}, "from: expected a time such as 2026-01-17T02:31:00Z"),
        ("/sources/shop/events", {"to": ""}, "to: expected a time such as 2026-01-17T02:31:00Z"),
        ("/sources/shop/events", {"limt": "5"}, "limt: Extra inputs are not permitted"),
        ("/sources/shop/events", {"start": "2026-01-17T00:00:00Z"}, "start: Extra inputs are not permitted"),
        (
            "/sources/shop/events",
            {"from_": "2026-01-17T00:00:00Z", "to": "2026-01-17T00:00:00Z"},
            "expected from to be before to",
        ),
        ("/sources/Shop/events", {}, "source: String should match pattern '^[a-z0-9][a-z0-9._-]{0,63}$'"),
        ("/events/%2e%2e%2fx", {}, "id: String should match pattern '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'"),
        (
            "/sources/shop/events",
            {"cursor": "bm90IG91cnM"},
            "cursor: expected the cursor of the page before, for the same source, from and to",
        ),
    ],
)
def test_bad_input_is_refused_with_what_is_wrong(ask: Ask, path: str, query: dict[str, str], message: str) -> None:
    assert ask(path, **query) == (400, {"statusCode": 400, "message": message})


@pytest.mark.usefixtures("table")
def test_the_sample_of_bad_input_gets_all_its_reasons(cold_start: Start, sample: Sample, context: Any) -> None:
    answer = cold_start("query_api").handler(sample("query_api", "bad-limit"), context)
    assert (answer["statusCode"], json.loads(answer["body"])["message"]) == (
        400,
        (
            "from: expected a time such as 2026-01-17T02:31:00Z; "
            "limit: Input should be a valid integer, unable to parse string as an integer"
        ),
    )


def test_a_cursor_belongs_to_its_source_and_times(ten_events: list[str], ask: Ask) -> None:
    _, page = ask("/sources/shop-berlin/events", limit="2", from_="2026-01-17T00:00:00Z")
    cursor = page["cursor"]
    assert ask("/sources/shop-berlin/events", from_="2026-01-17T00:00:00Z", cursor=cursor)[0] == 200
    assert ask("/sources/shop-berlin-2/events", from_="2026-01-17T00:00:00Z", cursor=cursor)[0] == 400
    assert ask("/sources/shop-berlin/events", from_="2026-01-17T00:00:01Z", cursor=cursor)[0] == 400
    assert ask("/sources/shop-berlin/events", cursor=cursor)[0] == 400


@given(st.data())
def test_a_changed_cursor_is_refused_whichever_character_changed(data: st.DataObject) -> None:
    cursor = Cursor(time="2026-01-17T02:31:00.000000Z", id=data.draw(st.from_regex(r"\A[A-Za-z0-9._:-]{1,30}\Z")))
    text = cursor.encode("query")
    assert Cursor.decode(text, "query") == cursor
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([letter for letter in ALPHABET if letter != text[place]]))
    with pytest.raises(InvalidCursorError):
        Cursor.decode(text[:place] + other + text[place + 1 :], "query")


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ "


@given(st.text() | st.binary().map(lambda content: base64.urlsafe_b64encode(content).decode().rstrip("=")))
def test_no_other_text_is_a_cursor(text: str) -> None:
    with pytest.raises(InvalidCursorError):
        Cursor.decode(text, "query")


@pytest.mark.filterwarnings("ignore:POWERTOOLS_DEV")
def test_what_breaks_inside_is_not_answered_even_to_a_developer(
    cold_start: Start, sample: Sample, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Powertools would then answer with the stack trace, were debugging not switched off.
    monkeypatch.setenv("POWERTOOLS_DEV", "true")
    answer = cold_start("query_api").handler(sample("query_api", "get-event"), context)  # there is no table
    assert (answer["statusCode"], json.loads(answer["body"])) == (
        500,
        {"statusCode": 500, "message": "internal error in request 8f1c2d3e-0000-4000-8000-1a2b3c4d5e6f"},
    )


def test_the_stack_trace_is_in_the_log_under_the_request_id(
    cold_start: Start, sample: Sample, context: Any, log: Log
) -> None:
    cold_start("query_api").handler(sample("query_api", "get-event"), context)
    (line,) = log()
    assert (line["level"], line["function_request_id"]) == ("ERROR", "8f1c2d3e-0000-4000-8000-1a2b3c4d5e6f")
    assert "ResourceNotFoundException" in line["exception"]


@pytest.mark.parametrize("event", [{}, {"version": "2.0"}, {"rawPath": "/events/a", "headers": None}])
@pytest.mark.usefixtures("table")
def test_an_event_of_another_shape_is_an_internal_error_and_no_crash(
    cold_start: Start, context: Any, event: dict[str, Any]
) -> None:
    assert cold_start("query_api").handler(event, context)["statusCode"] == 500


@pytest.mark.usefixtures("table")
def test_a_request_has_one_line_in_the_log_with_the_callers_correlation_id(
    cold_start: Start, sample: Sample, context: Any, log: Log
) -> None:
    cold_start("query_api").handler(sample("query_api", "get-event"), context)
    (line,) = log()
    assert {name: line[name] for name in ("message", "path", "status", "correlation_id")} == {
        "message": "request answered",
        "path": "/events/order-1001",
        "status": 404,
        "correlation_id": "checkout-5f2c",
    }
