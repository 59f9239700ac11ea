"""Largest spheres, volumes and areas against closed formulas."""

from __future__ import annotations

import time

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from pore_models import graphite_slab, random_structure
from scipy.spatial import KDTree

from carbonize import analyze
from carbonize.errors import InputError
from carbonize.periodic import images_within, make_lattice

R = 1.7
EXACT = 1e-5


def pores(atoms, **options):
    return analyze(atoms, what="pores", **options)["pores"]


def ball(r):
    return 4 / 3 * np.pi * r**3


def lens(d, r):
    return np.pi * (4 * r + d) * (2 * r - d) ** 2 / 12


@pytest.mark.parametrize(
    ("name", "a", "included", "free"),
    [
        ("sc", 8.0, 8 * 3**0.5, 8 * 2**0.5),
        ("fcc", 12.0, 12.0, 24 / 6**0.5),
        ("bcc", 10.0, 10 * 5**0.5 / 2, 10 * 3 * 2**0.5 / 4),
        ("diamond", 12.0, 12 * 3**0.5 / 2, 24 / 6**0.5),
    ],
)
@pytest.mark.parametrize("cubic", [True, False])
def test_spheres_in_crystals_have_their_textbook_sizes(name, a, included, free, cubic):
    result = pores(bulk("C", name, a=a, cubic=cubic))
    assert result["largest_included_sphere_A"] == pytest.approx(included - 2 * R, abs=EXACT)
    assert result["largest_free_sphere_A"] == pytest.approx(free - 2 * R, abs=EXACT)
    assert result["largest_free_sphere_along_A"] == pytest.approx([free - 2 * R] * 3, abs=EXACT)


@pytest.mark.parametrize("copies", [1, 2, 3])
def test_void_of_simple_cubic_balls_is_the_cell_minus_the_balls(copies):
    atoms = bulk("C", "sc", a=8.0, cubic=True).repeat(copies)
    probes = {"He": 2.6, "wide": 5.2}
    result = pores(atoms, probes=probes)["probes"]
    he, wide = result["He"], result["wide"]
    n = copies**3
    assert he["accessible_volume_A3"] == pytest.approx(n * (8**3 - ball(3.0)), rel=1e-6)
    assert he["accessible_area_A2"] == pytest.approx(n * 4 * np.pi * 9, rel=1e-6)
    assert wide["accessible_volume_A3"] == pytest.approx(n * (8**3 - ball(4.3) + 3 * lens(8, 4.3)), rel=1e-6)
    area = 4 * np.pi * 4.3**2 - 3 * 2 * np.pi * 4.3 * (2 * 4.3 - 8)
    assert wide["accessible_area_A2"] == pytest.approx(n * area, rel=1e-6)
    assert he["inaccessible_volume_A3"] == he["inaccessible_area_A2"] == 0.0


def test_void_of_diamond_counts_each_bond_lens_once():
    result = pores(bulk("C", "diamond", a=12.0))["probes"]["He"]
    expected = 12**3 / 4 - 2 * ball(3.0) + 4 * lens(3 * 3**0.5, 3.0)
    assert result["accessible_volume_A3"] == pytest.approx(expected, rel=1e-6)


def test_void_around_one_atom_is_the_box_minus_a_ball():
    result = pores(Atoms("C", cell=[30, 20, 25], pbc=True))
    he = result["probes"]["He"]
    assert he["accessible_volume_A3"] == pytest.approx(30 * 20 * 25 - ball(3.0), rel=1e-6)
    assert result["largest_included_sphere_A"] == pytest.approx((900 + 400 + 625) ** 0.5 - 2 * R, abs=EXACT)


def test_void_around_two_overlapping_atoms_is_the_box_minus_their_union():
    atoms = Atoms("C2", positions=[[1, 2, 3], [2.2, 3, 3.9]], cell=[18, 20, 19], pbc=True)
    d = atoms.get_distance(0, 1)
    he = pores(atoms)["probes"]["He"]
    assert he["accessible_volume_A3"] == pytest.approx(18 * 20 * 19 - 2 * ball(3) + lens(d, 3), rel=1e-7)
    area = 8 * np.pi * 9 - 2 * np.pi * 3 * (6 - d)
    assert he["accessible_area_A2"] == pytest.approx(area, rel=1e-6)


def distances_to_atoms(atoms, points):
    lattice = make_lattice(atoms.cell.array, atoms.pbc)
    images = images_within(lattice.fractional(atoms.positions), lattice, 8.0)
    points = lattice.fractional(points) @ lattice.vectors
    return KDTree(images.fractional @ lattice.vectors).query(points)[0]


@pytest.mark.parametrize("seed", range(4))
def test_void_of_a_random_structure_agrees_with_random_points(seed):
    atoms = random_structure(30, seed)
    samples = 100_000
    points = np.random.default_rng(seed).uniform(size=(samples, 3)) @ atoms.cell.array
    distance = distances_to_atoms(atoms, points)
    for probe in pores(atoms)["probes"].values():
        share = (distance > R + probe["diameter_A"] / 2).mean()
        exact = (probe["accessible_volume_A3"] + probe["inaccessible_volume_A3"]) / atoms.cell.volume
        sigma = (max(share, 1e-4) / samples) ** 0.5
        assert abs(share - exact) < 3 * sigma


