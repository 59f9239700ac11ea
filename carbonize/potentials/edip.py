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

Neighbours are sorted into three shells: the core (r < p_high) has every term, the rim
(p_high <= r < f_high) counts for z and repels, what is beyond (up to c0) repels only.
Barriers stand after exponentials, square roots, gathers and sums: XLA:CPU computes each
result of a fusion from scratch, so what is dear must be stored and what is cheap need not.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.potentials import device
from carbonize.potentials import symmetric as sym
from carbonize.potentials.base import Bonds, Capacity, Evaluation, Potential
from carbonize.potentials.edip_pairs import pairs_and_triples
from carbonize.potentials.edip_terms import PiFunctions, Taper, pi_functions, taper
from carbonize.potentials.slots import (
    Vectors,
    barrier,
    forces_from_bonds,
    gather,
    scatter_add,
    shells,
    sum_slots,
    virials,
)
from carbonize.potentials.symmetric import Symmetric

__all__ = ["Edip"]

# U2 and U3 end as exp[sigma/(r - rc)]: closer than this to their end rc they are below 1e-12 eV.
_TRIM_A = 0.045


@dataclasses.dataclass(frozen=True)
class Edip(Potential):
    """Carbon EDIP with the parameters of Marks' own program to full precision.

    The printed, rounded ones shift energies by about 10 meV/atom. The class is hashable and
    meant to be static in compiled code. ``capacity`` counts, per atom, the neighbours in the
    core, in the rim, beyond, and within the reach of U2 and U3.
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

    @property
    def cutoff_A(self) -> float:
        """Range of the pi repulsion (A); U2 and U3 outreach it only above Z = 7.7."""
        return self.c0_A

    @property
    def elements(self) -> tuple[str, ...]:
        """Carbon only."""
        return ("C",)

    def initial_capacity(self) -> Capacity:
        """Enough for liquid carbon of 1.5 g/cm3."""
        return (5, 8, 20, 12)

    def evaluate(
        self,
        bonds: Bonds,
        species: Int[Array, " atom"],
        capacity: Capacity,
        with_virials: bool = False,
        accumulate: DTypeLike | None = None,
    ) -> Evaluation:
        """Energies (eV), forces (eV/A) and virials (eV); see :class:`Potential`."""
        del species  # one element
        on_card = device.available()
        sort = device.shells if on_card else shells
        bounds = ((0.0, self.p_high_A), (self.p_high_A, self.f_high_A), (self.f_high_A, self.c0_A))
        lists = sort(bonds, bounds, capacity[:3])
        (core_bonds, core_count), (rim_bonds, rim_count), (beyond_bonds, beyond_count) = lists
        core, rim, beyond = _shell(core_bonds), _shell(rim_bonds), _shell(beyond_bonds)

        # Forwards: z and M, then the generalised coordination Z, then U.
        core_f = taper(core.r, self.f_low_A, self.f_high_A, self.alpha)
        rim_f = taper(rim.r, self.f_low_A, self.f_high_A, self.alpha)
        p = taper(core.r, self.p_low_A, self.p_high_A, self.alpha)
        atoms = self._coordination(core, core_f, rim_f, p)
        repulsions = (
            self._repulsion(core, atoms, p),
            self._repulsion(rim, atoms),
            self._repulsion(beyond, atoms),
        )
        P = barrier(
            tuple(sum_slots(components) for components in zip(*(s.P for s in repulsions), strict=True))
        )
        dihedrals = self._dihedrals(core, p.value, atoms)
        rep3 = self.Z_repulsion_A2 * sym.contract(atoms.A, P)
        rep2 = self.Z_repulsion_A2 * (sym.trace(atoms.M) * sym.trace(P) - sym.contract(atoms.M, P))
        three, two = atoms.pi.three, atoms.pi.two
        Z = atoms.z + three * (self.Z_dihedral * dihedrals.total + rep3) + two * rep2
        rep3, rep2, Z = barrier((rep3, rep2, Z))
        reach = self.a_A + self.a_slope_A * Z
        live = reach - _TRIM_A
        ((live_bonds, live_count),) = sort(bonds, ((0.0, live),), (max(capacity[3], 2),))
        if on_card:
            terms = device.pairs_and_triples(self, live_bonds, live_count, Z, _TRIM_A, accumulate)
        else:
            terms = pairs_and_triples(self, live_bonds, Z, _TRIM_A, accumulate)
        energies, dE_dZ, live_gradient = terms

        # Backwards: from dE/dZ to dE/dM and dE/dz, then to the bonds.
        twins = self._dihedrals_backwards(core, p.value, atoms, dihedrals, dE_dZ)
        of_three = self.Z_repulsion_A2 * dE_dZ * three
        of_two = self.Z_repulsion_A2 * dE_dZ * two
        M_P, trace_P = sym.cross(atoms.M, P), sym.trace(P)
        dE_dM = barrier(
            tuple(
                g + of_three * k + of_two * ((trace_P if i < 3 else 0.0) - b)
                for i, (g, k, b) in enumerate(zip(twins.dE_dM, M_P, P, strict=True))
            )
        )
        dE_dthree = dE_dZ * (self.Z_dihedral * dihedrals.total + rep3) + twins.dE_dthree
        from_repelled = [dE_dZ * repulsion.s * repulsion.uQu for repulsion in repulsions]
        if on_card:
            dE_dpartner = device.scatter_add(
                [(b, n, v) for (b, n), v in zip(lists, from_repelled, strict=True)]
            )
        else:
            dE_dpartner = jnp.zeros_like(Z)  # pi(z_j), from all the atoms that j repels
            for shell, values in zip((core, rim, beyond), from_repelled, strict=True):
                dE_dpartner = scatter_add(dE_dpartner, shell.neighbor, values)
        dE_dz = barrier(
            dE_dZ * (1.0 + atoms.pi.d_two * rep2)
            + dE_dthree * atoms.pi.d_three
            + dE_dpartner * atoms.pi.d_partner
        )

        core_V = tuple(g - v for g, v in zip(dE_dM, twins.own, strict=True))
        core_Vu = barrier(sym.apply(core_V, core.x, core.y, core.z))  # type: ignore[arg-type]
        uVu = core.x * core_Vu[0] + core.y * core_Vu[1] + core.z * core_Vu[2]
        along_Vu = barrier(2.0 * p.value * core.inverse_r)
        along_u = core_f.slope * dE_dz + p.slope * (uVu + twins.prefactor) - along_Vu * uVu
        shares = [
            (core_bonds, self._gradient(core, repulsions[0], atoms.Q, dE_dZ, along_u, (along_Vu, core_Vu))),
            (rim_bonds, self._gradient(rim, repulsions[1], atoms.Q, dE_dZ, rim_f.slope * dE_dz)),
            (beyond_bonds, self._gradient(beyond, repulsions[2], atoms.Q, dE_dZ)),
            (live_bonds, live_gradient),
        ]
        if on_card:
            counts = (core_count, rim_count, beyond_count, live_count)
            forces = device.forces_from_bonds(
                [(b, n, g) for (b, g), n in zip(shares, counts, strict=True)], accumulate
            )
        else:
            forces = forces_from_bonds(shares, accumulate)
        return Evaluation(
            energies=energies,
            forces=forces,
            virials=sum_slots([virials(b, g, accumulate) for b, g in shares]) if with_virials else None,
            usage=jnp.stack((core_count, rim_count, beyond_count, live_count)),
            reach_A=jnp.maximum(reach, self.c0_A),
        )

    def _coordination(self, core: _Shell, core_f: Taper, rim_f: Taper, p: Taper) -> _Atoms:
        """z, M and what depends on them alone."""
        z = sum_slots(core_f.value) + sum_slots(rim_f.value)
        M = _weighted(p.value, core)
        z, M = barrier((z, M))
        pi = pi_functions(z)
        A = sym.adjugate(M)
        trace = sym.trace(M)
        Q = tuple(
            self.Z_repulsion_A2 * (pi.three * a + pi.two * ((trace if i < 3 else 0.0) - m))
            for i, (a, m) in enumerate(zip(A, M, strict=True))
        )
        return barrier(_Atoms(z, M, A, Q, pi))  # type: ignore[arg-type]

    def _repulsion(self, shell: _Shell, atoms: _Atoms, p: Taper | None = None) -> _Repulsion:
        """Pi repulsion by the partners in one shell; outside the core p is 0."""
        partner = barrier(gather(atoms.pi.partner, shell.neighbor))
        # An unused slot is far away: there the depth must be 0, not huge.
        depth = jnp.minimum(shell.r - self.c0_A, 0.0)
        s, ds = depth * depth, 2.0 * depth
        if p is not None:
            s, ds = s * (1.0 - p.value), ds * (1.0 - p.value) - s * p.slope
        Qx, Qy, Qz = sym.apply(atoms.Q, shell.x, shell.y, shell.z)
        s, uQu = barrier((s, shell.x * Qx + shell.y * Qy + shell.z * Qz))
        return _Repulsion(partner, s, ds, uQu, _weighted(barrier(partner * s), shell))

    def _gradient(
        self,
        shell: _Shell,
        repulsion: _Repulsion,
        Q: Symmetric,
        dE_dZ: Array,
        along_u: Array | float = 0.0,
        rest: tuple[Array, Vectors] | None = None,
    ) -> Vectors:
        """Gradient for one shell: the repulsion's, ``along_u`` u and ``rest`` (weight, vectors)."""
        along_Qu = 2.0 * repulsion.partner * repulsion.s * shell.inverse_r
        along_u = along_u + dE_dZ * (repulsion.partner * repulsion.ds - along_Qu) * repulsion.uQu
        along_u, along_Qu = barrier((along_u, dE_dZ * along_Qu))
        unit = (shell.x, shell.y, shell.z)
        gradient = [along_u * u + along_Qu * w for u, w in zip(unit, sym.apply(Q, *unit), strict=True)]
        if rest is not None:
            weight, vectors = rest
            gradient = [g + weight * v for g, v in zip(gradient, vectors, strict=True)]
        return barrier(tuple(gradient))  # type: ignore[arg-type]

    def _dihedrals(self, core: _Shell, p: Array, atoms: _Atoms) -> _Dihedrals:
        """C_i = M_i - p u u^T and C_j = M_j - p u u^T of every bond, and the sum in X_dih."""
        three_j = gather(atoms.pi.three, core.neighbor)
        M_j = tuple(gather(m, core.neighbor) for m in atoms.M)
        own = tuple(p * a for a in sym.outer(core.x, core.y, core.z))
        C_i = tuple(m - a for m, a in zip(atoms.M, own, strict=True))
        C_j = tuple(m - a for m, a in zip(M_j, own, strict=True))
        three_j, C_i, C_j = barrier((three_j, C_i, C_j))
        H = barrier(sym.contract(sym.adjugate(C_i), C_j))
        return _Dihedrals(three_j, C_i, C_j, H, barrier(sum_slots(p * three_j * H)))

    def _dihedrals_backwards(
        self, core: _Shell, p: Array, atoms: _Atoms, dihedrals: _Dihedrals, dE_dZ: Array
    ) -> _Twins:
        """Derivatives of the dihedral terms in which atom i is the centre or the far end.

        Every bond carries two terms: X_i holds it with ``weight_i``, and X_j holds its twin
        with ``weight_j`` and C_i, C_j exchanged.
        """
        three_j, C_i, C_j, H_ij, _ = dihedrals
        mine = barrier(self.Z_dihedral * dE_dZ * atoms.pi.three)
        theirs = barrier(gather(mine, core.neighbor))
        weight_i, weight_j = mine * three_j, theirs * atoms.pi.three
        adj_i, adj_j, C_ij = sym.adjugate(C_i), sym.adjugate(C_j), sym.cross(C_i, C_j)
        H_ji = barrier(sym.contract(adj_j, C_i))
        pw_i, pw_j = barrier((p * weight_i, p * weight_j))
        to_M = barrier(tuple(pw_i * k + pw_j * a for k, a in zip(C_ij, adj_j, strict=True)))
        # p u u^T is taken off both M_i and M_j, in the terms of both ends: half of what follows
        # from that is put down to this bond, half to its twin.
        own = tuple(0.5 * (t + pw_i * a + pw_j * k) for t, a, k in zip(to_M, adj_i, C_ij, strict=True))
        return _Twins(
            dE_dM=tuple(sum_slots(t) for t in to_M),  # type: ignore[arg-type]
            dE_dthree=sum_slots(p * theirs * H_ji),
            own=barrier(own),  # type: ignore[arg-type]
            prefactor=0.5 * (weight_i * H_ij + weight_j * H_ji),
        )


