"""Carbon EDIP: the environment-dependent interaction potential of N. A. Marks.

Phys. Rev. B 63, 035401 (2000); J. Phys.: Condens. Matter 14, 2901 (2002).

    E   = sum_i U_i,   U_i = sum_j U2(r_ij, Z_i) + sum_{j<k} U3(r_ij, r_ik, theta_jik, Z_i)
    Z_i = z_i + X_dih + X_rep,   z_i = sum_j f(r_ij)

X_dih and X_rep add to the spherical coordination z what dihedral angles and the repulsion
between pi orbitals mean for a bond. As published they are sums over four and five atoms.
With u the unit vector of a bond, p its taper, and M_i = sum_k p_ik u_ik u_ik^T they become
sums over pairs (adj is the adjugate, the sum over {k, l} by the Cauchy-Binet formula):

    X_rep = sum_{j: r < c0} pi(z_j) (r - c0)^2 (1 - p) u^T Q_i u
            with Q_i = Zrep {pi_3(z_i) adj(M_i) + pi_2(z_i) [tr(M_i) - M_i]}
    X_dih = Zdih pi_3(z_i) sum_j pi_3(z_j) p tr[adj(M_i - p u u^T) (M_j - p u u^T)]

Forces are by derivatives worked out by hand, in the same stages as the energy but
backwards: dE/dZ, then dE/dz and dE/dM, then the bonds. Gradients are with respect to the
bond vectors. The dihedral term's share for atom i uses that every bond i-j is listed from
both ends, so it is gathered at i instead of being scattered from j.

Neighbours are sorted into shells: the core (r < p_high) has every term, the rim
(p_high <= r < f_high) counts for z; all outside the core repel up to c0. There are three rounds
(:mod:`carbonize.potentials.edip_stages`): z and M of all atoms, then everything up to dE/dZ, then
what comes back from the neighbours.

That is the form for cards. A processor runs the same three rounds as loops over atoms and bonds
(:mod:`carbonize.potentials.edip_loops`), twice as fast as what XLA makes of arrays with slots.

Barriers stand after exponentials, square roots, gathers and sums: XLA:CPU computes each
result of a fusion from scratch, so what is dear must be stored and what is cheap need not.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.potentials import device
from carbonize.potentials.base import Bonds, Capacity, Evaluation, Exchange, Potential
from carbonize.potentials.blocks import Blocks, in_blocks
from carbonize.potentials.edip_loops.call import evaluate_in_loops
from carbonize.potentials.edip_loops.shared import evaluate_among_cores
from carbonize.potentials.edip_stages import (
    TRIM_A,
    Coordination,
    Energies,
    Fields,
    Share,
    backwards,
    coordination,
    energies,
)
from carbonize.potentials.edip_terms import pi_functions
from carbonize.potentials.slots import Part, Vectors, barrier, scatter_add, sum_slots, virials

__all__ = ["Edip"]


@dataclasses.dataclass(frozen=True)
class Edip(Potential):
    """Carbon EDIP with the parameters of Marks' own program to full precision.

    The printed, rounded ones shift energies by about 10 meV/atom. The class is hashable and
    meant to be static in compiled code. ``capacity`` counts, per atom, the neighbours in the
    core, in the rim, outside the core up to c0, and within the reach of U2 and U3; then 256ths of a
    block's atoms that have more than eight of the latter; loops need none of it. ``block`` is about how
    many atoms the arrays are for where a processor evaluates them (``loops`` false, for tests);
    results depend on it by rounding only. ``exchange`` is how several cores that have some of the atoms
    each talk to each other (:meth:`among`).
    """

    epsilon_eV: float = 20.0853862863495
    B4_A4: float = 0.827599951322299
    beta: float = 0.0490161172713279
    sigma_A: float = 1.25714643580808
    a_A: float = 1.89225338775144
    a_slope_A: float = 0.169794491000172
    Z0: float = 3.615
    lambda0_eV: float = 19.86394896867
    lambda_slope: float = 0.30
    gamma_A: float = 1.35419222406125
    q: float = 3.5
    t1: float = 6.0
    t2: float = 2.5
    f_low_A: float = 1.547
    f_high_A: float = 2.270
    p_low_A: float = 1.48
    p_high_A: float = 2.000
    alpha: float = 1.544
    Z_dihedral: float = 0.30
    Z_repulsion_A2: float = 0.06
    c0_A: float = 3.2
    block: int = 1000
    loops: bool = True
    exchange: Exchange | None = None

    @property
    def cutoff_A(self) -> float:
        """Range of the pi repulsion (A); U2 and U3 outreach it only above Z = 7.7."""
        return self.c0_A

    @property
    def elements(self) -> tuple[str, ...]:
        """Carbon only."""
        return ("C",)

    @property
    def divisible(self) -> bool:
        """On a processor; but cores need :meth:`among` for that, since an atom feels its neighbours' bonds."""
        return self.loops

    def among(self, exchange: Exchange) -> Edip:
        """With z and M told to the other cores, and dE/dz and dE/dM summed over them."""
        return dataclasses.replace(self, exchange=exchange)

    def initial_capacity(self) -> Capacity:
        """Enough for liquid carbon of 1.5 g/cm3."""
        return (5, 8, 26, 16, 36)

    def evaluate(
        self,
        bonds: Bonds,
        species: Int[Array, " atom"],
        capacity: Capacity,
        with_virials: bool | Literal["trace"] = False,
        accumulate: DTypeLike | None = None,
    ) -> Evaluation:
        """Energies (eV), forces (eV/A) and virials (eV); see :class:`Potential`."""
        if self.loops and not device.available():
            if self.exchange is None:
                each, total, stress, ends = evaluate_in_loops(self, bonds, TRIM_A, with_virials, accumulate)
            else:
                each, total, stress, ends = evaluate_among_cores(
                    self, bonds, species.size, self.exchange, TRIM_A, with_virials, accumulate
                )
            return Evaluation(
                energies=each,
                forces=total,
                virials=stress if with_virials else None,
                usage=jnp.zeros((len(capacity), 1 if bonds.lists is not None else ends.size), jnp.int32),
                reach_A=jnp.maximum(ends, self.c0_A),
            )
        atoms, dtype = bonds.x.shape[1], bonds.x.dtype
        on_card = device.available()
        wide = jnp.dtype(dtype if accumulate is None else accumulate)
        blocks = Blocks(1, atoms) if on_card else in_blocks(atoms, self.block)
        bonds = blocks.padded(bonds)

        components = 1 if with_virials == "trace" else 6 if with_virials else 0

        first = blocks.map(lambda part: coordination(self, bonds, part, capacity))
        z, M = barrier((blocks.joined(first.z), tuple(blocks.joined(m) for m in first.M)))
        pi = barrier(pi_functions(z))
        fields = Fields(z, M, pi)

        def forwards(sums: _Sums, part: Part, mine: Coordination) -> tuple[_Sums, Any]:
            second, shares, reactions = energies(self, bonds, part, mine, fields, capacity, accumulate)
            if on_card:
                return sums._replace(dE_dpartner=device.scatter_add(reactions)), (second, shares)
            dE_dpartner, forces = sums
            for reaction in reactions:
                dE_dpartner = scatter_add(dE_dpartner, reaction.bonds.index, reaction.values)
            forces, own = _put_down(forces, shares, part.size, wide, components)
            return _Sums(dE_dpartner, forces), (second, own)

        nothing = _Sums(jnp.zeros(blocks.atoms, dtype), _zeros(blocks.atoms, wide))
        sums, (second, kept) = blocks.scan(forwards, nothing, first)
        weights = barrier(self.Z_dihedral * blocks.joined(second.dE_dZ) * fields.pi.three)
        reactions = sums.dE_dpartner

        def back(forces: Vectors, part: Part, mine: tuple[Coordination, Energies]) -> tuple[Vectors, Any]:
            shares = backwards(self, part, *mine, fields, weights, reactions)
            if on_card:
                return forces, shares
            forces, own = _put_down(forces, shares, part.size, wide, components)
            return forces, own

        forces, last = blocks.scan(back, sums.forces, (first, second))
        if on_card:
            shares = [*last, *kept]
            total = device.forces_from_bonds([share[:3] for share in shares], accumulate)
            stress = None
            if components:
                stress = sum_slots([virials(s.bonds, s.gradient, accumulate, components) for s in shares])
        else:
            own, stress = jax.tree.map(lambda a, b: blocks.joined(a + b), kept, last)
            total = jnp.stack(forces) + own
        reach = blocks.joined(second.reach)[:atoms]
        usage = jnp.stack((first.core_count, first.rim_count, *second.usage), axis=-2)
        return Evaluation(
            energies=blocks.joined(second.energies)[:atoms],
            forces=total[:, :atoms],
            virials=None if stress is None else stress[:, :atoms],
            usage=blocks.joined(usage)[:, :atoms],
            reach_A=jnp.maximum(reach, self.c0_A),
        )


