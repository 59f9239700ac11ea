"""Means and differences of a few replicas, with intervals that cover what they say.

The percentile bootstrap is too narrow for few values, Student's t for skewed ones. Here the
bootstrap is of the studentised mean, from residuals blurred a little (Polansky and Schucany,
J. R. Stat. Soc. B 59, 821 (1997)): with as few as four values its intervals hold for normal, bounded and
skewed data (docs/validation.md). Below three degrees of freedom it is Student's t.

Replicas lie in blocks (one a precursor and potential). A mean is that of the blocks' means, and
spread is that within blocks, taken to be alike in all of them. So the claim is about further
replicas of these precursors, not about other precursors.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

__all__ = ["CONFIDENCE", "FEWEST_DOF", "Estimate", "contrast", "holm"]

CONFIDENCE = 0.95
RESAMPLES = 9999
FEWEST_DOF = 3
"""With fewer degrees of freedom an interval is Student's."""

_BLUR = 0.4  # of a standard deviation; without it some resamples of few values hardly spread at all
_SAME = 1e-12  # a spread or a sum below this share of the largest value is rounding

Blocks = Sequence[Float[np.ndarray, "... replica"]]
"""One array a block; all may have the same leading axes (independent studies side by side)."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean or a difference of means.

    Attributes
    ----------
    value
        The estimate; the leading axes of the data.
    sem
        Its standard error; nan where no block has two values.
    low, high
        The 95 % interval; nan where there is no spread to make one of.
    p
        Two-sided, against 0, of the same method as the interval: at most 0.05 where the interval
        leaves 0 out. nan as the interval.
    dof
        Degrees of freedom of the spread: values minus blocks, by Welch and Satterthwaite where two
        spreads enter.
    """

    value: Float[np.ndarray, "..."]
    sem: Float[np.ndarray, "..."]
    low: Float[np.ndarray, "..."]
    high: Float[np.ndarray, "..."]
    p: Float[np.ndarray, "..."]
    dof: Float[np.ndarray, "..."]


