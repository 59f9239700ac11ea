"""The pair and triple energies U2 and U3 of carbon EDIP at given coordination Z.

    U2 = eps [(B/r)^4 - exp(-beta Z^2)] exp[sigma/(r - a - a'Z)]
    U3 = lambda(Z) g(r_ij) g(r_ik) {1 - exp[-q (cos + tau)^2]},   g = exp[gamma/(r - a - a'Z)]
    lambda(Z) = lambda0 exp[-lambda' (Z - Z0)^2],   tau(Z) = 1 - (Z/12) {1 + tanh[t1 (Z - t2)]}

N. A. Marks, Phys. Rev. B 63, 035401 (2000).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float

from carbonize.potentials.base import Bonds
from carbonize.potentials.slots import barrier, sum_slots

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = ["pairs_and_triples"]


def pairs_and_triples(
    edip: Edip, bonds: Bonds, Z: Float[Array, " atom"], trim_A: float
) -> tuple[Float[Array, " atom"], Float[Array, " atom"], tuple[Array, Array, Array]]:
    """U_i (eV), dU_i/dZ_i (eV) and the gradient with respect to the bond vectors (eV/A).

    Bonds longer than a + a'Z - ``trim_A`` are ignored. Every unordered pair of slots is
    evaluated once. Sums over pairs are kept per slot:
    ``shadow[j]`` = sum_k g_k h_jk and, with w_jk = dU/dcos_jk, the vectors sum_k w_jk u_k.
    """
    slots = bonds.x.shape[0]

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
    energy, dE_dZ = barrier((sum_slots(pair), sum_slots(dpair_dZ)))

    # Pairs of bonds: row j of each table holds the pairs (j, j + 1), (j, j + 2), ...
    rows = range(slots - 1)
    cosine = barrier([x[j] * x[j + 1 :] + y[j] * y[j + 1 :] + z[j] * z[j + 1 :] for j in rows])
    bell = barrier([jnp.exp(-edip.q * (c + tau) * (c + tau)) for c in cosine])
    strength = barrier(2.0 * edip.q * lam)
    torque = barrier(  # dU3/dcos
        [strength * g[j] * g[j + 1 :] * (cosine[j] + tau) * bell[j] for j in rows]
    )
    total_torque = sum_slots([sum_slots(row) for row in torque])

    def both(table: list[Array], j: int, k: int) -> Array:
        return table[min(j, k)][abs(k - j) - 1]

    others = [[k for k in range(slots) if k != j] for j in range(slots)]
    shadow = barrier([sum_slots([g[k] * (1.0 - both(bell, j, k)) for k in others[j]]) for j in range(slots)])
    triples = 0.5 * sum_slots([g[j] * shadow[j] for j in range(slots)])
    inward = sum_slots([dg[j] * shadow[j] for j in range(slots)])
    energy = energy + lam * triples
    dE_dZ = dE_dZ + dlam * triples + dtau * total_torque - edip.a_slope_A * lam * inward

    gradient = ([], [], [])
    for j in range(slots):
        w = [both(torque, j, k) for k in others[j]]
        pull = sum_slots([w_k * both(cosine, j, k) for w_k, k in zip(w, others[j], strict=True)])
        radial = barrier(dpair_dr[j] + lam * shadow[j] * dg[j] - inverse_r[j] * pull)
        for component, u in zip(gradient, (x, y, z), strict=True):
            turn = sum_slots([w_k * u[k] for w_k, k in zip(w, others[j], strict=True)])
            component.append(radial * u[j] + inverse_r[j] * turn)
    gx, gy, gz = (jnp.stack(barrier(component)) for component in gradient)
    return barrier((energy, dE_dZ, (gx, gy, gz)))
