"""z and M, the total coordination Z, and from their derivatives back to the bonds."""

from __future__ import annotations

from typing import Any

from carbonize.potentials.edip_loops.dihedral import (
    ALONG,
    MINE,
    THEIRS,
    TRACE,
    dihedrals,
    four_of,
    lane,
    six_of,
)
from carbonize.potentials.edip_loops.layout import AT_M, AT_PI3, AT_Z, BLOCK
from carbonize.potentials.edip_loops.numbers import (
    adjugate,
    apply,
    bump,
    contract,
    cross,
    inverse_lengths,
    matrix,
    tapers,
    unit_vectors,
)
from carbonize.potentials.edip_loops.sums import add_own, give, six
from carbonize.potentials.foreign import compiled

__all__ = ["backwards", "coordination", "repulsion", "total_coordination"]


@compiled
def coordination(
    parameters: Any, atom: Any, partner: Any, starts: Any, near: Any, far: Any, work: Any
) -> None:
    """First round: lengths, tapers, z, M and the pi functions."""
    f_low, f_high, p_low, p_high = parameters[13], parameters[14], parameters[15], parameters[16]
    alpha, n_atoms = parameters[17], len(partner)
    real = near.dtype.type
    zero, one, three = real(0.0), real(1.0), real(3.0)
    for begin in range(0, n_atoms, BLOCK):
        end = min(begin + BLOCK, n_atoms)
        low, high = starts[0, begin], starts[0, end]
        unit_vectors(
            near[0, low:high], near[1, low:high], near[2, low:high], near[3, low:high], near[7, low:high]
        )
        inverse_lengths(far[3, starts[1, begin] : starts[1, end]])
        f = work[0, : high - low]
        tapers(near[3, low:high], f_low, f_high, alpha, f, near[6, low:high])
        tapers(near[3, low:high], p_low, p_high, alpha, near[4, low:high], near[5, low:high])
        for i in range(begin, end):
            total = xx = yy = zz = yz = xz = xy = zero
            for m in range(starts[0, i], starts[0, i + 1]):
                u, v, w, p = near[0, m], near[1, m], near[2, m], near[4, m]
                total += f[m - low]
                xx += p * u * u
                yy += p * v * v
                zz += p * w * w
                yz += p * v * w
                xz += p * u * w
                xy += p * u * v
            pi3, _ = bump(total - three)
            found = (total, xx, yy, zz, yz, xz, xy, pi3)
            for m in range(8):
                atom[i, m] = found[m]
            partner[i] = one if total <= three else pi3


@compiled
def total_coordination(
    parameters: Any, begin: int, size: int, atom: Any, partner: Any, starts: Any,
    near_who: Any, near: Any, far_who: Any, far: Any, block: Any, lanes: Any,
) -> None:  # fmt: skip
    """Z of the block's atoms; P = sum of pi(z_j) (r - c0)^2 (1 - p) u u^T and what Z is made of."""
    Z_dihedral, Z_repulsion, c0 = parameters[18], parameters[19], parameters[20]
    real = near.dtype.type
    zero, one, two = real(0.0), real(1.0), real(2.0)
    first = starts[0, begin]
    dihedrals(begin, size, atom, starts, near_who, near, lanes)
    for a in range(size):
        i = begin + a
        n0, n1, f0, f1 = starts[0, i], starts[0, i + 1], starts[1, i], starts[1, i + 1]
        z, pi3 = atom[i, AT_Z], atom[i, AT_PI3]
        pi2, _ = bump(z - two)
        of_three = of_two = xx = yy = zz = yz = xz = xy = zero
        if pi3 != zero or pi2 != zero:
            for m in range(f0, f1):
                u, v, w = far[0, m], far[1, m], far[2, m]
                depth = one - c0 * far[3, m]
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
                share = partner[near_who[m]] * depth * depth * (one - near[4, m])
                xx += share * u * u
                yy += share * v * v
                zz += share * w * w
                yz += share * v * w
                xz += share * u * w
                xy += share * u * v
            S = (xx, yy, zz, yz, xz, xy)
            M = matrix(atom, i)
            of_three = Z_repulsion * contract(adjugate(M), S)
            of_two = Z_repulsion * ((M[0] + M[1] + M[2]) * (xx + yy + zz) - contract(M, S))
            dihedral = zero
            for m in range(n0, n1):
                dihedral += near[4, m] * atom[near_who[m], AT_PI3] * lanes[lane(m - first) + TRACE]
            of_three += Z_dihedral * dihedral
        block[0, a], block[1, a], block[2, a], block[3, a], block[4, a], block[5, a] = xx, yy, zz, yz, xz, xy
        block[6, a], block[7, a] = of_three, of_two
        block[8, a] = z + pi3 * of_three + pi2 * of_two


