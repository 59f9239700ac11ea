"""Where the gradient of a bond goes."""

from __future__ import annotations

from typing import Any

from carbonize.potentials.edip_loops.layout import compiled

__all__ = ["put"]


@compiled
def put(
    force: Any, stress: Any, i: int, j: int, x: float, y: float, z: float, gx: float, gy: float, gz: float
) -> None:
    """The gradient of a bond, on both its atoms; its virial on the first: the trace, or six components."""
    force[i, 0] += gx
    force[i, 1] += gy
    force[i, 2] += gz
    force[j, 0] -= gx
    force[j, 1] -= gy
    force[j, 2] -= gz
    if stress.shape[0] == 1:
        stress[0, i] += x * gx + y * gy + z * gz
    else:
        stress[0, i] += x * gx
        stress[1, i] += y * gy
        stress[2, i] += z * gz
        stress[3, i] += 0.5 * (y * gz + z * gy)
        stress[4, i] += 0.5 * (x * gz + z * gx)
        stress[5, i] += 0.5 * (x * gy + y * gx)
