"""The one error the builder raises for what a user can fix: its message is printed, without a traceback."""


class BuildError(Exception):
    """The image cannot be built; the text says what is wrong, what exists and what to do."""