@compiled
def repulsion(
    parameters: Any, begin: int, size: int, force: Any, stress: Any, atom: Any, slope: Any, partner: Any,
    reaction: Any, starts: Any, near_who: Any, near: Any, far_who: Any, far: Any, block: Any, lanes: Any,
) -> None:  # fmt: skip
    """From dE/dZ of the block's atoms to dE/dz and dE/dM of all, and the gradient at fixed z and M."""
    Z_dihedral, Z_repulsion, c0 = parameters[18], parameters[19], parameters[20]
    real = near.dtype.type
    zero, one, two = real(0.0), real(1.0), real(2.0)
    first = starts[0, begin]
    for a in range(size):
        i, dZ = begin + a, block[16, a]
        pi3 = atom[i, AT_PI3]
        pi2, d2 = bump(atom[i, AT_Z] - two)
        slope[i, AT_Z] += dZ * (one + d2 * block[7, a])
        slope[i, AT_PI3] += dZ * block[6, a]
        if pi3 == zero and pi2 == zero:
            continue
        S = (block[0, a], block[1, a], block[2, a], block[3, a], block[4, a], block[5, a])
        M = matrix(atom, i)
        trace, trace_S = M[0] + M[1] + M[2], S[0] + S[1] + S[2]
        A = adjugate(M)
        w3, w2 = dZ * Z_repulsion * pi3, dZ * Z_repulsion * pi2
        K = cross(M, S)
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
        fx = fy = fz = virial = zero
        for m in range(starts[1, i], starts[1, i + 1]):
            u, v, w, inverse, j = far[0, m], far[1, m], far[2, m], far[3, m], far_who[m]
            qx, qy, qz = apply(Q, u, v, w)
            felt = u * qx + v * qy + w * qz
            depth = one - c0 * inverse
            square = depth * depth
            reaction[j] += square * felt
            turn = two * partner[j] * square
            along = two * partner[j] * depth * c0 * inverse * inverse * inverse * felt
            gx, gy, gz = along * u + turn * qx, along * v + turn * qy, along * w + turn * qz
            fx += gx
            fy += gy
            fz += gz
            virial += u * gx + v * gy + w * gz
            give(force, j, gx, gy, gz)
            six(stress, i, u, v, w, gx, gy, gz)
        c = dZ * Z_dihedral * pi3
        for m in range(starts[0, i], starts[0, i + 1]):
            u, v, w, r = near[0, m], near[1, m], near[2, m], near[3, m]
            p, dp, over, j = near[4, m], near[5, m], near[7, m], near_who[m]
            gx = gy = gz = zero
            if p < one:
                qx, qy, qz = apply(Q, u, v, w)
                felt = u * qx + v * qy + w * qz
                depth = r - c0
                strength = depth * depth * (one - p)
                reaction[j] += strength * felt
                turn = two * partner[j] * strength * over
                along = (partner[j] * depth * (two * (one - p) - depth * dp) - turn) * felt
                gx, gy, gz = along * u + turn * qx, along * v + turn * qy, along * w + turn * qz
            factor = c * atom[j, AT_PI3]
            weight = factor * p
            if weight != zero:
                at = lane(m - first)
                mine, theirs = six_of(lanes, at + MINE), six_of(lanes, at + THEIRS)
                trace = lanes[at + TRACE]
                nx, ny, nz, felt = four_of(lanes, at + ALONG)
                slope[j, AT_PI3] += c * p * trace
                for n in range(6):
                    slope[j, AT_M + n] += weight * theirs[n]
                G = (
                    G[0] + weight * mine[0],
                    G[1] + weight * mine[1],
                    G[2] + weight * mine[2],
                    G[3] + weight * mine[3],
                    G[4] + weight * mine[4],
                    G[5] + weight * mine[5],
                )
                turn = -two * weight * p * over
                along = dp * (factor * trace - weight * felt) - turn * felt
                gx += along * u + turn * nx
                gy += along * v + turn * ny
                gz += along * w + turn * nz
            fx += gx
            fy += gy
            fz += gz
            virial += r * (u * gx + v * gy + w * gz)
            give(force, j, gx, gy, gz)
            six(stress, i, r * u, r * v, r * w, gx, gy, gz)
        add_own(force, stress, i, fx, fy, fz, virial)
        for n in range(6):
            slope[i, AT_M + n] += G[n]


@compiled
def backwards(
    force: Any, stress: Any, atom: Any, slope: Any, reaction: Any, starts: Any, near_who: Any, near: Any
) -> None:
    """Last round: from dE/dz and dE/dM to the bonds."""
    real = near.dtype.type
    zero, two, three = real(0.0), real(2.0), real(3.0)
    for i in range(len(reaction)):
        z, dthree = atom[i, AT_Z], slope[i, AT_PI3]
        if z > three:
            dthree += reaction[i]
        dz = slope[i, AT_Z] + dthree * bump(z - three)[1]
        G = matrix(slope, i)
        fx = fy = fz = virial = zero
        for m in range(starts[0, i], starts[0, i + 1]):
            u, v, w, r, p = near[0, m], near[1, m], near[2, m], near[3, m], near[4, m]
            mx, my, mz = apply(G, u, v, w)
            felt = u * mx + v * my + w * mz
            turn = two * p * near[7, m]
            along = dz * near[6, m] + (near[5, m] - turn) * felt
            gx, gy, gz = along * u + turn * mx, along * v + turn * my, along * w + turn * mz
            fx += gx
            fy += gy
            fz += gz
            virial += r * (u * gx + v * gy + w * gz)
            give(force, near_who[m], gx, gy, gz)
            six(stress, i, r * u, r * v, r * w, gx, gy, gz)
        add_own(force, stress, i, fx, fy, fz, virial)
