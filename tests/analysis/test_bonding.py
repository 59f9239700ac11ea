"""Coordination and bond lengths against a brute-force sum over images and against known crystals."""

from __future__ import annotations

import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, molecule
from pore_models import random_structure

from carbonize import analyze
from carbonize.analysis.bonding import bonding, coordination
from carbonize.errors import InputError
from carbonize.periodic import make_lattice, neighbor_pairs


def brute_force_coordination(atoms: Atoms, cutoff: float, reach: int) -> np.ndarray:
    steps = [range(-reach, reach + 1) if periodic else (0,) for periodic in atoms.pbc]
    count = np.zeros(len(atoms), dtype=int)
    for shift in np.array(np.meshgrid(*steps)).reshape(3, -1).T:
        distance = np.linalg.norm(
            atoms.positions[:, None] - atoms.positions[None] - shift @ atoms.cell.array, axis=2
        )
        if not shift.any():
            np.fill_diagonal(distance, np.inf)
        count += (distance <= cutoff).sum(axis=1)
    return count


def test_every_atom_of_diamond_is_sp3_even_in_its_smallest_cell():
    result = bonding(bulk("C", "diamond", a=3.567))
    assert result["sp3"] == 1.0
    assert result["mean_coordination"] == 4.0
    assert result["mean_bond_length_A"] == pytest.approx(3.567 * 3**0.5 / 4, abs=1e-12)


def test_every_atom_of_graphene_is_sp2_with_the_third_direction_open():
    result = bonding(graphene(a=2.46, vacuum=None))
    assert result["sp2"] == 1.0
    assert result["mean_bond_length_A"] == pytest.approx(2.46 / 3**0.5, abs=1e-12)


def test_a_carbon_chain_is_sp_with_one_atom_in_its_cell():
    chain = Atoms("C", cell=[0, 0, 1.3], pbc=[False, False, True])
    assert coordination(chain).tolist() == [2]


def test_every_atom_of_c60_is_sp2():
    result = analyze(molecule("C60"), what="bonding")
    assert result["bonding"]["sp2"] == 1.0
    assert result["density_g_cm3"] is None
    assert result["cell_volume_A3"] is None


def test_an_isolated_atom_has_no_bond_length():
    result = bonding(Atoms("C", cell=[9, 9, 9], pbc=True))
    assert result["mean_bond_length_A"] is None
    assert result["coordination_fraction"] == {"0": 1.0, "1": 0.0, "2": 0.0, "3": 0.0, "4": 0.0}


def test_coordination_fractions_add_up_and_reach_past_four():
    result = bonding(bulk("C", "fcc", a=2.4), cutoff_A=1.75)
    assert result["coordination_fraction"]["12"] == 1.0
    assert sum(result["coordination_fraction"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize("pbc", [(1, 1, 1), (1, 1, 0), (0, 1, 0), (1, 0, 1), (0, 0, 0), (0, 1, 1)])
@pytest.mark.parametrize("count", [1, 2, 9])
def test_coordination_equals_a_sum_over_images_in_any_cell(count, pbc):
    for seed in range(4):
        atoms = random_structure(count, seed, volume_per_atom=9.0)
        atoms.pbc = pbc
        for cutoff in (1.85, 4.0):
            np.testing.assert_array_equal(
                coordination(atoms, cutoff), brute_force_coordination(atoms, cutoff, reach=6)
            )


@pytest.mark.parametrize("pbc", [(1, 1, 1), (1, 1, 0), (1, 0, 1), (0, 1, 1)])
def test_a_skewed_description_of_the_same_lattice_gives_the_same_bonds(pbc):
    random = np.random.default_rng(5)
    atoms = random_structure(12, 3, volume_per_atom=9.0)
    atoms.pbc = pbc
    skewed = atoms.copy()
    cell = atoms.cell.array.copy()
    for _ in range(12):  # elementary steps keep the lattice
        i, j = random.permutation(np.flatnonzero(pbc))[:2]
        cell[i] += random.integers(-3, 4) * cell[j]
    skewed.set_cell(cell)
    np.testing.assert_array_equal(coordination(atoms, 2.5), coordination(skewed, 2.5))
    lattice = make_lattice(cell, pbc)
    assert abs(round(np.linalg.det(lattice.change))) == 1
    assert np.linalg.norm(lattice.vectors, axis=1).max() < 20


def test_pairs_are_found_from_both_ends_at_the_true_distance():
    atoms = random_structure(20, 1, volume_per_atom=9.0)
    pairs = neighbor_pairs(atoms.positions, atoms.cell.array, atoms.pbc, 2.2)
    forward = sorted(zip(pairs.first.tolist(), pairs.second.tolist(), pairs.distance.round(9), strict=True))
    backward = sorted(zip(pairs.second.tolist(), pairs.first.tolist(), pairs.distance.round(9), strict=True))
    assert forward == backward
    assert len(pairs.distance) > 20


def test_a_hundred_thousand_atoms_take_seconds():
    atoms = bulk("C", "diamond", a=3.567, cubic=True).repeat((24, 24, 22))
    assert len(atoms) > 1e5
    start = time.perf_counter()
    assert (coordination(atoms) == 4).all()
    assert time.perf_counter() - start < 20


def test_density_of_diamond_is_known():
    result = analyze(bulk("C", "diamond", a=3.567), what=["bonding"])
    assert result["density_g_cm3"] == pytest.approx(3.5157, abs=1e-3)
    assert "pores" not in result


@pytest.mark.parametrize("cutoff", [0, -1.0, float("nan"), float("inf"), "wide", True, 1e6])
def test_an_impossible_bond_cutoff_is_refused(cutoff):
    with pytest.raises(InputError, match="bond cutoff"):
        analyze(bulk("C"), what="bonding", bond_cutoff_A=cutoff)
