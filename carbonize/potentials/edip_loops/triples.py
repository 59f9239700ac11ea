"""The pair and triple energies U2 and U3 (:mod:`carbonize.potentials.edip_pairs`)."""

from __future__ import annotations

import math
from typing import Any

from carbonize.potentials.edip_loops.neighbours import vector
from carbonize.potentials.edip_loops.numbers import exponential, like
from carbonize.potentials.edip_loops.sums import add_own, give, six
from carbonize.potentials.foreign import compiled

__all__ = ["edges", "exponentials", "functions_of_Z", "pairs_and_triples"]


@compiled
def edges(
    given: Any, parameters: Any, trim: float, begin: int, size: int, reach: Any, starts: Any,
    near_who: Any, near: Any, far_who: Any, far: Any, block: Any, edge_starts: Any, edge_who: Any, edge: Any,
) -> None:  # fmt: skip
    """Bonds within the reach of U2 and U3."""
    a_A, a_slope, c0 = parameters[4], parameters[5], parameters[20]
    one = edge.dtype.type(1.0)
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
        least = one / live
        for m in range(starts[1, i], starts[1, i + 1]):
            over = far[3, m]
            if over > least:
                edge_who[n] = far_who[m]
                edge[0, n], edge[1, n], edge[2, n] = far[0, m] * over, far[1, m] * over, far[2, m] * over
                edge[3, n], edge[4, n] = one / over, over
                n += 1
        if live > c0:
            # only atoms of absurd coordination reach so far
            for s in range(given[1].shape[0]):
                u, v, w = vector(given, s, i)
                r2 = u * u + v * v + w * w
                if c0 * c0 <= r2 < live * live:
                    over = one / math.sqrt(r2)
                    edge_who[n] = given[1][s, i]
                    edge[0, n], edge[1, n], edge[2, n], edge[3, n], edge[4, n] = (
                        u * over, v * over, w * over, r2 * over, over,
                    )  # fmt: skip
                    n += 1
    edge_starts[size] = n


@compiled
def functions_of_Z(parameters: Any, size: int, block: Any) -> None:
    """lambda, tau, exp(-beta Z^2) and their slopes."""
    beta, Z0, lambda0, slope = parameters[2], parameters[6], parameters[7], parameters[8]
    t1, t2 = parameters[11], parameters[12]
    Zs, lam, dlam, tau, dtau, order, dorder = (
        block[8], block[10], block[11], block[12], block[13], block[14], block[15],
    )  # fmt: skip
    real = block.dtype.type
    zero, one, two, twelfth = real(0.0), real(1.0), real(2.0), real(1.0 / 12.0)
    for a in range(size):
        Z = Zs[a]
        offset = Z - Z0
        value = lambda0 * exponential(-slope * offset * offset)
        lam[a] = value
        dlam[a] = -two * slope * offset * value
        value = exponential(-beta * Z * Z)
        order[a] = value
        dorder[a] = -two * beta * Z * value
        # 1 + tanh(t), without overflow on either side
        bend = t1 * (Z - t2)
        high = two / (one + exponential(-two * abs(bend)))
        rise = high if bend >= zero else two - high
        tau[a] = one - Z * rise * twelfth
        dtau[a] = -(rise + Z * t1 * rise * (two - rise)) * twelfth


@compiled
def tails(e: Any, tail: Any, g: Any, epsilon: Any, sigma: Any, gamma: Any) -> None:
    """From r - reach to its inverse, and the two exponentials of it."""
    for k in range(len(e)):
        inverse = like(epsilon, 1.0) / e[k]
        e[k] = inverse
        tail[k] = epsilon * exponential(sigma * inverse)
        g[k] = exponential(gamma * inverse)


@compiled
def exponentials(parameters: Any, size: int, block: Any, edge_starts: Any, edge: Any, triple: Any) -> int:
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
    tails(
        edge[5, :n_edges], edge[6, :n_edges], edge[7, :n_edges], parameters[0], parameters[3], parameters[9]
    )
    return n


@compiled
def pairs_and_triples(
    parameters: Any, begin: int, size: int, energies: Any, force: Any, stress: Any,
    block: Any, edge_starts: Any, edge_who: Any, edge: Any, triple: Any,
) -> None:  # fmt: skip
    """U_i and dU_i/dZ_i of the block's atoms, and the gradient (see :mod:`carbonize.potentials.edip_pairs`)."""
    B4, sigma, a_slope, gamma, q = parameters[1], parameters[3], parameters[5], parameters[9], parameters[10]
    real = edge.dtype.type
    zero, one, two, four = real(0.0), real(1.0), real(2.0), real(4.0)
    n = 0
    for a in range(size):
        i, low, high = begin + a, edge_starts[a], edge_starts[a + 1]
        lam, dlam, tau, dtau = block[10, a], block[11, a], block[12, a], block[13, a]
        order, dorder = block[14, a], block[15, a]
        energy = dE = triples = torques = inward = zero
        for k in range(low, high):
            edge[8, k], edge[9, k], edge[10, k], edge[11, k] = zero, zero, zero, zero
        strength = two * q * lam
        fx = fy = fz = trace = zero
        for j in range(low, high):
            u, v, w, over, g = edge[0, j], edge[1, j], edge[2, j], edge[4, j], edge[7, j]
            tx = ty = tz = shadow = pull = zero
            for k in range(j + 1, high):
                x, y, z, h = edge[0, k], edge[1, k], edge[2, k], edge[7, k]
                cosine, bell = triple[0, n], triple[1, n]
                n += 1
                both = g * h
                gap = one - bell
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
            radial = from_gap - four * steep * tail * over + lam * slope
            gx = edge[8, j] + over * (tx - pull * u) + radial * u
            gy = edge[9, j] + over * (ty - pull * v) + radial * v
            gz = edge[10, j] + over * (tz - pull * w) + radial * w
            r = edge[3, j]
            fx += gx
            fy += gy
            fz += gz
            trace += r * (u * gx + v * gy + w * gz)
            give(force, edge_who[j], gx, gy, gz)
            six(stress, i, r * u, r * v, r * w, gx, gy, gz)
        add_own(force, stress, i, fx, fy, fz, trace)
        energies[i] = energy + lam * triples
        block[16, a] = dE + dlam * triples + dtau * torques - a_slope * lam * inward
