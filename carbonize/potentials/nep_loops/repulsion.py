"""The repulsion at short range of :mod:`carbonize.potentials.nep_zbl`, for the few bonds that feel it."""

from __future__ import annotations

import math
from typing import Any

from carbonize.potentials.foreign import compiled
from carbonize.potentials.nep_loops.layout import GX, GY, GZ, OVER, R, X, Y, Z

__all__ = ["repulsion"]


@compiled
def repulsion(table: Any, near: Any, first: int, end: int) -> float:
    """Half the energy (eV) of some bonds of an atom with one element; their gradients are added.

    ``table`` holds inner and outer cutoff, strength, inverse length, four amplitudes and four decays of the pair.
    """
    inner, outer, strength, per_length = table[0], table[1], table[2], table[3]
    energy = near.dtype.type(0.0)
    for k in range(first, end):
        r, over = near[R, k], near[OVER, k]
        if r >= outer:
            continue
        screen = slope = near.dtype.type(0.0)
        for term in range(4):
            value = table[4 + term] * math.exp(-table[8 + term] * r * per_length)
            screen += value
            slope -= table[8 + term] * value
        screen *= strength * over
        slope = slope * strength * over * per_length - screen * over
        rising = max(r - inner, near.dtype.type(0.0))
        steep = near.dtype.type(math.pi) / (outer - inner)
        half = near.dtype.type(0.5)
        fc = half + half * math.cos(steep * rising)
        dfc = -half * steep * math.sin(steep * rising)
        energy += half * screen * fc
        along = half * (slope * fc + screen * dfc) * over
        near[GX, k] += along * near[X, k]
        near[GY, k] += along * near[Y, k]
        near[GZ, k] += along * near[Z, k]
    return energy
