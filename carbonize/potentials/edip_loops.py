"""Carbon EDIP for processors: the terms of :mod:`carbonize.potentials.edip`, atom by atom.

Three rounds over the atoms: neighbours, z and M; everything up to dE/dZ, with what it means for the
neighbours' z and M; then the bonds that z and M are made of. Neighbours that count for z (nearer than
f_high) are kept in one list with their tapers, the others up to c0 in a second one. All arithmetic is
in double precision, whatever the arrays hold, and all sums run in the order of the slots: results
depend neither on the room in any array nor on other replicas.

Symmetric matrices are six numbers: xx, yy, zz, yz, xz, xy.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from carbonize.potentials.base import PAD_A, UNUSED

__all__ = [
    "BLOCK",
    "BY_ATOM",
    "BY_ATOM_OF_BLOCK",
    "BY_EDGE",
    "BY_FAR",
    "BY_NEAR",
    "PARAMETERS",
    "ROW_GAP",
    "forces",
]

PARAMETERS = (
    "epsilon_eV",
    "B4_A4",
    "beta",
    "sigma_A",
    "a_A",
    "a_slope_A",
    "Z0",
    "lambda0_eV",
    "lambda_slope",
    "gamma_A",
    "q",
    "t1",
    "t2",
    "f_low_A",
    "f_high_A",
    "p_low_A",
    "p_high_A",
    "alpha",
    "Z_dihedral",
    "Z_repulsion_A2",
    "c0_A",
)
"""Names of the parameters in the order in which the kernel takes them; the trim follows."""

BY_ATOM = 20
"""Numbers kept of an atom: z, M, dE/dz, dE/dM, pi_3, pi_2, pi and their slopes."""

_GZ, _GM, _PI3, _PI2, _D3, _D2 = 7, 8, 14, 15, 17, 18

BY_NEAR = 8
"""Numbers kept of a near neighbour: unit vector, r, p, the slopes of p and f, 1/r."""

BY_FAR = 4
"""Numbers kept of a far neighbour: vector, and its square, later 1/r."""

BLOCK = 64
"""Atoms taken at a time: what is kept of them stays in a cache, and loops over their bonds are long."""

BY_ATOM_OF_BLOCK = 17
"""Numbers kept of an atom of the block: P, two sums, Z, reach, functions of Z."""

BY_EDGE = 13
"""Numbers of a bond in reach of U2 and U3: unit vector, r, 1/r, 1/(r - reach), two exponentials, and more."""

ROW_GAP = 72
"""Entries between rows that are as long as a power of two might be, so that they do not collide in a cache."""

_njit = numba.njit(error_model="numpy", fastmath={"contract"}, cache=True)


@intrinsic
def _bits_to_float(typing_context: Any, bits: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.float64(types.int64), code


@intrinsic
def _float_to_bits(typing_context: Any, number: Any) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], context.get_value_type(signature.return_type))

    return types.int64(types.float64), code


_MAGIC = 6755399441055744.0  # 1.5 * 2^52: a number added to it is rounded, and stands in the last bits


@_njit
def _exp(x: float) -> float:
    """e^x for x below 700, 1e-304 for x below -700; a quarter of the library's time, right to 2e-16."""
    x = max(x, -700.0)
    whole = x * 1.4426950408889634 + _MAGIC
    k = whole - _MAGIC
    t = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    # Taylor's series to t^12/12!, with |t| below ln 2 / 2
    s = 1.0 / 479001600.0
    s = s * t + 1.0 / 39916800.0
    s = s * t + 1.0 / 3628800.0
    s = s * t + 1.0 / 362880.0
    s = s * t + 1.0 / 40320.0
    s = s * t + 1.0 / 5040.0
    s = s * t + 1.0 / 720.0
    s = s * t + 1.0 / 120.0
    s = s * t + 1.0 / 24.0
    s = s * t + 1.0 / 6.0
    s = s * t + 0.5
    s = s * t + 1.0
    s = s * t + 1.0
    return s * _bits_to_float((_float_to_bits(whole) + 1023) << 52)


@_njit
def _exp_all(x: Any) -> None:
    """Puts e^x in the place of x."""
    for k in range(len(x)):
        x[k] = _exp(x[k])


