"""The logs: JSON lines that say which invocation they belong to, and nothing that must not be in them."""

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from common_logging import correlation_id, log_invocations, loggable, service_logger

Log = Callable[[], list[dict[str, Any]]]


@pytest.fixture(autouse=True)
def _no_logger_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(logging.Logger.manager.loggerDict, "toy", raising=False)


def test_a_line_is_json_with_level_service_message_and_a_time_in_utc(log: Log) -> None:
    logger = service_logger("toy")
    logger.info("hello", answer=42)
    (line,) = log()
    assert {"level": "INFO", "service": "toy", "message": "hello", "answer": 42}.items() <= line.items()
    assert line["timestamp"].endswith("+00:00")


def test_a_line_break_in_a_message_does_not_make_a_second_line(log: Log) -> None:
    logger = service_logger("toy")
    logger.info('stored\n{"level": "ERROR"}')
    assert [line["message"] for line in log()] == ['stored\n{"level": "ERROR"}']


def test_the_event_is_not_logged_even_where_the_environment_asks_for_it(
    log: Log, context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = service_logger("toy")
    monkeypatch.setenv("POWERTOOLS_LOGGER_LOG_EVENT", "true")
    event = {"iban": "DE02120300000000202051"}

    @log_invocations(logger)
    def handler(event: dict[str, Any], context: Any) -> str:
        logger.info("working")
        return "done"

    assert handler(event, context) == "done"
    assert "DE02" not in json.dumps(log())

    # Powertools alone would have logged it: the guard guards something.
    logger.inject_lambda_context(lambda event, context: None)(event, context)
    assert "DE02" in json.dumps(log())


def test_every_line_of_an_invocation_has_its_request_id_and_the_offered_correlation_id(log: Log, context: Any) -> None:
    logger = service_logger("toy")

    @log_invocations(logger, offered_id=lambda event: event.get("id"))
    def handler(event: dict[str, Any], context: Any) -> None:
        logger.info("working")

    handler({"id": "checkout-5f2c"}, context)
    handler({}, context)
    assert [(line["function_request_id"], line["correlation_id"]) for line in log()] == [
        ("8f1c2d3e-0000-4000-8000-1a2b3c4d5e6f", "checkout-5f2c"),
        ("8f1c2d3e-0000-4000-8000-1a2b3c4d5e6f", "8f1c2d3e-0000-4000-8000-1a2b3c4d5e6f"),
    ]


def test_keys_of_one_invocation_are_gone_in_the_next(log: Log, context: Any) -> None:
    logger = service_logger("toy")

    @log_invocations(logger)
    def handler(event: dict[str, Any], context: Any) -> None:
        logger.append_keys(**event)
        logger.info("working")

    handler({"customer": "somebody"}, context)
    handler({}, context)
    assert ["customer" in line for line in log()] == [True, False]


@pytest.mark.parametrize(
    "offered",
    [
        "checkout-5f2c",
        "8f1c2d3e-0000-4000-8000-1a2b3c4d5e6f",
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
        "x" * 128,
    ],
)
def test_what_looks_like_an_id_is_adopted(offered: str) -> None:
    assert correlation_id(offered, otherwise="mine") == offered


@pytest.mark.parametrize("offered", [None, 7, "", "two words", "a\nb", "id\n", '{"a": 1}', "x" * 129, "ñ", ["id"]])
def test_what_does_not_look_like_an_id_is_not_adopted(offered: object) -> None:
    assert correlation_id(offered, otherwise="mine") == "mine"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain, with ünïcödé", "plain, with ünïcödé"),
        ("red \x1b[31m\nline", "red  [31m line"),
        ("right-to-left \u202e override", "right-to-left   override"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        ("", ""),
    ],
)
def test_loggable_text_is_one_printable_line_of_at_most_200_characters(text: str, safe: str) -> None:
    assert loggable(text) == safe
