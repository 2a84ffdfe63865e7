"""The handler: a third-party package checks the event, a library of the workspace finds the words."""

from typing import Any

from phrases import greeting
from pydantic import BaseModel

REVISION = "one"


class Event(BaseModel):
    """Whom to greet."""

    name: str = "world"


def handler(event: dict[str, Any], context: object) -> dict[str, str]:  # noqa: ARG001 Lambda's signature
    """Answer with a greeting, and with the revision of this code."""
    return {"greeting": greeting(Event.model_validate(event).name), "revision": REVISION}
