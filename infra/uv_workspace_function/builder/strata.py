"""Which third-party package goes to which layer."""

from collections.abc import Iterable, Mapping

from .distributions import Distribution

_MB = 1000 * 1000
# Heavy packages first: a layer is sent again when anything in it changes.
_STRATA = (("heavy", 8 * _MB), ("medium", 1 * _MB), ("light", 0))
STRATA = tuple(name for name, _ in _STRATA)


def strata(distributions: Iterable[Distribution]) -> Mapping[str, list[Distribution]]:
    """Distributions by stratum: each by its own size alone, so that one more or one less moves no other."""
    found: dict[str, list[Distribution]] = {name: [] for name in STRATA}
    for distribution in distributions:
        found[next(name for name, least in _STRATA if distribution.size >= least)].append(distribution)
    return found
