"""Atoms of different radii: closed formulas, random points, an independent power diagram, limits."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from pore_models import InkBottle, graphite_slab, random_structure
from power_oracle import images, lens, void_at
from scipy.spatial import KDTree

from carbonize import analyze
from carbonize.analysis.pores.survey import survey
from carbonize.errors import InputError

C, H = 1.7, 1.1
PROBES = {"point": 0.0, "He": 2.6, "N2": 3.64}


def pores(atoms, **options):
    return analyze(atoms, what="pores", **options)["pores"]


def ball(r):
    return 4 / 3 * np.pi * r**3


def radii_of(atoms):
    return np.where(atoms.numbers == 1, H, C)


def hydrocarbon(count, seed, volume_per_atom=30.0, hydrogen=0.4):
    atoms = random_structure(count, seed, volume_per_atom)
    atoms.numbers[np.random.default_rng(seed).random(count) < hydrogen] = 1
    atoms.numbers[0], atoms.numbers[-1] = 6, 1
    return atoms


def clearances(atoms, points):
    """Distances of points to the nearest atom's surface."""
    radii = radii_of(atoms)
    lattice = np.linalg.inv(atoms.cell.array)
    fractional = points @ lattice
    points = (fractional - np.floor(fractional)) @ atoms.cell.array
    wrapped = atoms.copy()
    wrapped.pbc = True
    wrapped.wrap()
    centers, sizes, _, _ = images(wrapped, radii, 1)
    return nearest_surface(points, centers, sizes)


def nearest_surface(points, centers, sizes):
    """Distances of points to the nearest of some balls: one tree for each size."""
    distances = [KDTree(centers[sizes == size]).query(points)[0] - size for size in np.unique(sizes)]
    return np.min(distances, axis=0)


@pytest.mark.parametrize("copies", [1, 2])
@pytest.mark.parametrize("cubic", [True, False])
def test_spheres_and_void_of_rock_salt(copies, cubic):
    a = 10.0
    atoms = bulk("CH", "rocksalt", a=a, cubic=cubic).repeat(copies)
    cells = len(atoms) / 8
    result = pores(atoms, probes=PROBES)
    assert result["largest_included_sphere_A"] == pytest.approx(2 * (a * 3**0.5 / 4 - C), abs=1e-5)
    # the window is the sphere that touches two carbons and one hydrogen of a face
    half = a * 8**0.5 / 8
    sum_ = half + C - H
    x = (sum_**2 - half**2) / (2 * sum_)
    assert result["largest_free_sphere_A"] == pytest.approx(2 * (half - x - H), abs=1e-5)
    for name, diameter in PROBES.items():
        r, s = C + diameter / 2, H + diameter / 2
        volume = a**3 - 4 * ball(r) - 4 * ball(s) + 24 * lens(a / 2, r, s)
        if 2 * r > a / 2**0.5:
            continue
        probe = result["probes"][name]
        assert probe["accessible_volume_A3"] == pytest.approx(cells * volume, rel=1e-6)
        assert probe["inaccessible_volume_A3"] == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_void_of_random_hydrocarbons_agrees_with_random_points(seed):
    atoms = hydrocarbon(25, seed)
    samples = 60_000
    points = np.random.default_rng(seed).uniform(size=(samples, 3)) @ atoms.cell.array
    clearance = clearances(atoms, points)
    result = pores(atoms, probes=PROBES)["probes"]
    cell = abs(atoms.cell.volume)
    for name, diameter in PROBES.items():
        part = np.mean(clearance > diameter / 2)
        error = cell * np.sqrt(max(part * (1 - part), 1 / samples) / samples)
        found = result[name]["accessible_volume_A3"] + result[name]["inaccessible_volume_A3"]
        assert abs(found - cell * part) < 3 * error


