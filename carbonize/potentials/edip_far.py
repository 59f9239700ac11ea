"""Carbon EDIP beyond the core, pair by pair: the rim of z, and the repulsion of pi orbitals.

Outside the core an atom has some ten neighbours within c0, but some atoms have more than twenty:
slots would be mostly empty, and cutting them from a longer list at every step would cost as much as
the terms. Here every unordered pair is in a row (:class:`carbonize.potentials.base.Pairs`) and is
evaluated once for both its atoms; pairs that have come into the core or gone beyond c0 add zero.
Notation and formulas: :mod:`carbonize.potentials.edip`.

Four rounds follow the order in which z, dE/dZ and dE/dz of all atoms become known. Each takes the
pairs in portions that stay in a processor's caches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float

from carbonize.potentials import symmetric as sym
from carbonize.potentials.base import Pairs
from carbonize.potentials.edip_terms import taper
from carbonize.potentials.pairs import in_portions, to_both
from carbonize.potentials.slots import Vectors, barrier, gather, products
from carbonize.potentials.symmetric import Symmetric

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = ["Far", "far_coordination", "far_forces", "far_moments", "far_reactions"]


class Far(NamedTuple):
    """Pairs in portions (portion, pair), with what the rounds find out about them.

    ``inverse_r`` is 1/r, ``rim_slope`` df/dr of pairs in the rim (0 of others), ``depth`` is
    1 - c0/r of pairs from the core to c0 (0 of others).
    """

    pairs: Pairs
    inverse_r: Float[Array, "portion pair"]
    rim_slope: Float[Array, "portion pair"]
    depth: Float[Array, "portion pair"]


def far_coordination(edip: Edip, pairs: Pairs, z: Float[Array, " atom"]) -> tuple[Far, Float[Array, " atom"]]:
    """First round: the pairs in portions, and ``z`` with the rim added."""
    pairs = in_portions(pairs, z.shape[0])

    def one(z: Array, pairs: Pairs) -> tuple[Array, tuple[Array, Array, Array]]:
        r2 = barrier(pairs.x * pairs.x + pairs.y * pairs.y + pairs.z * pairs.z)
        inverse_r = barrier(1.0 / jnp.sqrt(r2))
        outside = r2 >= edip.p_high_A * edip.p_high_A
        rim = outside & (r2 < edip.f_high_A * edip.f_high_A)
        f, slope = taper(r2 * inverse_r, edip.f_low_A, edip.f_high_A, edip.alpha)
        f, slope = barrier((jnp.where(rim, f, 0.0), jnp.where(rim, slope, 0.0)))
        depth = jnp.where(outside, jnp.minimum(1.0 - edip.c0_A * inverse_r, 0.0), 0.0)
        return to_both(z, pairs, f, f), barrier((inverse_r, slope, depth))

    z, found = jax.lax.scan(one, z, pairs)
    return Far(pairs, *found), z


def far_moments(far: Far, partner: Float[Array, " atom"]) -> Symmetric:
    """Second round: P, the sum of pi(z_j) (1 - c0/r)^2 v v^T; ``partner`` is pi(z)."""

    def one(P: Symmetric, far: Far) -> tuple[Symmetric, None]:
        square = far.depth * far.depth
        pairs = far.pairs
        mine, theirs = barrier(
            (square * gather(partner, pairs.second), square * gather(partner, pairs.first))
        )
        products = sym.outer(pairs.x, pairs.y, pairs.z)
        return tuple(to_both(p, pairs, mine * v, theirs * v) for p, v in zip(P, products, strict=True)), None  # type: ignore[return-value]

    nothing = (jnp.zeros_like(partner),) * 6
    return jax.lax.scan(one, nothing, far)[0]  # type: ignore[return-value]


def far_reactions(
    edip: Edip, far: Far, partner: Float[Array, " atom"], Q: Symmetric, dE_dpartner: Float[Array, " atom"]
) -> tuple[Vectors, Float[Array, " atom"]]:
    """Third round, with ``Q`` already times dE/dZ: gradients of the repulsion, and dE/dpi(z) with it added."""

    def one(total: Array, far: Far) -> tuple[Array, Vectors]:
        (first, second, x, y, z), inverse_r, _, depth = far
        Q_first, Q_second = barrier(tuple(tuple(gather(q, i) for q in Q) for i in (first, second)))
        a, b = barrier((sym.apply(Q_first, x, y, z), sym.apply(Q_second, x, y, z)))
        of_first, of_second = barrier(tuple(x * v[0] + y * v[1] + z * v[2] for v in (a, b)))
        square = depth * depth
        total = to_both(total, far.pairs, square * of_second, square * of_first)
        partners = barrier((gather(partner, second), gather(partner, first)))
        along = 2.0 * edip.c0_A * depth * (inverse_r * inverse_r) * inverse_r
        along = along * (partners[0] * of_first + partners[1] * of_second)
        weights = tuple(2.0 * square * p for p in partners)
        along, weights = barrier((along, weights))
        gradient = tuple(
            along * v + weights[0] * m + weights[1] * n for v, m, n in zip((x, y, z), a, b, strict=True)
        )
        return total, barrier(gradient)

    dE_dpartner, gradient = jax.lax.scan(one, dE_dpartner, far)
    return gradient, dE_dpartner


def far_forces(
    far: Far,
    gradient: Vectors,
    dE_dz: Float[Array, " atom"],
    forces: Vectors,
    stress: Float[Array, "component atom"] | None,
    dtype: DTypeLike,
) -> tuple[Vectors, Float[Array, "component atom"] | None]:
    """Last round: the rim added to the gradients, and all of it to ``forces`` and ``stress``.

    The first atom of a pair gets its virial: the trace if ``stress`` has one row, else six components.
    """

    def one(sums: Any, work: Any) -> tuple[Any, None]:
        forces, stress = sums
        (pairs, inverse_r, slope, _), gradient = work
        both = barrier(gather(dE_dz, pairs.first) + gather(dE_dz, pairs.second))
        along = barrier(slope * both * inverse_r)
        vector = (pairs.x, pairs.y, pairs.z)
        gradient = barrier(
            tuple((g + along * v).astype(dtype) for g, v in zip(gradient, vector, strict=True))
        )
        forces = tuple(to_both(f, pairs, g, -g) for f, g in zip(forces, gradient, strict=True))
        if stress is not None:
            rows = products(gradient, vector, len(stress))
            stress = stress.at[:, pairs.first].add(jnp.stack(rows), mode="promise_in_bounds")
        return (forces, stress), None

    return jax.lax.scan(one, (forces, stress), (far, gradient))[0]
