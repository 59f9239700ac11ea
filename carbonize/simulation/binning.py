"""Atoms in bins, and which of those around an atom are near: bits, and from bits slots.

Atoms are sorted by bins, the first cell vector fastest. The bins to be searched in one
row of bins are then one run of sorted atoms, read in one piece; every row is kept several
times over, one cell vector apart, so that a run may pass the boundary. The hits in a run
are kept as bits. Taking the lowest bit off a word again and again turns them into slots
with neither sort nor scatter.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32

from carbonize.potentials.slots import barrier, gather, pick_by_rank
from carbonize.simulation.cells import fractional, shifted

__all__ = ["Grid", "Hits", "Sorted", "find", "margin_A", "sort", "take"]

WORD_BITS = 32
FAR_A = 1e6

_MOST_WORDS_UNROLLED = 40
_LONG_LIST = 128  # slots; only interactions over 6 A or more have as many

_ROUNDING = 1e-5
"""Distances are looked at in single precision, whose error must not lose a pair."""


@dataclasses.dataclass(frozen=True)
class Grid:
    """How a cell is divided.

    Attributes
    ----------
    bins
        Along each cell vector.
    reach
        How many bins away, along each cell vector, a neighbour may be.
    capacity
        Atoms of one run there is room for.
    """

    bins: tuple[int, int, int]
    reach: tuple[int, int, int]
    capacity: int

    @property
    def rows(self) -> np.ndarray:
        """Rows of bins around a bin, as steps along the second and third vector, shape (row, 2)."""
        ranges = [np.arange(-n, n + 1) for n in self.reach[1:]]
        return np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 2).astype(np.int32)

    @property
    def copies(self) -> int:
        """How many times a row must be there for every run to be in one piece."""
        return 1 - (-(2 * self.reach[0] + 1) // self.bins[0])

    @property
    def words(self) -> int:
        """Words of bits that a run takes."""
        return -(-self.capacity // WORD_BITS)


class Sorted(NamedTuple):
    """One replica's atoms in the order of their bins, and the runs around each atom.

    ``atoms`` and ``copy`` say for every place of the repeated rows which atom it is and how many
    cell vectors away; ``x``, ``y``, ``z`` are its coordinates (A) in single precision. The run of
    (row, atom), for the atoms that were asked for, is ``length`` places from ``start``; an atom there
    is the image ``image`` plus its copy along the first vector. ``itself`` is where in the run an
    atom meets itself, -1 if it does not.
    """

    atoms: Int[Array, " place"]
    copy: Int[Array, " place"]
    x: Float[Array, " place"]
    y: Float[Array, " place"]
    z: Float[Array, " place"]
    start: Int[Array, "row atom"]
    length: Int[Array, "row atom"]
    image: Int[Array, "3 row atom"]
    itself: Int[Array, "row atom"]


class Hits(NamedTuple):
    """Bits of every atom (word, atom) and the square of the shortest distance found (A^2)."""

    words: UInt32[Array, "word atom"]
    closest2: Float[Array, ""]


def sort(
    grid: Grid,
    positions: Float[Array, "atom 3"],
    cell: Float[Array, "3 3"],
    around: Int[Array, " own"] | None = None,
) -> Sorted:
    """Sort one replica's wrapped atoms into bins (traceable).

    The runs are those around the atoms ``around`` (None: all); around a number that no atom has
    there is nothing.
    """
    atoms = positions.shape[0]
    nx, ny, nz = grid.bins
    count = jnp.asarray(grid.bins, positions.dtype)
    # rounding may leave an atom on the upper face: it belongs to the last bin, not the first
    inside = jnp.clip(fractional(positions, cell), 0.0, 1.0)
    inside = jnp.where(jnp.isfinite(inside), inside, 0.0)
    place = jnp.minimum((inside * count).astype(jnp.int32), jnp.asarray(grid.bins, jnp.int32) - 1)
    hx, hy, hz = barrier((place[:, 0], place[:, 1], place[:, 2]))
    number = barrier(hx + nx * (hy + ny * hz))
    own = jnp.arange(atoms, dtype=jnp.int32)
    filling = jnp.zeros(nx * ny * nz, jnp.int32).at[number].add(1, mode="promise_in_bounds")
    # the first place of each bin, and of an imagined one after the last
    first = barrier(jnp.append(jnp.zeros(1, jnp.int32), jnp.cumsum(filling, dtype=jnp.int32)))
    order = jnp.zeros(atoms, jnp.int32)
    order = order.at[gather(first, number) + _ranks(number, nx * ny * nz)].set(own, mode="promise_in_bounds")

    # every row of bins, as often as runs need it
    in_row = barrier(gather(hy + ny * hz, order))
    row_first, row_end = gather(first, in_row * nx), gather(first, in_row * nx + nx)
    rank = own - row_first
    length = row_end - row_first
    repeats = jnp.arange(grid.copies, dtype=jnp.int32)[:, None]
    target = (grid.copies * row_first + rank)[None] + repeats * length[None]
    size = grid.copies * atoms + grid.words * max(grid.capacity, WORD_BITS)
    empty = jnp.zeros(size, jnp.int32)
    everyone = empty.at[target].set(jnp.broadcast_to(order, target.shape), mode="promise_in_bounds")
    copy = empty.at[target].set(jnp.broadcast_to(repeats, target.shape), mode="promise_in_bounds")
    where = gather(positions.astype(jnp.float32), everyone)
    along = copy.astype(jnp.float32)[:, None] * cell[0].astype(jnp.float32)
    here = where + along

    # runs
    if around is not None:
        there = jnp.minimum(around, atoms - 1)
        hx, hy, hz = barrier(tuple(gather(h, there) for h in (hx, hy, hz)))
    rows = jnp.asarray(grid.rows)
    y, iy = _into_cell(hy + rows[:, :1], ny, grid.reach[1])
    z, iz = _into_cell(hz + rows[:, 1:], nz, grid.reach[2])
    row, iy, iz = barrier((nx * (y + ny * z), iy, iz))
    from_x, from_i = _into_cell(hx - grid.reach[0], nx, grid.reach[0])
    to_x, to_i = _into_cell(hx + (grid.reach[0] + 1), nx, grid.reach[0] + 1)
    row_first = gather(first, row)
    row_length = gather(first, row + nx) - row_first
    begin = gather(first, row + from_x)
    end = gather(first, row + to_x)
    run = end - begin + (to_i - from_i) * row_length
    start = grid.copies * row_first + (begin - row_first)
    mine = (
        empty[:atoms].at[order].set(grid.copies * gather(first, in_row * nx) + rank, mode="promise_in_bounds")
    )
    if around is not None:
        mine = gather(mine, there)
        run = jnp.where(around < atoms, run, 0)
    own_row = ((rows[:, 0] == 0) & (rows[:, 1] == 0))[:, None]
    own_length = gather(first, nx * (hy + ny * hz) + nx) - gather(first, nx * (hy + ny * hz))
    itself = jnp.where(own_row, mine - from_i * own_length - start, -1)
    image = jnp.stack([jnp.broadcast_to(from_i, iy.shape), iy, iz])
    return Sorted(everyone, copy, here[:, 0], here[:, 1], here[:, 2], start, run, image, itself)


def margin_A(cell: Float[Array, "3 3"]) -> Float[Array, ""]:
    """What to add to a radius: the cell may be large and the numbers of single precision coarse."""
    return _ROUNDING * (1.0 + jnp.max(jnp.abs(cell)).astype(jnp.float32) * 0.1)


def find(
    grid: Grid, bins: Sorted, positions: Float[Array, "atom 3"], cell: Float[Array, "3 3"], radius_A: float
) -> Hits:
    """For every atom, one bit per atom of the runs around: is it within the radius? (traceable)"""
    spare = grid.words * WORD_BITS if grid.words > 1 else grid.capacity
    weight = jnp.asarray(1, jnp.uint32) << jnp.arange(min(spare, WORD_BITS), dtype=jnp.uint32)
    limit2 = (radius_A + margin_A(cell)) ** 2
    parts = jnp.arange(grid.words, dtype=jnp.int32) * WORD_BITS
    every = jnp.arange(min(spare, WORD_BITS), dtype=jnp.int32)

    def look(row: tuple[Array, ...]) -> tuple[Array, Array]:
        start, length, image, itself = row
        origin = shifted(positions, -image.T.astype(positions.dtype), cell).astype(jnp.float32)
        origin, start = barrier((origin, start))

        def part(first: Array) -> tuple[Array, Array]:
            square = jnp.zeros((positions.shape[0], every.size), jnp.float32)
            for axis, values in enumerate((bins.x, bins.y, bins.z)):
                there = _pieces(values, start + first, every.size)
                away = there - origin[:, axis, None]
                square = square + away * away
            member = every + first
            real = (member < length[:, None]) & (member != itself[:, None])
            square = jnp.where(real, square, FAR_A)
            words = jnp.sum(jnp.where(square < limit2, weight, 0), axis=-1, dtype=jnp.uint32)
            return words, jnp.min(square)

        return jax.lax.map(part, parts)

    image = jnp.moveaxis(bins.image, 1, 0)
    words, closest2 = jax.lax.map(look, (bins.start, bins.length, image, bins.itself))
    return Hits(words.reshape(-1, positions.shape[0]), jnp.min(closest2))


def take(
    grid: Grid, bins: Sorted, hits: Hits, slots: int
) -> tuple[Int[Array, "slot atom"], Int[Array, "3 slot atom"], Bool[Array, "slot atom"]]:
    """Atom number and image of the first ``slots`` hits of every atom, and which slots are used."""
    atoms = bins.start.shape[1]
    if slots > _LONG_LIST:
        place, count = pick_by_rank(hits.words, slots)
        used = jnp.arange(slots, dtype=jnp.int32)[:, None] < count
    else:
        place = _lowest_bits(hits.words, slots)
        used = place >= 0
        place = jnp.where(used, place, 0)
    row = place // (WORD_BITS * grid.words)
    member = place - row * (WORD_BITS * grid.words)
    at = row * atoms + jnp.arange(atoms, dtype=jnp.int32)
    where = gather(bins.start.reshape(-1), at) + member
    image = [gather(bins.image[k].reshape(-1), at) for k in range(3)]
    image[0] = image[0] + gather(bins.copy, where)
    return gather(bins.atoms, where), jnp.stack(image), used


def _ranks(number: Int[Array, " atom"], bins: int) -> Int[Array, " atom"]:
    """How many atoms of lower index are in the same bin.

    Round by round the lowest index left in every bin is found: bins hold few atoms, and this is
    several times faster on the CPU than sorting.
    """
    own = jnp.arange(number.size, dtype=jnp.int32)
    if bins == 1:
        return own

    def one_each(state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        ranks, left, rank = state
        lowest = jnp.full(bins + 1, number.size, jnp.int32)
        lowest = lowest.at[jnp.where(left, number, bins)].min(own, mode="promise_in_bounds")
        found = left & (gather(lowest, number) == own)
        return jnp.where(found, rank, ranks), left & ~found, rank + 1

    start = (jnp.zeros_like(own), jnp.ones(number.size, bool), jnp.asarray(0, jnp.int32))
    return jax.lax.while_loop(lambda state: jnp.any(state[1]), one_each, start)[0]


def _pieces(values: Array, start: Array, size: int) -> Array:
    """``size`` values from every start on, read in one piece: (start, size)."""
    dimensions = jax.lax.GatherDimensionNumbers(
        offset_dims=(1,), collapsed_slice_dims=(), start_index_map=(0,)
    )
    return jax.lax.gather(
        values, start[:, None], dimensions, (size,), mode=jax.lax.GatherScatterMode.PROMISE_IN_BOUNDS
    )


def _into_cell(place: Array, count: int, reach: int) -> tuple[Array, Array]:
    """Bin and image of a bin number that may lie ``reach`` outside."""
    if count == 1:
        return jnp.zeros_like(place), place
    if reach <= count:
        # one cell away at most: comparing is much cheaper than dividing
        image = (place >= count).astype(jnp.int32) - (place < 0).astype(jnp.int32)
    else:
        image = jnp.floor_divide(place, count)
    return place - image * count, image


def _lowest_bits(words: Array, slots: int) -> Array:
    """Positions of the first ``slots`` set bits of every column, -1 where there are no more."""
    rank = jnp.arange(words.shape[0], dtype=jnp.int32)[:, None]
    one = jnp.asarray(1, jnp.uint32)

    def take_few(words: tuple[Array, ...], _: None) -> tuple[tuple[Array, ...], Array]:
        first = jnp.full(words[0].shape, -1, jnp.int32)
        word = jnp.zeros_like(words[0])
        for k in range(len(words) - 1, -1, -1):
            some = words[k] != 0
            first = jnp.where(some, k, first)
            word = jnp.where(some, words[k], word)
        lowest = word & (~word + one)
        bit = jax.lax.population_count(lowest - one).astype(jnp.int32)
        first, lowest, bit = barrier((first, lowest, bit))
        left = tuple(jnp.where(first == k, w ^ lowest, w) for k, w in enumerate(words))
        return left, jnp.where(first >= 0, first * WORD_BITS + bit, -1)

    def take_many(words: Array, _: None) -> tuple[Array, Array]:
        first = jnp.min(jnp.where(words != 0, rank, words.shape[0]), axis=0)
        found = first < words.shape[0]
        mine = rank == first[None]
        word = jnp.sum(jnp.where(mine, words, 0), axis=0, dtype=jnp.uint32)
        lowest = word & (~word + one)
        bit = jax.lax.population_count(lowest - one).astype(jnp.int32)
        words = jnp.where(mine, words ^ lowest, words)
        return words, jnp.where(found, first * WORD_BITS + bit, -1)

    if words.shape[0] <= _MOST_WORDS_UNROLLED:
        return jax.lax.scan(take_few, tuple(words), None, length=slots)[1]
    return jax.lax.scan(take_many, words, None, length=slots)[1]
