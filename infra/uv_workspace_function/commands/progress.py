"""How far a long command is: shown on a terminal, never in CI."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import click

Item = TypeVar("Item")


def progress(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Go through items; a bar on stderr tells how far, where that is a terminal and `CI` is not set.

    Args:
        items: what to go through.
        label: what is done with them.
    """
    if not sys.stderr.isatty() or os.environ.get("CI"):
        yield from items
        return
    with click.progressbar(items, label=label, file=sys.stderr, item_show_func=_shown) as bar:
        shown: Iterable[Item] = bar
        yield from shown


def _shown(item: object) -> str:
    return "" if item is None else str(item)
