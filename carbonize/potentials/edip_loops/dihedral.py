"""The dihedral term tr[adj(M_i - p u u^T) (M_j - p u u^T)] of bonds, with its derivatives.

Many operations on few numbers: the bonds of a block are laid in lanes, :data:`LANES` of them beside each other
in one chunk, so that a processor does several at once. Rows of a chunk lie at distances known when this is
compiled, without which LLVM would not vectorise so many. A lane depends on no other, and unused ones on nothing
that is read.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from carbonize.potentials.edip_loops.layout import AT_M, BY_CHUNK, LANES
from carbonize.potentials.edip_loops.numbers import adjugate, apply, contract, cross, without
from carbonize.potentials.foreign import compiled

__all__ = ["ALONG", "MINE", "THEIRS", "TRACE", "dihedrals", "four_of", "lane", "six_of"]

_ROW = np.uintp(LANES)
_M_I, _M_J = 4, 10

THEIRS, MINE, TRACE, ALONG = (
    np.uintp(4 * LANES),
    np.uintp(10 * LANES),
    np.uintp(16 * LANES),
    np.uintp(17 * LANES),
)
"""Where a lane's results lie: derivatives of the term by M_j (adj A) and by M_i, the term itself,
(MINE + THEIRS) u and u (MINE + THEIRS) u."""


@compiled
def lane(k: int) -> Any:
    """Where the first number of a bond is, the k-th of the block."""
    return np.uintp((k // LANES) * (BY_CHUNK * LANES) + k % LANES)


@compiled
def six_of(lanes: Any, at: Any) -> Any:
    """A symmetric matrix."""
    return (
        lanes[at],
        lanes[at + _ROW],
        lanes[at + _ROW + _ROW],
        lanes[at + _ROW * np.uintp(3)],
        lanes[at + _ROW * np.uintp(4)],
        lanes[at + _ROW * np.uintp(5)],
    )


@compiled
def four_of(lanes: Any, at: Any) -> Any:
    """(MINE + THEIRS) u and u (MINE + THEIRS) u."""
    return lanes[at], lanes[at + _ROW], lanes[at + _ROW + _ROW], lanes[at + _ROW * np.uintp(3)]


@compiled
def dihedrals(begin: int, size: int, atom: Any, starts: Any, near_who: Any, near: Any, lanes: Any) -> None:
    """Fills the lanes of a block's near neighbours."""
    low, high = starts[0, begin], starts[0, begin + size]
    for a in range(size):
        i = begin + a
        for m in range(starts[0, i], starts[0, i + 1]):
            at, j = lane(m - low), near_who[m]
            lanes[at], lanes[at + _ROW] = near[0, m], near[1, m]
            lanes[at + _ROW * np.uintp(2)], lanes[at + _ROW * np.uintp(3)] = near[2, m], near[4, m]
            for n in range(6):
                lanes[at + _ROW * np.uintp(_M_I + n)] = atom[i, AT_M + n]
                lanes[at + _ROW * np.uintp(_M_J + n)] = atom[j, AT_M + n]
    for k in range(0, high - low, LANES):
        chunk = k // LANES * (BY_CHUNK * LANES)
        _terms(lanes[chunk : chunk + BY_CHUNK * LANES])


@compiled
def _terms(c: Any) -> None:
    for k in range(LANES):
        u, v, w, p = c[k], c[LANES + k], c[2 * LANES + k], c[3 * LANES + k]
        M = (
            c[4 * LANES + k],
            c[5 * LANES + k],
            c[6 * LANES + k],
            c[7 * LANES + k],
            c[8 * LANES + k],
            c[9 * LANES + k],
        )
        other = (
            c[10 * LANES + k],
            c[11 * LANES + k],
            c[12 * LANES + k],
            c[13 * LANES + k],
            c[14 * LANES + k],
            c[15 * LANES + k],
        )
        A, B = without(M, other, p, u, v, w)
        theirs, mine = adjugate(A), cross(A, B)
        N = (
            mine[0] + theirs[0],
            mine[1] + theirs[1],
            mine[2] + theirs[2],
            mine[3] + theirs[3],
            mine[4] + theirs[4],
            mine[5] + theirs[5],
        )
        nx, ny, nz = apply(N, u, v, w)
        c[4 * LANES + k], c[5 * LANES + k], c[6 * LANES + k] = theirs[0], theirs[1], theirs[2]
        c[7 * LANES + k], c[8 * LANES + k], c[9 * LANES + k] = theirs[3], theirs[4], theirs[5]
        c[10 * LANES + k], c[11 * LANES + k], c[12 * LANES + k] = mine[0], mine[1], mine[2]
        c[13 * LANES + k], c[14 * LANES + k], c[15 * LANES + k] = mine[3], mine[4], mine[5]
        c[16 * LANES + k] = contract(theirs, B)
        c[17 * LANES + k], c[18 * LANES + k], c[19 * LANES + k] = nx, ny, nz
        c[20 * LANES + k] = u * nx + v * ny + w * nz
