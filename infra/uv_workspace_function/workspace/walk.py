"""Everything that some places lead to: the one walk over a lock, whatever is followed in it."""

from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

Place = TypeVar("Place")


def walk(start: Iterable[Place], follow: Callable[[Place], Iterable[Place]]) -> dict[Place, Place | None]:
    """Go wherever some places lead, nearest first.

    Args:
        start: where to begin.
        follow: the places that one leads to.

    Returns:
        Every place in the order of its distance, with the one that led to it first; None for those of `start`.
    """
    came_from: dict[Place, Place | None] = dict.fromkeys(start)
    queue = deque(came_from)
    while queue:
        place = queue.popleft()
        for target in follow(place):
            if target not in came_from:
                came_from[target] = place
                queue.append(target)
    return came_from
