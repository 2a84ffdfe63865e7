"""The handler, under a name of Acme's own."""

from importlib.resources import files
from string import Template
from typing import Any

from acme_core import greeting


def lambda_handler(event: dict[str, Any], _context: object) -> dict[str, str]:
    """Answer with the text of a mail."""
    template = Template((files("mail_sender") / "templates/mail.txt").read_text())
    return {"text": template.substitute(greeting=greeting(event["to"]))}
