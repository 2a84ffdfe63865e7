"""Which layer each third-party package goes to: heavy ones stay where they are when a light one changes."""

from collections.abc import Iterable, Mapping

from .distributions import Distribution

# The least size of a package, in bytes as installed. The heaviest layer comes first: layers above it are sent without it.
_LEAST = {"heavy": 4_000_000, "medium": 250_000, "light": 0}


def strata(distributions: Iterable[Distribution]) -> Mapping[str, list[Distribution]]:
    """Packages by the layer they go to, heaviest first.

    A package's place depends on its own size alone, so that one more or one less moves no other.
    """
    found: dict[str, list[Distribution]] = {stratum: [] for stratum in _LEAST}
    for distribution in distributions:
        size = distribution.size
        found[next(stratum for stratum, least in _LEAST.items() if size >= least)].append(distribution)
    return found
