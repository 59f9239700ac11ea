"""The Tersoff bond-order potential in the functional form of LAMMPS ``pair_style tersoff``.

J. Tersoff, Phys. Rev. B 37, 6991 (1988); 39, 5566 (1989).

    E       = 1/2 sum_i sum_j fc(r_ij) [A exp(-lambda1 r_ij) - b_ij B exp(-lambda2 r_ij)]
    b_ij    = [1 + (beta zeta_ij)^n]^(-1/(2n))
    zeta_ij = sum_{k != j} fc(r_ik) g(theta_jik) exp{[lambda3 (r_ij - r_ik)]^m}
    g       = gamma {1 + c^2/d^2 - c^2/[d^2 + (cos theta - cos theta0)^2]}
    fc      = 1/2 - 1/2 sin[pi (r - R)/(2 D)] between R - D and R + D

Forces are by derivatives worked out by hand with respect to the bond vectors. g(theta) is
the same for (j, k) and (k, j), so every unordered pair of bonds is evaluated once. On a CPU
the kernel has four slots, and atoms with more bonds are done apart.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable
from typing import Literal

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.errors import InputError
from carbonize.potentials import device, tersoff_mixed
from carbonize.potentials.base import Bonds, Capacity, Evaluation, Potential
from carbonize.potentials.collecting import collect_forces
from carbonize.potentials.listing import can_list, list_bonds
from carbonize.potentials.slots import barrier, forces_from_bonds, scatter_add, shells, sum_slots, virials
from carbonize.potentials.tersoff_crowded import bond_order_by_rows, find_crowded
from carbonize.potentials.tersoff_parameters import TersoffEntry, Triplet, missing_entries

__all__ = ["Tersoff"]

# exp(+-69.0776) = 1e+-30: where LAMMPS stops the factor with lambda3 as well.
_EXPONENT_LIMIT = 69.0776

# The derivative of the bond order is singular at zeta = 0, where no third atom is near.
_ZETA_MIN = 1.0e-20

_FEW_BONDS = 4
_APART_FROM = 2000
"""Atoms from which on the arrays are large enough for a second, small set of kernels to pay."""


@dataclasses.dataclass(frozen=True)
class Tersoff(Potential):
    """Tersoff potential; hashable and meant to be static in compiled code.

    ``table`` pairs triplets of elements (centre, neighbour, third) with their parameters. One
    element has a kernel of its own; several go through :mod:`carbonize.potentials.tersoff_mixed`.
    ``capacity`` is (bonds shorter than R + D, 256ths of the
    atoms that have more than four of them and are done apart).

    A parameter file often knows more elements than a structure has, and not every triplet of them:
    :meth:`for_elements` takes what is needed. ``source`` and ``faults`` (what is wrong with entries
    that are not in the table) serve its messages.
    """

    table: tuple[tuple[Triplet, TersoffEntry], ...]
    source: str = dataclasses.field(default="Tersoff", compare=False)
    faults: tuple[tuple[Triplet, str], ...] = dataclasses.field(default=(), compare=False, repr=False)

    @property
    def elements(self) -> tuple[str, ...]:
        """Centres in the table, each once."""
        return tuple(dict.fromkeys(triplet[0] for triplet, _ in self.table))

    @property
    def cutoff_A(self) -> float:
        """Largest R + D (A)."""
        return max(entry.cutoff_A for _, entry in self.table)

    @property
    def divisible(self) -> bool:
        """Forces need an atom's own bonds only."""
        return True

    def for_elements(self, symbols: Iterable[str]) -> Tersoff:
        """The entries of all triplets of ``symbols``; see :meth:`Potential.for_elements`."""
        wanted = set(symbols)
        table, faults = dict(self.table), dict(self.faults)
        known = [element for element in self.elements if element in wanted]
        elements = [*known, *sorted(wanted.difference(known))]
        triplets: list[Triplet] = [(a, b, c) for a, b, c in itertools.product(elements, repeat=3)]
        lacking = [triplet for triplet in triplets if triplet not in table]
        if lacking:
            told = [faults[triplet] for triplet in lacking if triplet in faults]
            raise InputError(told[0] if told else missing_entries(self.source, lacking))
        return dataclasses.replace(self, table=tuple((t, table[t]) for t in triplets), faults=())

    def initial_capacity(self) -> Capacity:
        """Enough for liquid carbon of 1.5 g/cm3."""
        return (6, 10)

    def evaluate(
        self,
        bonds: Bonds,
        species: Int[Array, " atom"],
        capacity: Capacity,
        with_virials: bool | Literal["trace"] = False,
        accumulate: DTypeLike | None = None,
    ) -> Evaluation:
        """Energies (eV), forces (eV/A) and virials (eV); see :class:`Potential`."""
        element, *others = self.elements
        if others:
            return self._mixed(self.elements, bonds, species, capacity, with_virials, accumulate)
        entry = dict(self.table)[element, element, element]
        cutoff_A = entry.cutoff_A
        if device.available():
            ((short, count),) = device.shells(bonds, ((0.0, cutoff_A),), capacity[:1])
            energies, gradient = _bond_order(entry, short, accumulate)
            forces = device.forces_from_bonds([(short, count, gradient)], accumulate)
            stress = virials(short, gradient, accumulate) if with_virials else None
            usage = (count, jnp.zeros_like(count))
        elif can_list(bonds):
            energies, forces, stress, usage = _in_loops(
                entry, bonds, species.size, capacity, with_virials, accumulate
            )
        elif bonds.x.shape[1] < _APART_FROM:
            ((short, count),) = shells(bonds, ((0.0, cutoff_A),), capacity[:1])
            energies, gradient = _bond_order(entry, short, accumulate)
            forces = forces_from_bonds([(short, gradient)], accumulate, species.size)
            stress = virials(short, gradient, accumulate) if with_virials else None
            usage = (count, jnp.zeros_like(count))
        else:
            energies, forces, stress, usage = _apart(
                entry, bonds, species.size, capacity, with_virials, accumulate
            )
        return Evaluation(
            energies=energies,
            forces=forces,
            virials=stress,
            usage=jnp.stack(usage),
            reach_A=jnp.full(usage[0].shape, cutoff_A, bonds.x.dtype),
        )

    def _mixed(
        self,
        elements: tuple[str, ...],
        bonds: Bonds,
        species: Int[Array, " atom"],
        capacity: Capacity,
        with_virials: bool | Literal["trace"],
        accumulate: DTypeLike | None,
    ) -> Evaluation:
        table = dict(self.for_elements(elements).table)  # complete, or an error that says what is missing
        short, count = tersoff_mixed.sorted_bonds(table, elements, bonds, species, capacity[0])
        energies, gradient = tersoff_mixed.bond_order(table, elements, short, species, accumulate)
        return Evaluation(
            energies=energies,
            forces=forces_from_bonds([(short, gradient)], accumulate, species.size),
            virials=virials(short, gradient, accumulate) if with_virials else None,
            usage=jnp.stack((count, jnp.zeros_like(count))),
            reach_A=jnp.full(count.shape, self.cutoff_A, bonds.x.dtype),
        )


