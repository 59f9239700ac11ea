"""Dispersion between carbon sheets: a Lennard-Jones term on top of a potential of short range.

EDIP and Tersoff end at 3.2 and 2.1 A; nothing of theirs holds sheets together. The term is that
of AIREBO, S. J. Stuart, A. B. Tutein and J. A. Harrison, J. Chem. Phys. 112, 6472 (2000), table II
(epsilon = 2.84 meV, sigma = 3.40 A), times two switching functions:

    phi(r) = 4 epsilon [(sigma/r)^12 - (sigma/r)^6] S(r; 3.0, 3.3) [1 - S(r; cutoff - 1, cutoff)]
    S(r; a, b) = t^3 (10 - 15 t + 6 t^2),   t = (r^2 - a^2)/(b^2 - a^2) within 0..1

Below 3.0 A, where bonds, angles and their breaking are, phi vanishes with its first two
derivatives: bonding stays that of the base potential. AIREBO's own switches (by bond order and by
bonds in between) allow its repulsion to act at short range too; they are left out here, so the
term acts within a sheet as well, from the fourth neighbours (3.7 A) on. docs/validation.md tells
what that does to a sheet, docs/decisions.md why.

Only powers of r^2 occur, and every pair is seen from both ends, so that forces need no scatter.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.errors import InputError
from carbonize.potentials import device
from carbonize.potentials.base import PAD_A, Bonds, Capacity, Evaluation, Exchange, Potential
from carbonize.potentials.slots import WORD_BITS, barrier, pick_by_rank, sum_slots, taken, with_others

__all__ = ["Dispersed"]

_SLOTS_AT_ONCE = 8

# Of a tenth of an Angstrom, so that 3.2 A are 32 tenths in any precision.
_MARGIN = 1.0e-2


@dataclasses.dataclass(frozen=True)
class Dispersed(Potential):
    """A carbon potential with the dispersion term added; hashable, meant to be static.

    The base potential gets a list cut to its own range. ``capacity`` is that of the base, the
    bonds in that list, and its radius in tenths of an Angstrom, which grows with ``reach_A``.

    Attributes
    ----------
    base
        The potential of short range.
    end_A
        Where the term has faded to zero (A).
    epsilon_eV, sigma_A
        Depth (eV) and zero (A) of the Lennard-Jones function.
    inner_A
        Where the term begins and where it is whole (A).
    fade_A
        How long it takes to fade (A).
    """

    base: Potential
    end_A: float = 8.0
    epsilon_eV: float = 0.00284
    sigma_A: float = 3.40
    inner_A: tuple[float, float] = (3.0, 3.3)
    fade_A: float = 1.0

    @property
    def cutoff_A(self) -> float:
        """The larger of both ranges (A)."""
        return max(self.end_A, self.base.cutoff_A)

    @property
    def elements(self) -> tuple[str, ...]:
        """Those of the base potential."""
        return self.base.elements

    @property
    def divisible(self) -> bool:
        """As the base potential: a pair's force on an atom is found at that atom."""
        return self.base.divisible

    def among(self, exchange: Exchange) -> Dispersed:
        """With the base potential among the cores."""
        return dataclasses.replace(self, base=self.base.among(exchange))

    @property
    def fewest_atoms_a_core(self) -> int:
        """As the base potential."""
        return self.base.fewest_atoms_a_core

    def for_elements(self, symbols: Iterable[str]) -> Dispersed:
        """As :meth:`Potential.for_elements`.

        Raises
        ------
        InputError
            For anything but carbon: the term has no parameters for it.
        """
        symbols = set(symbols)
        others = sorted(symbols - {"C"})
        if others:
            raise InputError(
                f"dispersion has parameters for carbon only, but the structure holds {', '.join(others)}; "
                "leave dispersion out"
            )
        return dataclasses.replace(self, base=self.base.for_elements(symbols))

    def initial_capacity(self) -> Capacity:
        """Of the base potential, and enough room for its range in dense carbon."""
        near = 8 + int(0.75 * self.base.cutoff_A**3)
        return (*self.base.initial_capacity(), near, math.ceil(10.0 * self.base.cutoff_A - _MARGIN))

    def evaluate(
        self,
        bonds: Bonds,
        species: Int[Array, " atom"],
        capacity: Capacity,
        with_virials: bool = False,
        accumulate: DTypeLike | None = None,
    ) -> Evaluation:
        """Energies (eV), forces (eV/A) and virials (eV); see :class:`Potential`."""
        *inner, near, tenths = capacity
        radius_A = 0.1 * (tenths + _MARGIN)
        if device.available():
            ((short, count),) = device.shells(bonds, ((0.0, radius_A),), (near,))
            pairs = self._all_at_once(bonds, with_virials, accumulate)
        else:
            words, pairs = barrier(self._in_blocks(bonds, radius_A, with_virials, accumulate))
            short, count = taken(bonds, *pick_by_rank(words, near))
        base = self.base.evaluate(short, species, tuple(inner), with_virials, accumulate)
        reach = jnp.ceil(10.0 * base.reach_A - _MARGIN).astype(base.usage.dtype)
        return Evaluation(
            energies=base.energies + pairs.energies,
            forces=base.forces + with_others(pairs.forces, species.size),
            virials=None if base.virials is None or pairs.virials is None else base.virials + pairs.virials,
            usage=jnp.concatenate(
                [
                    jnp.broadcast_to(row, (len(row), count.size))
                    for row in (base.usage, count[None], reach[None])
                ]
            ),
            reach_A=jnp.maximum(base.reach_A, self.end_A),
        )

    def _in_blocks(
        self, bonds: Bonds, radius_A: float, with_virials: bool, accumulate: DTypeLike | None
    ) -> tuple[Int[Array, "word atom"], _Pairs]:
        """Which slots lie within ``radius_A``, as bits, and what the pair term adds.

        One sweep over hundreds of slots, a few at a time: what moves through memory sets the pace. A
        loop keeps the program short and ends with the last used block. Empty slots add exactly zero.
        """
        slots, atoms = bonds.x.shape
        dtype = accumulate or bonds.x.dtype

        size = _SLOTS_AT_ONCE
        blocks = -(-slots // size)
        spare = ((0, blocks * size - slots), (0, 0))
        vectors = tuple(
            jnp.pad(v, spare, constant_values=pad).reshape(blocks, size, atoms)
            for v, pad in ((bonds.x, PAD_A), (bonds.y, 0.0), (bonds.z, 0.0))
        )
        used = jnp.any(vectors[0] < 0.5 * PAD_A, axis=(1, 2))
        last = jnp.max(jnp.where(used, jnp.arange(1, blocks + 1), 0))

        def block(number: Array, carry: tuple[Array, tuple[Array, ...]]) -> tuple[Array, tuple[Array, ...]]:
            found, totals = carry
            x, y, z = (jax.lax.dynamic_index_in_dim(v, number, keepdims=False) for v in vectors)
            r2 = barrier(x * x + y * y + z * z)
            bits = [(r2[k] < radius_A * radius_A).astype(jnp.uint32) << k for k in range(size)]
            bits = functools.reduce(jnp.bitwise_or, bits)
            found = jax.lax.dynamic_update_index_in_dim(found, bits, number, axis=0)
            terms = barrier(self._terms(x, y, z, r2, with_virials))
            sums = (sum_slots([row.astype(dtype) for row in term]) for term in terms)
            return found, barrier(tuple(total + s for total, s in zip(totals, sums, strict=True)))

        none = (jnp.zeros(atoms, dtype),) * (10 if with_virials else 4)
        a_word = WORD_BITS // size
        found = jnp.zeros((-(-blocks // a_word) * a_word, atoms), jnp.uint32)
        found, totals = jax.lax.fori_loop(0, last, block, (found, none))
        parts = found.reshape(-1, a_word, atoms)
        words = functools.reduce(jnp.bitwise_or, [parts[:, k] << (k * size) for k in range(a_word)])
        return words, _Pairs.of(totals)

    def _all_at_once(self, bonds: Bonds, with_virials: bool, accumulate: DTypeLike | None) -> _Pairs:
        """The same sums in one go: on a card one kernel over all slots is better than many."""
        r2 = bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z
        terms = self._terms(bonds.x, bonds.y, bonds.z, r2, with_virials)
        return _Pairs.of([jnp.sum(term, axis=0, dtype=accumulate or bonds.x.dtype) for term in terms])

    def _terms(self, x: Array, y: Array, z: Array, r2: Array, with_virials: bool) -> tuple[Array, ...]:
        """Every slot's share of energy, force and virial of its atom, in the order of :class:`_Pairs`.

        Energy and virial are shared with the neighbour; the force is that of the whole pair.
        """
        energy, slope = barrier(self.pair(r2))
        fx, fy, fz = slope * x, slope * y, slope * z
        terms = (0.5 * energy, 2.0 * fx, 2.0 * fy, 2.0 * fz)
        return (*terms, fx * x, fy * y, fz * z, fy * z, fx * z, fx * y) if with_virials else terms

    def pair(self, r2: Float[Array, "*shape"]) -> tuple[Float[Array, "*shape"], Float[Array, "*shape"]]:
        """phi (eV) and its derivative with respect to r^2 (eV/A^2) at the squares ``r2`` (A^2)."""
        (first, whole), last = self.inner_A, self.end_A
        # Outside the range the ends stand in, where all is exactly zero: nothing overflows.
        r2 = jnp.clip(r2, first * first, last * last)
        inverse = 1.0 / r2
        six = (self.sigma_A * self.sigma_A * inverse) ** 3
        attraction = 4.0 * self.epsilon_eV * six
        phi = attraction * (six - 1.0)
        slope = attraction * (3.0 - 6.0 * six) * inverse
        rise, d_rise = _switch(r2, first, whole)
        stay, d_stay = _switch(r2, last, last - self.fade_A)
        return phi * rise * stay, slope * rise * stay + phi * (d_rise * stay + rise * d_stay)


class _Pairs(NamedTuple):
    """What the pair term adds; as in :class:`Evaluation`."""

    energies: Float[Array, " atom"]
    forces: Float[Array, "3 atom"]
    virials: Float[Array, "6 atom"] | None

    @classmethod
    def of(cls, sums: Sequence[Array]) -> _Pairs:
        """Energy, three components of the force and, if there are more, six of the virial."""
        virials = jnp.stack(sums[4:]) if len(sums) > 4 else None
        return cls(sums[0], jnp.stack(sums[1:4]), virials)


def _switch(r2: Array, zero_A: float, one_A: float) -> tuple[Array, Array]:
    """S and dS/d(r^2): 0 at ``zero_A`` and before, 1 at ``one_A`` and beyond, in either direction."""
    per_A2 = 1.0 / (one_A * one_A - zero_A * zero_A)
    t = jnp.clip((r2 - zero_A * zero_A) * per_A2, 0.0, 1.0)
    left = 1.0 - t
    return t * t * t * (10.0 + t * (6.0 * t - 15.0)), (30.0 * per_A2) * t * t * left * left