@pytest.mark.parametrize("seed", range(3))
def test_area_is_minus_the_derivative_of_volume(seed):
    atoms = hydrocarbon(20, seed)
    step = 1e-4
    probes = {"He": 2.6, "less": 2.6 - 2 * step, "more": 2.6 + 2 * step}
    result = pores(atoms, probes=probes)["probes"]

    def both(name, what):
        return result[name][f"accessible_{what}"] + result[name][f"inaccessible_{what}"]

    slope = (both("less", "volume_A3") - both("more", "volume_A3")) / (2 * step)
    assert both("He", "area_A2") == pytest.approx(slope, rel=1e-4, abs=1e-3)


@pytest.mark.parametrize("seed", range(6))
def test_largest_spheres_agree_with_an_independent_power_diagram(seed):
    atoms = hydrocarbon(8, seed, volume_per_atom=35.0)
    radii = radii_of(atoms)
    result = pores(atoms)
    included, free = result["largest_included_sphere_A"], result["largest_free_sphere_A"]
    assert void_at(atoms, radii, included / 2 - 1e-4)[0]
    assert not void_at(atoms, radii, included / 2 + 1e-4)[0]
    assert free is not None
    assert void_at(atoms, radii, free / 2 - 1e-4)[1]
    assert not void_at(atoms, radii, free / 2 + 1e-4)[1]


@pytest.mark.parametrize("seed", range(3))
def test_no_point_is_farther_from_all_surfaces_than_the_nodes_say(seed):
    atoms = hydrocarbon(20, seed)
    found = survey(atoms, radii_of(atoms), {"He": 2.6})
    near = clearances(atoms, found.position_A)
    np.testing.assert_allclose(found.clearance_A, near, atol=1e-5)
    points = np.random.default_rng(seed).uniform(size=(20_000, 3)) @ atoms.cell.array
    assert clearances(atoms, points).max() <= found.largest_included_sphere_A / 2 + 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_nearly_equal_radii_give_what_equal_radii_give(seed):
    atoms = random_structure(30, seed)
    one = survey(atoms, C, PROBES)
    two = survey(atoms, C + 1e-8 * np.arange(len(atoms)), PROBES)
    assert two.largest_included_sphere_A == pytest.approx(one.largest_included_sphere_A, abs=1e-5)
    assert two.largest_free_sphere_along_A == pytest.approx(one.largest_free_sphere_along_A, abs=1e-5)
    assert len(two.pores) == len(one.pores)
    for name in PROBES:
        for key in ("accessible", "inaccessible"):
            for what in ("volume_A3", "area_A2"):
                wanted = getattr(one.probes[name], f"{key}_{what}")
                assert getattr(two.probes[name], f"{key}_{what}") == pytest.approx(wanted, rel=1e-5, abs=1e-4)
    for mine, other in zip(one.pores, two.pores, strict=True):
        assert other.volume_A3 == pytest.approx(mine.volume_A3, rel=1e-5, abs=1e-4)
        assert other.entrance_A == (
            None if mine.entrance_A is None else pytest.approx(mine.entrance_A, abs=1e-5)
        )


@pytest.mark.parametrize("seed", range(3))
def test_atoms_inside_larger_ones_change_nothing(seed):
    atoms = random_structure(20, seed)
    inside = atoms.copy()
    steps = np.random.default_rng(seed).normal(size=(6, 3))
    steps *= 0.45 / np.linalg.norm(steps, axis=1)[:, None]
    inside += Atoms("H6", positions=atoms.positions[:6] + steps)
    one, two = pores(atoms), pores(inside)
    assert two["largest_included_sphere_A"] == pytest.approx(one["largest_included_sphere_A"], abs=1e-5)
    assert two["largest_free_sphere_A"] == pytest.approx(one["largest_free_sphere_A"], abs=1e-5)
    for name, probe in one["probes"].items():
        for key, value in probe.items():
            if not key.endswith("_g"):  # per gram, the atoms inside do count
                assert two["probes"][name][key] == pytest.approx(value, rel=1e-5, abs=1e-4), (name, key)
    for mine, other in zip(one["items"], two["items"], strict=True):
        for key in ("necks_A", "area_A2", "window_area_A2", "sphericity", "gyration_eigenvalues_A2"):
            assert other[key] == pytest.approx(mine[key], rel=1e-3, abs=1e-3), key
        assert other["winding"] == mine["winding"]


