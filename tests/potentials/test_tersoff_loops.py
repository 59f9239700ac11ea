"""Tersoff with bonds listed and forces collected by loops, as the engine has it, against arrays."""

from __future__ import annotations

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from carbonize.potentials.base import Evaluation
from carbonize.potentials.listing import list_bonds
from carbonize.potentials.slots import compiler_options, shells
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_crowded import find_crowded
from carbonize.potentials.tersoff_parameters import NAMED_SETS, TersoffEntry
from carbonize.simulation.cells import wrapped
from carbonize.simulation.list_plan import make_plan
from carbonize.simulation.neighbors import bond_vectors, build, narrow

CCC = ("C", "C", "C")
PLAIN = NAMED_SETS["tersoff-1989"][CCC]
STRETCHED = TersoffEntry(3.0, 0.9, 1.7, *[getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__][3:])
CELL = np.array([[13.0, 0, 0], [3.0, 12.5, 0], [-2.0, 1.0, 13.5]])
ATOMS, REPLICAS = 230, 2

compiled = functools.partial(jax.jit, compiler_options=compiler_options())


@functools.cache
def bonds(precision: str, vectors: str):
    """Bonds of two replicas with near lists; vectors in a precision of their own."""
    with jax.enable_x64(True):
        rng = np.random.default_rng(2)
        lattice = np.stack(np.meshgrid(*[np.arange(7)] * 3, indexing="ij"), -1).reshape(-1, 3)[:ATOMS]
        fractions = (lattice + 0.5) / 7 + rng.normal(size=(REPLICAS, ATOMS, 3)) * 0.012
        positions = jnp.asarray(fractions @ CELL, precision)
        cells = jnp.asarray(np.repeat(CELL[None], REPLICAS, 0), precision)
        inside = jax.vmap(wrapped)(positions, cells)
        plan = make_plan(np.asarray(inside), np.asarray(cells), PLAIN.cutoff_A, 1.0)
        near = narrow(plan, build(plan, inside, cells), inside, cells)
        found = bond_vectors(plan, near, inside, cells)
        x, y, z = (c.astype(vectors) for c in (found.x, found.y, found.z))
        return dataclasses.replace(found, x=x, y=y, z=z)


def evaluated(given, entry, capacity, virials, accumulate) -> Evaluation:
    potential, species = Tersoff(((CCC, entry),)), jnp.zeros(REPLICAS * ATOMS, jnp.int32)
    with jax.enable_x64(True):
        run = compiled(lambda b: potential.evaluate(b, species, capacity, virials, accumulate))
        return jax.device_get(run(given))


@pytest.mark.parametrize("entry", [PLAIN, pytest.param(STRETCHED, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("precision", "vectors", "accumulate", "tolerance"),
    [
        ("float64", "float64", None, 1e-11),
        ("float64", "float32", "float64", 2e-5),
        pytest.param("float32", "float32", None, 2e-5, marks=pytest.mark.slow),
    ],
)
def test_loops_and_arrays_agree(entry, precision, vectors, accumulate, tolerance) -> None:
    given = bonds(precision, vectors)
    arrays = evaluated(dataclasses.replace(given, lists=None), entry, (9, 256), True, accumulate)
    assert arrays.usage[0].max() > 4, "some atoms should be crowded"
    for virials in (True, "trace"):
        loops = evaluated(given, entry, (9, 256), virials, accumulate)
        assert loops.forces.dtype == (accumulate or vectors)
        assert (loops.usage.max(axis=1) <= (9, 256)).all() and loops.usage.shape[1] == 1
        for name in ("energies", "forces"):
            ours, theirs = getattr(loops, name), getattr(arrays, name)
            assert np.abs(ours - theirs).max() < tolerance * np.abs(theirs).max(), name
        trace = loops.virials[:3].sum(axis=0)
        expected = arrays.virials[:3].sum(axis=0)
        assert np.abs(trace - expected).max() < tolerance * np.abs(expected).max()


def test_room_changes_no_bit_and_too_little_is_told() -> None:
    given = bonds("float64", "float64")
    small, large = (evaluated(given, PLAIN, room, "trace", None) for room in ((8, 200), (12, 256)))
    assert (small.usage.max(axis=1) <= (8, 200)).all()
    for name in ("energies", "forces", "virials", "usage"):
        assert np.array_equal(getattr(small, name), getattr(large, name)), name
    for room in ((5, 256), (9, 1)):
        tight = evaluated(given, PLAIN, room, "trace", None)
        assert (tight.usage.max(axis=1) > room).any()


def test_lists_are_those_that_arrays_make() -> None:
    given = bonds("float64", "float64")
    with jax.enable_x64(True):
        short, count, crowded = compiled(lambda b: list_bonds(b, PLAIN.cutoff_A, 4, 7, 140))(given)
        ((expected, number),) = shells(given, ((0.0, PLAIN.cutoff_A),), (4,), all_or_none=True)
        apart = find_crowded(given, number > 4, PLAIN.cutoff_A, 7, 140)
        first, _, nothing = compiled(lambda b: list_bonds(b, PLAIN.cutoff_A, 6, 0, 0))(given)
        ((six, _),) = shells(given, ((0.0, PLAIN.cutoff_A),), (6,))
    assert nothing is None
    assert np.array_equal(count, number)
    assert 0 < (np.asarray(crowded.atoms) < count.size).sum() < crowded.atoms.size
    assert np.array_equal(crowded.atoms, apart.atoms)
    assert (int(crowded.most_bonds), int(crowded.share)) == (int(apart.most_bonds), int(apart.share))
    for ours, theirs in ((short, expected), (crowded.bonds, apart.bonds), (first, six)):
        assert np.array_equal(ours.index, theirs.index)
        for axis in "xyz":
            np.testing.assert_allclose(getattr(ours, axis), getattr(theirs, axis), atol=1e-12)
