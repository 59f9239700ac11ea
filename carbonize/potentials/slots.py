"""Arrays of slots: short neighbour lists cut from long ones, and sums over them.

All arrays here are (slot, atom): row k holds the k-th neighbour of every atom.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Bool, Float, Int

from carbonize.potentials.base import PAD_A, Bonds

__all__ = [
    "WORD_BITS",
    "Part",
    "Vectors",
    "barrier",
    "compiler_options",
    "fold",
    "forces_from_bonds",
    "gather",
    "pick",
    "pick_by_rank",
    "products",
    "scatter_add",
    "shells",
    "shorten",
    "sum_slots",
    "taken",
    "virials",
    "with_others",
]

Vectors = tuple[Array, Array, Array]
"""x, y and z components, each (slot, atom)."""

WORD_BITS = 32

_LONG_LIST = 128

_TERMS_FUSED = 8
"""Terms of a sum between barriers.

Of sums much longer than this XLA stores the terms first, so that LLVM contracts no product with
its addition: without such stops the last bit would depend on how many slots there are.
"""

_MOST_UNROLLED = 30
"""Slots picked in straight code; for more of them a loop runs as fast and compiles in a tenth of the time."""


def barrier(values: Any) -> Any:
    """Keep XLA from fusing across this point, except on graphics cards.

    XLA:CPU otherwise recomputes cheap-looking producers (exponentials among them) inside every
    consumer. The CPU backend honours barriers only under :func:`compiler_options`. Without them
    results are the same, but EDIP compiles 8 times and runs 30 times as long: every ``jax.jit``
    around a potential should pass them. On a card arithmetic is cheaper than memory, and fewer
    kernels are better (docs/benchmarks.md).
    """
    return values if jax.default_backend() == "gpu" else jax.lax.optimization_barrier(values)


def compiler_options(backend: str | None = None, one_thread: bool = False) -> dict[str, str] | None:
    """Options for ``jax.jit(..., compiler_options=...)`` under which :func:`barrier` takes effect.

    With ``one_thread`` kernels are not cut into pieces for several threads: where every core has a
    program of its own, threads would only get into each other's way.
    """
    if (backend or jax.default_backend()) != "cpu":
        return None
    passes = "cse_barrier_expander" + (",cpu-parallel-task-assigner" if one_thread else "")
    return {"xla_disable_hlo_passes": passes}


def gather(values: Array, index: Int[Array, "..."]) -> Array:
    """``values[index]`` for indices known to be in range."""
    return values.at[index].get(mode="promise_in_bounds")


def scatter_add(target: Array, index: Int[Array, "slot atom"], values: Float[Array, "slot atom"]) -> Array:
    """Add ``values`` to the entries of ``target`` that ``index`` names."""
    return target.at[index.reshape(-1)].add(values.reshape(-1), mode="promise_in_bounds")


def sum_slots(rows: Sequence[Array] | Array, dtype: DTypeLike | None = None) -> Array:
    """Sum over slots, one addition after the other, in ``dtype`` if it is given.

    Spelled out since XLA:CPU does not vectorise a reduction over the leading axis as well.
    """
    terms = rows if dtype is None else [row.astype(dtype) for row in rows]
    total = terms[0]
    for k in range(1, len(terms)):
        if k % _TERMS_FUSED == 0:
            total = barrier(total)
        total = total + terms[k]
    return total


def fold(values: Array, axis: int = 0) -> Array:
    """Sum along an axis by adding one half to the other: few operations for long lists."""
    while (size := values.shape[axis]) > 1:
        half = size // 2
        first, second, rest = jnp.split(values, [half, 2 * half], axis)
        values = barrier(first + second)
        if size % 2:
            values = jnp.concatenate([values, rest], axis)
    return jnp.squeeze(values, axis)


def pick(
    keep: Bool[Array, "slot atom"], capacity: int
) -> tuple[Int[Array, "capacity atom"], Int[Array, " atom"]]:
    """Slots of the first ``capacity`` true entries of every column, and how many there are.

    Unused entries are 0; the count may exceed the capacity. The mask is packed into words of
    32 bits; taking the lowest set bit off ``capacity`` times is much cheaper than comparing
    every slot with every place, and needs neither sort nor scatter.
    """
    slots = keep.shape[0]
    words = []
    for start in range(0, slots, WORD_BITS):
        word = keep[start].astype(jnp.uint32)
        for bit in range(1, min(WORD_BITS, slots - start)):
            word = word | (keep[start + bit].astype(jnp.uint32) << bit)
        words.append(word)
    words = list(barrier(tuple(words)))
    if capacity > _LONG_LIST:
        return pick_by_rank(jnp.stack(words), capacity)
    count = sum_slots([jax.lax.population_count(word).astype(jnp.int32) for word in words])

    def next_slot(words: tuple[Array, ...], _: None = None) -> tuple[tuple[Array, ...], Array]:
        """What is left when the lowest bit is taken off, and its place."""
        left = []
        slot = jnp.zeros_like(count)
        free = jnp.ones_like(keep[0])  # no earlier word had a bit left
        for w, word in enumerate(words):
            lowest = word & (~word + jnp.uint32(1))
            here = free & (word != 0)
            place = jax.lax.population_count(lowest - jnp.uint32(1)).astype(jnp.int32) + w * WORD_BITS
            slot = jnp.where(here, place, slot)
            left.append(jnp.where(here, word ^ lowest, word))
            free = free & ~here
        return tuple(left), slot

    if capacity > _MOST_UNROLLED:
        return jax.lax.scan(next_slot, tuple(words), length=capacity)[1], count
    picked = []
    rest = tuple(words)
    for _ in range(capacity):
        rest, slot = next_slot(rest)
        picked.append(slot)
    return jnp.stack(picked), count


def pick_by_rank(
    words: Int[Array, "word atom"], capacity: int
) -> tuple[Int[Array, "capacity atom"], Int[Array, " atom"]]:
    """As :func:`pick`, of a mask packed already, for lists of hundreds of slots.

    Every place finds its slot by itself: by halving the word in which the count of set bits passes
    it, then the bit. Taking bits off one by one would visit every word for every place.
    """
    number, atoms = words.shape
    own = jnp.arange(atoms, dtype=jnp.int32)
    rank = jnp.arange(capacity, dtype=jnp.int32)[:, None]
    counts = jax.lax.population_count(words).astype(jnp.int32)

    def add(total: Array, row: Array) -> tuple[Array, Array]:
        return total + row, total

    count, before = jax.lax.scan(add, jnp.zeros(atoms, jnp.int32), counts)
    before = before.reshape(-1)  # set bits in the words ahead of each
    place = jnp.zeros((capacity, atoms), jnp.int32)
    for half in reversed(range((number - 1).bit_length())):
        further = jnp.minimum(place + (1 << half), number - 1)
        place = barrier(jnp.where(gather(before, further * atoms + own) <= rank, further, place))
    where = place * atoms + own
    left, word = barrier((rank - gather(before, where), gather(words.reshape(-1), where)))
    slot = place * WORD_BITS
    for width in (16, 8, 4, 2, 1):
        low = jax.lax.population_count(word & jnp.uint32((1 << width) - 1)).astype(jnp.int32)
        above = left >= low
        left = jnp.where(above, left - low, left)
        word = jnp.where(above, word >> width, word)
        slot = jnp.where(above, slot + width, slot)
    return jnp.where(rank < count, slot, 0), count


class Part(NamedTuple):
    """``size`` atoms from the atom ``first`` on."""

    first: Int[Array, ""] | int
    size: int

    def of(self, values: Array) -> Array:
        """Their entries in an array with atoms on the last axis."""
        if self.size == values.shape[-1]:
            return values
        return jax.lax.dynamic_slice_in_dim(values, self.first, self.size, axis=values.ndim - 1)


def shorten(
    bonds: Bonds,
    keep: Bool[Array, "slot atom"],
    capacity: int,
    all_or_none: bool = False,
    first: Int[Array, ""] | int = 0,
) -> tuple[Bonds, Int[Array, " atom"]]:
    """The bonds marked ``keep`` in a list of ``capacity`` slots, and how many each atom has.

    With ``all_or_none`` an atom that has more than there is room for gets none at all. The
    marks may be those of some of the atoms only, from the atom ``first`` on.
    """
    slot, count = barrier(pick(keep, capacity))
    listed = jnp.where(count <= capacity, count, 0) if all_or_none else count
    return taken(bonds, slot, listed, first)[0], count


def taken(
    bonds: Bonds,
    slot: Int[Array, "capacity atom"],
    count: Int[Array, " atom"],
    first: Int[Array, ""] | int = 0,
) -> tuple[Bonds, Int[Array, " atom"]]:
    """The bonds in the first ``count`` of the given slots, and the counts; of atoms from ``first`` on."""
    capacity, size = slot.shape
    atoms = first + jnp.arange(size, dtype=jnp.int32)
    used = jnp.arange(capacity, dtype=jnp.int32)[:, None] < count
    where = slot * bonds.index.shape[1] + atoms

    def take(values: Array, unused: Array | float) -> Array:
        return jnp.where(used, gather(values.reshape(-1), where), unused)

    short = Bonds(
        index=take(bonds.index, atoms),
        x=take(bonds.x, PAD_A),
        y=take(bonds.y, 0.0),
        z=take(bonds.z, 0.0),
    )
    return barrier(short), count


def shells(
    bonds: Bonds,
    bounds: Sequence[tuple[float, float | Array]],
    capacities: Sequence[int],
    all_or_none: bool = False,
    part: Part | None = None,
) -> list[tuple[Bonds, Int[Array, " atom"]]]:
    """For each of ``bounds`` the bonds with low <= r < high (A), and how many each atom has.

    ``high`` may differ from atom to atom. ``all_or_none``: see :func:`shorten`. With ``part``
    the lists are made for these atoms only.
    """
    part = part or Part(0, bonds.x.shape[1])
    x, y, z = part.of(bonds.x), part.of(bonds.y), part.of(bonds.z)
    r2 = barrier(x * x + y * y + z * z)
    found = []
    for (low, high), capacity in zip(bounds, capacities, strict=True):
        keep = r2 < high * high
        if low > 0.0:
            keep = keep & ~(r2 < low * low)
        found.append(shorten(bonds, barrier(keep), capacity, all_or_none, part.first))
    return found


def with_others(values: Float[Array, "*rest atom"], atoms: int) -> Float[Array, "*rest all"]:
    """Zeros behind the values of the first atoms, for ``atoms`` in all."""
    more = atoms - values.shape[-1]
    return jnp.pad(values, [(0, 0)] * (values.ndim - 1) + [(0, more)]) if more else values


def forces_from_bonds(
    shares: Sequence[tuple[Bonds, Vectors]], dtype: DTypeLike | None = None, atoms: int | None = None
) -> Float[Array, "3 all"]:
    """Forces (eV/A) from gradients with respect to bond vectors, for any number of lists.

    A bond vector is r_j - r_i, so its gradient is a force on i and the opposite one on j.
    They are summed in ``dtype`` (None: that of the gradients). Of ``atoms`` (None: as many as have
    bonds) the first ones have bonds; the others are at their far ends only.
    """
    forces = []
    for c in range(3):
        force = barrier(sum_slots([sum_slots(gradient[c], dtype) for _, gradient in shares]))
        force = with_others(force, force.size if atoms is None else atoms)
        for bonds, gradient in shares:
            force = scatter_add(force, bonds.index, -gradient[c].astype(force.dtype))
        forces.append(force)
    return jnp.stack(forces)


def virials(
    bonds: Bonds, gradient: Vectors, dtype: DTypeLike | None = None, components: int = 6
) -> Float[Array, "component atom"]:
    """Each atom's sum over slots of gradient (x) bond (eV); ``components`` as in :func:`products`."""
    rows = products(gradient, (bonds.x, bonds.y, bonds.z), components)
    return jnp.stack([sum_slots(row, dtype) for row in rows])


def products(gradient: Vectors, vector: Vectors, components: int = 6) -> list[Array]:
    """Gradient (x) vector, symmetrised: xx, yy, zz, yz, xz, xy; of one component, the trace."""
    (gx, gy, gz), (x, y, z) = gradient, vector
    if components == 1:
        return [gx * x + gy * y + gz * z]
    return [
        *(gx * x, gy * y, gz * z),
        *(0.5 * (gy * z + gz * y), 0.5 * (gx * z + gz * x), 0.5 * (gx * y + gy * x)),
    ]
