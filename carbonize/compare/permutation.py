"""The exact test that assumes nothing of distributions: what would chance alone have arranged?"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from carbonize.compare.statistics import Blocks

__all__ = ["permutation_p"]

_MOST_ARRANGEMENTS = 20_000


def permutation_p(first: Blocks, second: Blocks, paired: bool, seed: int = 0) -> tuple[float, float]:
    """An exact test without any assumption on distributions, and the least p it can give.

    Signs of the paired differences are flipped, or values exchanged between the groups within
    their blocks; all arrangements are counted if they are at most 20,000, else so many are drawn.
    With few replicas the least p may lie above 0.05: then this test can never see anything.

    Parameters
    ----------
    first, second
        The blocks of both groups; paired: value by value.

    Returns
    -------
    tuple
        Two-sided p and the least possible one.
    """
    rng = np.random.default_rng(seed)
    if paired:
        apart = [np.asarray(b, float) - np.asarray(a, float) for a, b in zip(first, second, strict=True)]
        drawn, least = _flipped(apart, rng)
        seen = np.mean([d.mean() for d in apart])
    else:
        drawn, least = _exchanged(first, second, rng)
        seen = np.mean([np.mean(b) - np.mean(a) for a, b in zip(first, second, strict=True)])
    tolerance = 1e-9 * max(float(np.abs(drawn).max(initial=0.0)), 1e-300)
    extreme = int((np.abs(drawn) >= abs(seen) - tolerance).sum())
    exact = len(drawn) * least > 0.5  # all were counted, the one that was seen among them
    return (extreme / len(drawn) if exact else (extreme + 1) / (len(drawn) + 1)), least


def _flipped(apart: Sequence[np.ndarray], rng: np.random.Generator) -> tuple[np.ndarray, float]:
    weighted = np.concatenate([d / (len(d) * len(apart)) for d in apart])
    n = len(weighted)
    if 2**n <= _MOST_ARRANGEMENTS:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
    else:
        signs = rng.choice((-1, 1), (_MOST_ARRANGEMENTS, n))
    return signs @ weighted, 2.0 / 2.0**n


def _exchanged(first: Blocks, second: Blocks, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    pools = [np.concatenate([a, b]) for a, b in zip(first, second, strict=True)]
    sizes = [len(a) for a in first]
    number = math.prod(math.comb(len(pool), n) for pool, n in zip(pools, sizes, strict=True))
    mirrored = all(2 * n == len(pool) for pool, n in zip(pools, sizes, strict=True))
    least = (2.0 if mirrored else 1.0) / number
    if number <= _MOST_ARRANGEMENTS:
        choices = [
            np.array([_apart(pool, list(chosen)) for chosen in itertools.combinations(range(len(pool)), n)])
            for pool, n in zip(pools, sizes, strict=True)
        ]
        total = choices[0]
        for more in choices[1:]:
            total = (total[:, None] + more[None, :]).ravel()
        return total / len(pools), least
    total = np.zeros(_MOST_ARRANGEMENTS)
    for pool, n in zip(pools, sizes, strict=True):
        mixed = rng.permuted(np.tile(pool, (_MOST_ARRANGEMENTS, 1)), axis=1)
        total += mixed[:, n:].mean(axis=1) - mixed[:, :n].mean(axis=1)
    return total / len(pools), least


def _apart(pool: np.ndarray, chosen: list[int]) -> float:
    rest = np.delete(pool, chosen)
    return float(rest.mean() - pool[chosen].mean())
