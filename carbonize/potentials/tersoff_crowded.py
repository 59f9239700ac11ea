"""Tersoff energies and gradients of the few atoms with many bonds.

Most atoms of carbon have up to four bonds. The kernel for them (:mod:`carbonize.potentials.tersoff`)
has a place in the program for every pair of bonds, so that its cost grows with the square of
its slots. Atoms with more bonds are picked out and treated here, where pairs are an axis of
the arrays and both orders of a pair are computed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Bool, Float, Int

from carbonize.potentials.base import PAD_A, Bonds
from carbonize.potentials.slots import barrier, gather, shells, sum_slots
from carbonize.potentials.tersoff_parameters import TersoffEntry

__all__ = ["Crowded", "bond_order_by_rows", "find_crowded", "places_needed", "room"]

_PARTS = 256


class Crowded(NamedTuple):
    """Atoms picked out: who (the atom count in unused places), their bonds, and how many of both there are."""

    atoms: Int[Array, " place"]
    bonds: Bonds
    most_bonds: Int[Array, ""]
    share: Int[Array, ""]


def room(atoms: int, share: int) -> int:
    """Places for ``share`` parts in 256 of the atoms."""
    return min(atoms, -(-atoms * share // _PARTS))


def places_needed(crowded: Int[Array, ""], atoms: int) -> Int[Array, ""]:
    """The share (256ths of the atoms) that so many crowded atoms ask for."""
    return -(-crowded * _PARTS // atoms)


def find_crowded(
    bonds: Bonds,
    crowded: Bool[Array, " atom"],
    cutoff_A: float | Float[Array, " atom"],
    most_bonds: int,
    share: int,
    first: Int[Array, ""] | int = 0,
) -> Crowded:
    """Pick out the atoms marked ``crowded`` with their bonds shorter than the cutoff.

    The marks may be those of some of the atoms only, from the atom ``first`` on: places are
    counted from there. ``share`` says in 256ths how many of the atoms there is room for; the field of that name how
    many there should have been.
    """
    atoms = crowded.shape[0]
    places = room(atoms, share)
    rank = jnp.cumsum(crowded, dtype=jnp.int32)
    target = jnp.where(crowded & (rank <= places), rank - 1, places)
    own = jnp.arange(atoms, dtype=jnp.int32)
    who = jnp.full(places + 1, atoms, jnp.int32).at[target].set(own, mode="promise_in_bounds")[:places]
    there = who < atoms
    where = jnp.where(there, who, 0)
    slots, whole = bonds.index.shape
    columns = jnp.arange(slots, dtype=jnp.int32)[:, None] * whole + first + where

    def column(values: Array, unused: float) -> Array:
        return jnp.where(there, gather(values.reshape(-1), columns), unused)

    # an unused slot points to the atom itself, which is not the place it has here
    picked = Bonds(
        gather(bonds.index.reshape(-1), columns),
        column(bonds.x, PAD_A),
        column(bonds.y, 0.0),
        column(bonds.z, 0.0),
    )
    reach = gather(cutoff_A, where) if isinstance(cutoff_A, Array) else cutoff_A
    ((short, count),) = shells(barrier(picked), ((0.0, reach),), (most_bonds,))
    used = jnp.arange(most_bonds, dtype=jnp.int32)[:, None] < count
    short = Bonds(jnp.where(used, short.index, first + where), short.x, short.y, short.z)
    return Crowded(who, short, jnp.max(count), places_needed(rank[-1], atoms))


def bond_order_by_rows(
    p: TersoffEntry,
    bonds: Bonds,
    accumulate: DTypeLike | None,
    angle: Callable[[TersoffEntry, Array], tuple[Array, Array]],
    exponent: Callable[[TersoffEntry, Array], tuple[Array, Array]],
    order: Callable[[TersoffEntry, Array], tuple[Array, Array]],
    cutoff: Callable[[TersoffEntry, Array], tuple[Array, Array]],
) -> tuple[Float[Array, " place"], tuple[Array, Array, Array]]:
    """Energies (eV) and gradients with respect to the bond vectors (eV/A), pairs along an axis.

    The functions of one variable are those of the kernel for the others.
    """
    slots = bonds.x.shape[0]
    r2 = bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z
    inverse_r = barrier(1.0 / jnp.sqrt(r2))
    r = r2 * inverse_r
    unit = barrier((bonds.x * inverse_r, bonds.y * inverse_r, bonds.z * inverse_r))
    fc, dfc = barrier(cutoff(p, r))
    other = ~jnp.eye(slots, dtype=bool)[:, :, None]

    def over_partners(table: Array) -> Array:
        # stored first: contracted with the additions, products would round differently with every
        # number of slots
        table = barrier(table)
        return sum_slots([table[:, k] for k in range(slots)])

    cosine = sum_slots([u[:, None] * u[None] for u in unit])
    g, slope = angle(p, cosine)
    cosine, g, slope = barrier((cosine, jnp.where(other, g, 0.0), jnp.where(other, slope, 0.0)))
    if p.lambda3_per_A != 0.0:
        ends = jnp.minimum(r, p.cutoff_A)
        power, steep = exponent(p, ends[:, None] - ends[None])
        stretch, steep = barrier((jnp.exp(power), steep))
        g_stretched, slope_stretched = g * stretch, slope * stretch
    else:
        steep, g_stretched, slope_stretched = None, g, slope
    zeta = barrier(over_partners(fc[None] * g_stretched))
    b, db = barrier(order(p, zeta))
    repulsive, attractive = barrier(
        (p.A_eV * jnp.exp(-p.lambda1_per_A * r), p.B_eV * jnp.exp(-p.lambda2_per_A * r))
    )
    pair = repulsive - b * attractive
    energies = 0.5 * sum_slots(barrier(fc * pair), accumulate)
    dE_dzeta = barrier(-0.5 * fc * attractive * db)
    dE_dr = 0.5 * (dfc * pair + fc * (p.lambda2_per_A * b * attractive - p.lambda1_per_A * repulsive))

    pull = dE_dzeta[:, None] * fc[None]  # on the weight of k in zeta_ij, at [j, k]
    torque = pull * slope_stretched
    torque = barrier(torque + torque.swapaxes(0, 1))
    shadow = barrier(over_partners((dE_dzeta[:, None] * g_stretched).swapaxes(0, 1)))
    radial = barrier(dE_dr) + dfc * shadow
    if steep is not None:
        shift = pull * g_stretched * steep
        radial = radial + barrier(over_partners(shift - shift.swapaxes(0, 1)))
    radial = barrier(radial - inverse_r * barrier(over_partners(torque * cosine)))
    turns = barrier(tuple(over_partners(torque * u[None]) for u in unit))
    gx, gy, gz = barrier(tuple(radial * u + inverse_r * t for u, t in zip(unit, turns, strict=True)))
    return energies, (gx, gy, gz)
