"""The two lists of neighbours, from bond vectors or from lists and positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.potentials.base import PAD_A, UNUSED
from carbonize.potentials.edip_loops.layout import BLOCK
from carbonize.potentials.foreign import compiled

__all__ = ["neighbours", "say_unsound", "vector"]


@compiled
def vector(given: Any, s: int, i: int) -> tuple[float, float, float]:
    """The vector in a slot of an atom."""
    listed, index, x, y, z, shift, positions, cells = given
    if not listed:
        return np.float64(x[s, i]), np.float64(y[s, i]), np.float64(z[s, i])
    if shift[0, s, i] == UNUSED:
        return PAD_A, 0.0, 0.0
    j = index[s, i]
    cell = cells[i * cells.shape[0] // index.shape[1]]
    a, b, c = np.float64(shift[0, s, i]), np.float64(shift[1, s, i]), np.float64(shift[2, s, i])
    return (
        np.float64(positions[j, 0]) - positions[i, 0] + a * cell[0, 0] + b * cell[1, 0] + c * cell[2, 0],
        np.float64(positions[j, 1]) - positions[i, 1] + b * cell[1, 1] + c * cell[2, 1],
        np.float64(positions[j, 2]) - positions[i, 2] + c * cell[2, 2],
    )


@compiled
def given_vectors(x: Any, y: Any, z: Any, out: Any) -> None:
    """Vectors and their squares, of one slot and some atoms."""
    real = out.dtype.type
    for a in range(len(x)):
        u, v, w = real(x[a]), real(y[a]), real(z[a])
        out[0, a], out[1, a], out[2, a], out[3, a] = u, v, w, u * u + v * v + w * w


@compiled
def _six(c: Any) -> tuple[float, float, float, float, float, float]:
    """What a lower triangular cell consists of: xx, yx, yy, zx, zy, zz."""
    return (
        np.float64(c[0, 0]),
        np.float64(c[1, 0]),
        np.float64(c[1, 1]),
        np.float64(c[2, 0]),
        np.float64(c[2, 1]),
        np.float64(c[2, 2]),
    )


@compiled
def sort_in(n: Any, who: Any, vectors: Any, j: Any, u: Any, v: Any, w: Any, r2: Any) -> None:
    """Writes a neighbour down at the end of a list; the next one overwrites it if the list is not longer then."""
    who[n] = j
    vectors[0, n], vectors[1, n], vectors[2, n], vectors[3, n] = u, v, w, r2


@compiled
def listed_neighbours(
    index: Any, shift: Any, positions: Any, cells: Any, edge2: Any, end2: Any,
    starts: Any, near_who: Any, near: Any, far_who: Any, far: Any,
) -> bool:  # fmt: skip
    """Sorts the slots of lists, of which unused ones come last; False if some vector is no number."""
    slots, n_atoms = index.shape
    one_cell = n_atoms // cells.shape[0]
    real = positions.dtype.type
    # no index below counts from the end
    none, one = np.uintp(0), np.uintp(1)
    n_near = n_far = none
    total = real(0.0)
    for replica in range(cells.shape[0]):
        xx, yx, yy, zx, zy, zz = _six(cells[replica])
        for i in range(replica * one_cell, (replica + 1) * one_cell):
            starts[0, i], starts[1, i] = n_near, n_far
            x, y, z = positions[i, 0], positions[i, 1], positions[i, 2]
            for s in range(slots):
                along = shift[0, s, i]
                if along == UNUSED:
                    break
                j = np.uintp(index[s, i])
                p, q, r = real(along), real(shift[1, s, i]), real(shift[2, s, i])
                u = positions[j, 0] - x + (p * xx + q * yx + r * zx)
                v = positions[j, 1] - y + (q * yy + r * zy)
                w = positions[j, 2] - z + r * zz
                r2 = u * u + v * v + w * w
                total += r2
                sort_in(n_near, near_who, near, j, u, v, w, r2)
                sort_in(n_far, far_who, far, j, u, v, w, r2)
                is_near = r2 < edge2
                n_near += one if is_near else none
                n_far += one if (r2 < end2) & (not is_near) else none
    starts[0, n_atoms], starts[1, n_atoms] = n_near, n_far
    return total == total


@compiled
def neighbours(
    given: Any, parameters: Any, starts: Any, near_who: Any, near: Any, far_who: Any, far: Any,
    vectors: Any, hits: Any,
) -> bool:  # fmt: skip
    """Sorts slots into the two lists; False if some vector is no number."""
    listed, index, x, y, z, shift, positions, cells = given
    f_high, p_high, c0 = parameters[14], parameters[16], parameters[20]
    edge = max(f_high, p_high)
    edge2, end2 = edge * edge, c0 * c0
    if listed:
        return listed_neighbours(
            index, shift, positions, cells, edge2, end2, starts, near_who, near, far_who, far
        )
    slots, n_atoms = index.shape
    n_near = n_far = 0
    total = near.dtype.type(0.0)
    for begin in range(0, n_atoms, BLOCK):
        end = min(begin + BLOCK, n_atoms)
        for s in range(slots):
            given_vectors(x[s, begin:end], y[s, begin:end], z[s, begin:end], vectors[:, s])
        for a in range(end - begin):
            i = begin + a
            starts[0, i], starts[1, i] = n_near, n_far
            n = 0
            for s in range(slots):
                r2 = vectors[3, s, a]
                hits[n] = s
                n += r2 < end2
                total += r2
            for h in range(n):
                s = hits[h]
                r2, j = vectors[3, s, a], index[s, i]
                u, v, w = vectors[0, s, a], vectors[1, s, a], vectors[2, s, a]
                if r2 < edge2:
                    sort_in(n_near, near_who, near, j, u, v, w, r2)
                    n_near += 1
                else:
                    sort_in(n_far, far_who, far, j, u, v, w, r2)
                    n_far += 1
    starts[0, n_atoms], starts[1, n_atoms] = n_near, n_far
    return total == total


@compiled
def say_unsound(given: Any, energies: Any, force: Any) -> None:
    """An atom with a bond that is no number has no energy and no force."""
    slots, n_atoms = given[1].shape
    for i in range(n_atoms):
        for s in range(slots):
            u, v, w = vector(given, s, i)
            r2 = u * u + v * v + w * w
            if r2 != r2:
                energies[i] = np.nan
                force[0, i] = force[1, i] = force[2, i] = np.nan
