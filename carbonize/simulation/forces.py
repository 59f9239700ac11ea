"""Forces on a batch of replicas: neighbour list, potential, and what they need to be exact."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from carbonize.potentials.base import Capacity, Potential
from carbonize.simulation.neighbors import ListPlan, Neighbors, bond_vectors, build, make_plan, wrap

__all__ = ["ForceField", "Needs", "Sample", "make_force_field"]


class Needs(NamedTuple):
    """Largest sizes seen so far; a result computed with less is thrown away.

    Attributes
    ----------
    slots
        Neighbours of one atom within the list radius.
    crowded
        Atoms in the fullest bin of the neighbour search.
    inner
        The potential's own capacities (see :class:`carbonize.potentials.base.Capacity`).
    reach_A
        Longest distance at which a pair could interact.
    """

    slots: Int[Array, ""]
    crowded: Int[Array, ""]
    inner: Int[Array, " entry"]
    reach_A: Float[Array, ""]

    def merged(self, other: Needs) -> Needs:
        """Elementwise maximum."""
        return Needs(
            jnp.maximum(self.slots, other.slots),
            jnp.maximum(self.crowded, other.crowded),
            jnp.maximum(self.inner, other.inner),
            jnp.maximum(self.reach_A, other.reach_A),
        )


class Sample(NamedTuple):
    """Energies and forces of a batch at one configuration (eV, eV/A)."""

    potential_eV: Float[Array, " replica"]
    forces: Float[Array, "replica atom 3"]


@dataclasses.dataclass(frozen=True, eq=False)
class ForceField:
    """A potential with the static sizes it is compiled for."""

    potential: Potential
    plan: ListPlan
    capacity: Capacity
    species: np.ndarray

    def lists(self, positions: Float[Array, "replica atom 3"]) -> Neighbors:
        """New neighbour lists at wrapped ``positions`` (traceable)."""
        return build(self.plan, positions)

    def evaluate(
        self, neighbors: Neighbors, positions: Float[Array, "replica atom 3"]
    ) -> tuple[Sample, Needs]:
        """Energies and forces at ``positions`` with lists that are still valid there (traceable)."""
        replicas, atoms, _ = positions.shape
        bonds = bond_vectors(neighbors, positions, self.plan.cell)
        species = jnp.tile(jnp.asarray(self.species, jnp.int32), replicas)
        result = self.potential.evaluate(bonds, species, self.capacity)
        sample = Sample(
            jnp.sum(result.energies.reshape(replicas, atoms), axis=1),
            result.forces.T.reshape(replicas, atoms, 3),
        )
        needs = Needs(
            neighbors.needed,
            neighbors.crowded,
            result.usage.astype(jnp.int32),
            result.reach_A.astype(positions.dtype),
        )
        return sample, needs

    def no_needs(self, dtype: np.dtype) -> Needs:
        """The start value of an accumulation."""
        return Needs(
            jnp.asarray(0, jnp.int32),
            jnp.asarray(0, jnp.int32),
            jnp.zeros(len(self.capacity), jnp.int32),
            jnp.asarray(0.0, dtype),
        )

    def short_of(self, needs: Needs) -> Bool[Array, ""]:
        """Whether anything was too small (traceable)."""
        return (
            (needs.slots > self.plan.slots)
            | (needs.crowded > self.plan.bin_capacity)
            | jnp.any(needs.inner > jnp.asarray(self.capacity, jnp.int32))
            | (needs.reach_A > self.plan.cutoff_A)
        )

    def grown(self, needs: Needs, positions: np.ndarray) -> tuple[ForceField, dict[str, object]]:
        """A force field with room for ``needs``, and a record of what grew (host)."""
        record: dict[str, object] = {}
        plan = self.plan
        reach = float(needs.reach_A)
        if reach > plan.cutoff_A:
            record["list_cutoff_A"] = [plan.cutoff_A, round(reach + 0.2, 3)]
            plan = make_plan(positions, plan.cell, reach + 0.2, plan.skin_A)
        slots = int(needs.slots)
        if slots > plan.slots:
            record["neighbor_slots"] = [plan.slots, _roomier(slots)]
            plan = dataclasses.replace(plan, slots=_roomier(slots))
        crowded = int(needs.crowded)
        if crowded > plan.bin_capacity:
            record["bin_capacity"] = [plan.bin_capacity, _roomier(crowded)]
            plan = dataclasses.replace(plan, bin_capacity=_roomier(crowded))
        capacity = tuple(
            _roomier(int(n)) if n > c else c for n, c in zip(needs.inner, self.capacity, strict=True)
        )
        if capacity != self.capacity:
            record["inner_capacity"] = [list(self.capacity), list(capacity)]
        return dataclasses.replace(self, plan=plan, capacity=capacity), record


def make_force_field(
    potential: Potential,
    positions: np.ndarray,
    cell: np.ndarray,
    species: np.ndarray,
    skin_A: float,
    slots: int | None = None,
) -> ForceField:
    """Sizes for a batch of start structures.

    Parameters
    ----------
    potential
        What to evaluate.
    positions
        Shape (replica, atom, 3), A, in the dtype of the simulation.
    cell
        Rows are cell vectors, A, lower triangular.
    species
        Index of each atom's element in ``potential.elements``.
    skin_A
        Extra radius of the neighbour list.
    slots
        Initial neighbour capacity; None lets the start structure decide.
    """
    wrapped = np.asarray(wrap(jnp.asarray(positions), cell))
    plan = make_plan(wrapped, cell, potential.cutoff_A, skin_A, slots)
    return ForceField(potential, plan, potential.initial_capacity(), species)


def _roomier(needed: int) -> int:
    return int(needed * 1.2) + 2