@_njit
def _tapers(r: Any, low: float, high: float, alpha: float, value: Any, slope: Any) -> None:
    """exp[-alpha x^3/(1 - x^3)] with x = (r - low)/(high - low), and its slope."""
    per_A = 1.0 / (high - low)
    for k in range(len(r)):
        x = min(max((r[k] - low) * per_A, 0.0), 0.999)
        x2 = x * x
        inverse = 1.0 / (1.0 - x2 * x)
        # at the end of the range below 1e-200, which is taken for zero
        v = _exp(-alpha * x2 * x * inverse) if x < 0.999 else 0.0
        value[k] = v
        slope[k] = -3.0 * alpha * per_A * v * x2 * inverse * inverse


@_njit
def _bump(t: float) -> tuple[float, float]:
    """(t^2 - 1)^2 within -1 < t < 1, and its slope."""
    if t <= -1.0 or t >= 1.0:
        return 0.0, 0.0
    w = t * t - 1.0
    return w * w, 4.0 * t * w


@_njit
def _adjugate(m: Any) -> tuple[float, float, float, float, float, float]:
    xx, yy, zz, yz, xz, xy = m
    return (
        yy * zz - yz * yz,
        xx * zz - xz * xz,
        xx * yy - xy * xy,
        xz * xy - xx * yz,
        xy * yz - yy * xz,
        yz * xz - zz * xy,
    )


@_njit
def _cross(a: Any, b: Any) -> tuple[float, float, float, float, float, float]:
    """Derivative of <adj(a), b> with respect to a."""
    ax, ay, az, ayz, axz, axy = a
    bx, by, bz, byz, bxz, bxy = b
    return (
        ay * bz + az * by - 2.0 * ayz * byz,
        ax * bz + az * bx - 2.0 * axz * bxz,
        ax * by + ay * bx - 2.0 * axy * bxy,
        axz * bxy + axy * bxz - ax * byz - ayz * bx,
        axy * byz + ayz * bxy - ay * bxz - axz * by,
        ayz * bxz + axz * byz - az * bxy - axy * bz,
    )


@_njit
def _contract(a: Any, b: Any) -> float:
    return (
        a[0] * b[0] + a[1] * b[1] + a[2] * b[2] + 2.0 * (a[3] * b[3] + a[4] * b[4] + a[5] * b[5])
    )


@_njit
def _apply(m: Any, x: float, y: float, z: float) -> tuple[float, float, float]:
    return (
        m[0] * x + m[5] * y + m[4] * z,
        m[5] * x + m[1] * y + m[3] * z,
        m[4] * x + m[3] * y + m[2] * z,
    )


@_njit
def _matrix(atom: Any, i: int) -> tuple[float, float, float, float, float, float]:
    """M of an atom."""
    return atom[i, 1], atom[i, 2], atom[i, 3], atom[i, 4], atom[i, 5], atom[i, 6]