def _in_loops(
    entry: TersoffEntry,
    bonds: Bonds,
    atoms: int,
    capacity: Capacity,
    with_virials: bool | Literal["trace"],
    accumulate: DTypeLike | None,
) -> tuple[Array, Array, Array | None, tuple[Array, Array]]:
    """As :func:`_apart`, with lists and sums over bonds made by loops."""
    short, count, crowded = list_bonds(bonds, entry.cutoff_A, _FEW_BONDS, *capacity)
    assert crowded is not None
    energies, gradient = _bond_order(entry, short, accumulate)
    functions = (_angle, _exponent, _order, _cutoff)
    more, turned = bond_order_by_rows(entry, crowded.bonds, accumulate, *functions)
    energies = energies.at[crowded.atoms].add(more, mode="drop")
    forces, trace = collect_forces((short, gradient), count, (crowded, turned), accumulate, atoms)
    stress = None
    if with_virials == "trace":
        stress = trace[None]
    elif with_virials:
        stress = virials(short, gradient, accumulate)
        stress = stress.at[:, crowded.atoms].add(virials(crowded.bonds, turned, accumulate), mode="drop")
    return energies, forces, stress, (crowded.most_bonds[None], crowded.share[None])


def _apart(
    entry: TersoffEntry,
    bonds: Bonds,
    atoms: int,
    capacity: Capacity,
    with_virials: bool | Literal["trace"],
    accumulate: DTypeLike | None,
) -> tuple[Array, Array, Array | None, tuple[Array, Array]]:
    """Energies, forces, virials and usage, with crowded atoms done apart."""
    ((short, count),) = shells(bonds, ((0.0, entry.cutoff_A),), (_FEW_BONDS,), all_or_none=True)
    energies, gradient = _bond_order(entry, short, accumulate)
    forces = forces_from_bonds([(short, gradient)], accumulate, atoms)
    stress = virials(short, gradient, accumulate) if with_virials else None

    crowded = find_crowded(bonds, count > _FEW_BONDS, entry.cutoff_A, *capacity)
    functions = (_angle, _exponent, _order, _cutoff)
    more, gradient = bond_order_by_rows(entry, crowded.bonds, accumulate, *functions)
    energies = energies.at[crowded.atoms].add(more, mode="drop")
    # unused places name the first atom without bonds, if there is one
    places = (
        crowded.atoms if atoms == count.size else jnp.where(crowded.atoms < count.size, crowded.atoms, atoms)
    )
    added = []
    for force, share in zip(forces, gradient, strict=True):
        wide = share.astype(force.dtype)
        force = force.at[places].add(sum_slots(wide), mode="drop")
        added.append(scatter_add(force, crowded.bonds.index, -wide))
    if stress is not None:
        share = virials(crowded.bonds, gradient, accumulate)
        stress = stress.at[:, crowded.atoms].add(share, mode="drop")
    usage = (jnp.broadcast_to(crowded.most_bonds, count.shape), jnp.broadcast_to(crowded.share, count.shape))
    return energies, jnp.stack(added), stress, usage


