"""Bonds of a block of atoms within the cutoffs, from lists or from vectors."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.potentials.base import UNUSED
from carbonize.potentials.foreign import compiled
from carbonize.potentials.listing import tile
from carbonize.potentials.nep_loops.layout import OVER, PER_CUTOFF, R, X, Y, Z
from carbonize.potentials.nep_loops.rows import lengths

__all__ = ["close_bonds", "near_bonds"]


@compiled
def _keep(n: Any, j: Any, u: Any, v: Any, w: Any, r2: Any, who: Any, near: Any) -> None:
    """Writes a neighbour down at the end; the next one overwrites it if the list is not longer then."""
    who[n] = j
    near[X, n], near[Y, n], near[Z, n], near[R, n] = u, v, w, r2


@compiled
def near_bonds(
    given: Any, species: Any, cutoffs: Any, begin: int, size: int,
    starts: Any, who: Any, near: Any, sound: Any, tiled: Any, tiled_shift: Any,
) -> int:  # fmt: skip
    """Bonds within the radial cutoffs, atom by atom and sorted by element; how many there are.

    ``starts`` (atom times element, and the end) tells where they begin, ``sound`` whether all of an atom's vectors
    are numbers.
    """
    listed, index, x, y, z, shift, positions, cells = given
    kinds, slots = cutoffs.shape[0], index.shape[0]
    real = near.dtype.type
    # no index below counts from the end
    none, one = np.uintp(0), np.uintp(1)
    n = none
    wide = slots
    if listed:
        wide = tile(index, shift, begin, begin + size, tiled, tiled_shift)
    for a in range(size):
        i = begin + a
        mine = species[i] if kinds > 1 else 0
        c = cells[i * cells.shape[0] // index.shape[1]] if listed else cells[0]
        total = real(0.0)
        for kind in range(kinds):
            starts[a * kinds + kind] = n
            first = n
            limit = cutoffs[mine, kind] * cutoffs[mine, kind]
            if listed:
                xx, yx, yy, zx, zy, zz = c[0, 0], c[1, 0], c[1, 1], c[2, 0], c[2, 1], c[2, 2]
                px, py, pz = positions[i, 0], positions[i, 1], positions[i, 2]
                given_as = positions.dtype.type
                for s in range(wide):
                    along = tiled_shift[0, s, a]
                    if along == UNUSED:
                        break
                    j = np.uintp(tiled[s, a])
                    if kinds > 1 and species[j] != kind:
                        continue
                    p, q, r = given_as(along), given_as(tiled_shift[1, s, a]), given_as(tiled_shift[2, s, a])
                    u = real(positions[j, 0] - px + (p * xx + q * yx + r * zx))
                    v = real(positions[j, 1] - py + (q * yy + r * zy))
                    w = real(positions[j, 2] - pz + r * zz)
                    r2 = u * u + v * v + w * w
                    total += r2
                    _keep(n, j, u, v, w, r2, who, near)
                    n += one if r2 < limit else none
            else:
                for s in range(slots):
                    j = np.uintp(index[s, i])
                    if kinds > 1 and species[j] != kind:
                        continue
                    u, v, w = real(x[s, i]), real(y[s, i]), real(z[s, i])
                    r2 = u * u + v * v + w * w
                    total += r2
                    _keep(n, j, u, v, w, r2, who, near)
                    n += one if r2 < limit else none
            per_cutoff = real(1.0) / cutoffs[mine, kind]
            for k in range(first, n):
                near[PER_CUTOFF, k] = per_cutoff
        sound[a] = total == total
    starts[size * kinds] = n
    lengths(near[R, :n], near[OVER, :n])
    return int(n)


@compiled
def close_bonds(
    species: Any,
    cutoffs: Any,
    begin: int,
    size: int,
    starts: Any,
    near: Any,
    close_starts: Any,
    at: Any,
    close: Any,
) -> int:
    """Those within the angular cutoffs, with unit vectors, and where they are among the others; how many."""
    kinds = cutoffs.shape[0]
    real = near.dtype.type
    none, one = np.uintp(0), np.uintp(1)
    n = none
    for a in range(size):
        mine = species[begin + a] if kinds > 1 else 0
        for kind in range(kinds):
            first = n
            close_starts[a * kinds + kind] = n
            limit = cutoffs[mine, kind]
            for k in range(starts[a * kinds + kind], starts[a * kinds + kind + 1]):
                r, over = near[R, k], near[OVER, k]
                at[n] = k
                close[X, n], close[Y, n], close[Z, n] = (
                    near[X, k] * over,
                    near[Y, k] * over,
                    near[Z, k] * over,
                )
                close[R, n], close[OVER, n] = r, over
                n += one if r < limit else none
            per_cutoff = real(1.0) / limit
            for k in range(first, n):
                close[PER_CUTOFF, k] = per_cutoff
    close_starts[size * kinds] = n
    return int(n)
