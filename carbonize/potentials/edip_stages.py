"""The three rounds of carbon EDIP over blocks of atoms.

``coordination`` finds z and M. ``energies`` goes on to the energy and dE/dZ and finishes the
neighbours outside the core and those of U2 and U3. ``backwards`` takes what depends on z and M,
with the dihedral terms of the neighbours, to the bonds of core and rim.
Formulas and shells: :mod:`carbonize.potentials.edip`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.potentials import device
from carbonize.potentials import symmetric as sym
from carbonize.potentials.base import Bonds, Capacity
from carbonize.potentials.edip_bonds import (
    Shell,
    dihedral_adjoint,
    dihedral_sum,
    far_ends,
    make_shell,
    repulsion_in_core,
    repulsion_outside,
    weighted,
)
from carbonize.potentials.edip_pairs import pairs_and_triples
from carbonize.potentials.edip_terms import PiFunctions, Taper, taper
from carbonize.potentials.slots import Part, Vectors, barrier, gather, shells, sum_slots
from carbonize.potentials.symmetric import Symmetric
from carbonize.potentials.tersoff_crowded import find_crowded

if TYPE_CHECKING:
    from carbonize.potentials.edip import Edip

__all__ = [
    "TRIM_A",
    "Coordination",
    "Energies",
    "Fields",
    "Reaction",
    "Share",
    "backwards",
    "coordination",
    "energies",
]

# U2 and U3 end as exp[sigma/(r - rc)]: closer than this to their end rc they are below 1e-12 eV.
TRIM_A = 0.045

_FEW = 8
"""Neighbours within the reach of U2 and U3 up to which an atom is not crowded."""

_APART_FROM = 700
"""Atoms of a block from which on a second, small set of kernels for the crowded ones pays."""


class Fields(NamedTuple):
    """Of all atoms: spherical coordination z, M and the pi functions of z."""

    z: Float[Array, " atom"]
    M: Symmetric
    pi: PiFunctions

    def of(self, part: Part) -> Fields:
        """Those of some atoms."""
        return barrier(Fields(*jax.tree.map(part.of, tuple(self))))


class Share(NamedTuple):
    """Bonds with the gradient of the energy; ``atoms`` says whose if they are not those of the block in order."""

    bonds: Bonds
    count: Int[Array, " atom"]
    gradient: Vectors
    atoms: Int[Array, " place"] | None = None


class Reaction(NamedTuple):
    """Derivatives of the energy with respect to pi(z_j) of neighbours."""

    bonds: Bonds
    count: Int[Array, " atom"]
    values: Float[Array, "slot atom"]


class Coordination(NamedTuple):
    """What the first round finds: core and rim with their tapers, and z and M."""

    core: Shell
    rim: Shell
    core_slope: Float[Array, "slot atom"]
    rim_slope: Float[Array, "slot atom"]
    p: Taper
    z: Float[Array, " atom"]
    M: Symmetric
    core_count: Int[Array, " atom"]
    rim_count: Int[Array, " atom"]


class Energies(NamedTuple):
    """What the second round finds.

    The gradient of the core is that of the repulsion at fixed z and M. ``dE_dM`` and ``dE_dz``
    lack what comes from neighbours: their dihedral terms, and the repulsion felt by them.
    ``usage`` is of the capacities from the third on.
    """

    energies: Float[Array, " atom"]
    dE_dZ: Float[Array, " atom"]
    dE_dz: Float[Array, " atom"]
    dE_dM: Symmetric
    core_gradient: Vectors
    usage: tuple[Array, ...]
    reach: Float[Array, " atom"]


def coordination(edip: Edip, bonds: Bonds, part: Part, capacity: Capacity) -> Coordination:
    """Core and rim, z and M."""
    bounds = [(0.0, edip.p_high_A), (edip.p_high_A, edip.f_high_A)]
    sorted_bonds = _sort(bonds, bounds, capacity[: len(bounds)], part)
    core_bonds, core_count = sorted_bonds[0]
    core = make_shell(core_bonds)
    core_f = taper(core.r, edip.f_low_A, edip.f_high_A, edip.alpha)
    p = taper(core.r, edip.p_low_A, edip.p_high_A, edip.alpha)
    z = sum_slots(core_f.value)
    M = weighted(p.value, core.x, core.y, core.z)
    rim_bonds, rim_count = sorted_bonds[1]
    rim = make_shell(rim_bonds)
    value, slope = taper(rim.r, edip.f_low_A, edip.f_high_A, edip.alpha)
    z = z + sum_slots(value)
    return barrier(Coordination(core, rim, core_f.slope, slope, p, z, M, core_count, rim_count))


def energies(
    edip: Edip,
    bonds: Bonds,
    part: Part,
    first: Coordination,
    fields: Fields,
    capacity: Capacity,
    accumulate: DTypeLike | None,
) -> tuple[Energies, list[Share], list[Reaction]]:
    """Energies and derivatives as far as a block can tell, and what of them is finished."""
    z, M, pi = fields.of(part)
    A, trace = sym.adjugate(M), sym.trace(M)
    Q = tuple(
        edip.Z_repulsion_A2 * (pi.three * a + pi.two * ((trace if i < 3 else 0.0) - m))
        for i, (a, m) in enumerate(zip(A, M, strict=True))
    )
    A, Q = barrier((A, Q))
    partner = barrier(gather(fields.pi.partner, first.core.index))
    in_core = repulsion_in_core(first.core, partner, first.p, Q, edip.c0_A)
    slots = _sort(bonds, ((edip.p_high_A, edip.c0_A),), capacity[2:3], part)[0]
    theirs = barrier(gather(fields.pi.partner, slots[0].index))
    outside = repulsion_outside(slots[0], theirs, Q, edip.c0_A)
    P = barrier(tuple(a + b for a, b in zip(in_core.P, outside.P, strict=True)))
    far = far_ends(first.core.index, fields.pi.three, fields.M)
    dihedrals = dihedral_sum(first.core, first.p.value, M, far)
    rep3 = edip.Z_repulsion_A2 * sym.contract(A, P)
    rep2 = edip.Z_repulsion_A2 * (trace * sym.trace(P) - sym.contract(M, P))
    of_three = edip.Z_dihedral * dihedrals + rep3
    Z = z + pi.three * of_three + pi.two * rep2
    of_three, rep2, Z = barrier((of_three, rep2, Z))
    energies, dE_dZ, shares, usage = _pairs_and_triples(edip, bonds, part, Z, capacity[3:5], accumulate)

    weight3 = edip.Z_repulsion_A2 * dE_dZ * pi.three
    weight2 = edip.Z_repulsion_A2 * dE_dZ * pi.two
    trace_P = sym.trace(P)
    dE_dM = tuple(
        weight3 * k + weight2 * ((trace_P if i < 3 else 0.0) - b)
        for i, (k, b) in enumerate(zip(sym.cross(M, P), P, strict=True))
    )
    core_gradient = tuple(dE_dZ * g for g in in_core.gradient)
    reactions = [Reaction(first.core.bonds(), first.core_count, dE_dZ * in_core.of_partner)]
    shares.append(Share(*slots, barrier(tuple(dE_dZ * g for g in outside.gradient))))
    reactions.append(Reaction(*slots, dE_dZ * outside.of_partner))
    found = Energies(
        energies=energies,
        dE_dZ=dE_dZ,
        dE_dz=dE_dZ * (1.0 + pi.d_two * rep2 + pi.d_three * of_three),
        dE_dM=dE_dM,  # type: ignore[arg-type]
        core_gradient=core_gradient,  # type: ignore[arg-type]
        usage=(slots[1], *usage),
        reach=edip.a_A + edip.a_slope_A * Z,
    )
    return barrier(found), shares, barrier(reactions)


def backwards(
    edip: Edip,
    part: Part,
    first: Coordination,
    second: Energies,
    fields: Fields,
    mine: Float[Array, " atom"],
    dE_dpartner: Float[Array, " atom"],
) -> list[Share]:
    """Gradients of core and rim. ``mine`` is Zdih dE/dZ pi_3(z) of all atoms."""
    core, p = first.core, first.p
    _, M, pi = fields.of(part)
    far = far_ends(core.index, fields.pi.three, fields.M)
    theirs = barrier(gather(mine, core.index))
    twins = dihedral_adjoint(core, p.value, M, far, pi.three, part.of(mine), theirs)
    dE_dz = barrier(second.dE_dz + twins.dE_dthree * pi.d_three + part.of(dE_dpartner) * pi.d_partner)
    dE_dM = barrier(tuple(a + b for a, b in zip(second.dE_dM, twins.dE_dM, strict=True)))
    V: Symmetric = tuple(g - v for g, v in zip(dE_dM, twins.own, strict=True))  # type: ignore[assignment]
    Vu = barrier(sym.apply(V, core.x, core.y, core.z))
    uVu = core.x * Vu[0] + core.y * Vu[1] + core.z * Vu[2]
    along_Vu = barrier(2.0 * p.value * core.inverse_r)
    along_u = barrier(first.core_slope * dE_dz + p.slope * (uVu + twins.prefactor) - along_Vu * uVu)
    core_gradient = tuple(
        g + along_u * u + along_Vu * v for g, u, v in zip(second.core_gradient, core[1:4], Vu, strict=True)
    )
    shares = [Share(core.bonds(), first.core_count, barrier(core_gradient))]
    rim_along = barrier(first.rim_slope * dE_dz)
    rim_gradient = barrier(tuple(rim_along * u for u in first.rim[1:4]))
    shares.append(Share(first.rim.bonds(), first.rim_count, rim_gradient))
    return shares


def _sort(
    bonds: Bonds, bounds: Sequence[tuple[float, float | Array]], capacities: Capacity, part: Part
) -> list[tuple[Bonds, Array]]:
    if device.available():
        return device.shells(bonds, bounds, capacities)
    return shells(bonds, bounds, capacities, part=part)


def _pairs_and_triples(
    edip: Edip,
    bonds: Bonds,
    part: Part,
    Z: Float[Array, " atom"],
    capacity: Capacity,
    accumulate: DTypeLike | None,
) -> tuple[Array, Array, list[Share], tuple[Array, ...]]:
    """Energies, dE/dZ at fixed bonds, shares of force and usage of the last two capacities."""
    live = edip.a_A - TRIM_A + edip.a_slope_A * Z
    bounds, most = ((0.0, live),), max(capacity[0], 2)
    if device.available() or part.size < _APART_FROM:
        ((near, count),) = _sort(bonds, bounds, (most,), part)
        if device.available():
            terms = device.pairs_and_triples(edip, near, count, Z, TRIM_A, accumulate)
        else:
            terms = pairs_and_triples(edip, near, Z, TRIM_A, accumulate)
        return *terms[:2], [Share(near, count, terms[2])], (count, jnp.zeros_like(count))

    ((near, count),) = shells(bonds, bounds, (_FEW,), all_or_none=True, part=part)
    energies, dE_dZ, gradient = pairs_and_triples(edip, near, Z, TRIM_A, accumulate)
    shares = [Share(near, count, gradient)]
    share = max(capacity[1], 1)
    crowded = find_crowded(bonds, count > _FEW, live, max(most, _FEW + 1), share, part.first)
    where = jnp.minimum(crowded.atoms, part.size - 1)
    more = pairs_and_triples(edip, crowded.bonds, gather(Z, where), TRIM_A, accumulate)
    energies = energies.at[crowded.atoms].add(more[0], mode="drop")
    dE_dZ = dE_dZ.at[crowded.atoms].add(more[1], mode="drop")
    shares.append(Share(crowded.bonds, jnp.zeros_like(where), more[2], crowded.atoms))
    energies, dE_dZ = barrier((energies, dE_dZ))
    return energies, dE_dZ, shares, (count, jnp.broadcast_to(crowded.share, count.shape))
