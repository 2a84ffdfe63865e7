"""The HTTP API behind the function's URL: one event by id, a source's events by time."""

import json
from typing import Any, TypeVar
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver
from aws_lambda_powertools.event_handler.exceptions import BadRequestError, NotFoundError
from aws_lambda_powertools.utilities.typing import LambdaContext
from common_logging import log_invocations, loggable, service_logger
from common_models import reasons
from pydantic import BaseModel, ValidationError

from query_api.cursor import InvalidCursorError
from query_api.events import event_by_id, page_of_source
from query_api.requests import EventPath, PageQuery, SourcePath

logger = service_logger("query-api")
# Debugging would answer with stack traces; nothing in the environment can turn it on.
app = LambdaFunctionUrlResolver(debug=False)

Asked = TypeVar("Asked", bound=BaseModel)


@app.get("/events/<event_id>")
def get_event(event_id: str) -> dict[str, Any]:
    """Answer `GET /events/{id}`."""
    asked = _read(EventPath, {"id": unquote(event_id)})
    event = event_by_id(asked.id)
    if event is None:
        raise NotFoundError(f"no event has the id {asked.id}")
    return event.model_dump(mode="json")


@app.get("/sources/<source>/events")
def get_events_of_source(source: str) -> dict[str, Any]:
    """Answer `GET /sources/{source}/events?from=&to=&limit=&cursor=`."""
    asked = _read(SourcePath, {"source": unquote(source)})
    wanted = _read(PageQuery, app.current_event.query_string_parameters)
    try:
        page = page_of_source(asked.source, wanted)
    except InvalidCursorError as error:
        raise BadRequestError(str(error)) from None
    return {"events": [event.model_dump(mode="json") for event in page.events], "cursor": page.cursor}


def _read(model: type[Asked], given: dict[str, str]) -> Asked:
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise BadRequestError(reasons(error)) from None


def _offered_id(event: dict[str, Any]) -> object:
    return (event.get("headers") or {}).get("x-correlation-id")


@log_invocations(logger, offered_id=_offered_id)
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request to the function's URL.

    Args:
        event: the request, payload format 2.0:
            https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
        context: of the invocation.

    Returns:
        The response. What goes wrong inside is logged; the caller learns the request id to quote.
    """
    try:
        response = app.resolve(event, context)
    except Exception:
        logger.exception("request failed")
        body = {"statusCode": 500, "message": f"internal error in request {context.aws_request_id}"}
        return {"statusCode": 500, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
    logger.info("request answered", path=loggable(str(event.get("rawPath"))), status=response["statusCode"])
    return response
