"""Text from outside, made safe to log."""

LONGEST = 200


def loggable(text: str, *, longest: int = LONGEST) -> str:
    """The text on one line, without control characters, cut to `longest` characters.

    What a sender chose (a field's name, a header) may forge a line, colour a terminal or fill the log: it is never
    logged as it came.

    Args:
        text: what came from outside.
        longest: how many characters are kept; a cut is marked with "…", which counts.

    Returns:
        Printable text of at most `longest` characters.
    """
    line = "".join(character if character.isprintable() else " " for character in text[: longest + 1])
    return line if len(line) <= longest else line[: longest - 1] + "…"
