"""Where the gradient of a bond goes.

What an atom itself gets from its bonds is summed in variables of the loop (``own``), not in memory:
one sum after the other through the same place would wait for each other.
"""

from __future__ import annotations

from typing import Any

from carbonize.potentials.edip_loops.layout import compiled

__all__ = ["add_own", "give", "six"]


@compiled
def give(force: Any, j: int, gx: float, gy: float, gz: float) -> None:
    """The gradient of a bond, on the neighbour."""
    force[j, 0] -= gx
    force[j, 1] -= gy
    force[j, 2] -= gz


@compiled
def six(stress: Any, i: int, x: float, y: float, z: float, gx: float, gy: float, gz: float) -> None:
    """The virial of a bond, where all six components are wanted."""
    if stress.shape[0] == 6:
        stress[0, i] += x * gx
        stress[1, i] += y * gy
        stress[2, i] += z * gz
        stress[3, i] += 0.5 * (y * gz + z * gy)
        stress[4, i] += 0.5 * (x * gz + z * gx)
        stress[5, i] += 0.5 * (x * gy + y * gx)


@compiled
def add_own(force: Any, stress: Any, i: int, fx: float, fy: float, fz: float, trace: float) -> None:
    """The sums of an atom's own bonds: gradients, and the trace of the virials where that is wanted."""
    force[i, 0] += fx
    force[i, 1] += fy
    force[i, 2] += fz
    if stress.shape[0] == 1:
        stress[0, i] += trace
