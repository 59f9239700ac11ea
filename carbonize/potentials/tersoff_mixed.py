"""The Tersoff potential for several elements, by LAMMPS's rule for mixed entries.

J. Tersoff, Phys. Rev. B 39, 5566 (1989); functional form as in :mod:`carbonize.potentials.tersoff`.
An entry belongs to an ordered triplet: centre i, bonded neighbour j, third atom k.

- A, lambda1, B, lambda2, n, beta and the cutoff of the pair function are those of (i, j, j);
- m, gamma, lambda3, c, d, cos(theta0) and the cutoff of the bond i-k in zeta_ij are those of (i, j, k).

Nothing is taken to be symmetric: i-j and j-i may differ, and so may (i, j, k) and (i, k, j). The
repulsion of a pair is the mean over its two directions. (LAMMPS takes the entry of one direction,
chosen by the atoms' numbers; in published files both are the same.)

For every bond j of an atom all other bonds k are rows of one array. Which elements a parameter
really depends on is found beforehand, so that in common files most are looked up once an atom or
bond, not once a pair of bonds.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.potentials.base import Bonds
from carbonize.potentials.slots import Vectors, barrier, gather, shorten, sum_slots
from carbonize.potentials.tersoff_parameters import TersoffEntry, Triplet

__all__ = ["bond_order", "sorted_bonds"]

# As in LAMMPS, the factor with lambda3 stays within exp(+-69.0776) = 1e+-30.
_EXPONENT_LIMIT = 69.0776

# The derivative of the bond order is singular at zeta = 0, where no third atom is near.
_ZETA_MIN = 1.0e-20

Table = Mapping[Triplet, TersoffEntry]


def sorted_bonds(
    table: Table,
    elements: Sequence[str],
    bonds: Bonds,
    species: Int[Array, " atom"],
    capacity: int,
) -> tuple[Bonds, Int[Array, " atom"]]:
    """The bonds within any cutoff that concerns their two elements, and how many each atom has."""
    reach = np.array(
        [
            [max(table[a, x, b].cutoff_A for x in elements) for b in elements]  # x = b is the pair's own
            for a in elements
        ]
    )
    lookup = _Lookup(elements, species, gather(species, bonds.index), bonds.x.dtype)
    high = lookup.pair(reach)
    r2 = barrier(bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z)
    return shorten(bonds, barrier(r2 < high * high), capacity)


def bond_order(
    table: Table,
    elements: Sequence[str],
    bonds: Bonds,
    species: Int[Array, " atom"],
    accumulate: DTypeLike | None = None,
) -> tuple[Float[Array, " atom"], Vectors]:
    """Energy of each atom (eV) and the gradient with respect to its bond vectors (eV/A).

    Parameters
    ----------
    table
        Entries of all triplets of ``elements``.
    bonds
        From :func:`sorted_bonds`.
    species
        Indices into ``elements``.
    accumulate
        See :meth:`carbonize.potentials.base.Potential.evaluate`.
    """
    slots = bonds.x.shape[0]
    lookup = _Lookup(elements, species, gather(species, bonds.index), bonds.x.dtype)
    p = _Parameters.of(table, elements)
    r2 = bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z
    inverse_r = barrier(1.0 / jnp.sqrt(r2))
    r = barrier(r2 * inverse_r)
    unit = barrier((bonds.x * inverse_r, bonds.y * inverse_r, bonds.z * inverse_r))

    fc, dfc = barrier(_cutoff(r, lookup.pair(p.pair["R"]), lookup.pair(p.pair["D"])))
    lambda1, lambda2 = lookup.pair(p.pair["lambda1"]), lookup.pair(p.pair["lambda2"])
    repulsive = barrier(lookup.pair(p.pair["A"]) * jnp.exp(-lambda1 * r))
    attractive = barrier(lookup.pair(p.pair["B"]) * jnp.exp(-lambda2 * r))
    n, ln_beta, some_beta = (lookup.pair(p.pair[name]) for name in ("n", "ln_beta", "some_beta"))
    # Unused slots count as ends of range: their own length would overflow.
    ends = jnp.minimum(r, p.reach_A)

    rows = jnp.arange(slots)[:, None]

    def third_cutoff(j: Array | int) -> tuple[Array, Array]:
        return barrier(_cutoff(r, lookup.triplet(p.triplet["R"], j), lookup.triplet(p.triplet["D"], j)))

    for_all_j = None if p.cutoff_depends_on_j else third_cutoff(0)

    def bond(totals: tuple[Array, Vectors], j: Array) -> tuple[tuple[Array, Vectors], Array]:
        """Add the gradient's share of the bond order of bond j, all other bonds k being rows."""
        along, turns = totals
        other = rows != j
        fc_k, dfc_k = (jnp.where(other, f, 0.0) for f in for_all_j or third_cutoff(j))
        own = tuple(u[j] for u in unit)
        cosine = barrier(own[0] * unit[0] + own[1] * unit[1] + own[2] * unit[2])
        g, dg = _angle(cosine, lookup, p, j)
        steep: Array | float = 0.0
        if p.stretched:
            exponent, steep = _exponent(ends[j] - ends, lookup, p, j)
            stretch = barrier(jnp.exp(exponent))
            g, dg = g * stretch, dg * stretch
        g, dg, steep = barrier((g, dg, steep))
        weight = barrier(fc_k * g)
        zeta = barrier(jnp.where(fc[j] > 0.0, sum_slots(weight), 0.0))
        b, db = barrier(_order(zeta, _row(n, j), _row(ln_beta, j), _row(some_beta, j)))
        pair = repulsive[j] - b * attractive[j]
        dE_dzeta = barrier(-0.5 * fc[j] * attractive[j] * db)
        bent = _row(lambda2, j) * b * attractive[j] - _row(lambda1, j) * repulsive[j]
        along_j = 0.5 * (dfc[j] * pair + fc[j] * bent)
        along_k = dE_dzeta * dfc_k * g
        if p.stretched:
            shift = barrier(dE_dzeta * weight * steep)
            along_j = along_j + sum_slots(shift)
            along_k = along_k - shift
        torque = barrier(dE_dzeta * fc_k * dg)  # dE/dcos of each pair of bonds
        bent_k = barrier(torque * cosine)
        along_j = along_j - inverse_r[j] * sum_slots(bent_k)
        along_k = along_k - inverse_r * bent_k
        along = along + barrier(jnp.where(other, along_k, along_j))
        turns = tuple(
            turn + barrier(jnp.where(other, torque * mine, sum_slots(torque * u)))
            for turn, u, mine in zip(turns, unit, own, strict=True)
        )
        return barrier(((along, turns), fc[j] * pair))  # type: ignore[return-value]

    # A loop: unrolled it runs as long, but compiling takes a minute for 12 slots.
    none = jnp.zeros_like(r)
    (along, turns), pairs = jax.lax.scan(bond, (none, (none, none, none)), jnp.arange(slots))
    energies = 0.5 * sum_slots(pairs, accumulate)
    along = barrier(along)
    gx, gy, gz = (barrier(along * u + inverse_r * turn) for u, turn in zip(unit, barrier(turns), strict=True))
    return energies, (gx, gy, gz)


