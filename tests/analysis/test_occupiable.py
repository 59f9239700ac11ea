"""What covers a point of the void; occupiable volumes, helium density, closed-pore volume."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from pore_models import InkBottle, graphite_slab, random_structure
from pore_oracles import largest_spheres, reached_on_a_grid, tangent_spheres

from carbonize import analyze
from carbonize.analysis.pores.covering import TOLERANCE_A, cover_points, make_search
from carbonize.analysis.pores.occupiable import occupiable_summary
from carbonize.analysis.pores.sampling import sample_void
from carbonize.analysis.pores.survey import survey
from carbonize.units import cm3_per_g

R = 1.7
PROBES = {"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7}
CRYSTAL_G_CM3 = 2.267
POINTS = 2**14


def occupiable(atoms, probes=PROBES, points=POINTS):
    found = survey(atoms, R, probes)
    sample = sample_void(atoms.positions, np.full(len(atoms), R), found, list(probes.values()), points)
    return occupiable_summary(sample, float(atoms.get_masses().sum()), probes)


def ball(r):
    return 4 / 3 * np.pi * r**3


def prepared(atoms, probes=PROBES):
    found = survey(atoms, R, probes)
    return found, make_search(atoms.positions, np.full(len(atoms), R), found)


@pytest.mark.parametrize(("count", "seed", "space"), [(60, 1, 30.0), (40, 2, 40.0), (90, 3, 34.0)])
def test_the_largest_sphere_over_a_point_is_the_largest_of_all_triples_of_atoms(count, seed, space):
    atoms = random_structure(count, seed, space)
    points = np.random.default_rng(seed + 100).random((40, 3)) @ atoms.cell.array
    _, search = prepared(atoms)
    got = cover_points(search, points, np.array([])).diameter_A
    expected = 2 * largest_spheres(atoms, np.full(count, R), points)
    assert got == pytest.approx(expected, abs=TOLERANCE_A + 2e-6)
    assert (expected > 0).sum() > 10


def test_every_atom_may_have_a_radius_of_its_own():
    atoms = random_structure(24, 4, 22.0)
    random = np.random.default_rng(104)
    radii = random.choice([1.1, 1.5, 1.7], len(atoms))
    points = random.random((60, 3)) @ atoms.cell.array
    places, clearance = tangent_spheres(atoms, radii)
    nodes = dataclasses.replace(
        survey(atoms, R, PROBES),
        position_A=places,
        clearance_A=clearance,
        access_A=2 * np.maximum(clearance, 0),
        pore=np.zeros(len(places), dtype=int),
    )
    search = make_search(atoms.positions, radii, nodes)
    got = cover_points(search, points, np.array([])).diameter_A
    expected = 2 * largest_spheres(atoms, radii, points, largest=2.5)
    assert got == pytest.approx(expected, abs=TOLERANCE_A + 1e-4)
    assert expected.max() < 4.8
    assert (expected > 0).sum() > 10


@pytest.mark.parametrize(("seed", "space"), [(5, 45.0), (6, 38.0)])
def test_a_probe_covers_from_outside_what_a_grid_of_centres_says(seed, space):
    atoms = random_structure(50, seed, space)
    points = np.random.default_rng(seed + 100).random((2000, 3)) @ atoms.cell.array
    found, search = prepared(atoms)
    outside = found.position_A[found.access_A > 2.6]
    surely, possibly = reached_on_a_grid(atoms, R, 2.6, 0.2, outside, points)
    got = cover_points(search, points, np.array([2.6]))
    entered = got.access_A >= 2.6
    assert np.all(entered[surely])
    assert np.all(possibly[entered])
    assert surely.sum() > 200


def test_volumes_agree_with_random_points():
    atoms = random_structure(250, 8, 28.0)
    points = np.random.default_rng(108).random((150, 3)) @ atoms.cell.array
    sizes = 2 * largest_spheres(atoms, np.full(250, R), points)
    result = occupiable(atoms)["occupiable"]
    whole = cm3_per_g(atoms.get_volume(), float(atoms.get_masses().sum()))
    for name, diameter in PROBES.items():
        share = (sizes >= diameter).mean()
        sigma = np.sqrt(share * (1 - share) / len(sizes)) + 1 / len(sizes)
        entry = result[name]
        got = (entry["accessible_cm3_g"] + entry["inaccessible_cm3_g"]) / whole
        assert abs(got - share) <= 3 * np.hypot(sigma, entry["error_cm3_g"] / whole)


@pytest.mark.parametrize(("layers", "gap"), [(6, 6.0), (8, 2 * np.pi), (6, 7.31), (8, 9 * 2**0.5), (8, 20.0)])
def test_helium_finds_the_density_of_graphite_beside_a_slit_of_any_width(layers, gap):
    result = occupiable(graphite_slab(layers, gap))
    assert result["helium_density_g_cm3"] == pytest.approx(CRYSTAL_G_CM3, rel=0.015)
    assert abs(result["closed_pore_volume_cm3_g"]) < 0.007
    assert result["geometric_closed_volume_cm3_g"] == 0.0


def test_the_excess_over_the_crystal_is_one_of_the_slab_s_two_faces():
    excess = [
        occupiable(graphite_slab(n, 10.0))["helium_density_g_cm3"] ** -1 - 1 / CRYSTAL_G_CM3 for n in (3, 6)
    ]
    assert excess[0] == pytest.approx(2 * excess[1], rel=0.2)


def test_a_slit_narrower_than_helium_is_closed():
    result = occupiable(graphite_slab(4, 5.4))
    assert result["occupiable"]["He"] == {
        "diameter_A": 2.6,
        "accessible_cm3_g": 0.0,
        "inaccessible_cm3_g": pytest.approx(0.0, abs=1e-3),
        "error_cm3_g": pytest.approx(0.0, abs=1e-3),
    }


def test_a_closed_cavity_is_found_by_its_own_volume_and_counts_as_closed():
    model = InkBottle((2.0, None))
    whole = cm3_per_g(model.atoms.get_volume(), float(model.atoms.get_masses().sum()))
    _, search = prepared(model.atoms)
    random = np.random.default_rng(11)
    direction = random.normal(size=(200, 3))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    for cavity in model.cavities:
        points = cavity + direction * random.uniform(0, 4.4, (200, 1))
        got = cover_points(search, points, np.array([2.6]))
        assert got.diameter_A == pytest.approx(9.0, abs=0.02)
        assert np.all(got.access_A < 2.6)
    channel = model.box / 2 + np.column_stack([direction[:, :2] * 3.0, np.zeros(200)])
    assert np.all(cover_points(search, channel, np.array([2.6])).access_A >= 6.3)
    result = occupiable(model.atoms)
    closed = result["geometric_closed_volume_cm3_g"] / whole * model.atoms.get_volume()
    assert 2 * ball(4.5) < closed < 2 * ball(4.5) * 1.25
    assert result["occupiable"]["He"]["inaccessible_cm3_g"] == result["geometric_closed_volume_cm3_g"]


def test_all_atoms_of_a_lattice_of_balls_leave_helium_the_same_volume_in_any_cell():
    crystal = bulk("C", "sc", a=7.0, cubic=True)
    sheared = Atoms("C", cell=[[7, 0, 0], [14, 7, 0], [-7, 21, 7]], pbc=True, positions=[[1.0, 2, 3]])
    turned = crystal.copy()
    turned.rotate(37.0, (1, 2, 3), rotate_cell=True)
    results = [occupiable(a)["occupiable"]["He"] for a in (crystal, crystal.repeat(2), sheared, turned)]
    for other in results[1:]:
        error = 4 * np.hypot(results[0]["error_cm3_g"], other["error_cm3_g"])
        assert other["accessible_cm3_g"] == pytest.approx(results[0]["accessible_cm3_g"], abs=error)
    assert results[0]["error_cm3_g"] < 0.005 * results[0]["accessible_cm3_g"]
    assert occupiable(crystal) == occupiable(crystal)


def test_dense_matter_without_outside_has_its_own_density():
    diamond = bulk("C", "diamond", a=3.567, cubic=True)
    result = analyze(diamond, what="occupiable")
    pores = result["pores"]
    assert pores["helium_density_g_cm3"] == pytest.approx(result["density_g_cm3"], rel=1e-12)
    assert pores["closed_pore_volume_cm3_g"] < 0  # denser than graphite: not clipped
    assert pores["occupiable"]["He"]["accessible_cm3_g"] == 0.0
    assert "pore_size_distribution" not in pores and "classes" in pores


def test_a_molecule_has_a_density_but_no_end_of_accessible_space():
    pores = analyze(molecule("C60"), what="occupiable,psd")["pores"]
    assert pores["occupiable"]["He"]["accessible_cm3_g"] is None
    assert 1.0 < pores["helium_density_g_cm3"] < 2.5
    # the cage holds helium: its atoms' centres lie 3.55 A from the middle
    whole = pores["geometric_closed_volume_cm3_g"]
    assert whole == pytest.approx(cm3_per_g(ball(3.55 - R), 60 * 12.011), rel=0.35)
    assert pores["pore_size_distribution"] is None
