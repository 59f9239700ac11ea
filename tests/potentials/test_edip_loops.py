"""Carbon EDIP as loops: the same as the arrays that cards evaluate, and the same in any company."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
import numba
import numpy as np
import pytest
from bond_lists import end_to_end, evaluate, random_bonds

from carbonize.potentials.base import PAD_A, UNUSED, Bonds, Lists
from carbonize.potentials.edip import Edip
from carbonize.potentials.edip_loops.numbers import exponential

LOOPS, ARRAYS = Edip(), Edip(loops=False)
ROOM = (6, 8, 24, 12, 64)  # as in test_interface.py: compiled once
FOUND = ("energies", "forces", "virials", "reach_A")


def test_loops_find_what_arrays_find():
    bonds = random_bonds(213, 2, "float64")
    arrays, loops = evaluate(ARRAYS, bonds, ROOM), evaluate(LOOPS, bonds, ROOM)
    assert (arrays.usage.max(axis=1) <= ROOM).all()
    assert np.abs(arrays.forces).max() > 10
    for name in ("energies", "forces", "reach_A"):
        assert np.abs(getattr(loops, name) - getattr(arrays, name)).max() < 1e-11, name
    # which atom a dihedral's virial is given to is a convention; the sum is not
    assert np.abs((loops.virials - arrays.virials).sum(axis=1)).max() < 1e-9
    assert np.abs(loops.forces.sum(axis=1)).max() < 1e-11


@pytest.mark.parametrize("precision", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
def test_neither_slots_nor_company_change_a_bit(precision):
    """213 atoms: replicas do not begin where blocks of atoms do."""
    first, second, third = (random_bonds(213, seed, precision) for seed in (1, 2, 3))
    alone = evaluate(LOOPS, second, ROOM)
    wider = random_bonds(213, 2, precision, slots=57)
    for bonds, mine in ((wider, slice(None)), (end_to_end([first, second, third]), slice(213, 426))):
        other = evaluate(LOOPS, bonds, ROOM)
        for name in FOUND:
            assert np.array_equal(getattr(other, name)[..., mine], getattr(alone, name)), name


def test_mixed_precision_is_double_from_the_bonds_on():
    bonds = random_bonds(213, 2, "float32")
    mixed = evaluate(LOOPS, bonds, ROOM, "float64")
    rounded = dataclasses.replace(bonds, **{c: np.float64(getattr(bonds, c)) for c in "xyz"})
    double = evaluate(LOOPS, rounded, ROOM)
    for name in FOUND:
        assert np.array_equal(getattr(mixed, name), getattr(double, name)), name


@pytest.mark.parametrize("seed", [2, 3, 4, 5])
def test_single_precision_forces_of_hot_disorder_are_right_to_a_tenth_of_the_gate(seed):
    """Gate: 5e-3 eV/A at 3,500 K, where forces are some 3 eV/A in the mean; here they are more."""
    exact = evaluate(LOOPS, random_bonds(213, seed, "float64"), ROOM)
    single = evaluate(LOOPS, random_bonds(213, seed, "float32"), ROOM)
    assert np.sqrt(np.square(exact.forces).sum(axis=0).mean()) > 3
    assert single.forces.dtype == single.energies.dtype == np.float32
    assert np.abs(single.forces - exact.forces).max() < 5e-4
    assert np.abs(single.energies - exact.energies).max() < 5e-5
    assert np.abs(single.virials - exact.virials).max() < 5e-4
    assert np.abs(single.forces.sum(axis=1, dtype=float)).max() < 1e-3


def test_lists_give_the_vectors_that_they_stand_for():
    rng = np.random.default_rng(7)
    atoms, slots = 90, 40
    cells = np.array([np.diag([9.0, 9.5, 10.0]), np.diag([9.2, 9.4, 10.1])])
    cells[:, 1, 0], cells[:, 2, 0], cells[:, 2, 1] = 0.7, -0.4, 0.3
    parts, shifts, positions = [], [], []
    for cell in cells:
        r = rng.uniform(size=(atoms, 3)) @ cell
        index = np.tile(np.arange(atoms, dtype=np.int32), (slots, 1))
        shift = np.zeros((3, slots, atoms), np.int8)
        shift[0] = UNUSED
        vectors = np.zeros((3, slots, atoms))
        vectors[0] = PAD_A
        steps = np.stack(np.meshgrid(*[[0, -1, 1]] * 3, indexing="ij"), -1).reshape(-1, 3)
        for i in range(atoms):
            apart = r[None] + (steps @ cell)[:, None] - r[i]
            k, j = np.nonzero((np.linalg.norm(apart, axis=-1) < 3.4) & (np.linalg.norm(apart, axis=-1) > 0.1))
            n = len(k)
            index[:n, i], shift[:, :n, i], vectors[:, :n, i] = j, steps[k].T, apart[k, j].T
        parts.append(Bonds(index, *vectors))  # type: ignore[arg-type]
        shifts.append(shift)
        positions.append(r)
    bonds = end_to_end(parts)
    nonsense = np.full_like(bonds.x, np.nan)
    lists = Lists(np.concatenate(shifts, axis=2), np.concatenate(positions), cells)  # type: ignore[arg-type]
    listed = Bonds(bonds.index, nonsense, nonsense, nonsense, lists)
    expected, found = evaluate(LOOPS, bonds, ROOM), evaluate(LOOPS, listed, ROOM)
    shifts_, r, cell = (np.asarray(a) for a in lists)
    narrow = Lists(shifts_, r.astype("float32"), cell.astype("float32"))  # type: ignore[arg-type]
    nothing = nonsense.astype("float32")
    single = evaluate(LOOPS, Bonds(bonds.index, nothing, nothing, nothing, narrow), ROOM)
    for name in FOUND:
        scale = 1 + np.abs(getattr(expected, name)).max()
        assert np.abs(getattr(found, name) - getattr(expected, name)).max() < 1e-11 * scale, name
        assert np.abs(getattr(single, name) - getattr(expected, name)).max() < 2e-5 * scale, name


def test_what_is_no_number_is_seen_where_it_is():
    sound, broken = random_bonds(213, 2, "float64"), random_bonds(213, 3, "float64")
    broken.y[2, 17] = np.nan
    both = evaluate(LOOPS, end_to_end([broken, sound]), ROOM)
    assert np.isnan(both.energies[17])
    assert np.isnan(both.forces[:, 17]).all()
    alone = evaluate(LOOPS, sound, ROOM)
    assert np.array_equal(both.forces[:, 213:], alone.forces)


def test_the_trace_of_the_virials_is_theirs():
    bonds = random_bonds(100, 5, "float64")
    with jax.enable_x64(True):
        species = jnp.zeros(100, jnp.int32)
        bonds = jax.tree.map(jnp.asarray, bonds)
        trace = LOOPS.evaluate(bonds, species, ROOM, with_virials="trace").virials
        six = LOOPS.evaluate(bonds, species, ROOM, with_virials=True).virials
        assert LOOPS.evaluate(bonds, species, ROOM).virials is None
    assert trace is not None and six is not None
    assert trace.shape == (1, 100)
    assert np.abs(np.asarray(trace)[0] - np.asarray(six)[:3].sum(axis=0)).max() < 1e-11


@numba.njit
def at(x):
    return exponential(x)  # Python cannot call it: the loops' functions are for each other


def test_the_exponential_is_right_to_the_last_bits():
    for x in np.concatenate([-np.logspace(-12, 2.845, 400), np.linspace(0, 6, 50)]):
        assert at(x) == pytest.approx(np.exp(x), rel=5e-16, abs=0)
    assert at(-1e6) < 1e-300
    for x in np.float32(np.concatenate([-np.logspace(-6, 1.9, 400), np.linspace(0, 6, 50)])):
        assert at(x) == pytest.approx(np.exp(np.float64(x)), rel=2.5e-7, abs=0)
    assert 0 < at(np.float32(-1e6)) < 1e-34
