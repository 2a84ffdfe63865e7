"""What Acme's services share."""

import humanize


def greeting(name: str) -> str:
    """A greeting with a number in words."""
    return f"Dear {name}, this is the {humanize.ordinal(1)} mail."