def test_area_is_minus_the_derivative_of_the_volume():
    atoms = random_structure(40, 11)
    h = 1e-4
    diameters = {"a": 2.6, "b": 3.5}
    probes = diameters | {f"{n}{sign}": d + 2 * sign * h for n, d in diameters.items() for sign in (-1, 1)}
    result = pores(atoms, probes=probes)["probes"]

    def total(name, what):
        return result[name][f"accessible_{what}"] + result[name][f"inaccessible_{what}"]

    for name in "ab":
        slope = (total(f"{name}-1", "volume_A3") - total(f"{name}1", "volume_A3")) / (2 * h)
        assert total(name, "area_A2") == pytest.approx(slope, rel=1e-5)


def test_vacuum_beside_a_slab_winds_along_the_slab_and_not_across_it():
    atoms = graphite_slab(layers=6, gap=20.0, cavity_radius=5.5)
    result = pores(atoms)
    along = result["largest_free_sphere_along_A"]
    assert along[0] > 16 and along[1] > 16
    assert along[2] is None
    assert result["classes"]["open"]["count"] == 1
    assert result["classes"]["fully-closed"]["count"] == 1
    assert result["items"][1]["class"] == "fully-closed"
    assert result["probes"]["He"]["inaccessible_volume_A3"] == pytest.approx(
        result["classes"]["fully-closed"]["volume_A3"], rel=1e-9
    )


def test_a_slab_with_an_open_direction_is_a_slab_in_vacuum():
    atoms = graphite_slab(layers=6, gap=20.0, cavity_radius=5.5)
    closed = pores(atoms)
    atoms.pbc = (True, True, False)
    result = analyze(atoms)
    assert result["density_g_cm3"] is None
    opened = result["pores"]
    assert opened["largest_free_sphere_along_A"][2] is None
    assert opened["classes"]["fully-closed"]["volume_A3"] == pytest.approx(
        closed["classes"]["fully-closed"]["volume_A3"], rel=1e-5
    )


def test_the_cage_of_c60_is_one_fully_closed_pore_at_its_centre():
    atoms = molecule("C60")
    atoms.translate([3.0, -70.0, 200.0])
    result = pores(atoms)
    center = atoms.positions.mean(axis=0)
    radii = np.linalg.norm(atoms.positions - center, axis=1)
    radius = radii.min()  # the model of C60 is round to 0.01 A
    assert np.ptp(radii) < 0.02
    cage = [item for item in result["items"] if item["class"] == "fully-closed"]
    assert len(cage) == 1
    assert cage[0]["diameter_A"] == pytest.approx(2 * (radius - R), abs=0.02)
    assert cage[0]["center_A"] == pytest.approx(center, abs=0.02)
    assert result["largest_included_sphere_A"] == pytest.approx(cage[0]["diameter_A"], abs=1e-9)
    assert result["largest_free_sphere_A"] is None


@pytest.mark.parametrize("pbc", [(0, 0, 0), (1, 0, 0), (0, 1, 1)])
def test_a_few_atoms_with_open_directions_are_no_problem(pbc):
    for count in (1, 2, 3, 4):
        atoms = random_structure(count, count)
        atoms.pbc = pbc
        result = pores(atoms)
        total = sum(entry["volume_A3"] for entry in result["classes"].values())
        he = result["probes"]["He"]
        assert total == pytest.approx(he["accessible_volume_A3"] + he["inaccessible_volume_A3"], rel=1e-9)


def test_diamond_has_no_room_for_any_probe():
    result = pores(bulk("C", "diamond", a=3.567))
    assert result["largest_included_sphere_A"] == 0.0
    assert result["largest_free_sphere_A"] is None
    assert result["items"] == []
    assert all(entry["count"] == 0 and entry["fraction"] == 0.0 for entry in result["classes"].values())


def test_void_into_which_helium_just_fits_holds_no_pore():
    result = pores(bulk("C", "fcc", a=6.0, cubic=True).repeat(3))  # octahedral voids of 2.6 A
    assert result["largest_included_sphere_A"] == pytest.approx(2.6, abs=EXACT)
    assert result["items"] == []
    assert result["probes"]["He"]["inaccessible_volume_A3"] == pytest.approx(0.0, abs=1e-9)


def test_a_wide_vacuum_over_a_tiny_cell_takes_seconds():
    start = time.perf_counter()
    result = pores(Atoms("C", cell=[3, 3, 200], pbc=True))
    assert time.perf_counter() - start < 20
    assert result["largest_free_sphere_along_A"][0] == pytest.approx(200 - 2 * R, abs=0.05)


def test_a_vacuum_too_wide_to_tessellate_is_refused():
    with pytest.raises(InputError, match="less vacuum"):
        pores(Atoms("C", cell=[3, 3, 30_000], pbc=True))


@pytest.mark.parametrize("copies", [(1, 1, 1), (7, 7, 7)])
def test_crystals_without_void_for_helium_pass_the_certificate(copies):
    for atoms in (bulk("C", "diamond", a=3.567), bulk("C", "fcc", a=3.0), bulk("C", "hcp", a=2.5, c=4.0)):
        result = pores(atoms.repeat(copies))
        assert result["probes"]["He"]["accessible_volume_A3"] == 0.0
