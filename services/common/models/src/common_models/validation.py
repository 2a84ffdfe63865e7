"""Why pydantic refused something, in words that may be logged and sent back."""

from common_logging import loggable
from pydantic import ValidationError

MOST_REASONS = 5


def reasons(error: ValidationError) -> str:
    """What is wrong with an input, one reason a field, without the input's values.

    Args:
        error: what pydantic raised.

    Returns:
        One line such as `time: Input should have timezone info; value: Input should be a finite number`. Names of
        fields may come from outside (an unknown field), so they are made safe to log; after five reasons the rest is
        only counted.
    """
    found = []
    for detail in error.errors(include_input=False, include_context=False, include_url=False):
        place = ".".join(map(str, detail["loc"]))
        message = detail["msg"].removeprefix("Value error, ")
        found.append(loggable(f"{place}: {message}" if place else message))
    more = [f"and {len(found) - MOST_REASONS} more"] if len(found) > MOST_REASONS else []
    return "; ".join([*found[:MOST_REASONS], *more])
