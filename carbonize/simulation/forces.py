"""Forces on a batch of replicas: neighbour list, potential, and what they need to be exact."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from carbonize.potentials.base import Capacity, Evaluation, Potential
from carbonize.potentials.slots import sum_slots
from carbonize.simulation.cells import wrapped
from carbonize.simulation.list_plan import (
    ListPlan,
    bins_to_reach,
    cell_heights,
    make_plan,
    round_up,
    run_capacity,
)
from carbonize.simulation.neighbors import (
    Near,
    Neighbors,
    bond_vectors,
    build,
    narrow,
)

__all__ = ["ForceField", "Needs", "Sample", "make_force_field"]

_SPARE_RADIUS_A = 0.2
_DENSEST_PER_A3 = 0.6  # 3.4 times diamond: an atom with more around it sits in a collapsed structure


class Needs(NamedTuple):
    """Largest sizes seen so far, per replica; a result computed with less is thrown away.

    Attributes
    ----------
    slots, near_slots
        Neighbours of one atom within the radius of the wide and of the near list.
    crowded
        Atoms in the longest run of bins of the neighbour search.
    cramped
        Whether the cell became too small for the bins.
    inner
        The potential's own capacities (see :class:`carbonize.potentials.base.Capacity`).
    reach_A
        Longest distance at which a pair could interact.
    """

    slots: Int[Array, " replica"]
    near_slots: Int[Array, " replica"]
    crowded: Int[Array, " replica"]
    cramped: Bool[Array, " replica"]
    inner: Int[Array, "replica entry"]
    reach_A: Float[Array, " replica"]

    def merged(self, other: Needs) -> Needs:
        """Elementwise maximum."""
        return jax.tree.map(jnp.maximum, self, other)

    def only(self, wanted: Bool[Array, " replica"]) -> Needs:
        """Without the needs of the replicas that are not wanted."""
        return jax.tree.map(
            lambda n: jnp.where(wanted.reshape(-1, *[1] * (n.ndim - 1)), n, jnp.zeros_like(n)), self
        )


class Sample(NamedTuple):
    """Energies, forces and trace of dE/dstrain of a batch at one configuration (eV, eV/A, eV)."""

    potential_eV: Float[Array, " replica"]
    forces: Float[Array, "replica atom 3"]
    virial_eV: Float[Array, " replica"]


@dataclasses.dataclass(frozen=True)
class ForceField:
    """A potential with the static sizes it is compiled for.

    Attributes
    ----------
    potential
        What to evaluate.
    plan, capacity
        Sizes of the neighbour list and of the potential's inner arrays.
    mixed
        Whether forces are computed in single and summed in double precision.
    shrink
        Factor by which the cell may become shorter before the bins are chosen anew.
    """

    potential: Potential
    plan: ListPlan
    capacity: Capacity
    mixed: bool = False
    shrink: float = 1.0

    def lists(
        self, positions: Float[Array, "replica atom 3"], cells: Float[Array, "replica 3 3"]
    ) -> Neighbors:
        """New wide lists at wrapped ``positions`` (traceable)."""
        return build(self.plan, positions, cells)

    def near(
        self,
        neighbors: Neighbors,
        positions: Float[Array, "replica atom 3"],
        cells: Float[Array, "replica 3 3"],
    ) -> tuple[Near, Needs]:
        """Near lists at ``positions``, and what both kinds of list should have had (traceable)."""
        near = narrow(self.plan, neighbors, positions, cells)
        nothing = self.no_needs(positions.shape[0], positions.dtype)
        return near, nothing._replace(
            slots=neighbors.needed,
            near_slots=near.needed,
            crowded=neighbors.crowded,
            cramped=neighbors.cramped,
        )

    def evaluate(
        self,
        near: Near,
        positions: Float[Array, "replica atom 3"],
        cells: Float[Array, "replica 3 3"],
        species: Int[Array, " atom"],
    ) -> tuple[Sample, Needs]:
        """Energies and forces at ``positions`` with lists that are still valid there (traceable)."""
        replicas, atoms, _ = positions.shape
        dtype = positions.dtype
        result, stretch = self.by_atom(near, positions, cells, species)
        sample = Sample(
            jnp.sum(result.energies.astype(dtype).reshape(replicas, atoms), axis=1),
            result.forces.astype(dtype).T.reshape(replicas, atoms, 3),
            jnp.sum(stretch.astype(dtype).reshape(replicas, atoms), axis=1),
        )
        needs = self.no_needs(replicas, dtype)._replace(
            inner=_largest(result.usage.astype(jnp.int32), replicas).T,
            reach_A=_largest(result.reach_A.astype(dtype), replicas),
        )
        return sample, needs

    def by_atom(
        self,
        near: Near,
        positions: Float[Array, "replica atom 3"],
        cells: Float[Array, "replica 3 3"],
        species: Int[Array, " atom"],
    ) -> tuple[Evaluation, Float[Array, " own"]]:
        """What the potential finds, and each atom's trace of dE/dstrain (eV; traceable).

        There may be more atoms than lists, see :func:`bond_vectors`.
        """
        bonds = bond_vectors(self.plan, near, positions, cells)
        if self.mixed:
            x, y, z = (c.astype(jnp.float32) for c in (bonds.x, bonds.y, bonds.z))
            bonds = dataclasses.replace(bonds, x=x, y=y, z=z)
        result = self.potential.evaluate(
            bonds,
            jnp.tile(species, positions.shape[0]),
            self.capacity,
            with_virials="trace",
            accumulate=positions.dtype if self.mixed else None,
        )
        assert result.virials is not None
        return result, sum_slots(result.virials[:3])  # the trace, or three components of it

    def no_needs(self, replicas: int, dtype: Any) -> Needs:
        """The start value of an accumulation."""
        return Needs(
            jnp.zeros(replicas, jnp.int32),
            jnp.zeros(replicas, jnp.int32),
            jnp.zeros(replicas, jnp.int32),
            jnp.zeros(replicas, bool),
            jnp.zeros((replicas, len(self.capacity)), jnp.int32),
            jnp.zeros(replicas, dtype),
        )

    def short_of(self, needs: Needs) -> Bool[Array, " replica"]:
        """For which replicas something was too small (traceable)."""
        return (
            (needs.slots > self.plan.slots)
            | (needs.near_slots > self.plan.near_slots)
            | (needs.crowded > self.plan.run_capacity)
            | needs.cramped
            | jnp.any(needs.inner > jnp.asarray(self.capacity, jnp.int32), axis=1)
            | (needs.reach_A > self.plan.cutoff_A)
        )

    @property
    def most_slots(self) -> int:
        """More neighbours than this has no atom of anything that could be called a structure."""
        return int(4.19 * self.plan.radius_A**3 * _DENSEST_PER_A3) + 16

    def grown(self, needs: Needs, cells: np.ndarray) -> tuple[ForceField, dict[str, object]]:
        """A force field with room for ``needs``, and a record of what grew (host)."""
        record: dict[str, object] = {}
        plan = self.plan
        reach = float(np.max(needs.reach_A))
        if reach > plan.cutoff_A:
            record["list_cutoff_A"] = [plan.cutoff_A, round(reach + _SPARE_RADIUS_A, 3)]
            plan = dataclasses.replace(plan, cutoff_A=reach + _SPARE_RADIUS_A)
        if reach > self.plan.cutoff_A or np.any(needs.cramped):
            # the bins stay: their order is the order of all sums, and so no bit of the past or of
            # another replica depends on this
            heights = self.shrink * np.min([cell_heights(cell) for cell in cells], axis=0)
            new = bins_to_reach(plan.bins, heights, plan.radius_A)
            if np.any(needs.cramped) and new == plan.reach:
                # the cell shrank within the chunk, below what its start lets one expect
                new = (new[0] + 1, new[1] + 1, new[2] + 1)
            if new != plan.reach:
                record["bin_reach"] = [list(plan.reach), list(new)]
            plan = dataclasses.replace(plan, reach=new)
        slots, near = int(np.max(needs.slots)), int(np.max(needs.near_slots))
        if slots > plan.slots:
            record["neighbor_slots"] = [plan.slots, round_up(_roomier(slots), 4)]
            plan = dataclasses.replace(plan, slots=round_up(_roomier(slots), 4))
            # what was cut from a list too short says little: the near list gets its share by volume
            share = (plan.near_radius_A / plan.radius_A) ** 3
            near = max(near, min(slots, int(1.2 * share * slots) + 2))
        if near > plan.near_slots:
            record["near_slots"] = [plan.near_slots, round_up(_roomier(near), 2)]
            plan = dataclasses.replace(plan, near_slots=round_up(_roomier(near), 2))
        crowded = int(np.max(needs.crowded))
        if crowded > plan.run_capacity:
            record["run_capacity"] = [plan.run_capacity, run_capacity(crowded)]
            plan = dataclasses.replace(plan, run_capacity=run_capacity(crowded))
        capacity = tuple(
            # costs grow with the square of these, so little more than what was needed
            int(1.1 * n) + 1 if n > c else c
            for n, c in zip(np.max(needs.inner, axis=0), self.capacity, strict=True)
        )
        if capacity != self.capacity:
            record["inner_capacity"] = [list(self.capacity), list(capacity)]
        return dataclasses.replace(self, plan=plan, capacity=capacity), record

    def sizes(self) -> dict[str, Any]:
        """What has grown, as plain data: a continued run starts with it (:meth:`with_sizes`)."""
        return {"plan": dataclasses.asdict(self.plan), "capacity": list(self.capacity)}

    def with_sizes(self, sizes: dict[str, Any]) -> ForceField:
        """With the sizes that another session had reached; those that do not fit are left out."""
        try:
            plain: dict[str, Any] = sizes["plan"]
            plain = {k: tuple(v) if isinstance(v, list) else v for k, v in plain.items()}
            plan = ListPlan(**plain)
            capacity = tuple(int(n) for n in sizes["capacity"])
        except (KeyError, TypeError, ValueError, AttributeError):
            return self
        fits = len(capacity) == len(self.capacity) and plan.skin_A == self.plan.skin_A
        return dataclasses.replace(self, plan=plan, capacity=capacity) if fits else self


def _largest(values: Shaped[Array, "*rest atom"], replicas: int) -> Shaped[Array, "*rest replica"]:
    """Of each replica; one value for all atoms is that of every replica."""
    if values.shape[-1] == 1:
        return jnp.broadcast_to(values, (*values.shape[:-1], replicas))
    return jnp.max(values.reshape(*values.shape[:-1], replicas, -1), axis=-1)


def make_force_field(
    potential: Potential,
    positions: np.ndarray,
    cells: np.ndarray,
    skin_A: float,
    slots: int | None = None,
    mixed: bool = False,
    shrink: float = 1.0,
) -> ForceField:
    """Sizes for a batch of start structures.

    Parameters
    ----------
    potential
        What to evaluate.
    positions
        Shape (replica, atom, 3), A, in the dtype of the simulation.
    cells
        Shape (replica, 3, 3): rows are cell vectors, A, lower triangular.
    skin_A
        Extra radius of the neighbour list.
    slots
        Initial neighbour capacity; None lets the start structure decide.
    mixed, shrink
        See :class:`ForceField`.
    """
    inside = np.stack(
        [
            np.asarray(wrapped(jnp.asarray(p), jnp.asarray(c, p.dtype)))
            for p, c in zip(positions, cells, strict=True)
        ]
    )
    capacity = potential.initial_capacity()
    plan = make_plan(inside, cells, potential.cutoff_A, skin_A, slots, shrink)
    return ForceField(potential, plan, capacity, mixed, shrink)


def _roomier(needed: int) -> int:
    return int(needed * 1.2) + 2
