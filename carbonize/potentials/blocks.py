"""Atoms in blocks, one after the other: their arrays stay in a processor's caches.

Over thousands of atoms every array of a potential with many stages goes to memory and back.
A stage is a function of a :class:`~carbonize.potentials.slots.Part`; what it finds is arrays
with atoms on the last axis.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from carbonize.potentials.base import PAD_A, Bonds
from carbonize.potentials.slots import Part, barrier

__all__ = ["Blocks", "in_blocks"]


def in_blocks(atoms: int, most: int) -> Blocks:
    """Blocks of about ``most`` atoms, and exact parts of the whole if possible."""
    least = max(1, round(atoms / most))
    count = next((n for n in range(least, 2 * least) if atoms % n == 0), least)
    return Blocks(count, -(-atoms // count))


class Blocks(NamedTuple):
    """``count`` blocks of ``size`` atoms; the last ones of the last block may be there to fill it."""

    count: int
    size: int

    @property
    def atoms(self) -> int:
        """Atoms in all blocks."""
        return self.count * self.size

    def padded(self, bonds: Bonds) -> Bonds:
        """With isolated atoms at the end."""
        slots, atoms = bonds.x.shape
        if atoms == self.atoms:
            return bonds
        spare = [(0, 0), (0, self.atoms - atoms)]
        own = jnp.broadcast_to(jnp.arange(self.atoms, dtype=bonds.index.dtype), (slots, self.atoms))
        x = jnp.pad(bonds.x, spare, constant_values=PAD_A)
        index = own.at[:, :atoms].set(bonds.index)
        return barrier(Bonds(index, x, jnp.pad(bonds.y, spare), jnp.pad(bonds.z, spare)))

    def map(self, stage: Callable[[Part], Any]) -> Any:
        """What a stage finds. Of several blocks, arrays have an axis for them in front."""
        if self.count == 1:
            return stage(Part(0, self.size))
        return jax.lax.map(lambda start: stage(Part(start, self.size)), self._starts())

    def scan(
        self, stage: Callable[[Any, Part, Any], tuple[Any, Any]], carry: Any, found: Any
    ) -> tuple[Any, Any]:
        """A stage that takes what the ones before ``found`` and hands ``carry`` from block to block."""
        if self.count == 1:
            return stage(carry, Part(0, self.size), found)

        def one(carry: Any, work: Any) -> tuple[Any, Any]:
            start, mine = work
            return stage(carry, Part(start, self.size), barrier(mine))

        return jax.lax.scan(one, carry, (self._starts(), found))

    def joined(self, values: Array) -> Array:
        """One array of all atoms from the arrays of the blocks."""
        if self.count == 1:
            return values
        return jnp.moveaxis(values, 0, -2).reshape(*values.shape[1:-1], -1)

    def joined_all(self, values: Any) -> Any:
        """All arrays of a tree joined."""
        return jax.tree.map(self.joined, values)

    def _starts(self) -> Array:
        return jnp.arange(self.count, dtype=jnp.int32) * self.size