def _shell(bonds: Bonds) -> _Shell:
    r2 = bonds.x * bonds.x + bonds.y * bonds.y + bonds.z * bonds.z
    inverse_r = barrier(1.0 / jnp.sqrt(r2))
    x, y, z = bonds.x * inverse_r, bonds.y * inverse_r, bonds.z * inverse_r
    return barrier(_Shell(bonds.index, x, y, z, r2 * inverse_r, inverse_r))


def _weighted(weight: Array, shell: _Shell) -> Symmetric:
    """Sum over slots of weight u u^T."""
    products = sym.outer(shell.x, shell.y, shell.z)
    return barrier(tuple(sum_slots(weight * a) for a in products))  # type: ignore[return-value]


class _Shell(NamedTuple):
    """Neighbours in a range of distances: index, unit vector, length and its inverse."""

    neighbor: Int[Array, "slot atom"]
    x: Float[Array, "slot atom"]
    y: Float[Array, "slot atom"]
    z: Float[Array, "slot atom"]
    r: Float[Array, "slot atom"]
    inverse_r: Float[Array, "slot atom"]


class _Atoms(NamedTuple):
    """Per atom: spherical coordination z, M, A = adj(M), Q and the pi functions of z."""

    z: Float[Array, " atom"]
    M: Symmetric
    A: Symmetric
    Q: Symmetric
    pi: PiFunctions


