"""NEP: the neuroevolution potential of GPUMD, versions 3 and 4.

Fan et al., Phys. Rev. B 104, 104309 (2021); Fan, J. Phys.: Condens. Matter 34, 125902 (2022);
Fan et al., J. Chem. Phys. 157, 114801 (2022); Song et al., Nat. Commun. 15, 10208 (2024).

    E_i = sum_m w_m tanh(sum_d v_md q_d - b_m) - b
    q   = radial descriptors sum_j g_n(r_ij), and invariants of A_nlm = sum_j g_n(r_ij) Y_lm(u_ij)

Forces are by derivatives worked out by hand: backwards through the network, the invariants, the
sums and the functions of single bonds, as far as the bond vectors.

The descriptors of an atom take much more memory than its bonds, so atoms go through the kernel
in blocks that stay in a processor's cache. Within a block the radial part has atoms on the last
axis as everywhere; the angular part has neighbours there, (atom, function, slot): that makes its
sums small matrix products atom by atom, several times faster than sums over the leading axis.
"""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike
from jaxtyping import Float, Int

from carbonize.potentials import device
from carbonize.potentials.base import PAD_A, Bonds, Capacity, Evaluation, Potential
from carbonize.potentials.listing import can_list, list_bonds
from carbonize.potentials.nep_angular import (
    harmonics,
    harmonics_backwards,
    invariants,
    invariants_backwards,
)
from carbonize.potentials.nep_file import NepModel
from carbonize.potentials.nep_loops.call import evaluate_in_loops
from carbonize.potentials.nep_radial import basis, within
from carbonize.potentials.nep_zbl import repulsion
from carbonize.potentials.slots import Vectors, barrier, fold, gather, scatter_add, shells, with_others

__all__ = ["Nep"]

_ATOMS_PER_A3 = 0.11  # of carbon at 2.2 g/cm3: first guess of how many neighbours there are
_BLOCK_CPU, _BLOCK_GPU = 128, 32768


