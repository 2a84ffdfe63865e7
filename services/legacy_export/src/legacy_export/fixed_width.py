"""The partner's file: fixed-width records, as its mainframe reads them.

Written against pandas 2, whose text columns are of dtype `object`. Under pandas 3 they are of dtype `str`, and `records`
would fill names up with zeros as if they were numbers: hence `pandas<3` in this project's requirements.
"""

from collections.abc import Iterable, Mapping

import pandas as pd

COLUMNS = {"hour": 2, "source": 64, "type": 64, "events": 9}
WIDTH = 1 + sum(COLUMNS.values())


def export_file(day: str, seen: Iterable[tuple[str, str, str]]) -> str:
    """The file of one day: a header, how often each type of event happened at each source in each hour, a trailer.

    Every record has 140 characters and ends in CRLF; text is filled up with blanks on the right, numbers with zeros on
    the left. The trailer holds the number of detail records and of events, for the partner to check.

    Args:
        day: such as `2026-01-17`.
        seen: of each event its hour (`00` to `23`), source and type; none is a valid day.

    Returns:
        The file's text, ASCII.

    Raises:
        ValueError: something doesn't fit into its column.
    """
    frame = pd.DataFrame(list(seen), columns=["hour", "source", "type"], dtype=object)
    counts = frame.groupby(["hour", "source", "type"]).size().reset_index(name="events")
    details = ["D" + record for record in records(counts, COLUMNS)]
    lines = [
        f"H{day.replace('-', '')}".ljust(WIDTH),
        *details,
        f"T{len(details):09}{len(frame):09}".ljust(WIDTH),
    ]
    return "".join(f"{line}\r\n" for line in lines)


def records(frame: pd.DataFrame, widths: Mapping[str, int]) -> list[str]:
    """The rows of a frame as text of fixed width.

    Args:
        frame: columns of text (dtype `object`) and of whole numbers.
        widths: the columns to write, in this order, each with its number of characters.

    Returns:
        One text a row.

    Raises:
        ValueError: a cell is wider than its column.
    """
    written = pd.Series("", index=frame.index, dtype=object)
    for name, width in widths.items():
        column = frame[name]
        cells = column.str.ljust(width) if column.dtype == object else column.astype(str).str.zfill(width)
        if (cells.str.len() > width).any():
            raise ValueError(f"column {name!r}: a cell is wider than the partner's {width} characters")
        written += cells
    return written.tolist()