class _Repulsion(NamedTuple):
    """X_rep of a shell is the sum over slots of ``partner`` ``s`` ``uQu``, which is <Q, P>.

    ``partner`` is pi(z_j), ``s`` is (r - c0)^2 (1 - p) with derivative ``ds``, ``uQu`` is
    u^T Q u, and ``P`` the sum of partner s u u^T.
    """

    partner: Float[Array, "slot atom"]
    s: Float[Array, "slot atom"]
    ds: Float[Array, "slot atom"]
    uQu: Float[Array, "slot atom"]
    P: Symmetric


class _Dihedrals(NamedTuple):
    """pi_3(z_j), C_i, C_j and H = tr[adj(C_i) C_j] per bond; X_dih/(Zdih pi_3(z_i)) per atom."""

    three_j: Float[Array, "slot atom"]
    C_i: Symmetric
    C_j: Symmetric
    H: Float[Array, "slot atom"]
    total: Float[Array, " atom"]


class _Twins(NamedTuple):
    """What the dihedral terms send back, gathered at atom i.

    ``dE_dM`` and ``dE_dthree`` (with respect to M_i and pi_3(z_i), the latter as far end
    only) per atom; ``own`` and ``prefactor`` per bond, by way of p u u^T and of the factor p.
    """

    dE_dM: Symmetric
    dE_dthree: Float[Array, " atom"]
    own: Symmetric
    prefactor: Float[Array, "slot atom"]