class _Sums(NamedTuple):
    """Sums over bonds that end at an atom: dE/dpi(z_j) and the three components of the force."""

    dE_dpartner: Float[Array, " atom"]
    forces: Vectors


def _zeros(atoms: int, dtype: DTypeLike) -> Vectors:
    return jnp.zeros(atoms, dtype), jnp.zeros(atoms, dtype), jnp.zeros(atoms, dtype)


def _put_down(
    forces: Vectors, shares: list[Share], atoms: int, dtype: DTypeLike, components: int
) -> tuple[Vectors, tuple[Array, Array | None]]:
    """Forces on the neighbours added to ``forces``; forces on the block's own atoms, and virials.

    Of these six components, the trace (1) or none (0).
    """
    own, added = [], []
    for c, force in enumerate(forces):
        total = jnp.zeros(atoms, dtype)
        for share in shares:
            g = sum_slots(share.gradient[c], dtype)
            total = total + g if share.atoms is None else total.at[share.atoms].add(g, mode="drop")
            force = scatter_add(force, share.bonds.index, -share.gradient[c].astype(dtype))
        own.append(total)
        added.append(force)
    stress = None
    if components:
        stress = jnp.zeros((components, atoms), dtype)
        for share in shares:
            v = virials(share.bonds, share.gradient, dtype, components)
            stress = stress + v if share.atoms is None else stress.at[:, share.atoms].add(v, mode="drop")
    return tuple(added), barrier((jnp.stack(own), stress))  # type: ignore[return-value]
