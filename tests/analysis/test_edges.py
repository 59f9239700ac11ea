"""Angles, pyramidalization, edges and missing bonds against closed forms and counted structures."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene_nanoribbon, molecule
from carbon_models import graphene_sheet, tubes

from carbonize.analysis.angles import bond_angles_deg, mean_angle_deg, pyramidalization_deg
from carbonize.analysis.bonding import bonding, class_by_angle
from carbonize.analysis.bonds import bond_network


def pyramid(rise_deg: float) -> Atoms:
    """An atom whose three bonds of 1.5 A lie so far below the plane normal to its axis."""
    rise, turn = np.radians(rise_deg), 2 * np.pi * np.arange(3) / 3
    tips = np.stack(
        [np.cos(rise) * np.cos(turn), np.cos(rise) * np.sin(turn), 0 * turn - np.sin(rise)], axis=1
    )
    return Atoms("C4", np.concatenate([[[0, 0, 0]], 1.5 * tips]))


@pytest.mark.parametrize("rise", [0.0, 0.5, 11.64, 19.47, 40.0])
def test_the_pyramidalization_angle_is_that_of_the_bonds_with_the_plane(rise):
    assert pyramidalization_deg(bond_network(pyramid(rise), 1.85))[0] == pytest.approx(rise, abs=1e-6)


def test_unlike_bonds_are_judged_by_their_directions():
    long = pyramid(12.0)
    long.positions[1] *= 1.2
    assert pyramidalization_deg(bond_network(long, 1.85))[0] == pytest.approx(12.0, abs=1e-6)


def test_c60_has_the_published_pyramidalization_and_a_tube_less_the_wider_it_is():
    assert bonding(molecule("C60"))["pyramidalization_deg"] == pytest.approx(11.64, abs=0.01)
    found = [bonding(tubes(n))["pyramidalization_deg"] for n in (5, 10, 20)]
    # half the angle by which the wall turns over a bond: inversely proportional to the radius
    assert found[0] == pytest.approx(2 * found[1], rel=0.03)
    assert found[1] == pytest.approx(2 * found[2], rel=0.01)
    assert bonding(graphene_sheet(3, 3))["pyramidalization_deg"] == pytest.approx(0.0, abs=1e-5)
    assert bonding(bulk("C", "diamond", a=3.567))["pyramidalization_deg"] is None


def test_bond_angles_of_crystals_are_theirs():
    diamond = bond_network(bulk("C", "diamond", a=3.567), 1.85)
    angles = bond_angles_deg(diamond)
    assert len(angles) == 12
    np.testing.assert_allclose(angles, np.degrees(np.arccos(-1 / 3)), atol=1e-9)
    np.testing.assert_allclose(mean_angle_deg(diamond), np.degrees(np.arccos(-1 / 3)), atol=1e-9)
    chain = Atoms("C", cell=[9, 9, 1.3], pbc=True)
    assert bond_angles_deg(bond_network(chain, 1.85)).tolist() == [180.0]


def test_classes_by_angle_agree_in_crystals_and_not_at_a_bare_edge():
    assert class_by_angle(np.array([180.0, 151.0, 130.0, 120.0, 115.0, 110.0, np.nan])).tolist() == [
        2, 2, 3, 3, 3, 4, 0,
    ]  # fmt: skip
    for atoms in (bulk("C", "diamond", a=3.567), molecule("C60"), Atoms("C", cell=[9, 9, 1.3], pbc=True)):
        assert bonding(atoms)["angle_agreement"] == 1.0
    ribbon = bonding(graphene_nanoribbon(4, 3, type="zigzag", vacuum=6))
    assert ribbon["sp"] == 0.25 and ribbon["angle_agreement"] == 0.75
    assert ribbon["angle_deg"]["sp"] == pytest.approx(120.0)


@pytest.mark.parametrize("kind", ["zigzag", "armchair"])
def test_the_edge_of_a_ribbon_is_counted_bare_and_with_hydrogen(kind):
    bare = graphene_nanoribbon(4, 4, type=kind, vacuum=6)
    closed = graphene_nanoribbon(4, 4, type=kind, saturated=True, vacuum=6)
    hydrogen = int((closed.numbers == 1).sum())
    number = bonding(bare)["edge_fraction"] * len(bare)
    assert number == pytest.approx(hydrogen)
    assert bonding(closed)["edge_fraction"] * len(closed) == pytest.approx(hydrogen)
    per_gram = 1000 * hydrogen / bare.get_masses().sum()
    assert bonding(bare)["edges_mmol_g"] == pytest.approx(per_gram)
    low, high = bonding(bare)["radicals_mmol_g"]
    # neighbours on an armchair edge pair up, those on a zigzag edge have none
    assert high == pytest.approx(per_gram)
    assert low == pytest.approx(per_gram if kind == "zigzag" else 0.0)
    assert bonding(closed)["radicals_mmol_g"] == [0.0, 0.0]
    assert bonding(closed)["dangling_fraction"] == 0.0


def test_walls_chains_and_diamond_have_no_edge():
    for atoms in (
        graphene_sheet(3, 3),
        molecule("C60"),
        bulk("C", "diamond", a=3.567),
        Atoms("C", cell=[9, 9, 1.3], pbc=True),
        Atoms("C", cell=[9, 9, 9], pbc=True),
    ):
        assert bonding(atoms)["edge_fraction"] == 0.0
    assert bonding(Atoms("C", cell=[9, 9, 9], pbc=True))["dangling_fraction"] == 1.0


def test_a_bare_ring_of_six_is_all_edge():
    ring = molecule("C6H6")
    ring = ring[ring.numbers == 6]
    assert bonding(ring)["edge_fraction"] == 1.0


def test_a_vacancy_has_three_edge_atoms_and_three_missing_bonds():
    sheet = graphene_sheet(6, 6, vacuum=8.0)
    sheet.pbc = True
    del sheet[30]
    result = bonding(sheet)
    assert result["edge_fraction"] * len(sheet) == pytest.approx(3)
    assert result["radicals_mmol_g"] == pytest.approx([1000 * 3 / sheet.get_masses().sum()] * 2)


def test_bonds_come_from_both_ends_and_know_their_reverse():
    atoms = bulk("C", "diamond", a=3.567).repeat((1, 2, 1))
    atoms.rattle(0.05, seed=2)
    bonds = bond_network(atoms, 1.85)
    np.testing.assert_array_equal(bonds.first[bonds.reverse], bonds.second)
    np.testing.assert_array_equal(bonds.shift[bonds.reverse], -bonds.shift)
    np.testing.assert_allclose(bonds.vector[bonds.reverse], -bonds.vector, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(bonds.vector, axis=1), bonds.distance, atol=1e-12)
