"""What stands where in the arrays of the loops."""

from __future__ import annotations

__all__ = [
    "ARGUMENT",
    "BLOCK",
    "BY_CLOSE",
    "BY_NEAR",
    "DARGUMENT",
    "DTAPER",
    "GX",
    "GY",
    "GZ",
    "LANES",
    "OVER",
    "PER_CUTOFF",
    "POLYNOMIAL",
    "SLOPE",
    "TAPER",
    "R",
    "X",
    "Y",
    "Z",
    "rounded_up",
]

BLOCK = 16
"""Atoms taken at a time: what is kept of them stays in a cache, and loops over their bonds are long."""

LANES = 8
"""Columns of a tile of :mod:`carbonize.potentials.nep_loops.products`."""

X, Y, Z, R, OVER, PER_CUTOFF, ARGUMENT, DARGUMENT, TAPER, DTAPER, SLOPE, GX, GY, GZ = range(14)
"""Rows kept of a bond: vector (later unit vector, of close ones), length and its inverse, 1/cutoff, the argument of
the polynomials and its slope, the cutoff function and its slope, dE/dr, dE/d(vector) (of close ones, of the unit vector)."""

BY_NEAR = BY_CLOSE = 14

POLYNOMIAL = 5
"""Coefficients of a polynomial of z^2: enough for the harmonics of order 8."""


def rounded_up(count: int) -> int:
    """To whole tiles."""
    return -(-count // LANES) * LANES
