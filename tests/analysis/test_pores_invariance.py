"""Results belong to the structure, not to the way its cell, origin or atom order is written."""

from __future__ import annotations

import numpy as np
import pytest
from pore_models import InkBottle, random_structure

from carbonize import analyze


def pores(atoms):
    return analyze(atoms, what="pores")["pores"]


def assert_same(one, two, copies=1, axes=(0, 1, 2)):
    """Equal pores per cell; ``axes`` are those along which the two cells' vectors agree."""
    for key in ("largest_included_sphere_A", "largest_free_sphere_A"):
        assert two[key] == pytest.approx(one[key], abs=1e-5)
    for axis in axes:
        expected = one["largest_free_sphere_along_A"][axis]
        assert two["largest_free_sphere_along_A"][axis] == pytest.approx(expected, abs=1e-5)
    for name, probe in one["probes"].items():
        for key, value in probe.items():
            if key in ("channels", "pockets", "channel_dimensionalities"):
                continue  # those of a cell: copies may be joined to one
            scale = copies if key.endswith(("A3", "A2")) else 1
            assert two["probes"][name][key] == pytest.approx(scale * value, rel=1e-5, abs=1e-4)
    for name, entry in one["classes"].items():
        assert two["classes"][name]["volume_A3"] == pytest.approx(
            copies * entry["volume_A3"], rel=1e-5, abs=1e-4
        )


CASES = [(1, 300.0), (4, 60.0), (15, 40.0), (50, 35.0), (50, 25.0)]


@pytest.fixture(params=CASES, ids=[f"{n} atoms of {v:g} A3" for n, v in CASES])
def atoms(request):
    count, volume = request.param
    return random_structure(count, seed=count, volume_per_atom=volume)


def test_a_shift_of_all_atoms_changes_nothing(atoms):
    one = pores(atoms)
    moved = atoms.copy()
    moved.translate([3.21, -17.3, 100.7])
    two = pores(moved)
    assert_same(one, two)
    moved.wrap()
    assert_same(one, pores(moved))


@pytest.mark.parametrize("count", [4, 15, 50])
def test_pore_centres_move_with_the_atoms(count):
    atoms = random_structure(count, seed=count, volume_per_atom=35.0)
    moved = atoms.copy()
    shift = np.array([3.21, -17.3, 100.7])
    moved.translate(shift)
    before, after = pores(atoms)["items"], pores(moved)["items"]
    assert len(before) == len(after)
    inverse = np.linalg.inv(atoms.cell.array)
    for item in before:
        offsets = (np.array([other["center_A"] for other in after]) - shift - item["center_A"]) @ inverse
        distances = np.linalg.norm((offsets - np.round(offsets)) @ atoms.cell.array, axis=1)
        nearest = after[int(np.argmin(distances))]
        assert distances.min() < 1e-3
        assert nearest["diameter_A"] == pytest.approx(item["diameter_A"], abs=1e-5)
        assert nearest["class"] == item["class"]
        inside = np.array(nearest["center_A"]) @ inverse
        assert np.all((inside > -1e-9) & (inside < 1 + 1e-9))


def test_the_order_of_atoms_changes_nothing(atoms):
    order = np.random.default_rng(1).permutation(len(atoms))
    assert_same(pores(atoms), pores(atoms[order]))


@pytest.mark.parametrize("copies", [(2, 1, 1), (1, 1, 3), (2, 2, 2)])
def test_a_supercell_has_the_same_pores_in_each_copy(atoms, copies):
    assert_same(pores(atoms), pores(atoms.repeat(copies)), copies=int(np.prod(copies)))


def test_a_rotation_changes_nothing(atoms):
    turned = atoms.copy()
    turned.rotate(37.0, (1, 2, -1), rotate_cell=True)
    assert_same(pores(atoms), pores(turned))


@pytest.mark.parametrize("seed", range(3))
def test_other_vectors_of_the_same_lattice_change_nothing(atoms, seed):
    random = np.random.default_rng(seed)
    cell = atoms.cell.array.copy()
    for _ in range(6):  # b and c take any multiples; a stays, so that its free sphere can be compared
        i, j = random.permutation(3)[:2]
        if i:
            cell[i] += random.integers(-2, 3) * cell[j]
    skewed = atoms.copy()
    skewed.set_cell(cell)
    assert_same(pores(atoms), pores(skewed), axes=(0,))


def test_exchanged_cell_vectors_exchange_the_free_spheres_along_them(atoms):
    one = pores(atoms)["largest_free_sphere_along_A"]
    turned = atoms.copy()
    turned.set_cell(atoms.cell.array[[1, 2, 0]])
    two = pores(turned)["largest_free_sphere_along_A"]
    for axis, source in enumerate((1, 2, 0)):
        assert two[axis] == pytest.approx(one[source], abs=1e-5)


def test_a_channel_along_c_runs_along_a_and_b_plus_c_in_a_sheared_cell():
    model = InkBottle((6.0, None))
    a, b, c = model.atoms.cell.array
    sheared = model.atoms.copy()
    sheared.set_cell([c, a + c, b])
    along = pores(sheared)["largest_free_sphere_along_A"]
    assert along[0] == pytest.approx(model.channel_diameter, abs=1e-4)
    assert along[1] is None and along[2] is None


def test_the_same_structure_gives_the_same_numbers_to_the_last_bit(atoms):
    assert pores(atoms) == pores(atoms.copy())
