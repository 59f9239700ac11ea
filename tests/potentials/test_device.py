"""Kernels for graphics cards, in Pallas' interpreter, against the code that runs on the CPU."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from bond_lists import evaluate, random_bonds

from carbonize.potentials import device, edip_pairs, slots
from carbonize.potentials.edip import Edip
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS

CCC = ("C", "C", "C")
TERSOFF = Tersoff(((CCC, NAMED_SETS["tersoff-1989"][CCC]),))
PRECISIONS = {"float64": 1e-13, "float32": 2e-6}


@pytest.fixture(params=[pytest.param("float64", marks=pytest.mark.slow), "float32"])
def case(request):
    with jax.enable_x64(True):
        bonds = random_bonds(213, 2, request.param)
        yield jax.tree.map(jnp.asarray, bonds), PRECISIONS[request.param]


def test_shells_are_the_same_bonds_in_the_same_order(case):
    bonds, _ = case
    reach = jnp.linspace(1.5, 2.8, 213, dtype=bonds.x.dtype)
    bounds, capacities = ((0.0, 2.0), (2.0, 2.27), (0.0, reach)), (6, 3, 11)
    for found, expected in zip(
        jax.jit(lambda b: device.shells(b, bounds, capacities))(bonds),
        jax.jit(lambda b: slots.shells(b, bounds, capacities), compiler_options=slots.compiler_options())(
            bonds
        ),
        strict=True,
    ):
        assert (found[1] == expected[1]).all()
        for name in ("index", "x", "y", "z"):
            assert np.array_equal(getattr(found[0], name), getattr(expected[0], name)), name


def test_pairs_and_triples_agree(case):
    bonds, tolerance = case
    Z = jnp.asarray(np.random.default_rng(0).uniform(1.0, 4.5, 213), bonds.x.dtype)
    ((live, count),) = slots.shells(bonds, ((0.0, 2.7),), (14,))
    found = jax.jit(lambda b, n, Z: device.pairs_and_triples(Edip(), b, n, Z, 0.045))(live, count, Z)
    expected = jax.jit(
        lambda b, Z: edip_pairs.pairs_and_triples(Edip(), b, Z, 0.045),
        compiler_options=slots.compiler_options(),
    )(live, Z)
    for mine, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.abs(mine - other).max() < tolerance * np.abs(other).max()


@pytest.mark.parametrize("accumulate", [None, "float64"])
@pytest.mark.parametrize(
    ("potential", "capacity"),
    [(Edip(loops=False), (6, 8, 24, 12, 64)), (TERSOFF, (6, 10))],
    ids=["edip", "tersoff"],
)
def test_whole_potentials_compile_for_a_card(monkeypatch, potential, capacity, accumulate):
    """The compiler stops short of machine code here, but every operation has been translated."""
    monkeypatch.setattr(device, "available", lambda: True)
    species = jnp.zeros(213, jnp.int32)
    with jax.enable_x64(True):
        bonds = jax.tree.map(jnp.asarray, random_bonds(213, 2, "float32"))
        traced = jax.jit(lambda b: potential.evaluate(b, species, capacity, True, accumulate)).trace(bonds)
        assert "triton" in traced.lower(lowering_platforms=("cuda",)).as_text()


@pytest.mark.parametrize(
    ("potential", "capacity"),
    # EDIP takes a minute here; its kernels are compared one by one above
    [pytest.param(Edip(loops=False), (6, 8, 24, 12, 64), marks=pytest.mark.slow), (TERSOFF, (6, 10))],
    ids=["edip", "tersoff"],
)
def test_whole_potentials_agree_but_for_the_scattering(monkeypatch, case, potential, capacity):
    """The interpreter knows no atomic additions, so XLA scatters here."""
    bonds, tolerance = case
    expected = evaluate(potential, bonds, capacity)
    monkeypatch.setattr(device, "available", lambda: True)
    monkeypatch.setattr(device, "_scattered", _scattered)
    whole = device.pl.pallas_call
    monkeypatch.setattr(device.pl, "pallas_call", lambda *a, **k: whole(*a, **(k | {"interpret": True})))
    species = jnp.zeros(213, jnp.int32)
    found = jax.jit(
        lambda b: potential.evaluate(b, species, capacity, with_virials=True),
        compiler_options=slots.compiler_options(),
    )(bonds)
    for name in ("energies", "forces", "virials", "reach_A"):
        mine, other = np.asarray(getattr(found, name)), getattr(expected, name)
        assert np.abs(mine - other).max() < tolerance * np.abs(other).max(), name
    assert np.array_equal(found.usage, expected.usage)


def _scattered(lists, dtype, own=False):
    sums = []
    for c in range(len(lists[0][2])):
        total = jnp.zeros(lists[0][1].shape, dtype or lists[0][2][0].dtype)
        for index, count, values in lists:
            used = jnp.where(jnp.arange(index.shape[0])[:, None] < count, values[c], 0).astype(total.dtype)
            total = total.at[index].add(-used if own else used)
            total = total + used.sum(axis=0) if own else total
        sums.append(total)
    return sums
