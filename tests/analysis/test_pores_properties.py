"""Pores of arbitrary structures, of one or two kinds of atoms: the same however the cell is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase.build import make_supercell
from ase.io import read
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pore_models import random_structure
from scipy.spatial.transform import Rotation

from carbonize import analyze

STRUCTURES = Path(__file__).parents[2] / "structures"
TRIES = settings(
    max_examples=20, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)

structures = st.builds(
    lambda count, seed, room, hydrogens: _structure(count, seed, room, hydrogens),
    count=st.integers(1, 14),
    seed=st.integers(0, 10_000),
    room=st.floats(25.0, 60.0),
    hydrogens=st.floats(0.0, 0.6),
)


def _structure(count, seed, room, hydrogens):
    atoms = random_structure(count, seed, room)
    atoms.numbers[np.random.default_rng(seed).random(count) < hydrogens] = 1
    return atoms


def _numbers(atoms):
    """What one cubic Angstrom of the structure has: spheres, volumes and areas by probe, class volumes."""
    pores = analyze(atoms, what="pores", probes={"point": 0.0, "He": 2.6, "N2": 3.64})["pores"]
    volume = atoms.cell.volume
    spheres = [pores["largest_included_sphere_A"], pores["largest_free_sphere_A"] or 0.0]
    parts = [
        probe[f"{kind}_{what}"] / volume
        for probe in pores["probes"].values()
        for kind in ("accessible", "inaccessible")
        for what in ("volume_A3", "area_A2")
    ]
    return np.array(spheres), np.array(parts + [c["volume_A3"] / volume for c in pores["classes"].values()])


def _same(one, two):
    for a, b in zip(_numbers(one), _numbers(two), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=2e-6)


@TRIES
@given(atoms=structures, shift=st.tuples(*[st.floats(-20, 20)] * 3), seed=st.integers(0, 10_000))
def test_shifted_turned_and_in_another_order(atoms, shift, seed):
    other = atoms[np.random.default_rng(seed).permutation(len(atoms))]
    turn = Rotation.from_quat(np.random.default_rng(seed).normal(size=4)).as_matrix()
    other.translate(shift)
    other.set_cell(other.cell.array @ turn.T, scale_atoms=True)
    _same(atoms, other)


@TRIES
@given(
    atoms=structures,
    shear=st.tuples(*[st.integers(-1, 1)] * 3),
    copies=st.sampled_from([(1, 1, 1), (2, 1, 1), (1, 1, 2), (1, 2, 2)]),
)
def test_sheared_to_an_equal_cell_and_repeated(atoms, shear, copies):
    a, b, c = shear
    matrix = np.array([[1, a, b], [0, 1, c], [0, 0, 1]]) * np.array(copies)[:, None]
    other = make_supercell(atoms, matrix)
    assert len(other) == len(atoms) * np.prod(copies)
    _same(atoms, other)


@pytest.mark.parametrize("name", ["precursor-500", "precursor-1000"])
def test_a_rattle_of_a_hundredth_of_an_angstrom_hardly_moves_class_volumes(name):
    atoms = read(STRUCTURES / f"{name}.extxyz")
    before = analyze(atoms, what="pores")["pores"]["classes"]
    whole = sum(entry["volume_A3"] for entry in before.values())
    for seed in (1, 2, 3):
        moved = atoms.copy()
        moved.rattle(0.01, seed=seed)
        assert 0.001 < np.abs(moved.positions - atoms.positions).max() < 0.1
        after = analyze(moved, what="pores")["pores"]["classes"]
        for kind, entry in before.items():
            change = after[kind]["volume_A3"] - entry["volume_A3"]
            # a class with next to nothing in it is compared with the whole void
            assert abs(change) < 0.02 * max(entry["volume_A3"], 0.01 * whole), (kind, seed)
