"""The logger of a service, and what it says of each invocation."""

import functools
import re
from collections.abc import Callable
from typing import Any, TypeVar

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

Answer = TypeVar("Answer")
Handler = Callable[[dict[str, Any], LambdaContext], Answer]

# What is adopted from outside as a correlation id: enough for a UUID, a ULID, an X-Ray or a W3C trace id.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:=;-]{0,127}")


def service_logger(service: str) -> Logger:
    """A logger that writes JSON lines to standard output: level, location, message, time in UTC, service.

    The level is `INFO`, or what the environment variable `POWERTOOLS_LOG_LEVEL` says.

    Args:
        service: the name that every line carries.

    Returns:
        Powertools' logger; keyword arguments of its methods become keys of the line.
    """
    return Logger(service=service, utc=True, use_rfc3339=True)


def correlation_id(offered: object, *, otherwise: str) -> str:
    """The id that ties together what several services log about one request.

    Args:
        offered: what the caller sent, of whatever type; taken only if it looks like an id.
        otherwise: the id to use when the caller sent none, or something else.

    Returns:
        One of the two.
    """
    return offered if isinstance(offered, str) and ID.fullmatch(offered) else otherwise


def log_invocations(
    logger: Logger,
    *,
    offered_id: Callable[[dict[str, Any]], object] | None = None,
) -> Callable[[Handler[Answer]], Handler[Answer]]:
    """A decorator of a handler: each line it logs says which invocation, which function, and whether it was a cold start.

    The event is never logged, even where `POWERTOOLS_LOGGER_LOG_EVENT` asks for it: events hold other people's data.
    Keys added during one invocation are gone in the next.

    Args:
        logger: the service's logger.
        offered_id: finds the caller's correlation id in an event. Every line then carries `correlation_id`: the
            caller's, or the request id. Without it the handler sets one itself, as a batch has one for each record.

    Returns:
        The decorator.
    """

    def decorate(handler: Handler[Answer]) -> Handler[Answer]:
        @functools.wraps(handler)
        def logged(event: dict[str, Any], context: LambdaContext) -> Answer:
            if offered_id is not None:
                logger.set_correlation_id(correlation_id(offered_id(event), otherwise=context.aws_request_id))
            return handler(event, context)

        return logger.inject_lambda_context(logged, log_event=False, clear_state=True)

    return decorate