def _bond_order(
    p: TersoffEntry, bonds: Bonds, accumulate: DTypeLike | None
) -> tuple[Float[Array, " atom"], tuple[Array, Array, Array]]:
    """Energy of each atom (eV) and the gradient with respect to its bond vectors (eV/A)."""
    slots = bonds.x.shape[0]
    others = [[k for k in range(slots) if k != j] for j in range(slots)]
    r2 = bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z
    inverse_r = barrier(1.0 / jnp.sqrt(r2))
    r = barrier(r2 * inverse_r)
    x, y, z = barrier((bonds.x * inverse_r, bonds.y * inverse_r, bonds.z * inverse_r))
    fc, dfc = barrier(_cutoff(p, r))

    # Row j of each table holds the pairs (j, j + 1), (j, j + 2), ...
    rows = range(slots - 1)
    cosine = barrier([x[j] * x[j + 1 :] + y[j] * y[j + 1 :] + z[j] * z[j + 1 :] for j in rows])
    angular, slope = barrier(_transposed([_angle(p, c) for c in cosine]))

    def both(table: list[Array], j: int, k: int) -> Array:
        return table[min(j, k)][abs(k - j) - 1]

    # stretch[j][k] weights atom k in zeta_ij; steep is the derivative of its exponent.
    stretch = None
    steep: list[Array] = []
    if p.lambda3_per_A != 0.0:
        # Unused slots count as ends of range: their own length would overflow.
        ends = jnp.minimum(r, p.cutoff_A)
        exponent, steep = barrier(_transposed([_exponent(p, ends[j] - ends[j + 1 :]) for j in rows]))
        stretch = barrier((
            [jnp.exp(e) for e in exponent],
            [jnp.exp(-e) for e in exponent],
        ))  # fmt: skip

    def weighted(factor: Array, j: int, k: int) -> Array:
        """``factor`` times the weight of atom k in zeta_ij."""
        return factor if stretch is None else factor * both(stretch[0 if j < k else 1], j, k)

    zeta = jnp.stack(
        barrier(
            [
                sum_slots([weighted(fc[k], j, k) * both(angular, j, k) for k in others[j]])
                for j in range(slots)
            ]
        )
        if slots > 1
        else [jnp.zeros_like(fc[0])]
    )
    b, db = barrier(_order(p, zeta))
    repulsive, attractive = barrier(
        (p.A_eV * jnp.exp(-p.lambda1_per_A * r), p.B_eV * jnp.exp(-p.lambda2_per_A * r))
    )
    pair = repulsive - b * attractive
    energies = 0.5 * sum_slots(barrier(fc * pair), accumulate)
    dE_dzeta = barrier(-0.5 * fc * attractive * db)
    dE_dr = barrier(
        0.5 * (dfc * pair + fc * (p.lambda2_per_A * b * attractive - p.lambda1_per_A * repulsive))
    )

    torque = barrier(  # dE/dcos of each pair of bonds
        [
            jnp.stack(
                [
                    (weighted(dE_dzeta[j] * fc[k], j, k) + weighted(dE_dzeta[k] * fc[j], k, j))
                    * both(slope, j, k)
                    for k in range(j + 1, slots)
                ]
            )
            for j in rows
        ]
    )
    gradient: tuple[list[Array], ...] = ([], [], [])
    for j in range(slots):
        radial = dE_dr[j]
        for k in others[j]:
            g = both(angular, j, k)
            radial = radial + dfc[j] * weighted(dE_dzeta[k], k, j) * g
            if stretch is not None:
                shift = weighted(dE_dzeta[j] * fc[k], j, k) - weighted(dE_dzeta[k] * fc[j], k, j)
                radial = radial + shift * g * both(steep, j, k)
            radial = radial - inverse_r[j] * both(torque, j, k) * both(cosine, j, k)
        radial = barrier(radial)
        for component, u in zip(gradient, (x, y, z), strict=True):
            turn = [both(torque, j, k) * u[k] for k in others[j]]
            component.append(radial * u[j] + (inverse_r[j] * sum_slots(turn) if turn else 0.0))
    gx, gy, gz = (jnp.stack(barrier(component)) for component in gradient)
    return energies, (gx, gy, gz)