@_njit
def forces(
    listed: bool,
    index: Any,
    x: Any,
    y: Any,
    z: Any,
    shift: Any,
    positions: Any,
    cells: Any,
    parameters: Any,
    trim: float,
    energies: Any,
    force: Any,
    stress: Any,
    reach: Any,
    atom: Any,
    partner: Any,
    reaction: Any,
    total: Any,
    starts: Any,
    near_who: Any,
    near: Any,
    far_who: Any,
    far: Any,
    vectors: Any,
    block: Any,
    edge_starts: Any,
    edge_who: Any,
    edge: Any,
    triple: Any,
) -> None:
    """Energies, forces and virials of all atoms.

    Parameters
    ----------
    listed
        Whether bond vectors are to be made from lists and positions, or are given.
    index, x, y, z
        As in :class:`carbonize.potentials.base.Bonds`, (slot, atom).
    shift, positions, cells
        As in :class:`carbonize.potentials.base.Lists`, (3, slot, atom), (atom, 3), (replica, 3, 3).
    parameters
        Values of :data:`PARAMETERS`.
    trim
        U2 and U3 end this far (A) before a + a'Z, where they are below 1e-12 eV.
    energies, force, stress, reach
        Results: (atom,) eV, (3, atom) eV/A, (1 or 6, atom) eV, (atom,) A; with one row of
        ``stress`` the trace of the virials.
    atom, partner, reaction, total, starts
        Working space: (atom, BY_ATOM), (atom,) pi(z), (atom,) dE/dpi, (atom, 3), (2, atom + 1).
    near_who, near, far_who, far
        (slot * atom,), (BY_NEAR, slot * atom + ROW_GAP), (slot * atom,), (BY_FAR, slot * atom + ROW_GAP).
    vectors, block, edge_starts, edge_who, edge, triple
        (4, slot + 1, ROW_GAP), (BY_ATOM_OF_BLOCK, BLOCK), (BLOCK + 1,), (BLOCK * slot,),
        (BY_EDGE, BLOCK * slot + ROW_GAP), (2, BLOCK * slot * (slot - 1) / 2 + ROW_GAP).
    """
    total[:] = 0.0
    stress[:] = 0.0
    given = (listed, index, x, y, z, shift, positions, cells)
    sound = _neighbours(given, parameters, starts, near_who, near, far_who, far, vectors, edge_who)
    _coordination(parameters, atom, partner, reaction, starts, near, edge)
    n_atoms = index.shape[1]
    for begin in range(0, n_atoms, BLOCK):
        size = min(BLOCK, n_atoms - begin)
        _total_coordination(parameters, begin, size, atom, partner, starts, near_who, near, far_who, far, block)
        _edges(
            given, parameters, trim, begin, size, reach, starts,
            near_who, near, far_who, far, block, edge_starts, edge_who, edge,
        )  # fmt: skip
        _functions_of_Z(parameters, size, block)
        n_triples = _exponentials(parameters, size, block, edge_starts, edge, triple)
        _exp_all(triple[1, :n_triples])
        _pairs_and_triples(
            parameters, begin, size, energies, total, stress, block, edge_starts, edge_who, edge, triple
        )
        _repulsion(
            parameters, begin, size, total, stress, atom, partner, reaction,
            starts, near_who, near, far_who, far, block,
        )  # fmt: skip
    _backwards(total, stress, atom, reaction, starts, near_who, near)
    for i in range(n_atoms):
        force[0, i], force[1, i], force[2, i] = total[i, 0], total[i, 1], total[i, 2]
    if not sound:
        _say_unsound(given, energies, force)


@_njit
def _say_unsound(given: Any, energies: Any, force: Any) -> None:
    """An atom with a bond that is no number has no energy and no force."""
    slots, n_atoms = given[1].shape
    for i in range(n_atoms):
        for s in range(slots):
            u, v, w = _vector(given, s, i)
            r2 = u * u + v * v + w * w
            if r2 != r2:
                energies[i] = np.nan
                force[0, i] = force[1, i] = force[2, i] = np.nan


