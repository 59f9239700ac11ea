"""Neighbour lists of a batch, built inside compiled code.

A list holds, for every atom and slot, the neighbour and the integer shift of the
image meant. Positions are wrapped only when a list is built, so the shifts stay
valid until the next one, and a bond vector costs three additions and no rounding.

Atoms are binned by jax-md's cell list (:func:`jax_md.partition.cell_list`) where three
bins fit along every cell vector; smaller and very skewed cells are one bin, looked at
with as many images as the radius needs. From there on both are the same: the atoms of
the bins around are tested, the hits are kept as bits, and the bits become slots. That
is several times faster than jax-md's own dense list (docs/decisions.md) and exact for
every cell, also one smaller than the radius.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8

from carbonize.errors import InputError
from carbonize.potentials.base import PAD_A, Bonds
from carbonize.potentials.slots import pick_by_rank
from carbonize.simulation.cells import fractional, heights_A, shifted, wrapped

__all__ = [
    "ListPlan",
    "Neighbors",
    "bins_to_reach",
    "bond_vectors",
    "build",
    "cell_heights",
    "make_plan",
    "no_lists",
    "outdated",
    "round_up",
]

UNUSED = 127
"""First component of the shift in a slot that holds no neighbour."""

_WORD_BITS = 32
_FAR_A = 1e6
_LONG_LIST = 128  # slots; only interactions over 6 A or more have as many
_MOST_IMAGES = 20  # shifts are kept in 8 bits, and a cell this thin is a mistake


class Neighbors(NamedTuple):
    """Neighbour lists of a batch, replica by replica.

    ``index`` counts through the whole batch (replica r starts at r * atoms) and is the
    atom's own in unused slots, which are told by the shift ``UNUSED``; ``shift`` counts
    cell vectors, so that the neighbour sits at positions[index] + shift @ cell;
    ``reference`` and ``reference_cells`` are what it was built from; ``needed`` the slots it
    should have had; ``crowded`` how many atoms the fullest bin holds; ``cramped`` whether the
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


@dataclasses.dataclass(frozen=True)
class ListPlan:
    """Static description of a list: everything its compiled shape depends on.

    Attributes
    ----------
    skew
        Which off-diagonal components of the cell are not zero: yx, zx, zy.
    cutoff_A
        Distance to which interactions are complete.
    skin_A
        Extra radius; a list serves until an atom has moved half of it.
    slots
        Neighbours per atom there is room for.
    bins
        How many bins along each cell vector; (1, 1, 1) is one bin.
    reach
        How many bins away, along each cell vector, the radius may lead.
    bin_capacity
        Atoms per bin there is room for.
    """

    skew: tuple[bool, bool, bool]
    cutoff_A: float
    skin_A: float
    slots: int
    bins: tuple[int, int, int]
    reach: tuple[int, int, int]
    bin_capacity: int

    @property
    def radius_A(self) -> float:
        """Cutoff plus skin."""
        return self.cutoff_A + self.skin_A

    @property
    def offsets(self) -> np.ndarray:
        """The bins around a bin that the radius can reach, shape (offset, 3)."""
        ranges = [np.arange(-n, n + 1) for n in self.reach]
        return np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3)


