"""Near lists as pairs in a row: every unordered pair once, without empty slots.

For terms that reach far and cost little a pair: an atom may have three times as many neighbours
there as the mean, and slots would have to be enough for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Int8

from carbonize.potentials.pairs import portion
from carbonize.potentials.slots import barrier, gather, pick
from carbonize.simulation.crowding import neighbor_counts

__all__ = ["MOST_EXPANDED", "UNUSED", "PairList", "PairPlan", "make_pairs", "no_pairs", "pair_plan"]

UNUSED = 127
"""First component of the shift where a list holds no neighbour."""

MOST_EXPANDED = 1.02
"""Expansion of a cell beyond which its near list is made anew."""

_MARGIN_A = 0.05  # more than MOST_EXPANDED adds to a distance below the near end of a list of pairs


@dataclasses.dataclass(frozen=True)
class PairPlan:
    """Static sizes of a list of pairs.

    Attributes
    ----------
    atoms
        Of one replica.
    slots_to_A
        Distance to which the slots beside it are complete.
    from_A
        Distance from which on the pairs are complete.
    count
        Pairs there is room for, a multiple of :func:`carbonize.potentials.pairs.portion`.
    per_atom
        Pairs of one atom (as the one that lists them) there is room for.
    """

    atoms: int
    slots_to_A: float
    from_A: float
    count: int
    per_atom: int

    def roomier(self, needed: int, needed_per_atom: int) -> PairPlan:
        """With a quarter more room than is needed, and never less than before."""
        size = portion(self.atoms)
        count = max(2, -(-int(1.25 * needed) // size)) * size
        per_atom = int(1.2 * needed_per_atom) + 2
        return dataclasses.replace(self, count=max(count, self.count), per_atom=max(per_atom, self.per_atom))


class PairList(NamedTuple):
    """Pairs of one replica; as :class:`carbonize.potentials.base.Pairs`, with the shift of the second atom.

    ``needed`` and ``needed_per_atom`` are the sizes it should have had.
    """

    first: Int[Array, " pair"]
    second: Int[Array, " pair"]
    shift: Int8[Array, "3 pair"]
    needed: Int[Array, ""]
    needed_per_atom: Int[Array, ""]


def pair_plan(
    starts: Sequence[tuple[np.ndarray, np.ndarray]],
    slots_to_A: float,
    from_A: float,
    radius_A: float,
    skin_A: float,
) -> PairPlan:
    """Sizes from start structures (positions and cells, A), with a quarter to spare."""
    most, each = 0, 0
    for positions, cell in starts:
        far, near = neighbor_counts(positions, cell, [radius_A, max(from_A - skin_A - _MARGIN_A, 0.0)])
        most, each = max(most, int(np.sum(far - near)) // 2), max(each, int(np.max(far)))
    # an atom lists about half of its pairs
    return PairPlan(len(starts[0][0]), slots_to_A, from_A, 0, 0).roomier(most, int(0.6 * each))


def make_pairs(
    plan: PairPlan,
    r2: Float[Array, "slot atom"],
    index: Int[Array, "slot atom"],
    shift: Int8[Array, "3 place"],
    radius_A: float,
    skin_A: float,
) -> PairList:
    """Pairs of one replica from its wide list: squared distances, neighbours and shifts (traceable).

    Of the two atoms of a pair the first lists it if the sum of their numbers is even, else the
    second: so all list about as many. An atom and its own image are a pair by the sign of the shift.
    """
    atoms = index.shape[1]
    own = jnp.arange(atoms, dtype=jnp.int32)
    x, y, z = (shift[k].reshape(index.shape) for k in range(3))
    ahead = (x > 0) | ((x == 0) & ((y > 0) | ((y == 0) & (z > 0))))
    odd = ((index + own) & 1) == 1
    mine = jnp.where(index == own, ahead, (index > own) ^ odd)
    low = max(plan.from_A - skin_A - _MARGIN_A, 0.0)
    slot, count = barrier(pick(mine & (r2 < radius_A**2) & ~(r2 < low**2), plan.per_atom))
    start = jnp.cumsum(count, dtype=jnp.int32) - count
    rank = jnp.arange(plan.per_atom, dtype=jnp.int32)[:, None]
    # what has no place goes to one more entry at the end, which is then cut off
    place = jnp.where(rank < count, jnp.minimum(start + rank, plan.count), plan.count)
    source = jnp.full(plan.count + 1, -1, jnp.int32)
    source = source.at[place].set(slot * atoms + own, mode="promise_in_bounds")[: plan.count]
    used = source >= 0
    source = barrier(jnp.maximum(source, 0))
    shifts = [jnp.where(used, gather(shift[k], source), jnp.int8(0 if k else UNUSED)) for k in range(3)]
    return PairList(
        jnp.where(used, source % atoms, 0),
        jnp.where(used, gather(index.reshape(-1), source), 0),
        jnp.stack(shifts),
        jnp.sum(count, dtype=jnp.int32),
        jnp.max(count),
    )


def no_pairs(plan: PairPlan) -> PairList:
    """An empty list of the right shapes, to start a loop with."""
    nothing = jnp.zeros(plan.count, jnp.int32)
    zero = jnp.zeros((), jnp.int32)
    return PairList(nothing, nothing, jnp.full((3, plan.count), UNUSED, jnp.int8), zero, zero)
