"""The atoms of one replica shared out among the cores of a processor.

This is atom decomposition with replicated positions (S. Plimpton, J. Comput. Phys. 117, 1 (1995),
section 3): every core knows where all atoms are and integrates all of them, but holds the lists of
its own atoms only and evaluates the potential for these. Forces on all atoms, energies and virials
are then summed over the cores. A potential costs so much more than the rest that this suffices.

A core's own atoms are consecutive. In its lists atoms are numbered anew, from its first own one
on and around: its own come first, as :attr:`Potential.divisible` asks. Places are the same number
on every core; the last ones of all may have no atom.

The functions here are traced inside ``jax.shard_map`` over an axis named ``CORES``.
"""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jax import Array
from jaxtyping import Float, Int

from carbonize.simulation.forces import ForceField, Needs, Sample
from carbonize.simulation.neighbors import Near, Neighbors, build

__all__ = ["CORES", "DividedForceField", "divided", "enough_atoms"]

CORES = "cores"


def enough_atoms(atoms: int, cores: int) -> bool:
    """Whether every core has an atom of its own.

    >>> enough_atoms(1000, 3), enough_atoms(4, 3)
    (True, False)
    """
    return (cores - 1) * -(-atoms // cores) < atoms


def divided(field: ForceField, cores: int) -> DividedForceField:
    """The same force field, evaluated by several cores."""
    parts = {f.name: getattr(field, f.name) for f in dataclasses.fields(field)}
    parts["potential"] = field.potential.among(_Cores())
    return DividedForceField(**parts, cores=cores)


@dataclasses.dataclass(frozen=True)
class _Cores:
    """An :class:`carbonize.potentials.base.Exchange` over the axis ``CORES``."""

    def everyones(self, own: Float[Array, "own *rest"]) -> Float[Array, "all *rest"]:
        """Rows of the core's own atoms -> rows of all, its own first."""
        return jnp.roll(jax.lax.all_gather(own, CORES, tiled=True), -self._first(own.shape[0]), axis=0)

    def summed(self, rows: Float[Array, "all *rest"]) -> Float[Array, "own *rest"]:
        """Rows of all atoms, its own first -> those of its own, summed over the cores."""
        in_order = jnp.roll(rows, self._first(rows.shape[0] // jax.lax.axis_size(CORES)), axis=0)
        return jax.lax.psum_scatter(in_order, CORES, tiled=True)

    def _first(self, size: int) -> Array:
        return jax.lax.axis_index(CORES).astype(jnp.int32) * size


@dataclasses.dataclass(frozen=True)
class DividedForceField(ForceField):
    """A force field of one replica, of which each of ``cores`` cores evaluates its share."""

    cores: int = 1

    def lists(self, positions: Float[Array, "1 atom 3"], cells: Float[Array, "1 3 3"]) -> Neighbors:
        """As :meth:`ForceField.lists`: those of the core's own atoms, but what concerns sizes is of all."""
        first, own, places = self._share(positions.shape[1])
        lists = build(self.plan, positions, cells, own)
        place = lists.index - first
        needed, crowded = jax.lax.pmax((lists.needed, lists.crowded), CORES)
        return lists._replace(
            index=jnp.where(place < 0, place + places, place),
            needed=needed,
            crowded=crowded,
            closest_A=jax.lax.pmin(lists.closest_A, CORES),
        )

    def near(
        self, neighbors: Neighbors, positions: Float[Array, "1 atom 3"], cells: Float[Array, "1 3 3"]
    ) -> tuple[Near, Needs]:
        """As :meth:`ForceField.near`, of the core's own atoms."""
        near, needs = super().near(neighbors, self._own_first(positions, 1), cells)
        needed = jax.lax.pmax(near.needed, CORES)
        return near._replace(reference=positions, needed=needed), needs._replace(near_slots=needed)

    def evaluate(
        self,
        near: Near,
        positions: Float[Array, "1 atom 3"],
        cells: Float[Array, "1 3 3"],
        species: Int[Array, " atom"],
    ) -> tuple[Sample, Needs]:
        """As :meth:`ForceField.evaluate`: every core gets the whole of it."""
        atoms, dtype = positions.shape[1], positions.dtype
        first, own, _ = self._share(atoms)
        result, stretch = self.by_atom(
            near, self._own_first(positions, 1), cells, self._own_first(species, 0)
        )
        real = own < atoms
        forces = jnp.roll(result.forces.astype(dtype).T, first, axis=0)[:atoms]
        # one sum for everything: cores wait for each other but once a step. The rows of the others
        # are zero, so that their sum is every core's largest usage and reach, side by side.
        usage = jnp.max(jnp.where(real, result.usage, 0), axis=1).astype(dtype)
        reach = jnp.max(jnp.where(real, result.reach_A, 0.0)).astype(dtype)
        rows = jnp.zeros((self.cores, usage.size + 1), dtype)
        rows = rows.at[jax.lax.axis_index(CORES)].set(jnp.append(usage, reach))
        sums = jnp.stack([jnp.sum(jnp.where(real, a, 0.0).astype(dtype)) for a in (result.energies, stretch)])
        total = jax.lax.psum(jnp.concatenate([forces.reshape(-1), sums, rows.reshape(-1)]), CORES)
        forces, sums, rows = jnp.split(total, (3 * atoms, 3 * atoms + 2))
        largest = jnp.max(rows.reshape(self.cores, -1), axis=0)
        needs = self.no_needs(1, dtype)._replace(
            inner=largest[None, :-1].astype(jnp.int32), reach_A=largest[-1:]
        )
        return Sample(sums[:1], forces.reshape(1, atoms, 3), sums[1:]), needs

    def _share(self, atoms: int) -> tuple[Array, Array, int]:
        """The first of the core's own atoms, their numbers, and how many places there are in all."""
        size = -(-atoms // self.cores)
        first = jax.lax.axis_index(CORES).astype(jnp.int32) * size
        return first, first + jnp.arange(size, dtype=jnp.int32), size * self.cores

    def _own_first(self, values: Array, axis: int) -> Array:
        """Values of all atoms, renumbered so that the core's own come first."""
        first, _, places = self._share(values.shape[axis])
        spare = [(0, places - values.shape[axis] if k == axis else 0) for k in range(values.ndim)]
        return jnp.roll(jnp.pad(values, spare), -first, axis=axis)
