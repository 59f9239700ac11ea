"""Screened nuclear repulsion (ZBL) that some NEP files add at short range.

Ziegler, Biersack and Littmark (1985), as in Song et al., Nat. Commun. 15, 10208 (2024):

    E_i = 1/2 sum_j  Z_i Z_j/(4 pi epsilon_0 r) sum_k a_k exp(-b_k r/a)  fc(r)

with fc falling from 1 at the inner cutoff to 0 at the outer one as half a cosine wave.
"""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import DTypeLike

from carbonize.potentials.nep_file import Zbl
from carbonize.potentials.slots import Vectors, barrier, fold, gather

__all__ = ["repulsion"]


def repulsion(zbl: Zbl, vectors: Vectors, pairs: Array | None, dtype: DTypeLike) -> tuple[Array, Vectors]:
    """Energy of each atom (eV) and the gradient with respect to its bonds (eV/A), all (slot, atom).

    ``pairs`` tells which pair of elements a bond joins; None for one element. Energies are summed in
    ``dtype``.
    """
    x, y, z = vectors

    def of_pair(values: np.ndarray) -> Array | float:
        if pairs is None:
            return float(values.reshape(-1)[0])
        return gather(jnp.asarray(values.reshape(-1), x.dtype), pairs)

    inner_A, outer_A = of_pair(zbl.inner_A), of_pair(zbl.outer_A)
    r2 = x * x + y * y + z * z
    inverse_r = barrier(1.0 / jnp.sqrt(r2))
    r = barrier(jnp.minimum(r2 * inverse_r, outer_A))
    reduced = r * of_pair(zbl.inverse_length_per_A)
    screen, slope = jnp.zeros_like(r), jnp.zeros_like(r)
    for a, b in zip(zbl.amplitudes, zbl.decays, strict=True):
        term = barrier(of_pair(a) * jnp.exp(-of_pair(b) * reduced))
        screen, slope = screen + term, slope - of_pair(b) * term
    strength = of_pair(zbl.strength_eV_A) * inverse_r
    energy = strength * screen
    slope = strength * (slope * of_pair(zbl.inverse_length_per_A) - screen * inverse_r)
    steep = math.pi / (outer_A - inner_A)
    angle = steep * jnp.clip(r - inner_A, 0.0, outer_A - inner_A)
    inside = r < outer_A
    fc = jnp.where(inside, 0.5 + 0.5 * jnp.cos(angle), 0.0)
    dfc = jnp.where(inside, -0.5 * steep * jnp.sin(angle), 0.0)
    along = barrier(0.5 * (slope * fc + energy * dfc) * inverse_r)
    return 0.5 * fold(barrier((energy * fc).astype(dtype))), (along * x, along * y, along * z)