def test_three_very_different_sizes_agree_with_random_points():
    atoms = random_structure(24, 3, volume_per_atom=45.0)
    atoms.numbers[::3], atoms.numbers[1::3] = 1, 55
    sizes = {"H": 0.4, "C": 1.7, "Cs": 3.4}
    radii = np.array([sizes[symbol] for symbol in atoms.get_chemical_symbols()])
    result = pores(atoms, radii=sizes, probes=PROBES)
    centers, balls, _, _ = images(atoms, radii, 1)
    points = np.random.default_rng(3).uniform(size=(60_000, 3)) @ atoms.cell.array
    clearance = nearest_surface(points, centers, balls)
    cell = abs(atoms.cell.volume)
    for name, diameter in PROBES.items():
        part = np.mean(clearance > diameter / 2)
        found = result["probes"][name]
        total = found["accessible_volume_A3"] + found["inaccessible_volume_A3"]
        assert abs(total - cell * part) < 3.5 * cell * np.sqrt(max(part * (1 - part), 1e-4) / len(points))
    free = result["largest_free_sphere_A"]
    assert void_at(atoms, radii, free / 2 - 1e-4)[1] and not void_at(atoms, radii, free / 2 + 1e-4)[1]


@pytest.mark.parametrize("cell", [(14, 14, 14), (11, 12, 13)])
def test_void_of_two_kinds_of_atoms_far_apart_is_the_box_minus_two_balls(cell):
    atoms = Atoms("CH", positions=[[1, 2, 3], [7, 8, 9]], cell=cell, pbc=True)
    probe = pores(atoms, probes=PROBES)["probes"]["He"]
    assert probe["accessible_volume_A3"] == pytest.approx(np.prod(cell) - ball(3.0) - ball(2.4), rel=1e-6)
    assert probe["accessible_area_A2"] == pytest.approx(4 * np.pi * (9 + 2.4**2), rel=1e-6)


@pytest.mark.parametrize("d", [0.3, 0.59, 0.61, 0.9, 2.0, 5.0])
def test_void_of_a_pair_is_the_box_minus_its_union(d):
    atoms = Atoms("CH", positions=[[1, 2, 3], [1, 2, 3 + d]], cell=[16, 16, 16], pbc=True)
    probe = pores(atoms)["probes"]["He"]
    expected = 16**3 - ball(3.0) - ball(2.4) + lens(d, 3.0, 2.4)
    assert probe["accessible_volume_A3"] == pytest.approx(expected, rel=1e-7)


def test_a_molecule_in_open_space_is_outside_of_nothing():
    result = pores(molecule("C6H6"))
    assert result["items"][0]["class"] == "open"
    assert result["largest_free_sphere_A"] is None


@pytest.mark.parametrize("pbc", [(True, True, False), (True, False, False), (False, False, False)])
def test_open_directions_agree_with_the_same_structure_in_vacuum(pbc):
    atoms = graphite_slab(layers=3, gap=20.0)
    atoms.numbers[::5] = 1
    atoms.center()
    opened = atoms.copy()
    opened.pbc = pbc
    closed = atoms.copy()
    if pbc == (True, True, False):
        one, two = pores(opened), pores(closed)
        assert two["largest_included_sphere_A"] == pytest.approx(one["largest_included_sphere_A"], abs=1e-4)
        assert one["largest_free_sphere_along_A"][2] is None
        for name, probe in one["probes"].items():
            for key, value in probe.items():
                assert two["probes"][name][key] == pytest.approx(value, rel=1e-5, abs=1e-3), (name, key)
    else:
        result = pores(opened)
        assert result["certificate"]["volume_error"] < 1e-8
        assert result["items"][0]["class"] == "open"


