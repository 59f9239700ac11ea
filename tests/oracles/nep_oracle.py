"""NEP by plain sums over Legendre polynomials, and the derivatives of that by jax.grad.

Nothing is shared with the kernel but what the file reader returns. The three-body terms are
(2l + 1)/(4 pi) sum_jk g g P_l(cos); the four-body term is the determinant of the quadrupole
sum_j g (u u^T - 1/3), the five-body term the fourth power of the length of sum_j g u.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from carbonize.potentials.nep_file import NepModel


def _energy(model: NepModel, vectors: jax.Array, here: jax.Array, there: jax.Array) -> jax.Array:
    """Energy (eV) of one atom of species ``here`` with bonds (bond, 3) to others of species ``there``."""
    r = jnp.sqrt(jnp.sum(vectors**2, axis=1))
    unit = vectors / r[:, None]

    def functions(cutoffs, coefficients):
        rc = jnp.asarray(cutoffs)[here, there]
        inside = r < rc
        x = 2.0 * (jnp.where(inside, r, rc) / rc - 1.0) ** 2 - 1.0
        fc = jnp.where(inside, 0.5 + 0.5 * jnp.cos(jnp.pi * r / rc), 0.0)
        T = [jnp.ones_like(x), x]
        while len(T) < coefficients.shape[3]:
            T.append(2.0 * x * T[-1] - T[-2])
        f = jnp.stack([fc * (1.0 if k == 0 else 0.5 * (t + 1.0)) for k, t in enumerate(T)])
        return jnp.einsum("bnk,kb->nb", jnp.asarray(coefficients)[here, there], f[: coefficients.shape[3]])

    radial = functions(model.radial_A, model.radial)
    g = functions(model.angular_A, model.angular)
    cosines = unit @ unit.T
    P = [jnp.ones_like(cosines), cosines]
    for l in range(1, model.l_max):  # noqa: E741
        P.append(((2 * l + 1) * cosines * P[l] - l * P[l - 1]) / (l + 1))
    q = [jnp.sum(radial, axis=1)]
    for l in range(1, model.l_max + 1):  # noqa: E741
        q.append((2 * l + 1) / (4 * jnp.pi) * jnp.einsum("nj,jk,nk->n", g, P[l], g))
    if model.four_body:
        Q = jnp.einsum("nj,jab->nab", g, unit[:, :, None] * unit[:, None, :] - jnp.eye(3) / 3.0)
        # one bond along z with g = 1: 8 C1 as published, 2/27 as a determinant
        q.append(jnp.linalg.det(Q) * (-0.007499480826664 * 8.0) / (2.0 / 27.0))
    if model.five_body:
        D = jnp.einsum("nj,ja->na", g, unit)
        q.append(0.026596810706114 * jnp.sum(D * D, axis=1) ** 2)
    network = here if len(model.input_weights) > 1 else 0
    weights, biases, output = (
        jnp.asarray(v)[network] for v in (model.input_weights, model.input_biases, model.output_weights)
    )
    energy = output @ jnp.tanh(weights @ jnp.concatenate(q) - biases) - model.bias_eV
    if model.zbl is not None:
        energy = energy + 0.5 * jnp.sum(_repulsion(model, r, here, there))
    return energy


def _repulsion(model: NepModel, r, here, there):
    z = model.zbl
    assert z is not None
    inner, outer, strength, inverse_length = (
        jnp.asarray(v)[here, there] for v in (z.inner_A, z.outer_A, z.strength_eV_A, z.inverse_length_per_A)
    )
    screen = sum(
        jnp.asarray(a)[here, there] * jnp.exp(-jnp.asarray(b)[here, there] * r * inverse_length)
        for a, b in zip(z.amplitudes, z.decays, strict=True)
    )
    switch = jnp.where(r < inner, 1.0, 0.5 + 0.5 * jnp.cos(jnp.pi * (r - inner) / (outer - inner)))
    return strength / r * screen * jnp.where(r < outer, switch, 0.0)


def evaluate(
    model: NepModel, vectors: np.ndarray, species: np.ndarray, first: np.ndarray, second: np.ndarray
):
    """Energies (atom), forces (atom, 3) and dE/dstrain (3, 3) in float64, from sorted bonds (bond, 3)."""
    counts = np.bincount(first, minlength=len(species))
    slot = np.arange(len(first)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = np.tile([1e3, 0.0, 0.0], (len(species), counts.max(), 1))
    padded[first, slot] = vectors
    there = np.zeros(padded.shape[:2], int)
    there[first, slot] = species[second]
    with jax.enable_x64(True):
        each = jax.vmap(jax.value_and_grad(lambda v, i, j: _energy(model, v, i, j)))
        energies, gradients = jax.jit(each)(padded, species, there)
    gradient = np.asarray(gradients)[first, slot]
    forces = np.zeros((len(species), 3))
    np.add.at(forces, first, gradient)
    np.add.at(forces, second, -gradient)
    return np.asarray(energies), forces, gradient.T @ vectors