class _Parameters(NamedTuple):
    """Parameters as arrays: of pairs (centre, neighbour) and of triplets (centre, neighbour, third)."""

    pair: dict[str, np.ndarray]
    triplet: dict[str, np.ndarray]
    stretched: bool
    cutoff_depends_on_j: bool
    reach_A: float

    @classmethod
    def of(cls, table: Table, elements: Sequence[str]) -> _Parameters:
        size = len(elements)
        fields = [f.name for f in dataclasses.fields(TersoffEntry)]
        values = np.array(
            [dataclasses.astuple(table[a, b, c]) for a, b, c in itertools.product(elements, repeat=3)]
        ).reshape(size, size, size, len(fields))
        all_of = {name: values[..., k] for k, name in enumerate(fields)}
        own = np.arange(size)
        pair_of = {name: value[:, own, own] for name, value in all_of.items()}
        beta = pair_of["beta"]
        pair = {
            "A": pair_of["A_eV"],
            "B": pair_of["B_eV"],
            "lambda1": pair_of["lambda1_per_A"],
            "lambda2": pair_of["lambda2_per_A"],
            "R": pair_of["R_A"],
            "D": pair_of["D_A"],
            "n": pair_of["n"],
            "ln_beta": np.log(np.where(beta > 0, beta, 1.0)),
            "some_beta": (beta > 0).astype(float),
        }
        triplet = {
            "R": all_of["R_A"],
            "D": all_of["D_A"],
            "cos_theta0": all_of["cos_theta0"],
            "d2": all_of["d"] ** 2,
            "gamma": all_of["gamma"],
            "gamma_ratio": all_of["gamma"] * (all_of["c"] / all_of["d"]) ** 2,
            "lambda3": all_of["lambda3_per_A"],
            "cubic": (all_of["m"] == 3.0).astype(float),
        }
        return cls(
            pair,
            triplet,
            stretched=bool(triplet["lambda3"].any()),
            cutoff_depends_on_j=any(np.ptp(triplet[name], axis=1).any() for name in ("R", "D")),
            reach_A=float((triplet["R"] + triplet["D"]).max()),
        )


