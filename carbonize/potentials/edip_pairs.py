"""The pair and triple energies U2 and U3 of carbon EDIP at given coordination Z.

    U2 = eps [(B/r)^4 - exp(-beta Z^2)] exp[sigma/(r - a - a'Z)]
    U3 = lambda(Z) g(r_ij) g(r_ik) {1 - exp[-q (cos + tau)^2]},   g = exp[gamma/(r - a - a'Z)]
    lambda(Z) = lambda0 exp[-lambda' (Z - Z0)^2],   tau(Z) = 1 - (Z/12) {1 + tanh[t1 (Z - t2)]}

N. A. Marks, Phys. Rev. B 63, 035401 (2000).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float

from carbonize.potentials.base import Bonds
from carbonize.potentials.slots import barrier, sum_slots

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = ["pairs_and_triples"]

_MOST_UNROLLED = 18
"""Slots up to which every pair has its own place in the program."""


def pairs_and_triples(
    edip: Edip,
    bonds: Bonds,
    Z: Float[Array, " atom"],
    trim_A: float,
    accumulate: DTypeLike | None = None,
) -> tuple[Float[Array, " atom"], Float[Array, " atom"], tuple[Array, Array, Array]]:
    """U_i (eV), dU_i/dZ_i (eV) and the gradient with respect to the bond vectors (eV/A).

    Bonds longer than a + a'Z - ``trim_A`` are ignored. U_i is summed in the dtype ``accumulate``.
    """

    # Functions of Z.
    offset = Z - edip.Z0
    lam = edip.lambda0_eV * jnp.exp(-edip.lambda_slope * offset * offset)
    dlam = -2.0 * edip.lambda_slope * offset * lam
    th = jnp.tanh(edip.t1 * (Z - edip.t2))
    tau = 1.0 - (Z * (1.0 / 12.0)) * (1.0 + th)
    dtau = -(1.0 / 12.0) * (1.0 + th + Z * edip.t1 * (1.0 - th * th))
    order = jnp.exp(-edip.beta * Z * Z)
    dorder = -2.0 * edip.beta * Z * order
    reach = edip.a_A + edip.a_slope_A * Z
    lam, dlam, tau, dtau, order, dorder, reach = barrier((lam, dlam, tau, dtau, order, dorder, reach))

    # Bonds. Where one has ended, 1/(r - reach) is formed from a harmless number.
    r2 = bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z
    inverse_r = barrier(1.0 / jnp.sqrt(r2))
    gap = r2 * inverse_r - reach
    alive = gap < -trim_A
    inverse_gap = barrier(1.0 / jnp.where(alive, gap, -1.0))
    tail = jnp.where(alive, edip.epsilon_eV * jnp.exp(edip.sigma_A * inverse_gap), 0.0)
    g = jnp.where(alive, jnp.exp(edip.gamma_A * inverse_gap), 0.0)
    tail, g = barrier((tail, g))
    inverse_gap2 = inverse_gap * inverse_gap
    steep = edip.B4_A4 * (inverse_r * inverse_r) * (inverse_r * inverse_r)
    pair = (steep - order) * tail
    from_gap = -edip.sigma_A * inverse_gap2 * pair  # dU2/d(gap), gap = r - a - a'Z
    dpair_dr = from_gap - 4.0 * steep * inverse_r * tail
    dpair_dZ = -edip.a_slope_A * from_gap - dorder * tail
    dg = -edip.gamma_A * inverse_gap2 * g
    x, y, z = bonds.x * inverse_r, bonds.y * inverse_r, bonds.z * inverse_r
    x, y, z, dg, dpair_dr = barrier((x, y, z, dg, dpair_dr))
    energy, dE_dZ = barrier((sum_slots(pair, accumulate), sum_slots(dpair_dZ)))

    strength = barrier(2.0 * edip.q * lam)
    sums = _sum_pairs if bonds.x.shape[0] <= _MOST_UNROLLED else _sum_pairs_by_rows
    shadow, pull, turn = sums(edip.q, tau, strength, g, (x, y, z))
    triples = 0.5 * sum_slots(g * shadow)
    inward = sum_slots(dg * shadow)
    whole = triples if accumulate is None else 0.5 * sum_slots(g * shadow, accumulate)
    energy = energy + lam.astype(energy.dtype) * whole
    # the torque of a pair counts in both of its rows
    total_torque = 0.5 * sum_slots(turn.pop())
    dE_dZ = dE_dZ + dlam * triples + dtau * total_torque - edip.a_slope_A * lam * inward
    radial = barrier(dpair_dr + lam * shadow * dg - inverse_r * pull)
    gradient = tuple(radial * u + inverse_r * t for u, t in zip((x, y, z), turn, strict=True))
    return barrier((energy, dE_dZ, gradient))


def _sum_pairs(
    q: float, tau: Array, strength: Array, g: Array, unit: tuple[Array, Array, Array]
) -> tuple[Array, Array, list[Array]]:
    """Sums over the partners k of every bond j, each unordered pair evaluated once.

    With h_jk = 1 - exp[-q (cos + tau)^2] and the torque w_jk = dU3/dcos: ``shadow`` =
    sum_k g_k h_jk, ``pull`` = sum_k w_jk cos_jk, and the list of sum_k w_jk u_k for the three
    components of the unit vectors u, with sum_k w_jk last; all (slot, atom).
    """
    x, y, z = unit
    slots = x.shape[0]
    # row j of each table holds the pairs (j, j + 1), (j, j + 2), ...
    rows = range(slots - 1)
    cosine = barrier([x[j] * x[j + 1 :] + y[j] * y[j + 1 :] + z[j] * z[j + 1 :] for j in rows])
    bell = barrier([jnp.exp(-q * (c + tau) * (c + tau)) for c in cosine])
    torque = barrier([strength * g[j] * g[j + 1 :] * (cosine[j] + tau) * bell[j] for j in rows])

    def both(table: list[Array], j: int, k: int) -> Array:
        return table[min(j, k)][abs(k - j) - 1]

    others = [[k for k in range(slots) if k != j] for j in range(slots)]
    shadow = barrier([sum_slots([g[k] * (1.0 - both(bell, j, k)) for k in others[j]]) for j in range(slots)])
    pull, turn = [], ([], [], [], [])
    for j in range(slots):
        w = [both(torque, j, k) for k in others[j]]
        pull.append(sum_slots([w_k * both(cosine, j, k) for w_k, k in zip(w, others[j], strict=True)]))
        for component, u in zip(turn, unit, strict=False):
            component.append(sum_slots([w_k * u[k] for w_k, k in zip(w, others[j], strict=True)]))
        turn[3].append(sum_slots(w))
    pull, turn = barrier((pull, turn))
    return jnp.stack(shadow), jnp.stack(pull), [jnp.stack(component) for component in turn]


def _sum_pairs_by_rows(
    q: float, tau: Array, strength: Array, g: Array, unit: tuple[Array, Array, Array]
) -> tuple[Array, Array, list[Array]]:
    """The same to the last bit with a loop over j, every pair evaluated twice.

    The program does not grow with the square of the slots: for dense and hot structures
    compiling the unrolled one takes minutes.
    """
    x, y, z = unit
    slots = x.shape[0]
    place = jnp.arange(slots - 1)[:, None]

    def row(j: Array) -> tuple[Array, ...]:
        def others(values: Array) -> Array:
            return jnp.where(place < j, values[:-1], values[1:])

        u, v, w, partner = others(x), others(y), others(z), others(g)
        cosine = x[j] * u + y[j] * v + z[j] * w
        bell = jnp.exp(-q * (cosine + tau) * (cosine + tau))
        first, second = jnp.where(place < j, partner, g[j]), jnp.where(place < j, g[j], partner)
        cosine, bell = barrier((cosine, bell))
        torque = barrier(strength * first * second * (cosine + tau) * bell)
        sums = [partner * (1.0 - bell), torque * cosine, torque * u, torque * v, torque * w, torque]
        return tuple(sum_slots(terms) for terms in sums)

    shadow, pull, *turn = jax.lax.map(row, jnp.arange(slots))
    return shadow, pull, turn
