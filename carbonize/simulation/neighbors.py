"""Neighbour lists of a batch, built inside compiled code.

A list holds, for every atom and slot, the neighbour and the integer shift of the
image meant. Positions are wrapped only when a list is built, so the shifts stay
valid until the next one, and a bond vector costs three additions and no rounding.

Two builders, chosen once from the shape of the cell:

* ``cells`` - jax-md's cell list (:mod:`jax_md.partition`) where every height of the
  cell exceeds twice the list radius, so that each pair has one nearest image;
* ``images`` - all pairs with all images in reach, for small and very skewed cells.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Int8

from carbonize.potentials.base import PAD_A, Bonds

__all__ = ["ListPlan", "Neighbors", "bond_vectors", "build", "cell_heights", "make_plan", "no_lists", "wrap"]


UNUSED = 127
"""First component of the shift in a slot that holds no neighbour."""


class Neighbors(NamedTuple):
    """Neighbour list of a batch.

    ``index`` counts through the whole batch (replica r starts at r * atoms) and is the
    atom's own in unused slots, which are told by the shift ``UNUSED``; ``shift`` counts
    cell vectors, so that the neighbour sits at positions[index] + shift @ cell;
    ``reference`` are the positions it was built from; ``needed`` the slots it should have
    had; ``crowded`` says that jax-md's cells overflowed.
    """

    index: Int[Array, "slot replica atom"]
    shift: Int8[Array, "3 slot replica atom"]
    reference: Float[Array, "replica atom 3"]
    needed: Int[Array, ""]
    crowded: Bool[Array, ""]


@dataclasses.dataclass(frozen=True, eq=False)
class ListPlan:
    """Static description of a list: everything its compiled shape depends on.

    Attributes
    ----------
    cell
        Rows are the cell vectors (A), lower triangular.
    cutoff_A
        Distance to which interactions are complete.
    skin_A
        Extra radius; a list serves until an atom has moved half of it.
    slots
        Neighbours per atom there is room for.
    cells
        jax-md's list, emptied of arrays, for the ``cells`` builder.
    images
        For the ``images`` builder: how many images to look at along each cell vector.
    """

    cell: np.ndarray
    cutoff_A: float
    skin_A: float
    slots: int
    cells: Any | None
    images: tuple[int, int, int] | None

    @property
    def radius_A(self) -> float:
        """Cutoff plus skin."""
        return self.cutoff_A + self.skin_A

    @property
    def cell_capacity(self) -> int:
        """Atoms per cell of jax-md's cell list; 0 where all pairs are compared."""
        return int(self.cells.cell_list_capacity or 0) if self.cells is not None else 0

    def grown(self, slots: int, crowded: bool) -> ListPlan:
        """The same plan with room for ``slots`` (and fuller cells if they were crowded)."""
        cells = self.cells
        if crowded and cells is not None:
            cells = dataclasses.replace(cells, cell_list_capacity=2 * cells.cell_list_capacity)
        return dataclasses.replace(self, slots=max(slots, self.slots), cells=cells)


def cell_heights(cell: np.ndarray) -> np.ndarray:
    """Distances (A) between opposite faces of the cell (rows are the cell vectors)."""
    return 1.0 / np.linalg.norm(np.linalg.inv(np.asarray(cell, float)), axis=0)


