"""The errors that the builder raises for what a user can fix: their messages are printed, without a traceback."""


class BuildError(Exception):
    """The image cannot be built; the text says what is wrong, what exists and what to do."""

    exit_code = 1


class UvFailed(BuildError):  # noqa: N818 - it says what happened
    """uv could not do its part; what it printed says why."""

    exit_code = 2