def round_up(number: int, multiple: int) -> int:
    """The next multiple.

    >>> round_up(9, 8)
    16
    """
    return -(-number // multiple) * multiple


def cell_heights(cell: np.ndarray) -> np.ndarray:
    """Distances (A) between opposite faces of the cell (rows are the cell vectors)."""
    return 1.0 / np.linalg.norm(np.linalg.inv(np.asarray(cell, float)), axis=0)


def make_plan(
    positions: np.ndarray,
    cells: np.ndarray,
    cutoff_A: float,
    skin_A: float,
    slots: int | None = None,
    shrink: float = 1.0,
) -> ListPlan:
    """Choose bins and sizes from start structures.

    Parameters
    ----------
    positions
        Shape (replica, atom, 3), A; the dtype is that of the simulation.
    cells
        Shape (replica, 3, 3), rows are cell vectors, A, lower triangular.
    cutoff_A, skin_A
        List radii.
    slots
        Initial slots per atom; by default half as many again as the start needs, since
        annealing makes a loose packing denser in places.
    shrink
        Factor by which cells may still become shorter before the bins must be chosen anew.
    """
    cells = np.ascontiguousarray(cells, dtype=float)
    atoms = positions.shape[1]
    heights = shrink * np.min([cell_heights(cell) for cell in cells], axis=0)
    radius_A = cutoff_A + skin_A
    count = np.floor(heights / radius_A).astype(int)
    bins = (int(count[0]), int(count[1]), int(count[2])) if (count >= 3).all() else (1, 1, 1)
    reach = bins_to_reach(bins, heights, radius_A)
    capacity = atoms
    if bins != (1, 1, 1):
        fullest = max(
            _fullest_bin(p, c, bins) for p, c in zip(np.asarray(positions, float), cells, strict=True)
        )
        # whole words of bits cost the same, and fewer different sizes mean fewer compilations
        capacity = round_up(int(1.5 * fullest) + 4, _WORD_BITS)
    skew = tuple(bool((cells[:, i, j] != 0).any()) for i, j in ((1, 0), (2, 0), (2, 1)))
    plan = ListPlan(skew, cutoff_A, skin_A, slots or 1, bins, reach, capacity)  # type: ignore[arg-type]
    if slots is None:
        count_slots = jax.jit(lambda r, c: _count_slots(plan, wrapped(r, c), c))
        most = max(
            int(count_slots(jnp.asarray(p), c.astype(p.dtype))) for p, c in zip(positions, cells, strict=True)
        )
        plan = dataclasses.replace(plan, slots=round_up(int(1.5 * most) + 8, 8))
    return plan


def bins_to_reach(bins: tuple[int, int, int], heights_A: np.ndarray, radius_A: float) -> tuple[int, int, int]:
    """How many bins away the radius may lead where the cell has these heights (A).

    Raises
    ------
    InputError
        If the cell is so thin that an atom would meet dozens of its own images.
    """
    reach = np.ceil(radius_A * np.array(bins) / heights_A).astype(int)
    if reach.max() > _MOST_IMAGES * max(bins):
        raise InputError(
            f"a cell only {heights_A.min():.3g} A high would need {reach.max() // max(bins)} images of each atom "
            f"within {radius_A:.3g} A; repeat the structure first (ase: atoms.repeat)"
        )
    return int(reach[0]), int(reach[1]), int(reach[2])


def build(
    plan: ListPlan, positions: Float[Array, "replica atom 3"], cells: Float[Array, "replica 3 3"]
) -> Neighbors:
    """Build the lists of all replicas from wrapped positions (traceable)."""
    index, shift, needed, crowded, cramped, closest2 = jax.vmap(
        lambda r, c: _build_one(plan, r, c), out_axes=(1, 2, 0, 0, 0, 0)
    )(positions, cells)
    replicas, atoms, _ = positions.shape
    start = (jnp.arange(replicas, dtype=jnp.int32) * atoms)[None, :, None]
    return Neighbors(index + start, shift, positions, cells, needed, crowded, cramped, jnp.sqrt(closest2))


def no_lists(
    plan: ListPlan, positions: Float[Array, "replica atom 3"], cells: Float[Array, "replica 3 3"]
) -> Neighbors:
    """Empty lists of the right shapes, to start a loop with."""
    replicas, atoms, _ = positions.shape
    return Neighbors(
        jnp.zeros((plan.slots, replicas, atoms), jnp.int32),
        jnp.full((3, plan.slots, replicas, atoms), UNUSED, jnp.int8),
        positions,
        cells,
        jnp.zeros(replicas, jnp.int32),
        jnp.zeros(replicas, jnp.int32),
        jnp.zeros(replicas, bool),
        jnp.full(replicas, _FAR_A, positions.dtype),
    )


def outdated(
    plan: ListPlan,
    neighbors: Neighbors,
    positions: Float[Array, "replica atom 3"],
    cells: Float[Array, "replica 3 3"],
    fixed_cell: bool,
) -> Bool[Array, " replica"]:
    """Whether an atom has moved so far that a list may miss a pair (traceable).

    Two atoms may each have come half the skin nearer. Where the cell is scaled by f, atoms are
    compared with where the scaling alone would have put them, and a pair that was just outside
    the list is nearer by the factor f already.
    """
    if fixed_cell:
        away = positions - neighbors.reference
        return jnp.max(jnp.sum(away * away, axis=-1), axis=-1) > (0.5 * plan.skin_A) ** 2
    factor = cells[:, 0, 0] / neighbors.reference_cells[:, 0, 0]
    away = positions - neighbors.reference * factor[:, None, None]
    limit = 0.5 * jnp.maximum(factor * plan.radius_A - plan.cutoff_A, 0.0)
    return jnp.max(jnp.sum(away * away, axis=-1), axis=-1) > limit**2


def bond_vectors(
    plan: ListPlan,
    neighbors: Neighbors,
    positions: Float[Array, "replica atom 3"],
    cells: Float[Array, "replica 3 3"],
) -> Bonds:
    """Bonds of all replicas laid end to end along the atom axis (traceable)."""
    slots, replicas, atoms = neighbors.index.shape
    flat = positions.reshape(replicas * atoms, 3).T
    index = neighbors.index.reshape(slots, replicas * atoms)
    shift = neighbors.shift.reshape(3, slots, replicas * atoms).astype(positions.dtype)
    used = neighbors.shift[0].reshape(slots, replicas * atoms) != UNUSED
    yx, zx, zy = plan.skew
    parts = ((0, (0, *[1] * yx, *[2] * zx)), (1, (1, *[2] * zy)), (2, (2,)))
    vectors = []
    for axis, rows in parts:
        vector = flat[axis].at[index].get(mode="promise_in_bounds") - flat[axis][None]
        for k in rows:
            # one length serves the whole batch where there is one replica, else one an atom
            length = cells[0, k, axis] if replicas == 1 else jnp.repeat(cells[:, k, axis], atoms)[None]
            vector = vector + shift[k] * length
        vectors.append(jnp.where(used, vector, PAD_A if axis == 0 else 0.0))
    return Bonds(index, *vectors)


def _build_one(
    plan: ListPlan, positions: Array, cell: Array
) -> tuple[Array, Array, Array, Array, Array, Array]:
    """Index, shift, needed slots, fullest bin, whether bins are too narrow, and closest pair of one replica."""
    atoms = positions.shape[0]
    members, home, crowded = _bins(plan, positions, cell)
    offsets = jnp.asarray(plan.offsets, jnp.int32)
    bits, closest2 = _hits(plan, positions, cell, members, home, offsets)
    needed = jnp.max(jnp.sum(jax.lax.population_count(bits), axis=0, dtype=jnp.int32))
    place = _lowest_bits(bits, plan.slots)
    used = place >= 0
    place = jnp.where(used, place, 0)
    width = _WORD_BITS * _words(plan)
    offset, member = place // width, place % width
    bin_number, image = _bin_at(plan, home[None] + offsets[offset])
    index = members.at[bin_number, member].get(mode="promise_in_bounds")
    own = jnp.arange(atoms, dtype=jnp.int32)[None]
    index = jnp.where(used, index, own)
    shift = jnp.where(used[..., None], image, jnp.asarray([UNUSED, 0, 0], jnp.int32))
    width_A = heights_A(cell) / jnp.asarray(plan.bins, positions.dtype)
    cramped = jnp.any(width_A * jnp.asarray(plan.reach, positions.dtype) < plan.radius_A * (1.0 - 1e-5))
    return index, shift.astype(jnp.int8).transpose(2, 0, 1), needed, crowded, cramped, closest2


def _count_slots(plan: ListPlan, positions: Array, cell: Array) -> Array:
    """Slots that one replica needs."""
    members, home, _ = _bins(plan, positions, cell)
    bits, _ = _hits(plan, positions, cell, members, home, jnp.asarray(plan.offsets, jnp.int32))
    return jnp.max(jnp.sum(jax.lax.population_count(bits), axis=0, dtype=jnp.int32))


def _bins(plan: ListPlan, positions: Array, cell: Array) -> tuple[Array, Array, Array]:
    """Members of each bin (atom count: empty), each atom's bin (atom, 3), and the fullest bin."""
    atoms = positions.shape[0]
    if plan.bins == (1, 1, 1):
        members = jnp.arange(atoms, dtype=jnp.int32)[None]
        return members, jnp.zeros((atoms, 3), jnp.int32), jnp.asarray(atoms, jnp.int32)
    from jax_md import partition

    # rounding may leave an atom on the upper face: it belongs to the last bin, not the first
    inside = jnp.clip(fractional(positions, cell), 0.0, 1.0 - 1e-6)
    count = np.array(plan.bins)
    # jax-md takes one size per direction as well, though its annotations say otherwise
    binning = partition.cell_list(np.ones((1, 3)), 1.0 / (count[None] + 0.01))  # pyright: ignore
    filled = binning.update(inside, plan.bin_capacity)
    members = filled.id_buffer.reshape(-1, plan.bin_capacity).astype(jnp.int32)
    home = filled.particle_cell_id.astype(jnp.int32)
    number = _bin_at(plan, home)[0]
    filling = jnp.zeros(int(count.prod()), jnp.int32).at[number].add(1)
    return members, home, jnp.max(filling)


def _bin_at(plan: ListPlan, place: Array) -> tuple[Array, Array]:
    """Number of the bin at integer coordinates that may lie outside, and which image it is in."""
    count = jnp.asarray(plan.bins, jnp.int32)
    image = jnp.floor_divide(place, count)
    inside = place - image * count
    # jax-md counts bins with the first coordinate fastest
    return inside[..., 0] + count[0] * (inside[..., 1] + count[1] * inside[..., 2]), image


def _words(plan: ListPlan) -> int:
    return -(-plan.bin_capacity // _WORD_BITS)


def _hits(
    plan: ListPlan, positions: Array, cell: Array, members: Array, home: Array, offsets: Array
) -> tuple[Array, Array]:
    """For every atom, one bit per member of the bins around: is it within the radius? (word, atom)

    And the square of the shortest distance.
    """
    atoms = positions.shape[0]
    own = jnp.arange(atoms, dtype=jnp.int32)
    spare = _WORD_BITS * _words(plan) - plan.bin_capacity
    members = jnp.pad(members, ((0, 0), (0, spare)), constant_values=atoms)
    # positions sorted into bins once, so that an atom reads whole rows; empty places are far away
    rows = [jnp.append(positions[:, k], jnp.asarray(_FAR_A, positions.dtype))[members] for k in range(3)]
    weight = jnp.asarray(1, jnp.uint32) << jnp.arange(_WORD_BITS, dtype=jnp.uint32)

    def around(offset: Array) -> tuple[Array, Array]:
        bin_number, image = _bin_at(plan, home + offset)
        origin = shifted(positions, -image.astype(positions.dtype), cell)
        square = jnp.zeros((atoms, members.shape[1]), positions.dtype)
        for axis in range(3):
            away = rows[axis].at[bin_number].get(mode="promise_in_bounds") - origin[:, axis, None]
            square = square + away * away
        itself = members.at[bin_number].get(mode="promise_in_bounds") == own[:, None]
        itself = itself & jnp.all(image == 0, axis=-1)[:, None]
        hit = (square < plan.radius_A**2) & ~itself
        words = hit.reshape(atoms, _words(plan), _WORD_BITS).astype(jnp.uint32) * weight
        return jnp.sum(words, axis=-1, dtype=jnp.uint32).T, jnp.min(jnp.where(itself, _FAR_A, square))

    bits, closest2 = jax.lax.map(around, offsets)
    return bits.reshape(-1, atoms), jnp.min(closest2)


def _lowest_bits(words: Array, capacity: int) -> Array:
    """Positions of the first ``capacity`` set bits of every column, -1 where there are no more.

    Taking the lowest bit off again and again needs neither sort nor scatter. In lists of hundreds
    each place finds its bit by itself, as the other way goes with the square of the slots.
    """
    if capacity > _LONG_LIST:
        places, count = pick_by_rank(words, capacity)
        return jnp.where(jnp.arange(capacity, dtype=jnp.int32)[:, None] < count, places, -1)
    rank = jnp.arange(words.shape[0], dtype=jnp.int32)[:, None]

    def take(words: Array, _: None) -> tuple[Array, Array]:
        first = jnp.min(jnp.where(words != 0, rank, words.shape[0]), axis=0)
        found = first < words.shape[0]
        mine = rank == first[None]
        word = jnp.sum(jnp.where(mine, words, 0), axis=0, dtype=jnp.uint32)
        lowest = word & (~word + jnp.asarray(1, jnp.uint32))
        bit = jax.lax.population_count(lowest - jnp.asarray(1, jnp.uint32)).astype(jnp.int32)
        words = jnp.where(mine, words ^ lowest[None], words)
        return words, jnp.where(found, first * _WORD_BITS + bit, -1)

    return jax.lax.scan(take, words, None, length=capacity)[1]


def _fullest_bin(positions: np.ndarray, cell: np.ndarray, bins: tuple[int, int, int]) -> int:
    fractional = positions @ np.linalg.inv(cell)
    fractional -= np.floor(fractional)
    place = np.minimum((fractional * bins).astype(int), np.array(bins) - 1)
    return int(np.bincount(np.ravel_multi_index(tuple(place.T), bins)).max())