def make_plan(
    positions: np.ndarray,
    cell: np.ndarray,
    cutoff_A: float,
    skin_A: float,
    slots: int | None = None,
) -> ListPlan:
    """Choose a builder and its sizes from start structures.

    Parameters
    ----------
    positions
        Shape (replica, atom, 3), A; the dtype is that of the simulation.
    cell
        Shape (3, 3), rows are cell vectors, A, lower triangular.
    cutoff_A, skin_A
        List radii.
    slots
        Initial slots per atom; by default half as many again as the start needs, since
        annealing makes a loose packing denser in places.
    """
    cell = np.ascontiguousarray(cell, dtype=float)
    radius = cutoff_A + skin_A
    heights = cell_heights(cell)
    if (heights <= 2.0 * radius).any():
        nx, ny, nz = (int(np.ceil(radius / h)) for h in heights)
        plan = ListPlan(cell, cutoff_A, skin_A, 1, None, (nx, ny, nz))
    else:
        plan = ListPlan(cell, cutoff_A, skin_A, 1, _jax_md_cells(positions, cell, radius), None)
    if slots is None:
        build_one = jax.jit(lambda r: build(plan, r)[3:])
        needed, crowded = 0, True
        while crowded:
            found = [build_one(wrap(jnp.asarray(p)[None], cell)) for p in positions]
            needed = max(int(n) for n, _ in found)
            crowded = any(bool(c) for _, c in found)
            if crowded:
                plan = plan.grown(1, crowded=True)
                build_one = jax.jit(lambda r, plan=plan: build(plan, r)[3:])
        slots = int(1.5 * needed) + 8
    return dataclasses.replace(plan, slots=slots)


def wrap(positions: Float[Array, "replica atom 3"], cell: np.ndarray) -> Float[Array, "replica atom 3"]:
    """Move positions into the cell by whole cell vectors."""
    box = jnp.asarray(cell, positions.dtype)
    inverse = jnp.asarray(np.linalg.inv(cell), positions.dtype)
    return positions - _matmul(jnp.floor(_matmul(positions, inverse)), box)


def build(plan: ListPlan, positions: Float[Array, "replica atom 3"]) -> Neighbors:
    """Build the lists of all replicas from wrapped positions (traceable)."""
    one = _build_cells if plan.images is None else _build_images
    index, shift, needed, crowded = jax.vmap(lambda r: one(plan, r), out_axes=(1, 2, 0, 0))(positions)
    replicas, atoms, _ = positions.shape
    start = (jnp.arange(replicas, dtype=jnp.int32) * atoms)[None, :, None]
    return Neighbors(index + start, shift, positions, jnp.max(needed), jnp.any(crowded))


def no_lists(plan: ListPlan, positions: Float[Array, "replica atom 3"]) -> Neighbors:
    """Empty lists of the right shapes, to start a loop with."""
    replicas, atoms, _ = positions.shape
    return Neighbors(
        jnp.zeros((plan.slots, replicas, atoms), jnp.int32),
        jnp.full((3, plan.slots, replicas, atoms), UNUSED, jnp.int8),
        positions,
        jnp.asarray(0, jnp.int32),
        jnp.asarray(False),
    )


def bond_vectors(
    neighbors: Neighbors, positions: Float[Array, "replica atom 3"], cell: np.ndarray
) -> Bonds:
    """Bonds of all replicas laid end to end along the atom axis (traceable)."""
    slots, replicas, atoms = neighbors.index.shape
    flat = positions.reshape(replicas * atoms, 3).T
    index = neighbors.index.reshape(slots, replicas * atoms)
    shift = neighbors.shift.reshape(3, slots, replicas * atoms).astype(positions.dtype)
    # an unused slot carries the shift UNUSED along the first cell vector
    used = neighbors.shift[0].reshape(slots, replicas * atoms) != UNUSED
    vectors = []
    for axis in range(3):
        terms = [shift[k] * float(cell[k, axis]) for k in range(3) if cell[k, axis] != 0.0]
        ahead = flat[axis].at[index].get(mode="promise_in_bounds")
        vector = ahead - flat[axis][None]
        for term in terms:
            vector = vector + term
        vectors.append(jnp.where(used, vector, PAD_A if axis == 0 else 0.0))
    return Bonds(index, *vectors)


def _jax_md_cells(positions: np.ndarray, cell: np.ndarray, radius_A: float) -> Any:
    """jax-md's dense list for this cell, allocated once and emptied of its arrays."""
    from jax_md import partition, space

    dtype = positions.dtype
    # jax-md's box matrix has the cell vectors as columns
    box = jnp.asarray(cell.T, dtype)
    displacement, _ = space.periodic_general(box, fractional_coordinates=True)
    functions = partition.neighbor_list(
        displacement,
        box,
        radius_A,
        dr_threshold=0.0,  # jax-md never decides about rebuilding: the engine's one scalar does
        fractional_coordinates=True,
        format=partition.NeighborListFormat.Dense,
    )
    template = functions.allocate(_fractional(jnp.asarray(positions[0]), cell))
    empty = jnp.zeros((0,), jnp.int32)
    return dataclasses.replace(template, idx=empty, reference_position=empty)


