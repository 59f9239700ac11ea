"""Shapes of the (002) and (10) bands of small graphitic crystallites in a powder pattern.

Layers are discs of diameter D, stacked n to a crystallite a distance d apart. A reciprocal rod
of such a stack has the lateral profile of a disc's transform and, along the stack, the interference
of its layers; the powder average over all directions gives the bands (Warren, Phys. Rev. 59 (1941) 693;
Warren and Bodenstein, Acta Cryst. 18 (1965) 282, here integrated numerically instead of by their
approximations). All shapes are for intensities divided by the mean square form factor.
"""

from __future__ import annotations

import functools

import numpy as np
from jaxtyping import Float
from scipy.special import j1, struve

__all__ = ["band_002", "band_10", "profile", "stacking_interference"]

Curve = Float[np.ndarray, " q"]

_TABLE_STEP, _TABLE_END = 0.02, 60.0
_ANGLES = 300
_LATERAL = 80
_SINC2_FWHM = 0.8858929


def profile(x: Curve, fwhm: float, tail: float, period: float, below: float = 0.5) -> Curve:
    """A peak of height 1 at x = 0 with one full width at half maximum and tails of three kinds.

    From a Gaussian (``tail`` 0) to a Lorentzian (1: stacks of many heights) it is a pseudo-Voigt; to -1 it
    goes over into the interference of stacks of one height (Laue), with its side lobes, as far as
    half the ``period`` of the reciprocal rod: beyond, they are those of the neighbouring orders (``below``: how many
    periods are taken on the lower side). There ``fwhm`` is 0.886 period / n for n layers, which is the width from
    some five layers on.
    """
    x = np.asarray(x, float)
    t = x / fwhm
    gauss = np.exp(-4 * np.log(2) * t**2)
    if tail >= 0:
        return tail / (1 + 4 * t**2) + (1 - tail) * gauss
    own = (x >= -below * period) & (x <= period / 2)
    lobes = np.where(own, _laue(np.pi * x / period, _SINC2_FWHM * period / fwhm), 0.0)
    return -tail * lobes + (1 + tail) * gauss


def _laue(half_phase: Curve, layers: float) -> Curve:
    """sin^2(n x) / (n sin x)^2; between whole numbers of layers, the mean of the stacks on either side."""
    layers = max(1.0, layers)
    few = int(layers)
    share = layers - few
    sine = np.sin(half_phase)
    safe = np.where(np.abs(sine) < 1e-9, 1.0, sine)

    def waves(n: int) -> Curve:
        return np.where(np.abs(sine) < 1e-9, n**2, (np.sin(n * half_phase) / safe) ** 2)

    return ((1 - share) * waves(few) + share * waves(few + 1)) / (
        (1 - share) * few**2 + share * (few + 1) ** 2
    )


def band_002(
    q: Curve, q0: float, fwhm: float, tail: float, diameter_A: float | None, order: int = 1
) -> Curve:
    """The (002) band: a peak along the rod, and the powder average of the rod.

    Parameters
    ----------
    q
        1/A.
    q0, fwhm, tail
        Of the :func:`profile` along the stacking direction (1/A).
    diameter_A
        Of the layers; None for layers so wide that their rod has no width. Narrow layers shift the
        band to higher q, and the powder average, 1/q^2, to lower q.
    order
        1 for (002), with what narrow layers show of (000); 2 for (004).
    """
    q = np.asarray(q, float)
    place, below = order * q0, 1.0 if order == 1 else 0.5
    if diameter_A is None:
        return (place / q) ** 2 * profile(q - place, fwhm, tail, q0, below)
    edges, heights = _lateral_profile(float(q[-1]) * diameter_A / 2)
    # along the rod, each ring of it is seen for as long as q passes through it
    along = np.sqrt(np.maximum(q[:, None] ** 2 - (2 * edges / diameter_A) ** 2, 0.0))
    middle, length = (along[:, 1:] + along[:, :-1]) / 2, along[:, :-1] - along[:, 1:]
    shape = profile(middle - place, fwhm, tail, q0, below) * length
    return place**2 / q * (shape @ heights) * diameter_A**2 / 8


def _lateral_profile(end: float) -> tuple[np.ndarray, np.ndarray]:
    """Squared transform of a disc of radius 1 within rings: their edges as far as ``end``, and its height in each.

    A twenty-fifth of the whole is beyond 16, from the edge of the disc; left out, the band would lie too high in q.
    """
    near = np.linspace(0.0, 16.0, _LATERAL + 1)
    middle = (near[1:] + near[:-1]) / 2
    heights = (2 * j1(middle) / middle) ** 2
    if end <= 16.0:
        return near, heights
    far = np.geomspace(16.0, end, 25)
    # on the average J1(u)^2 is 1 / (pi u) there
    tail = 8 / np.pi * (1 / far[:-1] - 1 / far[1:]) / (far[1:] ** 2 - far[:-1] ** 2)
    return np.concatenate([near, far[1:]]), np.concatenate([heights, tail])


def stacking_interference(along: Curve, layers: int, spacing_A: float) -> Curve:
    """Interference along the (10) rods of layers stacked ABAB, with a mean of 1.

    >>> round(float(stacking_interference(np.linspace(0, 2 * np.pi, 7)[:-1], 2, 1.0).mean()), 6)
    1.0
    """
    number = np.arange(layers)
    phases = np.where(number % 2 == 0, 0.0, 2 * np.pi / 3)
    total = np.zeros(np.shape(along))
    for sign in (1, -1):  # three of the six rods see the shift one way, three the other way
        wave = np.exp(1j * (np.multiply.outer(along, number * spacing_A) + sign * phases)).sum(axis=-1)
        total += np.abs(wave) ** 2 / (2 * layers)
    return total


def band_10(
    q: Curve, q10: float, diameter_A: float, layers: int | None = None, spacing_A: float = 3.4
) -> Curve:
    """The (10) band of layers stacked at random, or of AB stacks if ``layers`` is given.

    The height is arbitrary, but the same with and without stacking.
    """
    q = np.asarray(q, float)
    angle = (np.arange(_ANGLES) + 0.5) * (np.pi / 2 / _ANGLES)
    along = np.multiply.outer(q, np.sin(angle))
    u = np.abs(np.multiply.outer(q, np.cos(angle)) - q10) * diameter_A / 2
    shape = _line_spread(u)
    if layers is not None:
        shape = shape * np.interp(along, *_stacking_table(layers, round(spacing_A, 6)))
    return diameter_A * shape.sum(axis=1) / q / _ANGLES


def _line_spread(u: np.ndarray) -> np.ndarray:
    """Squared transform of a disc of radius 1, integrated along a line at a distance u."""
    near = np.interp(u, *_line_spread_table())
    return np.where(u < _TABLE_END, near, 2 / np.pi / np.maximum(u, 1.0) ** 2)


@functools.lru_cache(maxsize=8)
def _stacking_table(layers: int, spacing_A: float) -> tuple[np.ndarray, np.ndarray]:
    along = np.linspace(0, 5, 4001)
    return along, stacking_interference(along, layers, spacing_A)


@functools.cache
def _line_spread_table() -> tuple[np.ndarray, np.ndarray]:
    u = np.arange(0, _TABLE_END + 1, _TABLE_STEP)
    values = struve(1, 2 * u) / np.maximum(u, 1e-9) ** 2
    values[0] = 8 / (3 * np.pi)
    return u, values
