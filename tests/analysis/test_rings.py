"""Shortest-path rings against known networks, an exhaustive walk, and matscipy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule, nanotube
from ase.io import read
from carbon_models import graphene_sheet, rings_by_walking, stone_wales
from pore_models import random_structure

from carbonize import analyze
from carbonize.analysis.bonds import bond_network
from carbonize.analysis.rings import (
    angle_deficit,
    find_rings,
    ring_membership,
    ring_summary,
    rings_in_angles,
    shortest_path_rings,
    smallest_ring,
)
from carbonize.errors import InputError

STRUCTURES = Path(__file__).parents[2] / "structures"


def counts(atoms: Atoms, largest: int = 12, cutoff: float = 1.85) -> dict[int, int]:
    sizes = shortest_path_rings(atoms, cutoff, largest).sizes
    return {int(n): int((sizes == n).sum()) for n in np.unique(sizes)}


def test_graphene_has_a_hexagon_for_every_two_atoms_in_its_smallest_cell_too():
    assert counts(graphene_sheet(1, 1)) == {6: 1}
    assert counts(graphene_sheet(7, 5)) == {6: 35}


def test_diamond_has_two_hexagons_an_atom_in_every_cell():
    assert counts(bulk("C", "diamond", a=3.567)) == {6: 4}
    assert counts(bulk("C", "diamond", a=3.567, cubic=True)) == {6: 16}


def test_c60_has_12_pentagons_20_hexagons_and_ten_equators_of_18_atoms():
    assert counts(molecule("C60")) == {5: 12, 6: 20}
    assert counts(molecule("C60"), largest=20) == {5: 12, 6: 20, 18: 10}


def test_a_stone_wales_defect_is_two_pentagons_and_two_heptagons():
    result = ring_summary(shortest_path_rings(stone_wales()))
    assert [result[n] for n in ("5", "6", "7", "8")] == [2, 32, 2, 0]
    assert result["stone_wales"] == 1
    assert result["pentagon_heptagon_contacts"] == 4
    assert result["pentagon_heptagon_pairs"] == 2
    assert result["gaussian_curvature"]["total_rad"] == pytest.approx(0.0, abs=1e-12)


def test_the_waist_of_a_narrow_tube_is_a_ring_but_no_way_along_it_is():
    tube = nanotube(5, 0, length=2, bond=1.42)
    tube.pbc = (False, False, True)
    assert counts(tube) == {6: 20, 10: 4}
    wide = nanotube(8, 0, length=1, bond=1.42)  # period 4.26 A: four bonds lead to the next image
    wide.pbc = (False, False, True)
    assert counts(wide) == {6: 16}


def test_a_periodic_chain_has_no_rings_however_short_its_cell():
    for number in (1, 2, 5):
        chain = Atoms(
            f"C{number}", [[0, 0, 1.3 * k] for k in range(number)], cell=[9, 9, 1.3 * number], pbc=True
        )
        assert counts(chain) == {}


@pytest.mark.parametrize("number", [3, 4, 7, 10, 12])
def test_a_polygon_is_one_ring(number):
    turn = 2 * np.pi * np.arange(number) / number
    radius = 1.4 / (2 * np.sin(np.pi / number))
    flat = Atoms(f"C{number}", np.stack([radius * np.cos(turn), radius * np.sin(turn), 0 * turn], axis=1))
    cutoff = 1.45
    assert counts(flat, cutoff=cutoff) == {number: 1}
    assert counts(flat, cutoff=cutoff, largest=max(3, number - 1)) == ({} if number > 3 else {3: 1})
    [ring] = [shortest_path_rings(flat, cutoff).atoms_of(0)]
    steps = np.diff(np.append(ring, ring[0])) % number
    assert set(steps.tolist()) in ({1}, {number - 1})


def crowd(count: int, seed: int) -> Atoms:
    """Atoms at random whose neighbours within 2.1 A make plenty of rings of all sizes."""
    return random_structure(count, seed, volume_per_atom=7.0)


def test_rings_equal_those_of_an_exhaustive_walk_in_any_cell():
    seen = np.zeros(8, dtype=int)
    for count in (1, 2, 3, 9):
        for seed, pbc in enumerate([(1, 1, 1), (1, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1)]):
            atoms = crowd(count, seed)
            atoms.pbc = pbc
            network = bond_network(atoms, 2.1)
            if network.coordination.max(initial=0) > 6:
                continue
            ours = np.bincount(find_rings(network, 7).sizes, minlength=8)
            np.testing.assert_array_equal(ours, rings_by_walking(network, 7))
            seen += ours
    assert (seen[3:] > 0).sum() >= 4


@pytest.mark.parametrize("repeat", [(2, 1, 1), (1, 2, 2)])
def test_a_supercell_has_so_many_times_the_rings(repeat):
    atoms = crowd(30, 2)
    own, many = counts(atoms, cutoff=2.1), counts(atoms.repeat(repeat), cutoff=2.1)
    assert many == {n: k * int(np.prod(repeat)) for n, k in own.items()}
    assert set(own) >= {3, 4, 5, 6, 7}


def test_a_skewed_cell_and_another_order_of_atoms_give_the_same_rings():
    atoms = crowd(40, 3)
    skewed = atoms.copy()
    cell = atoms.cell.array.copy()
    cell[1] += 3 * cell[0]
    cell[2] -= 2 * cell[1]
    skewed.set_cell(cell)
    shuffled = atoms[np.random.default_rng(1).permutation(len(atoms))]
    assert counts(atoms, cutoff=2.1) == counts(skewed, cutoff=2.1) == counts(shuffled, cutoff=2.1)


@pytest.mark.peers
@pytest.mark.parametrize("name", ["precursor-500", "precursor-1000", "diamond", "graphite", "C60"])
def test_matscipy_counts_the_same_rings(name):
    pytest.importorskip("matscipy", reason="matscipy, an independent count of rings, is not installed")
    from matscipy.ffi import distances_on_graph, find_sp_rings
    from matscipy.neighbours import neighbour_list

    atoms = read(STRUCTURES / f"{name}.extxyz")
    first, second, vector = neighbour_list("ijD", atoms, 1.85)
    # with a limit of 12 its walkers turn back before they have found a ring of 12
    theirs = find_sp_rings(first, second, vector, distances_on_graph(first, second), 13)
    ours = np.bincount(shortest_path_rings(atoms).sizes, minlength=13)
    np.testing.assert_array_equal(ours, np.append(theirs, np.zeros(13))[:13].astype(int))


def test_closed_cages_have_the_curvature_of_a_sphere_and_flat_sheets_none():
    cage = ring_summary(shortest_path_rings(molecule("C60")))["gaussian_curvature"]
    assert cage["total_rad"] == pytest.approx(4 * np.pi)
    assert cage["mean_rad"] == pytest.approx(np.pi / 15)
    flat = ring_summary(shortest_path_rings(graphene_sheet(4, 4)))["gaussian_curvature"]
    assert flat["rms_rad"] == 0.0 and flat["atoms"] == 32
    tube = nanotube(6, 6, length=3, bond=1.42)
    tube.pbc = (False, False, True)
    assert ring_summary(shortest_path_rings(tube))["gaussian_curvature"]["total_rad"] == pytest.approx(0.0)


def test_an_atom_of_diamond_has_no_curvature_and_an_edge_atom_neither():
    assert np.isnan(angle_deficit(rings_in_angles(shortest_path_rings(bulk("C", "diamond", a=3.567))))).all()
    flake = molecule("C60")[:40]
    inner = np.isfinite(angle_deficit(rings_in_angles(shortest_path_rings(flake))))
    assert (shortest_path_rings(flake).network.coordination[inner] == 3).all()
    assert 0 < inner.sum() < 40


def test_each_atom_knows_its_smallest_ring_and_all_of_its_rings():
    rings = shortest_path_rings(stone_wales())
    smallest, member = smallest_ring(rings), ring_membership(rings)
    assert sorted(np.unique(smallest).tolist()) == [5, 6]
    assert (smallest == 5).sum() == 10
    assert member.sum(axis=0).tolist() == [0, 0, 10, 6 * 32, 14, 0, 0, 0, 0, 0]
    assert (member.sum(axis=1) == 3).all()
    lonely = shortest_path_rings(Atoms("C", cell=[9, 9, 9], pbc=True))
    assert smallest_ring(lonely).tolist() == [0]


def test_a_close_packed_crystal_has_the_triangles_and_squares_of_its_faces():
    one = bulk("C", "fcc", a=2.4)  # twelve neighbours: a ball far larger than carbon's
    assert counts(one, cutoff=1.75, largest=6) == {3: 8, 4: 3}


def test_the_part_has_the_keys_of_the_contract():
    result = analyze(molecule("C60"), what="rings")["rings"]
    assert [result[str(n)] for n in range(3, 13)] == [0, 0, 12, 20, 0, 0, 0, 0, 0, 0]
    assert result["definition"] == "shortest-path"
    assert result["hexagon_fraction"] == 20 / 32
    empty = analyze(Atoms("C", cell=[9, 9, 9], pbc=True), what="rings")["rings"]
    assert empty["hexagon_fraction"] is None and empty["total"] == 0
    small = analyze(graphene_sheet(1, 1), what="rings")["rings"]
    assert small["own_image_rings"] == 1


def test_a_cutoff_that_makes_a_crowd_of_neighbours_is_refused():
    with pytest.raises(InputError, match="neighbours, more than 12; choose a bond cutoff"):
        analyze(bulk("C", "diamond", a=3.567), what="rings", bond_cutoff_A=3.0)
    with pytest.raises(InputError, match="largest ring"):
        shortest_path_rings(molecule("C60"), largest=30)