class _Lookup:
    """Parameters by the species of centre, neighbour and third atom; plain numbers where all are equal."""

    def __init__(
        self,
        elements: Sequence[str],
        species: Int[Array, " atom"],
        neighbor: Int[Array, "slot atom"],
        dtype: DTypeLike,
    ) -> None:
        self._size = len(elements)
        self._centre, self._neighbor, self._dtype = species[: neighbor.shape[1]], neighbor, dtype
        self._of_pair = self._centre * self._size + neighbor

    def pair(self, values: np.ndarray) -> Array | float:
        """``values[centre, neighbour]``, one row a slot, or one for all slots."""
        if not np.ptp(values):
            return float(values.flat[0])
        if not np.ptp(values, axis=1).any():
            return self._taken(values[:, 0], self._centre)[None]
        return self._taken(values, self._of_pair)

    def triplet(self, values: np.ndarray, j: Array | int) -> Array | float:
        """``values[centre, neighbour j, third]`` with the third atoms as rows."""
        if not np.ptp(values, axis=1).any():
            return self.pair(values[:, 0])
        if not np.ptp(values, axis=2).any():
            return self._taken(values[..., 0], self._of_pair[j])[None]
        return self._taken(values, self._of_pair[j] * self._size + self._neighbor)

    def _taken(self, values: np.ndarray, index: Array) -> Array:
        return barrier(gather(jnp.asarray(values.reshape(-1), self._dtype), index))


def _row(values: Array | float, j: Array) -> Array | float:
    """Row ``j`` of what :meth:`_Lookup.pair` found."""
    return values if isinstance(values, float | int) else values[j if values.shape[0] > 1 else 0]


def _angle(cosine: Array, lookup: _Lookup, p: _Parameters, j: Array) -> tuple[Array, Array]:
    """g and dg/dcos, in the form that keeps its digits in float32 (see ``tersoff``)."""
    of = {name: lookup.triplet(p.triplet[name], j) for name in ("cos_theta0", "d2", "gamma", "gamma_ratio")}
    q = cosine - of["cos_theta0"]
    inverse = 1.0 / (of["d2"] + q * q)
    # c^2/d^2 q^2/(d^2 + q^2) and its derivative 2 c^2/d^2 q d^2/(d^2 + q^2)^2
    share = of["gamma_ratio"] * q * inverse
    return of["gamma"] + share * q, 2.0 * of["d2"] * share * inverse


def _exponent(difference: Array, lookup: _Lookup, p: _Parameters, j: Array) -> tuple[Array, Array]:
    """[lambda3 (r_ij - r_ik)]^m and its derivative with respect to r_ij."""
    lambda3 = lookup.triplet(p.triplet["lambda3"], j)
    cubic = lookup.triplet(p.triplet["cubic"], j)
    t = lambda3 * difference
    exponent = jnp.where(jnp.asarray(cubic) > 0.5, t * t * t, t)
    steep = lambda3 * jnp.where(jnp.asarray(cubic) > 0.5, 3.0 * t * t, 1.0)
    return jnp.clip(exponent, -_EXPONENT_LIMIT, _EXPONENT_LIMIT), steep


def _order(
    zeta: Array, n: Array | float, ln_beta: Array | float, some_beta: Array | float
) -> tuple[Array, Array]:
    """b and db/dzeta, through s = ln[1 + (beta zeta)^n], which neither over- nor underflows."""
    some = (zeta > _ZETA_MIN) & (jnp.asarray(some_beta) > 0.5)
    safe = jnp.where(some, zeta, 1.0)
    t = barrier(n * (jnp.log(safe) + ln_beta))
    s = barrier(jnp.maximum(t, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(t))))
    b = barrier(jnp.exp(-0.5 * s / n))
    db = -0.5 * b * jnp.exp(t - s) / safe
    return jnp.where(some, b, 1.0), jnp.where(some, db, 0.0)


def _cutoff(r: Array, R: Array | float, D: Array | float) -> tuple[Array, Array]:
    """fc and dfc/dr for cutoffs R and D that may differ from slot to slot."""
    angle = (0.5 * np.pi) * (jnp.clip(r, R - D, R + D) - R) / D
    fc = jnp.where(r < R + D, 0.5 - 0.5 * jnp.sin(angle), 0.0)
    dfc = (-0.25 * np.pi) * jnp.cos(angle) / D
    return fc, jnp.where((r > R - D) & (r < R + D), dfc, 0.0)
