"""Where the gradient of a bond goes.

What an atom itself gets from its bonds is summed in variables of the loop (``own``), not in memory:
one sum after the other through the same place would wait for each other.
"""

from __future__ import annotations

from typing import Any

from carbonize.potentials.edip_loops.numbers import like
from carbonize.potentials.foreign import compiled

__all__ = ["add_own", "give", "six"]


@compiled
def give(force: Any, j: int, gx: Any, gy: Any, gz: Any) -> None:
    """The gradient of a bond, on the neighbour."""
    force[j, 0] -= gx
    force[j, 1] -= gy
    force[j, 2] -= gz


@compiled
def six(stress: Any, i: int, x: Any, y: Any, z: Any, gx: Any, gy: Any, gz: Any) -> None:
    """The virial of a bond, where all six components are wanted."""
    if stress.shape[0] == 6:
        stress[0, i] += x * gx
        stress[1, i] += y * gy
        stress[2, i] += z * gz
        half = like(x, 0.5)
        stress[3, i] += half * (y * gz + z * gy)
        stress[4, i] += half * (x * gz + z * gx)
        stress[5, i] += half * (x * gy + y * gx)


@compiled
def add_own(force: Any, stress: Any, i: int, fx: Any, fy: Any, fz: Any, trace: Any) -> None:
    """The sums of an atom's own bonds: gradients, and the trace of the virials where that is wanted."""
    force[i, 0] += fx
    force[i, 1] += fy
    force[i, 2] += fz
    if stress.shape[0] == 1:
        stress[0, i] += trace
