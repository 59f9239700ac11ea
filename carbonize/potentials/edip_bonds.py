"""What the bonds of one atom add up to in carbon EDIP: M, the pi repulsion and the dihedral terms.

Notation and formulas: :mod:`carbonize.potentials.edip`.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from carbonize.potentials import symmetric as sym
from carbonize.potentials.base import Bonds
from carbonize.potentials.edip_terms import Taper
from carbonize.potentials.slots import Vectors, barrier, gather, sum_slots
from carbonize.potentials.symmetric import Symmetric

__all__ = [
    "Adjoint",
    "Far",
    "Repulsion",
    "Shell",
    "dihedral_adjoint",
    "dihedral_sum",
    "far_ends",
    "make_shell",
    "repulsion_in_core",
    "repulsion_outside",
    "weighted",
]


class Shell(NamedTuple):
    """Neighbours in a range of distances: index, unit vector, length and its inverse."""

    index: Int[Array, "slot atom"]
    x: Float[Array, "slot atom"]
    y: Float[Array, "slot atom"]
    z: Float[Array, "slot atom"]
    r: Float[Array, "slot atom"]
    inverse_r: Float[Array, "slot atom"]

    def bonds(self) -> Bonds:
        """The vectors to them."""
        return Bonds(self.index, self.x * self.r, self.y * self.r, self.z * self.r)


class Repulsion(NamedTuple):
    """X_rep of a list is <Q, P> with ``P`` the sum of pi(z_j) (r - c0)^2 (1 - p) u u^T.

    ``of_partner`` is its derivative with respect to pi(z_j), ``gradient`` that with respect to
    the bond vectors at fixed Q.
    """

    P: Symmetric
    of_partner: Float[Array, "slot atom"]
    gradient: Vectors


class Far(NamedTuple):
    """pi_3 and M of the neighbours."""

    three: Float[Array, "slot atom"]
    M: Symmetric


class Adjoint(NamedTuple):
    """What the dihedral terms send back, gathered at atom i.

    ``dE_dM`` and ``dE_dthree`` (with respect to M_i and pi_3(z_i), the latter as far end
    only) per atom; ``own`` and ``prefactor`` per bond, by way of p u u^T and of the factor p.
    """

    dE_dM: Symmetric
    dE_dthree: Float[Array, " atom"]
    own: Symmetric
    prefactor: Float[Array, "slot atom"]


def make_shell(bonds: Bonds) -> Shell:
    """Lengths and directions."""
    r2 = bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z
    inverse_r = barrier(1.0 / jnp.sqrt(r2))
    x, y, z = bonds.x * inverse_r, bonds.y * inverse_r, bonds.z * inverse_r
    return barrier(Shell(bonds.index, x, y, z, r2 * inverse_r, inverse_r))


def weighted(weight: Array, x: Array, y: Array, z: Array) -> Symmetric:
    """Sum over slots of weight v v^T, v = (x, y, z)."""
    return barrier(tuple(sum_slots(weight * a) for a in sym.outer(x, y, z)))  # type: ignore[return-value]


def repulsion_in_core(shell: Shell, partner: Array, p: Taper, Q: Symmetric, c0_A: float) -> Repulsion:
    """Pi repulsion by the neighbours in the core, ``partner`` being their pi(z_j)."""
    # An unused slot is far away: there the depth must be 0, not huge.
    depth = jnp.minimum(shell.r - c0_A, 0.0)
    square = depth * depth
    s, ds = square * (1.0 - p.value), 2.0 * depth * (1.0 - p.value) - square * p.slope
    Qu = sym.apply(Q, shell.x, shell.y, shell.z)
    weight, s, ds, Qu = barrier((partner * s, s, ds, Qu))
    P = weighted(weight, shell.x, shell.y, shell.z)
    uQu = shell.x * Qu[0] + shell.y * Qu[1] + shell.z * Qu[2]
    along_Qu = 2.0 * weight * shell.inverse_r
    along_u = (partner * ds - along_Qu) * uQu
    of_partner, along_Qu, along_u = barrier((s * uQu, along_Qu, along_u))
    gradient = tuple(along_u * u + along_Qu * w for u, w in zip(shell[1:4], Qu, strict=True))
    return Repulsion(P, of_partner, barrier(gradient))  # type: ignore[arg-type]


def repulsion_outside(bonds: Bonds, partner: Array, Q: Symmetric, c0_A: float) -> Repulsion:
    """Pi repulsion by neighbours outside the core, where p is 0.

    (r - c0)^2 u u^T is written as (1 - c0/r)^2 v v^T: unit vectors are not needed.
    """
    x, y, z = bonds.x, bonds.y, bonds.z
    inverse_r = barrier(1.0 / jnp.sqrt(x * x + y * y + z * z))
    depth = jnp.minimum(1.0 - c0_A * inverse_r, 0.0)  # 0 for unused slots, which are far away
    square = depth * depth
    weight, square = barrier((partner * square, square))
    P = weighted(weight, x, y, z)
    Qv = barrier(sym.apply(Q, x, y, z))
    vQv = x * Qv[0] + y * Qv[1] + z * Qv[2]
    along_v = 2.0 * c0_A * partner * depth * (inverse_r * inverse_r) * inverse_r * vQv
    along_Qv = 2.0 * weight
    of_partner, along_v, along_Qv = barrier((square * vQv, along_v, along_Qv))
    gradient = tuple(along_v * v + along_Qv * w for v, w in zip((x, y, z), Qv, strict=True))
    return Repulsion(P, of_partner, barrier(gradient))  # type: ignore[arg-type]


def far_ends(index: Int[Array, "slot atom"], three: Array, M: Symmetric) -> Far:
    """What the dihedral terms need of the neighbours."""
    return barrier(Far(gather(three, index), tuple(gather(m, index) for m in M)))  # type: ignore[arg-type]


def dihedral_sum(core: Shell, p: Array, M: Symmetric, far: Far) -> Float[Array, " atom"]:
    """X_dih/(Zdih pi_3(z_i))."""
    C_i, C_j = _without_each_other(core, p, M, far.M)
    H = sym.contract(sym.adjugate(C_i), C_j)
    return barrier(sum_slots(barrier(p * far.three * H)))


def dihedral_adjoint(
    core: Shell, p: Array, M: Symmetric, far: Far, three: Array, mine: Array, theirs: Array
) -> Adjoint:
    """Derivatives of the dihedral terms in which atom i is the centre or the far end.

    Every bond carries two terms: X_i holds it with ``weight_i``, and X_j holds its twin
    with ``weight_j`` and C_i, C_j exchanged. ``mine`` and ``theirs`` are Zdih dE/dZ pi_3(z) at
    both ends.
    """
    C_i, C_j = barrier(_without_each_other(core, p, M, far.M))
    weight_i, weight_j = mine * far.three, theirs * three
    adj_i, adj_j, C_ij = sym.adjugate(C_i), sym.adjugate(C_j), sym.cross(C_i, C_j)
    H_ij, H_ji = barrier((sym.contract(adj_i, C_j), sym.contract(adj_j, C_i)))
    pw_i, pw_j = barrier((p * weight_i, p * weight_j))
    to_M = barrier(tuple(pw_i * k + pw_j * a for k, a in zip(C_ij, adj_j, strict=True)))
    # p u u^T is taken off both M_i and M_j, in the terms of both ends: half of what follows
    # from that is put down to this bond, half to its twin.
    own = tuple(0.5 * (t + pw_i * a + pw_j * k) for t, a, k in zip(to_M, adj_i, C_ij, strict=True))
    return Adjoint(
        dE_dM=tuple(sum_slots(t) for t in to_M),  # type: ignore[arg-type]
        dE_dthree=sum_slots(barrier(p * theirs * H_ji)),
        own=barrier(own),  # type: ignore[arg-type]
        prefactor=0.5 * (weight_i * H_ij + weight_j * H_ji),
    )


def _without_each_other(core: Shell, p: Array, M: Symmetric, M_j: Symmetric) -> tuple[Symmetric, Symmetric]:
    """C_i = M_i - p u u^T and C_j = M_j - p u u^T of every bond."""
    both = tuple(p * a for a in sym.outer(core.x, core.y, core.z))
    C_i = tuple(m - a for m, a in zip(M, both, strict=True))
    C_j = tuple(m - a for m, a in zip(M_j, both, strict=True))
    return C_i, C_j  # type: ignore[return-value]
