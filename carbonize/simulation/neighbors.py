"""Neighbour lists of a batch, built inside compiled code.

A list holds, for every atom and slot, the neighbour and the integer shift of the
image meant. Positions are wrapped only when a list is built, so the shifts stay
valid until the next one, and a bond vector costs three additions and no rounding.

There are two of them. The wide list reaches to the cutoff plus the skin and is found by
bins. The near list is cut from it every few steps and reaches just far enough for these;
it is the one that forces are computed from, since their cost grows with its slots.

Atoms are sorted into bins (:mod:`carbonize.simulation.binning`) where three times the
radius fits along every cell vector; smaller and very skewed cells are one bin, looked at
with as many images as the radius needs. That is many times faster than jax-md's own dense
list (docs/decisions.md) and exact for every cell, also one smaller than the radius.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Int8

from carbonize.potentials.base import PAD_A, UNUSED, Bonds, Lists
from carbonize.potentials.slots import Part, barrier, gather, pick
from carbonize.simulation.binning import find, sort, take
from carbonize.simulation.cells import heights_A
from carbonize.simulation.cutting import cut
from carbonize.simulation.list_plan import ListPlan
from carbonize.simulation.scanning import scan

__all__ = ["Near", "Neighbors", "bond_vectors", "build", "narrow", "no_lists", "outdated"]


class Near(NamedTuple):
    """Near lists of a batch; ``needed`` is the slots they should have had, else as :class:`Neighbors`."""

    index: Int[Array, "slot replica atom"]
    shift: Int8[Array, "3 slot replica atom"]
    reference: Float[Array, "replica atom 3"]
    reference_cells: Float[Array, "replica 3 3"]
    needed: Int[Array, " replica"]


class Neighbors(NamedTuple):
    """Neighbour lists of a batch, replica by replica.

    ``index`` counts through the whole batch (replica r starts at r * atoms) and is the
    atom's own in unused slots, which come last and are told by the shift ``UNUSED``; ``shift`` counts
    cell vectors, so that the neighbour sits at positions[index] + shift @ cell;
    ``reference`` and ``reference_cells`` are what it was built from; ``needed`` the slots it
    should have had; ``crowded`` how many atoms the longest run of bins holds; ``cramped`` whether the
    bins are too narrow for the radius; ``closest_A`` the shortest distance of two atoms.
    """

    index: Int[Array, "slot replica atom"]
    shift: Int8[Array, "3 slot replica atom"]
    reference: Float[Array, "replica atom 3"]
    reference_cells: Float[Array, "replica 3 3"]
    needed: Int[Array, " replica"]
    crowded: Int[Array, " replica"]
    cramped: Bool[Array, " replica"]
    closest_A: Float[Array, " replica"]


def build(
    plan: ListPlan,
    positions: Float[Array, "replica atom 3"],
    cells: Float[Array, "replica 3 3"],
    own: Int[Array, " own"] | None = None,
    loops: bool | None = None,
) -> Neighbors:
    """Build the wide lists of all replicas from wrapped positions (traceable).

    With ``own`` only those of these atoms; a number that no atom has gets an empty list. ``loops`` or
    arrays find the same neighbours in the same order; loops (the default on a processor) need no room for runs.
    """
    loops = jax.default_backend() == "cpu" if loops is None else loops
    index, shift, needed, crowded, cramped, closest2 = jax.vmap(
        lambda r, c: _build_one(plan, r, c, own, loops), out_axes=(1, 2, 0, 0, 0, 0)
    )(positions, cells)
    replicas, atoms, _ = positions.shape
    start = (jnp.arange(replicas, dtype=jnp.int32) * atoms)[None, :, None]
    return Neighbors(index + start, shift, positions, cells, needed, crowded, cramped, jnp.sqrt(closest2))


def narrow(
    plan: ListPlan,
    neighbors: Neighbors,
    positions: Float[Array, "replica atom 3"],
    cells: Float[Array, "replica 3 3"],
    loops: bool | None = None,
) -> Near:
    """Cut the near lists from wide ones that are still valid (traceable); ``loops`` as in :func:`build`."""
    slots, replicas, atoms = neighbors.index.shape
    shape = (plan.near_slots, replicas, atoms)
    if jax.default_backend() == "cpu" if loops is None else loops:
        index, shift, count = cut(
            neighbors.index.reshape(slots, -1),
            neighbors.shift.reshape(3, slots, -1),
            positions.reshape(-1, 3),
            cells,
            plan.near_radius_A,
            plan.near_slots,
        )
        needed = jnp.max(count.reshape(replicas, atoms), axis=1)
        return Near(index.reshape(shape), shift.reshape(3, *shape), positions, cells, needed)
    bonds = bond_vectors(plan, neighbors, positions, cells)
    r2 = barrier(bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z)
    keep = r2 < plan.near_radius_A**2
    slot, count = barrier(pick(keep, plan.near_slots))
    own = jnp.arange(replicas * atoms, dtype=jnp.int32)
    where = slot * (replicas * atoms) + own
    used = jnp.arange(plan.near_slots, dtype=jnp.int32)[:, None] < count
    index = jnp.where(used, gather(neighbors.index.reshape(-1), where), own)
    shifts = neighbors.shift.reshape(3, slots * replicas * atoms)
    shift = [
        jnp.where(used, gather(shifts[k], where), jnp.asarray(UNUSED if k == 0 else 0, jnp.int8))
        for k in range(3)
    ]
    return Near(
        index.reshape(shape),
        jnp.stack(shift).reshape(3, *shape),
        positions,
        cells,
        jnp.max(count.reshape(replicas, atoms), axis=1),
    )


def no_lists(
    plan: ListPlan, positions: Float[Array, "replica atom 3"], cells: Float[Array, "replica 3 3"]
) -> Near:
    """Empty near lists of the right shapes, to start a loop with."""
    replicas, atoms, _ = positions.shape
    return Near(
        jnp.zeros((plan.near_slots, replicas, atoms), jnp.int32),
        jnp.full((3, plan.near_slots, replicas, atoms), UNUSED, jnp.int8),
        positions,
        cells,
        jnp.zeros(replicas, jnp.int32),
    )


def outdated(
    plan: ListPlan,
    neighbors: Neighbors | Near,
    positions: Float[Array, "replica atom 3"],
    cells: Float[Array, "replica 3 3"],
    fixed_cell: bool,
) -> Bool[Array, " replica"]:
    """Whether an atom has moved so far that a list may miss a pair (traceable).

    Two atoms may each have come half the skin nearer. Where the cell is scaled by f, atoms are
    compared with where the scaling alone would have put them, and a pair that was just outside
    the list is nearer by the factor f already.
    """
    skin_A = plan.near_skin_A if isinstance(neighbors, Near) else plan.skin_A
    if fixed_cell:
        away = positions - neighbors.reference
        return jnp.max(jnp.sum(away * away, axis=-1), axis=-1) > (0.5 * skin_A) ** 2
    factor = cells[:, 0, 0] / neighbors.reference_cells[:, 0, 0]
    away = positions - neighbors.reference * factor[:, None, None]
    limit = 0.5 * jnp.maximum(factor * (plan.cutoff_A + skin_A) - plan.cutoff_A, 0.0)
    return jnp.max(jnp.sum(away * away, axis=-1), axis=-1) > limit**2


def bond_vectors(
    plan: ListPlan,
    neighbors: Neighbors | Near,
    positions: Float[Array, "replica atom 3"],
    cells: Float[Array, "replica 3 3"],
) -> Bonds:
    """Bonds of all replicas laid end to end along the atom axis (traceable).

    There may be more positions than lists: the first ones are those of the atoms that have lists.
    """
    slots, replicas, atoms = neighbors.index.shape
    flat = positions.reshape(-1, 3).T
    index = neighbors.index.reshape(slots, replicas * atoms)
    shift = neighbors.shift.reshape(3, slots, replicas * atoms)
    # one length serves the whole batch where there is one replica, else one an atom
    lengths = cells[0] if replicas == 1 else jnp.repeat(cells, atoms, axis=0).transpose(1, 2, 0)
    own = Part(0, replicas * atoms)
    vectors = _vectors(plan, tuple(gather(r, index) - own.of(r) for r in flat), shift, lengths)
    lists = Lists(shift, positions.reshape(-1, 3), cells)
    return Bonds(index, vectors[0], vectors[1], vectors[2], lists)


def _vectors(
    plan: ListPlan, apart: tuple[Array, ...], shift: Int8[Array, "3 *shape"], lengths: Array
) -> list[Array]:
    """Differences of coordinates with the shifts added; (PAD_A, 0, 0) where a list is empty."""
    used = shift[0] != UNUSED
    steps = shift.astype(apart[0].dtype)
    yx, zx, zy = plan.skew
    parts = ((0, (0, *[1] * yx, *[2] * zx)), (1, (1, *[2] * zy)), (2, (2,)))
    vectors = []
    for axis, rows in parts:
        vector = apart[axis]
        for k in rows:
            vector = vector + steps[k] * lengths[k, axis]
        vectors.append(jnp.where(used, vector, PAD_A if axis == 0 else 0.0))
    return vectors


def _build_one(
    plan: ListPlan, positions: Array, cell: Array, own: Array | None, loops: bool
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Index, shift, needed slots, fullest bin, whether bins are too narrow, and closest pair of one replica."""
    grid = plan.grid
    atoms = positions.shape[0]
    mine = jnp.arange(atoms, dtype=jnp.int32) if own is None else own
    if loops:
        index, shift, counts, closest2 = scan(grid, positions, mine, cell, plan.radius_A, plan.slots)
        longest = jnp.asarray(0, jnp.int32)  # loops need no room for runs
    else:
        bins = sort(grid, positions, cell, own)
        origins = positions if own is None else gather(positions, jnp.minimum(own, atoms - 1))
        hits = find(grid, bins, origins, cell, plan.radius_A)
        counts = jnp.sum(jax.lax.population_count(hits.words), axis=0, dtype=jnp.int32)
        index, image, used = take(grid, bins, hits, plan.slots)
        index = jnp.where(used, index, mine)
        shift = jnp.where(used, image, jnp.asarray([UNUSED, 0, 0], jnp.int32)[:, None, None])
        closest2, longest = hits.closest2, jnp.max(bins.length)
    width_A = heights_A(cell) / jnp.asarray(plan.bins, positions.dtype)
    cramped = jnp.any(width_A * jnp.asarray(plan.reach, positions.dtype) < plan.radius_A * (1.0 - 1e-5))
    return (
        index,
        shift.astype(jnp.int8),
        jnp.max(counts),
        longest,
        cramped,
        closest2.astype(positions.dtype),
    )
