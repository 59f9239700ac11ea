"""Averages of correlated series, with honest errors."""

from __future__ import annotations

import numpy as np

__all__ = ["blocked", "sigmas"]


def blocked(series: np.ndarray, blocks: int = 8) -> tuple[float, float]:
    """Mean and its standard error of series (sample, replica), from means of long blocks.

    Blocks are ``blocks`` a replica and must be much longer than the series remembers.
    """
    length = len(series) // blocks
    means = series[: length * blocks].reshape(blocks, length, -1).mean(axis=1).ravel()
    return float(means.mean()), float(means.std(ddof=1) / np.sqrt(means.size))


def sigmas(series: np.ndarray, expected: float, blocks: int = 8) -> float:
    """By how many standard errors the mean of a series is off."""
    mean, error = blocked(series, blocks)
    return (mean - expected) / error