def contrast(
    groups: Sequence[Blocks],
    signs: Sequence[float] = (1.0,),
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Estimate:
    """The signed sum of the groups' means: a mean, a mean of paired differences, or a difference of two.

    Parameters
    ----------
    groups
        Each with a spread of its own, pooled over its blocks; blocks count alike in the mean.
    signs
        One a group: (1,) for a mean, (-1, 1) for the second minus the first.
    seed
        Of the resampling: the same data give the same numbers.
    resamples
        Bootstrap samples; 0 for Student's t instead.

    Examples
    --------
    >>> found = contrast([[np.array([0.70, 0.72, 0.71, 0.73])]])
    >>> round(float(found.value), 3), round(float(found.sem), 4), bool(found.low < 0.71 < found.high)
    (0.715, 0.0065, True)
    """
    parts = [_Part.of(blocks) for blocks in groups]
    value = sum(
        (sign * part.mean for sign, part in zip(signs, parts, strict=True)), np.zeros_like(parts[0].mean)
    )
    variance = sum((part.variance for part in parts), np.zeros_like(value))
    largest = np.max([part.largest for part in parts], axis=0)
    value = np.where(np.abs(value) <= _SAME * largest, 0.0, value)
    nothing = np.full_like(value, np.nan)
    if any(part.dof < 1 for part in parts):
        return Estimate(value, nothing, nothing, nothing, nothing, np.zeros_like(value))
    flat = np.sqrt(variance) <= _SAME * largest
    sem = np.where(flat, 0.0, np.sqrt(variance))
    with np.errstate(divide="ignore", invalid="ignore"):
        dof = variance**2 / sum((part.variance**2 / part.dof for part in parts), np.zeros_like(value))
        ratio = np.where(flat, np.nan, value / sem)
    if not resamples or min(part.dof for part in parts) < FEWEST_DOF:
        half, p = _student(dof, ratio)
        low, high = value - half * sem, value + half * sem
    else:
        left, right, p = _studentised(parts, signs, ratio, seed, resamples)
        low, high = value - right * sem, value - left * sem
    low, high, p = (np.where(flat, np.nan, found) for found in (low, high, p))
    return Estimate(value, sem, low, high, p, np.where(flat, np.nan, dof))


@dataclasses.dataclass(frozen=True)
class _Part:
    """One group: its mean, the variance of that mean, and residuals to draw from."""

    mean: np.ndarray
    variance: np.ndarray
    spread: np.ndarray
    residuals: np.ndarray
    sizes: tuple[int, ...]
    largest: np.ndarray

    @classmethod
    def of(cls, blocks: Blocks) -> _Part:
        data = [np.asarray(block, dtype=float) for block in blocks]
        sizes = tuple(block.shape[-1] for block in data)
        means = [block.mean(axis=-1) for block in data]
        dof = sum(sizes) - len(sizes)
        apart = [block - mean[..., None] for block, mean in zip(data, means, strict=True)]
        squares = sum((part**2).sum(axis=-1) for part in apart)
        spread = np.sqrt(squares / dof) if dof else np.full_like(means[0], np.nan)
        # a residual is smaller than the deviation from the true mean by this factor on average
        wide = [
            math.sqrt(n / (n - 1)) * part if n > 1 else part[..., :0]
            for n, part in zip(sizes, apart, strict=True)
        ]
        return cls(
            np.mean(means, axis=0),
            spread**2 * _share(sizes),
            spread,
            np.concatenate(wide, axis=-1),
            sizes,
            np.max([np.abs(block).max(axis=-1) for block in data], axis=0),
        )

    @property
    def dof(self) -> int:
        return sum(self.sizes) - len(self.sizes)

    def resampled(self, seed: tuple[int, int], resamples: int) -> tuple[np.ndarray, np.ndarray]:
        """Mean (about 0) and its variance in bootstrap samples, shape (..., resample)."""
        index, blur = _draws(seed, self.residuals.shape[-1], sum(self.sizes), resamples)
        drawn = self.residuals[..., index] + self.spread[..., None, None] * blur
        means, squares, first = 0.0, 0.0, 0
        for size in self.sizes:
            block = drawn[..., first : first + size]
            mean = block.mean(axis=-1)
            means = means + mean
            squares = squares + ((block - mean[..., None]) ** 2).sum(axis=-1)
            first += size
        return np.asarray(means / len(self.sizes)), np.asarray(squares / self.dof * _share(self.sizes))


@functools.lru_cache(maxsize=16)  # every quantity of a comparison asks for the same
def _draws(seed: tuple[int, int], among: int, number: int, resamples: int) -> tuple[np.ndarray, np.ndarray]:
    """Which residuals, and how far each is moved, in standard deviations."""
    rng = np.random.default_rng(seed)
    index = rng.integers(0, among, (resamples, number))
    return index, _BLUR * rng.standard_normal((resamples, number))


def _share(sizes: Sequence[int]) -> float:
    """Variance of the mean of block means over that of a single value."""
    return sum(1.0 / n for n in sizes) / len(sizes) ** 2


def _student(dof: np.ndarray, ratio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from scipy import stats

    half = stats.t.ppf(0.5 + CONFIDENCE / 2, dof)
    return np.asarray(half), np.asarray(2 * stats.t.sf(np.abs(ratio), dof))


def _studentised(
    parts: Sequence[_Part], signs: Sequence[float], ratio: np.ndarray, seed: int, resamples: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both ends of the studentised mean's distribution, and p."""
    over, under = 0.0, 0.0
    for place, (sign, part) in enumerate(zip(signs, parts, strict=True)):
        mean, variance = part.resampled((seed, place), resamples)
        over, under = over + sign * mean, under + variance
    with np.errstate(divide="ignore", invalid="ignore"):
        drawn = np.sort(np.asarray(over / np.sqrt(under)), axis=-1)
    k = max(1, math.floor((1 - CONFIDENCE) / 2 * (resamples + 1)))
    above = (drawn >= ratio[..., None]).sum(axis=-1)
    below = (drawn <= ratio[..., None]).sum(axis=-1)
    p = np.minimum(1.0, 2 * (1 + np.minimum(above, below)) / (resamples + 1))
    return drawn[..., k - 1], drawn[..., -k], np.where(np.isfinite(ratio), p, np.nan)


def holm(p: Sequence[float]) -> list[float]:
    """Holm's adjusted p of a family of tests (Scand. J. Stat. 6, 65 (1979)).

    Where an adjusted p is at most 0.05 the chance of even one wrong claim in the family is at
    most 5 %, however the tests depend on each other.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p)
    adjusted = np.zeros(len(p))
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = highest
    return [float(round(value, 12)) for value in adjusted]