@_njit
def _vector(given: Any, s: int, i: int) -> tuple[float, float, float]:
    """The vector in a slot of an atom."""
    listed, index, x, y, z, shift, positions, cells = given
    if not listed:
        return float(x[s, i]), float(y[s, i]), float(z[s, i])
    if shift[0, s, i] == UNUSED:
        return PAD_A, 0.0, 0.0
    j = index[s, i]
    cell = cells[i * cells.shape[0] // index.shape[1]]
    a, b, c = float(shift[0, s, i]), float(shift[1, s, i]), float(shift[2, s, i])
    return (
        float(positions[j, 0]) - positions[i, 0] + a * cell[0, 0] + b * cell[1, 0] + c * cell[2, 0],
        float(positions[j, 1]) - positions[i, 1] + b * cell[1, 1] + c * cell[2, 1],
        float(positions[j, 2]) - positions[i, 2] + c * cell[2, 2],
    )


@_njit
def _given_vectors(x: Any, y: Any, z: Any, out: Any) -> None:
    """Vectors and their squares, of one slot and some atoms."""
    for a in range(len(x)):
        u, v, w = float(x[a]), float(y[a]), float(z[a])
        out[0, a], out[1, a], out[2, a], out[3, a] = u, v, w, u * u + v * v + w * w


@_njit
def _listed_vectors(index: Any, sx: Any, sy: Any, sz: Any, positions: Any, begin: int, cell: Any, out: Any) -> None:
    """The same from positions and shifts."""
    xx, yx, yy, zx, zy, zz = cell
    for a in range(len(index)):
        i, j = begin + a, index[a]
        u = float(positions[j, 0]) - positions[i, 0]
        v = float(positions[j, 1]) - positions[i, 1]
        w = float(positions[j, 2]) - positions[i, 2]
        p, q, r = float(sx[a]), float(sy[a]), float(sz[a])
        u += p * xx + q * yx + r * zx
        v += q * yy + r * zy
        w += r * zz
        if sx[a] == UNUSED:
            u = PAD_A
        out[0, a], out[1, a], out[2, a], out[3, a] = u, v, w, u * u + v * v + w * w


@_njit
def _neighbours(
    given: Any, parameters: Any, starts: Any, near_who: Any, near: Any, far_who: Any, far: Any, vectors: Any, hits: Any
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
            c = cells[begin // one_cell]
            cell = (
                float(c[0, 0]), float(c[1, 0]), float(c[1, 1]), float(c[2, 0]), float(c[2, 1]), float(c[2, 2]),
            )  # fmt: skip
            for s in range(slots):
                _listed_vectors(
                    index[s, begin:end], shift[0, s, begin:end], shift[1, s, begin:end], shift[2, s, begin:end],
                    positions, begin, cell, vectors[:, s],
                )  # fmt: skip
        else:
            for s in range(slots):
                _given_vectors(x[s, begin:end], y[s, begin:end], z[s, begin:end], vectors[:, s])
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


@_njit
def _unit_vectors(x: Any, y: Any, z: Any, r: Any, inverse: Any) -> None:
    """From vectors and squared lengths to unit vectors, lengths and their inverses."""
    for m in range(len(r)):
        length = math.sqrt(r[m])
        over = 1.0 / length
        r[m] = length
        inverse[m] = over
        x[m] = x[m] * over
        y[m] = y[m] * over
        z[m] = z[m] * over


@_njit
def _coordination(
    parameters: Any, atom: Any, partner: Any, reaction: Any, starts: Any, near: Any, work: Any
) -> None:
    """First round: tapers, z, M and the pi functions."""
    f_low, f_high, p_low, p_high = parameters[13], parameters[14], parameters[15], parameters[16]
    alpha, n_atoms = parameters[17], len(partner)
    for begin in range(0, n_atoms, BLOCK):
        end = min(begin + BLOCK, n_atoms)
        low, high = starts[0, begin], starts[0, end]
        _unit_vectors(near[0, low:high], near[1, low:high], near[2, low:high], near[3, low:high], near[7, low:high])
        f = work[0, : high - low]
        _tapers(near[3, low:high], f_low, f_high, alpha, f, near[6, low:high])
        _tapers(near[3, low:high], p_low, p_high, alpha, near[4, low:high], near[5, low:high])
        for i in range(begin, end):
            total = 0.0
            xx = yy = zz = yz = xz = xy = 0.0
            for m in range(starts[0, i], starts[0, i + 1]):
                u, v, w, p = near[0, m], near[1, m], near[2, m], near[4, m]
                total += f[m - low]
                xx += p * u * u
                yy += p * v * v
                zz += p * w * w
                yz += p * v * w
                xz += p * u * w
                xy += p * u * v
            pi3, d3 = _bump(total - 3.0)
            pi2, d2 = _bump(total - 2.0)
            found = (total, xx, yy, zz, yz, xz, xy)
            for m in range(7):
                atom[i, m] = found[m]
                atom[i, _GZ + m] = 0.0
            atom[i, _PI3], atom[i, _D3], atom[i, _PI2], atom[i, _D2] = pi3, d3, pi2, d2
            partner[i] = 1.0 if total <= 3.0 else pi3
            reaction[i] = 0.0


@_njit
def _inverse_lengths(squares: Any) -> None:
    for m in range(len(squares)):
        squares[m] = 1.0 / math.sqrt(squares[m])


@_njit
def _total_coordination(
    parameters: Any, begin: int, size: int, atom: Any, partner: Any, starts: Any,
    near_who: Any, near: Any, far_who: Any, far: Any, block: Any,
) -> None:  # fmt: skip
    """Z of the block's atoms; P = sum of pi(z_j) (r - c0)^2 (1 - p) u u^T and what Z is made of."""
    Z_dihedral, Z_repulsion, c0 = parameters[18], parameters[19], parameters[20]
    _inverse_lengths(far[3, starts[1, begin] : starts[1, begin + size]])
    for a in range(size):
        i = begin + a
        n0, n1, f0, f1 = starts[0, i], starts[0, i + 1], starts[1, i], starts[1, i + 1]
        pi3, pi2 = atom[i, _PI3], atom[i, _PI2]
        of_three = of_two = 0.0
        xx = yy = zz = yz = xz = xy = 0.0
        if pi3 != 0.0 or pi2 != 0.0:
            for m in range(f0, f1):
                u, v, w = far[0, m], far[1, m], far[2, m]
                depth = 1.0 - c0 * far[3, m]
                share = partner[far_who[m]] * depth * depth
                xx += share * u * u
                yy += share * v * v
                zz += share * w * w
                yz += share * v * w
                xz += share * u * w
                xy += share * u * v
            for m in range(n0, n1):
                u, v, w = near[0, m], near[1, m], near[2, m]
                depth = near[3, m] - c0
                share = partner[near_who[m]] * depth * depth * (1.0 - near[4, m])
                xx += share * u * u
                yy += share * v * v
                zz += share * w * w
                yz += share * v * w
                xz += share * u * w
                xy += share * u * v
            S = (xx, yy, zz, yz, xz, xy)
            M = _matrix(atom, i)
            of_three = Z_repulsion * _contract(_adjugate(M), S)
            of_two = Z_repulsion * ((M[0] + M[1] + M[2]) * (xx + yy + zz) - _contract(M, S))
            if pi3 != 0.0:
                dihedral = 0.0
                for m in range(n0, n1):
                    p, j = near[4, m], near_who[m]
                    weight = p * atom[j, _PI3]
                    if weight != 0.0:
                        A, B = _without(M, _matrix(atom, j), p, near[0, m], near[1, m], near[2, m])
                        dihedral += weight * _contract(_adjugate(A), B)
                of_three += Z_dihedral * dihedral
        block[0, a], block[1, a], block[2, a], block[3, a], block[4, a], block[5, a] = xx, yy, zz, yz, xz, xy
        block[6, a], block[7, a] = of_three, of_two
        block[8, a] = atom[i, 0] + pi3 * of_three + pi2 * of_two


@_njit
def _without(M: Any, other: Any, p: float, u: float, v: float, w: float) -> tuple[Any, Any]:
    """M_i and M_j without the bond i-j."""
    xx, yy, zz, yz, xz, xy = p * u * u, p * v * v, p * w * w, p * v * w, p * u * w, p * u * v
    A = (M[0] - xx, M[1] - yy, M[2] - zz, M[3] - yz, M[4] - xz, M[5] - xy)
    B = (other[0] - xx, other[1] - yy, other[2] - zz, other[3] - yz, other[4] - xz, other[5] - xy)
    return A, B


@_njit
def _edges(
    given: Any, parameters: Any, trim: float, begin: int, size: int, reach: Any, starts: Any,
    near_who: Any, near: Any, far_who: Any, far: Any, block: Any, edge_starts: Any, edge_who: Any, edge: Any,
) -> None:  # fmt: skip
    """Bonds within the reach of U2 and U3."""
    a_A, a_slope, c0 = parameters[4], parameters[5], parameters[20]
    n = 0
    for a in range(size):
        i = begin + a
        edge_starts[a] = n
        end = a_A + a_slope * block[8, a]
        live = end - trim
        reach[i] = end
        block[9, a] = end
        for m in range(starts[0, i], starts[0, i + 1]):
            edge_who[n] = near_who[m]
            edge[0, n], edge[1, n], edge[2, n], edge[3, n], edge[4, n] = (
                near[0, m], near[1, m], near[2, m], near[3, m], near[7, m],
            )  # fmt: skip
            n += near[3, m] < live
        least = 1.0 / live
        for m in range(starts[1, i], starts[1, i + 1]):
            over = far[3, m]
            if over > least:
                edge_who[n] = far_who[m]
                edge[0, n], edge[1, n], edge[2, n] = far[0, m] * over, far[1, m] * over, far[2, m] * over
                edge[3, n], edge[4, n] = 1.0 / over, over
                n += 1
        if live > c0:
            # only atoms of absurd coordination reach so far
            for s in range(given[1].shape[0]):
                u, v, w = _vector(given, s, i)
                r2 = u * u + v * v + w * w
                if c0 * c0 <= r2 < live * live:
                    over = 1.0 / math.sqrt(r2)
                    edge_who[n] = given[1][s, i]
                    edge[0, n], edge[1, n], edge[2, n], edge[3, n], edge[4, n] = (
                        u * over, v * over, w * over, r2 * over, over,
                    )  # fmt: skip
                    n += 1
    edge_starts[size] = n


@_njit
def _functions_of_Z(parameters: Any, size: int, block: Any) -> None:
    """lambda, tau, exp(-beta Z^2) and their slopes."""
    beta, Z0, lambda0, slope = parameters[2], parameters[6], parameters[7], parameters[8]
    t1, t2 = parameters[11], parameters[12]
    Zs, lam, dlam, tau, dtau, order, dorder = (
        block[8], block[10], block[11], block[12], block[13], block[14], block[15],
    )  # fmt: skip
    for a in range(size):
        Z = Zs[a]
        offset = Z - Z0
        value = lambda0 * _exp(-slope * offset * offset)
        lam[a] = value
        dlam[a] = -2.0 * slope * offset * value
        value = _exp(-beta * Z * Z)
        order[a] = value
        dorder[a] = -2.0 * beta * Z * value
        # 1 + tanh(t), without overflow on either side
        bend = t1 * (Z - t2)
        high = 2.0 / (1.0 + _exp(-2.0 * abs(bend)))
        rise = high if bend >= 0.0 else 2.0 - high
        tau[a] = 1.0 - Z * rise * (1.0 / 12.0)
        dtau[a] = -(rise + Z * t1 * rise * (2.0 - rise)) * (1.0 / 12.0)


@_njit
def _tails(e: Any, tail: Any, g: Any, epsilon: float, sigma: float, gamma: float) -> None:
    """From r - reach to its inverse, and the two exponentials of it."""
    for k in range(len(e)):
        inverse = 1.0 / e[k]
        e[k] = inverse
        tail[k] = epsilon * _exp(sigma * inverse)
        g[k] = _exp(gamma * inverse)


@_njit
def _exponentials(
    parameters: Any, size: int, block: Any, edge_starts: Any, edge: Any, triple: Any
) -> int:
    """The exponentials of bonds; cosines of all pairs of bonds, and the arguments of their exponentials."""
    q = parameters[10]
    n_edges, n = edge_starts[size], 0
    for a in range(size):
        low, high, end, tau = edge_starts[a], edge_starts[a + 1], block[9, a], block[12, a]
        for j in range(low, high):
            u, v, w = edge[0, j], edge[1, j], edge[2, j]
            edge[5, j] = edge[3, j] - end
            for k in range(j + 1, high):
                cosine = u * edge[0, k] + v * edge[1, k] + w * edge[2, k]
                triple[0, n] = cosine
                triple[1, n] = -q * (cosine + tau) * (cosine + tau)
                n += 1
    _tails(edge[5, :n_edges], edge[6, :n_edges], edge[7, :n_edges], parameters[0], parameters[3], parameters[9])
    return n


@_njit
def _pairs_and_triples(
    parameters: Any, begin: int, size: int, energies: Any, force: Any, stress: Any,
    block: Any, edge_starts: Any, edge_who: Any, edge: Any, triple: Any,
) -> None:  # fmt: skip
    """U_i and dU_i/dZ_i of the block's atoms, and the gradient (see :mod:`carbonize.potentials.edip_pairs`)."""
    B4, sigma, a_slope, gamma, q = parameters[1], parameters[3], parameters[5], parameters[9], parameters[10]
    n = 0
    for a in range(size):
        i, low, high = begin + a, edge_starts[a], edge_starts[a + 1]
        lam, dlam, tau, dtau = block[10, a], block[11, a], block[12, a], block[13, a]
        order, dorder = block[14, a], block[15, a]
        energy = dE = triples = torques = inward = 0.0
        for k in range(low, high):
            edge[8, k], edge[9, k], edge[10, k], edge[11, k] = 0.0, 0.0, 0.0, 0.0
        strength = 2.0 * q * lam
        for j in range(low, high):
            u, v, w, over, g = edge[0, j], edge[1, j], edge[2, j], edge[4, j], edge[7, j]
            tx = ty = tz = shadow = pull = 0.0
            for k in range(j + 1, high):
                x, y, z, h = edge[0, k], edge[1, k], edge[2, k], edge[7, k]
                cosine, bell = triple[0, n], triple[1, n]
                n += 1
                both = g * h
                gap = 1.0 - bell
                torque = strength * both * (cosine + tau) * bell
                triples += both * gap
                torques += torque
                shadow += h * gap
                edge[11, k] += g * gap
                pull += torque * cosine
                tx += torque * x
                ty += torque * y
                tz += torque * z
                turn = torque * edge[4, k]
                edge[8, k] += turn * (u - cosine * x)
                edge[9, k] += turn * (v - cosine * y)
                edge[10, k] += turn * (w - cosine * z)
            # all partners of this bond have been met
            shadow += edge[11, j]
            e, tail = edge[5, j], edge[6, j]
            steep = B4 * (over * over) * (over * over)
            pair = (steep - order) * tail
            from_gap = -sigma * e * e * pair
            slope = -gamma * e * e * g * shadow
            energy += pair
            dE -= a_slope * from_gap + dorder * tail
            inward += slope
            radial = from_gap - 4.0 * steep * tail * over + lam * slope
            gx = edge[8, j] + over * (tx - pull * u) + radial * u
            gy = edge[9, j] + over * (ty - pull * v) + radial * v
            gz = edge[10, j] + over * (tz - pull * w) + radial * w
            r = edge[3, j]
            _put(force, stress, i, edge_who[j], r * u, r * v, r * w, gx, gy, gz)
        energies[i] = energy + lam * triples
        block[16, a] = dE + dlam * triples + dtau * torques - a_slope * lam * inward


@_njit
def _repulsion(
    parameters: Any, begin: int, size: int, force: Any, stress: Any, atom: Any, partner: Any, reaction: Any,
    starts: Any, near_who: Any, near: Any, far_who: Any, far: Any, block: Any,
) -> None:  # fmt: skip
    """From dE/dZ of the block's atoms to dE/dz and dE/dM of all, and the gradient at fixed z and M."""
    Z_dihedral, Z_repulsion, c0 = parameters[18], parameters[19], parameters[20]
    for a in range(size):
        i, dZ = begin + a, block[16, a]
        pi3, pi2 = atom[i, _PI3], atom[i, _PI2]
        atom[i, _GZ] += dZ * (1.0 + atom[i, _D3] * block[6, a] + atom[i, _D2] * block[7, a])
        if pi3 == 0.0 and pi2 == 0.0:
            continue
        S = (block[0, a], block[1, a], block[2, a], block[3, a], block[4, a], block[5, a])
        M = _matrix(atom, i)
        trace, trace_S = M[0] + M[1] + M[2], S[0] + S[1] + S[2]
        A = _adjugate(M)
        w3, w2 = dZ * Z_repulsion * pi3, dZ * Z_repulsion * pi2
        K = _cross(M, S)
        G = (
            w3 * K[0] + w2 * (trace_S - S[0]),
            w3 * K[1] + w2 * (trace_S - S[1]),
            w3 * K[2] + w2 * (trace_S - S[2]),
            w3 * K[3] - w2 * S[3],
            w3 * K[4] - w2 * S[4],
            w3 * K[5] - w2 * S[5],
        )
        Q = (
            w3 * A[0] + w2 * (trace - M[0]),
            w3 * A[1] + w2 * (trace - M[1]),
            w3 * A[2] + w2 * (trace - M[2]),
            w3 * A[3] - w2 * M[3],
            w3 * A[4] - w2 * M[4],
            w3 * A[5] - w2 * M[5],
        )
        for m in range(starts[1, i], starts[1, i + 1]):
            u, v, w, inverse, j = far[0, m], far[1, m], far[2, m], far[3, m], far_who[m]
            qx, qy, qz = _apply(Q, u, v, w)
            felt = u * qx + v * qy + w * qz
            depth = 1.0 - c0 * inverse
            square = depth * depth
            reaction[j] += square * felt
            turn = 2.0 * partner[j] * square
            along = 2.0 * partner[j] * depth * c0 * inverse * inverse * inverse * felt
            _put(force, stress, i, j, u, v, w, along * u + turn * qx, along * v + turn * qy, along * w + turn * qz)
        c = dZ * Z_dihedral * pi3
        for m in range(starts[0, i], starts[0, i + 1]):
            u, v, w, r = near[0, m], near[1, m], near[2, m], near[3, m]
            p, dp, over, j = near[4, m], near[5, m], near[7, m], near_who[m]
            gx = gy = gz = 0.0
            if p < 1.0:
                qx, qy, qz = _apply(Q, u, v, w)
                felt = u * qx + v * qy + w * qz
                depth = r - c0
                strength = depth * depth * (1.0 - p)
                reaction[j] += strength * felt
                turn = 2.0 * partner[j] * strength * over
                along = (partner[j] * depth * (2.0 * (1.0 - p) - depth * dp) - turn) * felt
                gx, gy, gz = along * u + turn * qx, along * v + turn * qy, along * w + turn * qz
            factor = c * atom[j, _PI3]
            weight = factor * p
            if weight != 0.0:
                A, B = _without(M, _matrix(atom, j), p, u, v, w)
                theirs = _adjugate(A)
                mine = _cross(A, B)
                T = _contract(theirs, B)
                atom[j, _GZ] += c * p * T * atom[j, _D3]
                for n in range(6):
                    atom[j, _GM + n] += weight * theirs[n]
                G = (
                    G[0] + weight * mine[0],
                    G[1] + weight * mine[1],
                    G[2] + weight * mine[2],
                    G[3] + weight * mine[3],
                    G[4] + weight * mine[4],
                    G[5] + weight * mine[5],
                )
                N = (
                    mine[0] + theirs[0],
                    mine[1] + theirs[1],
                    mine[2] + theirs[2],
                    mine[3] + theirs[3],
                    mine[4] + theirs[4],
                    mine[5] + theirs[5],
                )
                nx, ny, nz = _apply(N, u, v, w)
                felt = u * nx + v * ny + w * nz
                turn = -2.0 * weight * p * over
                along = dp * (factor * T - weight * felt) - turn * felt
                gx += along * u + turn * nx
                gy += along * v + turn * ny
                gz += along * w + turn * nz
            _put(force, stress, i, j, r * u, r * v, r * w, gx, gy, gz)
        for n in range(6):
            atom[i, _GM + n] += G[n]


@_njit
def _backwards(
    force: Any, stress: Any, atom: Any, reaction: Any, starts: Any, near_who: Any, near: Any
) -> None:
    """Last round: from dE/dz and dE/dM to the bonds."""
    for i in range(len(reaction)):
        dz = atom[i, _GZ]
        if atom[i, 0] > 3.0:
            dz += reaction[i] * atom[i, _D3]
        G = (
            atom[i, _GM],
            atom[i, _GM + 1],
            atom[i, _GM + 2],
            atom[i, _GM + 3],
            atom[i, _GM + 4],
            atom[i, _GM + 5],
        )
        for m in range(starts[0, i], starts[0, i + 1]):
            u, v, w, r, p = near[0, m], near[1, m], near[2, m], near[3, m], near[4, m]
            mx, my, mz = _apply(G, u, v, w)
            felt = u * mx + v * my + w * mz
            turn = 2.0 * p * near[7, m]
            along = dz * near[6, m] + (near[5, m] - turn) * felt
            _put(
                force, stress, i, near_who[m], r * u, r * v, r * w,
                along * u + turn * mx, along * v + turn * my, along * w + turn * mz,
            )  # fmt: skip


@_njit
def _put(
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
