"""What to say."""


def greeting(name: str) -> str:
    """Greet someone by name."""
    return f"hello, {name}"
