"""The two lists of neighbours, from bond vectors or from lists and positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.potentials.base import PAD_A, UNUSED
from carbonize.potentials.edip_loops.layout import BLOCK, compiled

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
    for a in range(len(x)):
        u, v, w = np.float64(x[a]), np.float64(y[a]), np.float64(z[a])
        out[0, a], out[1, a], out[2, a], out[3, a] = u, v, w, u * u + v * v + w * w


@compiled
def listed_vectors(
    index: Any, sx: Any, sy: Any, sz: Any, positions: Any, begin: int, cell: Any, out: Any
) -> None:
    """The same from positions and shifts."""
    xx, yx, yy, zx, zy, zz = cell
    for a in range(len(index)):
        i, j = begin + a, index[a]
        u = np.float64(positions[j, 0]) - positions[i, 0]
        v = np.float64(positions[j, 1]) - positions[i, 1]
        w = np.float64(positions[j, 2]) - positions[i, 2]
        p, q, r = np.float64(sx[a]), np.float64(sy[a]), np.float64(sz[a])
        u += p * xx + q * yx + r * zx
        v += q * yy + r * zy
        w += r * zz
        if sx[a] == UNUSED:
            u = PAD_A
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
def neighbours(
    given: Any,
    parameters: Any,
    starts: Any,
    near_who: Any,
    near: Any,
    far_who: Any,
    far: Any,
    vectors: Any,
    hits: Any,
) -> bool:
    """Sorts slots into the two lists; False if some vector is no number."""
    listed, index, x, y, z, shift, positions, cells = given
    f_high, p_high, c0 = parameters[14], parameters[16], parameters[20]
    slots, n_atoms = index.shape
    one_cell = n_atoms // cells.shape[0]
    edge2, end2 = max(f_high, p_high) ** 2, c0 * c0
    n_near = n_far = 0
    total = 0.0
    begin = 0
    while begin < n_atoms:
        end = min(begin + BLOCK, n_atoms)
        if listed:
            end = min(end, (begin // one_cell + 1) * one_cell)
        size = end - begin
        if listed:
            cell = _six(cells[begin // one_cell])
            for s in range(slots):
                listed_vectors(
                    index[s, begin:end], shift[0, s, begin:end], shift[1, s, begin:end], shift[2, s, begin:end],
                    positions, begin, cell, vectors[:, s],
                )  # fmt: skip
        else:
            for s in range(slots):
                given_vectors(x[s, begin:end], y[s, begin:end], z[s, begin:end], vectors[:, s])
        for a in range(size):
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
                    near_who[n_near] = j
                    near[0, n_near], near[1, n_near], near[2, n_near], near[3, n_near] = u, v, w, r2
                    n_near += 1
                else:
                    far_who[n_far] = j
                    far[0, n_far], far[1, n_far], far[2, n_far], far[3, n_far] = u, v, w, r2
                    n_far += 1
        begin = end
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
