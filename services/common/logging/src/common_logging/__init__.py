"""Structured JSON logs for every service, on Powertools for AWS Lambda.

Three things, and no other:

- `service_logger`   a logger that writes one JSON object a line, with the service's name
- `log_invocations`  the decorator of a handler: request id and correlation id on every line, never the event itself
- `loggable`         text from outside (a message of an error, a sender's header), made safe to log
"""

from common_logging.invocations import correlation_id, log_invocations, service_logger
from common_logging.text import loggable

__all__ = ["correlation_id", "log_invocations", "loggable", "service_logger"]