@dataclasses.dataclass(frozen=True)
class Nep(Potential):
    """Neuroevolution potential; hashable and meant to be static in compiled code.

    ``capacity`` counts, per atom, the neighbours within the radial and the angular cutoff.

    Attributes
    ----------
    model
        What the file holds.
    block
        Atoms that are evaluated at a time as arrays; None chooses. Results depend on it by rounding only.
    loops
        Whether a processor evaluates loops (:mod:`carbonize.potentials.nep_loops`) instead of arrays (for tests).
    """

    model: NepModel
    block: int | None = None
    loops: bool = True

    @property
    def cutoff_A(self) -> float:
        """Largest radial cutoff (A); the angular ones do not exceed it."""
        return float(self.model.radial_A.max())

    @property
    def elements(self) -> tuple[str, ...]:
        """Elements of the file, in its order."""
        return self.model.elements

    @property
    def divisible(self) -> bool:
        """Forces need an atom's own bonds only."""
        return True

    @property
    def fewest_atoms_a_core(self) -> int:
        """As :attr:`Potential.fewest_atoms_a_core`: an atom costs twenty times as much as one of Tersoff's."""
        return 100

    def initial_capacity(self) -> Capacity:
        """Enough for disordered carbon of 1.5 g/cm3."""
        cutoffs_A = (self.cutoff_A, float(self.model.angular_A.max()))
        return tuple(int(4.19 * cutoff_A**3 * _ATOMS_PER_A3) + 2 for cutoff_A in cutoffs_A)

    def evaluate(
        self,
        bonds: Bonds,
        species: Int[Array, " atom"],
        capacity: Capacity,
        with_virials: bool | Literal["trace"] = False,
        accumulate: DTypeLike | None = None,
    ) -> Evaluation:
        """Energies (eV), forces (eV/A) and virials (eV); see :class:`Potential`."""
        on_card = device.available()
        if self.loops and not on_card:
            each, total, stress = evaluate_in_loops(self.model, bonds, species, with_virials, accumulate)
            columns = 1 if bonds.lists is not None else each.size
            return Evaluation(
                energies=each,
                forces=total,
                virials=stress if with_virials else None,
                usage=jnp.zeros((len(capacity), columns), jnp.int32),
                reach_A=jnp.full(columns, self.cutoff_A, bonds.x.dtype),
            )
        angular_A = float(self.model.angular_A.max())
        if can_list(bonds):
            near, near_count, _ = list_bonds(bonds, self.cutoff_A, capacity[0], 0, 0)
            close, close_count, _ = list_bonds(bonds, angular_A, capacity[1], 0, 0)
        else:
            sort = device.shells if on_card else shells
            ((near, near_count),) = sort(bonds, ((0.0, self.cutoff_A),), capacity[:1])
            ((close, close_count),) = sort(near, ((0.0, angular_A),), capacity[1:])
        dtype = jnp.dtype(bonds.x.dtype if accumulate is None else accumulate)
        energies, own, virials, *gradients = self._in_blocks(near, close, species, dtype)
        shares = [(near, gradients[0]), (close, gradients[1])]
        if on_card:
            counts = (near_count, close_count)
            forces = device.forces_from_bonds(
                [(b, n, g) for (b, g), n in zip(shares, counts, strict=True)], dtype
            )
        else:
            own = with_others(own, species.size)
            forces = jnp.stack([_scattered(own[c], [(b, g[c]) for b, g in shares]) for c in range(3)])
        return Evaluation(
            energies=energies,
            forces=forces,
            virials=virials if with_virials else None,
            usage=jnp.stack((near_count, close_count)),
            reach_A=jnp.full(close_count.shape, self.cutoff_A, bonds.x.dtype),
        )

    def _in_blocks(
        self, near: Bonds, close: Bonds, species: Int[Array, " atom"], dtype: DTypeLike
    ) -> _Results:
        """Everything of single atoms and bonds, a block of atoms after the other."""
        atoms = near.x.shape[1]
        most = self.block or (_BLOCK_GPU if jax.default_backend() == "gpu" else _BLOCK_CPU)
        blocks = max(1, -(-atoms // most))
        size = -(-atoms // blocks)
        several = len(self.model.elements) > 1
        work = _Work(
            (near.x, near.y, near.z),
            (close.x, close.y, close.z),
            species[:atoms] if several else None,
            self._pairs(near, species) if several else None,
            self._pairs(close, species) if several else None,
        )
        if blocks == 1:
            return _evaluate(self.model, work, dtype)
        spare = blocks * size - atoms
        work = jax.tree.map(lambda a: jnp.pad(a, [(0, 0)] * (a.ndim - 1) + [(0, spare)]), work)
        if spare:
            far = jnp.arange(blocks * size) >= atoms
            x_near, x_close = (jnp.where(far, PAD_A, v[0]) for v in (work.near, work.close))
            work = work._replace(near=(x_near, *work.near[1:]), close=(x_close, *work.close[1:]))

        def one(start: Array) -> _Results:
            part = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, size, axis=a.ndim - 1), work)
            return _evaluate(self.model, barrier(part), dtype)

        found = jax.lax.map(one, jnp.arange(blocks, dtype=jnp.int32) * size)

        def joined(values: Array) -> Array:
            return jnp.moveaxis(values, 0, -2).reshape(*values.shape[1:-1], -1)[..., :atoms]

        return jax.tree.map(joined, found)

    def _pairs(self, bonds: Bonds, species: Int[Array, " atom"]) -> Int[Array, "slot atom"]:
        """Which pair of elements each bond joins: that of the atom times their number, plus the neighbour's."""
        return species[: bonds.index.shape[1]] * len(self.model.elements) + gather(species, bonds.index)


class _Work(NamedTuple):
    """What a block needs: bond vectors of both lists and, of several elements, who is who."""

    near: Vectors
    close: Vectors
    species: Int[Array, " atom"] | None
    near_pairs: Int[Array, "slot atom"] | None
    close_pairs: Int[Array, "slot atom"] | None


class _Results(NamedTuple):
    """Energies (eV), sums of the gradients over an atom's own bonds (eV/A), virials (eV); gradients of both lists."""

    energies: Float[Array, " atom"]
    own: Float[Array, "3 atom"]
    virials: Float[Array, "6 atom"]
    near: Vectors
    close: Vectors


def _evaluate(model: NepModel, work: _Work, dtype: DTypeLike) -> _Results:
    """A block's results; gradients in the dtype of the bonds, sums over bonds in ``dtype``."""
    single = work.near[0].dtype
    n_radial = model.radial.shape[2]
    radial = _Radial(model, work)
    angular = _Angular(model, work)
    q = barrier(jnp.concatenate([radial.q, angular.q], axis=1))
    energies, dq = _network(model, q, work.species, single)
    energies = energies.astype(dtype)
    near = radial.gradient(dq[:, :n_radial])
    close = angular.gradient(dq[:, n_radial:])
    if model.zbl is not None:
        extra, slope = repulsion(model.zbl, work.close, work.close_pairs, dtype)
        energies = energies + extra
        close = barrier(tuple(a + b for a, b in zip(close, slope, strict=True)))
    own: Array | float = 0.0
    virials: Array | float = 0.0
    for (x, y, z), (gx, gy, gz) in ((work.near, near), (work.close, close)):
        own = own + fold(barrier(jnp.stack([g.astype(dtype) for g in (gx, gy, gz)])), 1)
        products = (
            gx * x,
            gy * y,
            gz * z,
            0.5 * (gy * z + gz * y),
            0.5 * (gx * z + gz * x),
            0.5 * (gx * y + gy * x),
        )
        virials = virials + fold(barrier(jnp.stack([p.astype(dtype) for p in products])), 1)
    return _Results(energies, own, virials, near, close)  # type: ignore[arg-type]


def _scattered(own: Array, shares: list[tuple[Bonds, Array]]) -> Float[Array, " atom"]:
    """One component of the forces: on an atom by its own bonds, and on the other ends."""
    for bonds, gradient in shares:
        own = scatter_add(own, bonds.index, -gradient.astype(own.dtype))
    return own


def _network(
    model: NepModel, q: Float[Array, "atom descriptor"], species: Array | None, dtype: DTypeLike
) -> tuple[Float[Array, " atom"], Float[Array, "atom descriptor"]]:
    """Energy of each atom and its derivatives with respect to the descriptors."""
    weights = jnp.asarray(model.input_weights, dtype)
    biases = jnp.asarray(model.input_biases, dtype)
    output = jnp.asarray(model.output_weights, dtype)
    if len(weights) == 1:
        hidden = barrier(jnp.tanh(q @ weights[0].T - biases[0]))
        slope = output[0] * (1.0 - hidden * hidden)
        return hidden @ output[0] - model.bias_eV, barrier(barrier(slope) @ weights[0])
    assert species is not None  # several networks mean several elements
    own = gather(weights, species)
    hidden = barrier(jnp.tanh(jnp.einsum("nd,nmd->nm", q, own) - gather(biases, species)))
    output = gather(output, species)
    slope = barrier(output * (1.0 - hidden * hidden))
    energies = jnp.sum(hidden * output, axis=1) - model.bias_eV
    return energies, barrier(jnp.einsum("nm,nmd->nd", slope, own))


def _table(values: np.ndarray, pairs: Array | None, dtype: DTypeLike) -> Array:
    """Entries of a table (element, element, ...) for every bond; the only one of one element."""
    flat = jnp.asarray(values.reshape(-1, *values.shape[2:]), dtype)
    return flat[0] if pairs is None else gather(flat, pairs)


class _Radial:
    """Radial descriptors ``q`` (atom, n) of a block, and what their gradient needs."""

    def __init__(self, model: NepModel, work: _Work) -> None:
        self.vectors = x, y, z = work.near
        dtype = x.dtype
        pairs = work.near_pairs
        r2 = x * x + y * y + z * z
        self.inverse_r = barrier(1.0 / jnp.sqrt(r2))
        r = barrier(r2 * self.inverse_r)
        cutoff_A = float(model.radial_A[0, 0]) if pairs is None else _table(model.radial_A, pairs, dtype)
        self.place = within(r, cutoff_A)
        self.most = model.radial.shape[3] - 1
        self.coefficients = _table(model.radial, pairs, dtype)
        f, df = barrier(basis(self.place, self.most))
        if pairs is None:
            sums = barrier(fold(barrier(jnp.stack(f)), 1))
            self.q = (self.coefficients @ sums).T
            self.df = df
        else:
            q = jnp.einsum("knab,bkn->na", self.coefficients, jnp.stack(f))
            self.df = barrier(jnp.stack(df))
            self.q = q

    def gradient(self, dq: Float[Array, "atom n"]) -> Vectors:
        """With respect to the bond vectors."""
        if self.coefficients.ndim == 2:
            h = barrier(self.coefficients.T @ dq.T)
            slope = sum(h[k] * self.df[k] for k in range(self.most + 1))
        else:
            slope = jnp.einsum("knab,na,bkn->kn", self.coefficients, dq, self.df)
        along = barrier(slope * self.inverse_r)
        x, y, z = self.vectors
        return barrier((along * x, along * y, along * z))


class _Angular:
    """Angular descriptors ``q`` (atom, invariant x n) of a block, and what their gradient needs."""

    def __init__(self, model: NepModel, work: _Work) -> None:
        self.model = model
        x, y, z = barrier(tuple(v.T for v in work.close))
        dtype = x.dtype
        pairs = None if work.close_pairs is None else work.close_pairs.T
        r2 = x * x + y * y + z * z
        self.inverse_r = barrier(1.0 / jnp.sqrt(r2))
        r = barrier(r2 * self.inverse_r)
        self.unit = barrier((x * self.inverse_r, y * self.inverse_r, z * self.inverse_r))
        cutoff_A = float(model.angular_A[0, 0]) if pairs is None else _table(model.angular_A, pairs, dtype)
        place = within(r, cutoff_A)
        self.coefficients = _table(model.angular, pairs, dtype)
        f, self.df = barrier(basis(place, model.angular.shape[3] - 1))
        f = barrier(jnp.stack(f, axis=1))
        Y = barrier(jnp.stack(barrier(harmonics(model.l_max, *self.unit)), axis=1))
        self.g = f if pairs is None else jnp.einsum("nkcb,nbk->nck", self.coefficients, f)
        A = jnp.einsum("nak,nbk->nab", Y, self.g)
        if pairs is None:
            A = A @ self.coefficients.T
        self.Y = Y
        self.A = barrier(tuple(jnp.moveaxis(A, 1, 0)))
        terms = invariants(model.l_max, model.four_body, model.five_body, self.A)
        self.q = jnp.concatenate(barrier(terms), axis=1)

    def gradient(self, dq: Float[Array, "atom invariant"]) -> Vectors:
        """With respect to the bond vectors."""
        model, one = self.model, self.coefficients.ndim == 2
        count = model.angular.shape[2]
        parts = barrier([dq[:, k : k + count] for k in range(0, dq.shape[1], count)])
        dA = invariants_backwards(model.l_max, model.four_body, model.five_body, self.A, parts)
        dA = barrier(jnp.stack(barrier(dA), axis=1))
        if one:
            dA = barrier(dA @ self.coefficients)
        weights = barrier(jnp.einsum("nab,nbk->nak", dA, self.g))
        along = barrier(jnp.einsum("nab,nak->nbk", dA, self.Y))
        if not one:
            along = jnp.einsum("nkcb,nck->nbk", self.coefficients, along)
        slope = sum(along[:, b] * d for b, d in enumerate(self.df))
        x, y, z = self.unit
        turn = harmonics_backwards(model.l_max, x, y, z, [weights[:, a] for a in range(weights.shape[1])])
        slope, turn = barrier((slope, turn))
        inward = turn[0] * x + turn[1] * y + turn[2] * z
        along = barrier(slope - self.inverse_r * inward)
        return barrier(
            tuple((along * u + self.inverse_r * t).T for u, t in zip(self.unit, turn, strict=True))
        )
