"""Bonds of random structures, for tests that call a potential without engine or calculator."""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from scipy.spatial import KDTree

from carbonize.potentials.base import PAD_A, Bonds, Capacity, Evaluation, Potential
from carbonize.potentials.slots import compiler_options


def random_bonds(atoms: int, seed: int, dtype: str, cutoff_A: float = 3.6, slots: int = 40) -> Bonds:
    """``atoms`` atoms at 2.6 g/cm3 in a periodic cube: a rattled simple cubic lattice with vacancies."""
    rng = np.random.default_rng(seed)
    edge = (atoms * 12.011 / 6.02214076e23 / 2.6) ** (1 / 3) * 1e8
    sites = int(np.ceil(atoms ** (1 / 3)))
    lattice = np.stack(np.meshgrid(*[np.arange(sites)] * 3, indexing="ij"), -1).reshape(-1, 3)[:atoms]
    positions = ((lattice + 0.5) * edge / sites + rng.normal(size=(atoms, 3)) * 0.15) % edge
    images = np.stack(np.meshgrid(*[[0, -1, 1]] * 3, indexing="ij"), -1).reshape(-1, 1, 3) * edge
    everything = (positions + images).reshape(-1, 3)
    index = np.tile(np.arange(atoms, dtype=np.int32), (slots, 1))
    vectors = np.zeros((3, slots, atoms))
    vectors[0] = PAD_A
    for i, near in enumerate(KDTree(everything).query_ball_point(positions, cutoff_A, return_sorted=True)):
        found = [k for k in near if k != i]
        index[: len(found), i] = np.array(found) % atoms
        vectors[:, : len(found), i] = (everything[found] - positions[i]).T
    return Bonds(index, *vectors.astype(dtype))  # type: ignore[arg-type]


def end_to_end(parts: Sequence[Bonds]) -> Bonds:
    """Replicas along one atom axis."""
    starts = np.cumsum([0] + [part.index.shape[1] for part in parts])
    index = np.concatenate([part.index + n for part, n in zip(parts, starts, strict=False)], axis=1)
    vectors = (np.concatenate([getattr(part, c) for part in parts], axis=1) for c in "xyz")
    return Bonds(index.astype(np.int32), *vectors)  # type: ignore[arg-type]


def evaluate(
    potential: Potential, bonds: Bonds, capacity: Capacity, accumulate: str | None = None
) -> Evaluation:
    """Everything a potential has to say, compiled as the engine compiles it."""
    with jax.enable_x64(True):
        return jax.device_get(_compiled(potential, bonds, capacity, accumulate))


def _evaluate(potential: Potential, bonds: Bonds, capacity: Capacity, accumulate: str | None) -> Evaluation:
    species = jnp.zeros(bonds.x.shape[1], jnp.int32)
    return potential.evaluate(bonds, species, capacity, with_virials=True, accumulate=accumulate)


_compiled = jax.jit(_evaluate, static_argnums=(0, 2, 3), compiler_options=compiler_options())