def test_classes_of_pores_behind_necks_of_small_atoms():
    necks = (3.31, 3.29, 2.61, 2.59)
    model = InkBottle(necks)
    atoms, middle = model.atoms.copy(), model.box / 2
    for center, neck in zip(model.cavities, necks, strict=True):
        outward = (center - middle) / np.linalg.norm(center - middle)
        from_middle = atoms.positions - middle
        along = from_middle @ outward
        aside = from_middle - along[:, None] * outward
        far = np.linalg.norm(aside, axis=1)
        ring = (along > 0) & (along < np.linalg.norm(center - middle)) & (np.abs(far - neck / 2 - C) < 1e-9)
        assert ring.sum() >= 8
        atoms.positions[ring] -= aside[ring] / far[ring, None] * (C - H)
        atoms.numbers[ring] = 1
    items = pores(atoms)["items"]
    classes = ("quasi-closed", "closed", "closed", "fully-closed")
    for center, neck, name in zip(model.cavities, necks, classes, strict=True):
        item = model.item_at(items, center)
        assert item["class"] == name
        assert item["entrance_A"] == pytest.approx(neck, abs=1e-3)
        assert item["diameter_A"] == pytest.approx(model.cavity_diameter, abs=1e-3)


def same(one, two, copies=1):
    for key in ("largest_included_sphere_A", "largest_free_sphere_A"):
        assert two[key] == pytest.approx(one[key], abs=1e-5)
    for name, probe in one["probes"].items():
        for key, value in probe.items():
            # what is per gram follows; channels are counted in the given cell, modulo its lattice
            if key.endswith(("A3", "A2")):
                assert two["probes"][name][key] == pytest.approx(copies * value, rel=1e-5, abs=1e-4)
            elif copies == 1 and key.startswith(("channel", "pockets")):
                assert two["probes"][name][key] == value
    for name, entry in one["classes"].items():
        wanted = copies * entry["volume_A3"]
        assert two["classes"][name]["volume_A3"] == pytest.approx(wanted, rel=1e-5, abs=1e-4)


@pytest.mark.parametrize("count", [2, 6, 25])
def test_shifted_turned_repeated_sheared_and_reordered_cells_are_the_same(count):
    atoms = hydrocarbon(count, seed=count, volume_per_atom=35.0)
    one = pores(atoms)
    random = np.random.default_rng(count)
    moved = atoms.copy()
    moved.translate([3.21, -17.3, 100.7])
    same(one, pores(moved))
    turned = atoms.copy()
    turned.rotate(37.0, (1, 2, -1), rotate_cell=True)
    same(one, pores(turned))
    same(one, pores(atoms.repeat((2, 1, 2))), copies=4)
    sheared = atoms.copy()
    a, b, c = atoms.cell.array
    sheared.set_cell([a, b + 2 * a, c - b + a])
    same(one, pores(sheared))
    same(one, pores(atoms[random.permutation(count)]))


def test_layers_of_alternating_sizes_are_no_obstacle():
    bn = graphite_slab(layers=4, gap=3.354)
    bn.numbers[::2], bn.numbers[1::2] = 5, 7
    result = pores(bn)
    assert result["certificate"]["faces_paired"]
    assert result["largest_included_sphere_A"] < 2.6


def test_a_point_probe_finds_the_void_of_the_balls_themselves():
    atoms = Atoms("C", cell=[9, 9, 9], pbc=True)
    for given in (atoms, atoms + Atoms("H", positions=[[4.5, 4.5, 4.5]])):
        expected = 9**3 - sum(ball(r) for r in radii_of(given))
        found = pores(given, probes={"point": 0})["probes"]["point"]
        assert found["accessible_volume_A3"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"radii": {"H": 0}}, "radius H=0"),
        ({"radii": {"H": -1.1}}, "radius H=-1.1"),
        ({"radii": {"H": float("nan")}}, "radius H=nan"),
        ({"probes": {"He": -2.6}}, "probe He"),
    ],
)
def test_unusable_radii_and_probes_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        pores(hydrocarbon(5, 1), **options)


def test_elements_without_a_radius_and_positions_that_are_not_finite_are_refused():
    atoms = hydrocarbon(5, 1)
    atoms.numbers[2] = 26
    with pytest.raises(InputError, match="Fe"):
        pores(atoms)
    atoms = hydrocarbon(5, 1)
    atoms.positions[2, 1] = np.nan
    with pytest.raises(InputError):
        pores(atoms)
