"""How many replicas it takes to see a difference, and which difference so many can show.

By the noncentral t distribution: the chance that a test at 5 % sees an effect that is there.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from carbonize.compare.statistics import FEWEST_DOF

__all__ = ["MOST", "POWER", "detectable_effect", "replicas_needed"]

POWER = 0.8
MOST = 10_000
_LEVEL = 0.05


def replicas_needed(effect: float, spreads: tuple[float, ...], blocks: int = 1) -> int | None:
    """Replicas of each protocol that see an effect in four of five studies.

    Parameters
    ----------
    effect
        True difference of the means, in the unit of the spreads.
    spreads
        Standard deviation within blocks: of the paired differences (one), or of either protocol (two).
    blocks
        Precursors (times potentials): the number is a multiple of it.

    Returns
    -------
    int or None
        In all blocks together; None if more than 10,000, or nothing can be planned.

    Examples
    --------
    >>> replicas_needed(1.0, (1.0,)), replicas_needed(0.5, (1.0, 1.0))
    (11, 64)
    """
    variance = sum(s**2 for s in spreads)
    if not (math.isfinite(effect) and effect and math.isfinite(variance)):
        return None
    fewest = 2 * blocks
    if not variance:
        return fewest

    def enough(number: int) -> bool:
        return _power(abs(effect), variance, number, _dof(len(spreads), number, blocks)) >= POWER

    low, high = 0, 1
    while not enough(max(fewest, high * blocks)):
        if high * blocks > MOST:
            return None
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(max(fewest, middle * blocks)) else (middle, high)
    number = max(fewest, high * blocks)
    return number if number <= MOST else None


def detectable_effect(sem: float, dof: float) -> float:
    """The true difference that would be seen in four of five studies with this standard error.

    >>> round(detectable_effect(1.0, 1000.0), 2)
    2.8
    """
    if not (math.isfinite(sem) and sem > 0 and math.isfinite(dof) and dof > 0):
        return math.nan

    def short(ratio: float) -> float:
        return _chance(ratio, dof) - POWER

    return sem * _root(short, 0.0, 2000.0)


def _dof(spreads: int, number: int, blocks: int) -> float:
    return float(spreads * (number - blocks)) if spreads > 1 else float(number - blocks)


def _power(effect: float, variance: float, number: int, dof: float) -> float:
    return _chance(effect / math.sqrt(variance / number), dof)


def _chance(ratio: float, dof: float) -> float:
    from scipy import stats

    if ratio > 50.0 and dof > 2:
        return 1.0  # the noncentral t loses its digits there
    edge = stats.t.ppf(1 - _LEVEL / 2, dof)
    if dof >= FEWEST_DOF:
        edge *= 1 + 3 / dof**2  # the bootstrap's intervals are wider than Student's, measured
    return float(stats.nct.sf(edge, dof, ratio))


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(function, low, high, xtol=1e-3))  # pyright: ignore[reportArgumentType]
