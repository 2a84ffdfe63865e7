"""The handler, where the convention has it."""

from typing import Any

import orjson
from acme_core import greeting


def handler(event: dict[str, Any], _context: object) -> str:
    """Answer with the event."""
    return orjson.dumps({"event": event, "greeting": greeting("you")}).decode()
