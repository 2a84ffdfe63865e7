"""How far a long command is: shown on a terminal, never in CI."""

import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import click

Item = TypeVar("Item")


def progress(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Go through items; a bar on stderr tells how far, where that is a terminal and `CI` is not set.

    Args:
        items: what to go through.
        label: what is done with them.
    """
    if not _watched():
        yield from items
        return
    with click.progressbar(items, label=label, file=sys.stderr, item_show_func=_shown) as bar:
        shown: Iterable[Item] = bar
        yield from shown


def _watched() -> bool:
    return sys.stderr.isatty() and not os.environ.get("CI")


def _shown(item: object) -> str:
    return "" if item is None else str(item)


@contextmanager
def at_work(label: str) -> Iterator[Callable[[str], None]]:
    """Say what is being done while it lasts, where `progress` would show a bar; nothing of it is left afterwards.

    Gives what tells how far it is: the last thing told stands behind the label.

    Args:
        label: what is done.
    """
    if not _watched():
        yield lambda _: None
        return

    def tell(step: str) -> None:
        text = f"{label}: {step} ..." if step else f"{label} ..."
        sys.stderr.write(f"\r\033[K{text[: shutil.get_terminal_size().columns - 1]}")
        sys.stderr.flush()

    tell("")
    try:
        yield tell
    finally:
        sys.stderr.write("\r\033[K")
        sys.stderr.flush()