def _transposed(pairs: list[tuple[Array, Array]]) -> tuple[list[Array], list[Array]]:
    return [a for a, _ in pairs], [b for _, b in pairs]


def _angle(p: TersoffEntry, cosine: Array) -> tuple[Array, Array]:
    """g and dg/dcos.

    Written as 1 + (c^2/d^2) q^2/(d^2 + q^2), q = cos - cos(theta0): the difference of
    c^2/d^2 and c^2/(d^2 + q^2) in the usual form loses 0.2 eV/A in float32.
    """
    q = cosine - p.cos_theta0
    inverse = 1.0 / (p.d * p.d + q * q)
    ratio = (p.c / p.d) ** 2
    return p.gamma * (1.0 + ratio * q * q * inverse), (2.0 * p.gamma * p.c**2) * q * inverse * inverse


def _exponent(p: TersoffEntry, difference: Array) -> tuple[Array, Array]:
    """[lambda3 (r_ij - r_ik)]^m, odd in the difference, and its derivative, which is even."""
    t = p.lambda3_per_A * difference
    if p.m == 3.0:
        return jnp.clip(t * t * t, -_EXPONENT_LIMIT, _EXPONENT_LIMIT), 3.0 * p.lambda3_per_A * t * t
    return jnp.clip(t, -_EXPONENT_LIMIT, _EXPONENT_LIMIT), jnp.full_like(t, p.lambda3_per_A)


def _order(p: TersoffEntry, zeta: Array) -> tuple[Array, Array]:
    """b and db/dzeta, through s = ln[1 + (beta zeta)^n], which neither over- nor underflows."""
    some = zeta > _ZETA_MIN
    if p.beta == 0.0:
        return jnp.ones_like(zeta), jnp.zeros_like(zeta)
    safe = jnp.where(some, zeta, 1.0)
    t = barrier(p.n * (jnp.log(safe) + math.log(p.beta)))
    s = barrier(jnp.maximum(t, 0.0) + jnp.log1p(jnp.exp(-jnp.abs(t))))
    b = barrier(jnp.exp((-0.5 / p.n) * s))
    db = -0.5 * b * jnp.exp(t - s) / safe
    return jnp.where(some, b, 1.0), jnp.where(some, db, 0.0)


def _cutoff(p: TersoffEntry, r: Array) -> tuple[Array, Array]:
    """fc and dfc/dr.

    sin and cos by their Taylor series about 0, good to 1e-16 (1e-7 in float32) on -pi/2..pi/2
    and several times faster than the general functions.
    """
    angle = (0.5 * math.pi / p.D_A) * (jnp.clip(r, p.R_A - p.D_A, p.R_A + p.D_A) - p.R_A)
    square = angle * angle
    terms = 6 if r.dtype == jnp.float32 else 11
    sine, cosine = jnp.ones_like(r), jnp.ones_like(r)
    for k in range(terms, 0, -1):
        sine = 1.0 - sine * square * (1.0 / (2 * k * (2 * k + 1)))
        cosine = 1.0 - cosine * square * (1.0 / ((2 * k - 1) * 2 * k))
    inside = r < p.cutoff_A
    fc = jnp.where(inside, 0.5 - 0.5 * angle * sine, 0.0)
    return fc, jnp.where(inside, (-0.25 * math.pi / p.D_A) * cosine, 0.0)