def _matmul(a: Array, b: Array) -> Array:
    return jnp.matmul(a, b, precision=jax.lax.Precision.HIGHEST)


def _fractional(positions: Array, cell: np.ndarray) -> Array:
    fractional = _matmul(positions, jnp.asarray(np.linalg.inv(cell), positions.dtype))
    return fractional - jnp.floor(fractional)


def _build_cells(plan: ListPlan, positions: Array) -> tuple[Array, Array, Array, Array]:
    from jax_md import partition

    atoms = positions.shape[0]
    fractional = _fractional(positions, plan.cell)
    # asked for room for everybody, jax-md tells the true occupancy through its own width
    listed = plan.cells.update_fn(
        fractional, dataclasses.replace(plan.cells, max_occupancy=atoms, error=_no_error(partition))
    )
    crowded = (listed.error.code & partition.PartitionErrorCode.CELL_LIST_OVERFLOW) != 0
    # jax-md parks rejected candidates in its last column: leave that out
    candidates = listed.idx[:, :-1]
    needed = jnp.max(jnp.sum(candidates < atoms, axis=1, dtype=jnp.int32))
    width = min(plan.slots, candidates.shape[1])
    index = jnp.full((plan.slots, atoms), atoms, jnp.int32)
    index = index.at[:width].set(candidates[:, :width].T)
    used = index < atoms
    own = jnp.arange(atoms, dtype=jnp.int32)[None]
    index = jnp.where(used, index, own)
    difference = fractional[index] - fractional[None]
    shift = -jnp.round(difference).astype(jnp.int8)
    return index, _mark_unused(shift, used), needed, crowded


def _build_images(plan: ListPlan, positions: Array) -> tuple[Array, Array, Array, Array]:
    assert plan.images is not None
    atoms = positions.shape[0]
    ranges = [np.arange(-n, n + 1) for n in plan.images]
    shifts = np.stack(np.meshgrid(*ranges, indexing="ij"), -1).reshape(-1, 3)
    moved = jnp.asarray(shifts @ plan.cell, positions.dtype)
    own = jnp.arange(atoms, dtype=jnp.int32)

    def per_atom(i: Array) -> tuple[Array, Array, Array]:
        away = positions[:, None] + moved[None] - positions[i]
        near = jnp.sum(away * away, -1) < plan.radius_A**2
        near = near & ~((own == i)[:, None] & jnp.asarray((shifts == 0).all(1))[None])
        near = near.reshape(-1)
        place = jnp.where(near, jnp.cumsum(near) - 1, plan.slots)
        place = jnp.minimum(place, plan.slots)
        found = jnp.full(plan.slots + 1, -1, jnp.int32)
        found = found.at[place].set(
            jnp.where(place < plan.slots, jnp.arange(near.size, dtype=jnp.int32), -1)
        )
        return found[:-1], jnp.sum(near, dtype=jnp.int32), found[:-1] >= 0

    found, count, used = jax.lax.map(per_atom, own)
    index = jnp.where(used, found // len(shifts), own[:, None]).T
    shift = jnp.asarray(shifts, jnp.int8)[jnp.where(used, found % len(shifts), 0)]
    used = used.T
    return index, _mark_unused(shift.transpose(1, 0, 2), used), jnp.max(count), jnp.asarray(False)


def _mark_unused(shift: Array, used: Array) -> Array:
    shift = jnp.where(used[..., None], shift, jnp.asarray([UNUSED, 0, 0], jnp.int8))
    return shift.transpose(2, 0, 1)


def _no_error(partition: Any) -> Any:
    return partition.PartitionError(jnp.zeros((), jnp.uint8))
