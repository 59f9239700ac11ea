"""Pore-size distributions of voids whose sizes are known."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from pore_models import InkBottle, graphite_slab, random_structure
from pore_oracles import largest_spheres

from carbonize import analyze
from carbonize.analysis.pores.covering import TOLERANCE_A, cover_points, make_search
from carbonize.analysis.pores.psd import TOO_NARROW, pore_size_distribution
from carbonize.analysis.pores.sampling import sample_void
from carbonize.analysis.pores.survey import survey
from carbonize.units import cm3_per_g

R = 1.7


def distribution(atoms, points=2**14):
    found = survey(atoms, R, {"He": 2.6})
    sample = sample_void(atoms.positions, np.full(len(atoms), R), found, [], points)
    result = pore_size_distribution(sample, float(atoms.get_masses().sum()), found.pores)
    assert result is not None
    return result


def density_at(result, diameter, name="dV_dd_cm3_g_A"):
    return np.interp(diameter, result["diameter_A"], result[name])


def test_a_slit_between_smooth_walls_has_one_size():
    # walls of atoms so close that they are flat to 0.01 A
    step, gap = 0.5, 9.0
    grid = np.stack(np.meshgrid(np.arange(12), np.arange(12), indexing="ij"), axis=-1).reshape(-1, 2) * step
    atoms = Atoms(f"C{len(grid)}", np.column_stack([grid, np.zeros(len(grid))]), pbc=True)
    atoms.cell = [12 * step, 12 * step, gap]
    result = distribution(atoms)
    width = gap - 2 * R
    assert result["mode_A"] == pytest.approx(width, abs=0.04)
    fullest = np.argmax(result["dV_dd_cm3_g_A"])
    near = slice(fullest - 1, fullest + 2)
    assert sum(result["dV_dd_cm3_g_A"][near]) * result["bin_A"] > 0.98 * result["volume_cm3_g"]


def test_a_cavity_has_the_size_of_its_sphere():
    atoms = InkBottle((2.0, 3.0, 4.0)).atoms
    result = distribution(atoms)
    classes = result["per_class"]
    for name in ("fully-closed", "closed", "quasi-closed"):
        assert classes[name]["mode_A"] == pytest.approx(9.0, abs=0.02)
    assert classes["open"]["mode_A"] == pytest.approx(6.4, abs=0.1)
    sphere = cm3_per_g(4 / 3 * np.pi * 4.5**3, float(len(atoms) * 12.011))
    for name in ("fully-closed", "closed", "quasi-closed"):
        assert classes[name]["volume_cm3_g"] > 0.97 * sphere


def test_points_on_the_axes_of_a_cubic_lattice_lie_in_spheres_of_known_size():
    a = 8.0
    atoms = bulk("C", "sc", a=a, cubic=True)
    found = survey(atoms, R, {"He": 2.6})
    search = make_search(atoms.positions, np.full(1, R), found)
    # along the diagonal the middle's sphere reaches to the surface of the corner's atom
    diagonal = np.linspace(1.71, a * 3**0.5 / 2, 9)[:, None] * np.full(3, 3**-0.5)
    widest = a * 3**0.5 - 2 * R
    assert cover_points(search, diagonal, np.array([])).diameter_A == pytest.approx(
        widest, abs=TOLERANCE_A + 1e-5
    )
    # at the middle of an edge, spheres touch its two atoms and the point: sqrt(q^2 + a^2/4) - R = q
    edge = np.array([[a / 2, 0.0, 0.0], [0.0, a / 2, a]])
    expected = (a * a / 4 - R * R) / R
    assert cover_points(search, edge, np.array([])).diameter_A == pytest.approx(
        expected, abs=TOLERANCE_A + 1e-5
    )


def test_mean_and_width_agree_with_random_points():
    atoms = random_structure(250, 9, 28.0)
    result = distribution(atoms)
    points = np.random.default_rng(109).random((200, 3)) @ atoms.cell.array
    sizes = 2 * largest_spheres(atoms, np.full(250, R), points)
    sizes = sizes[sizes > 0]
    sigma = sizes.std() / np.sqrt(len(sizes))
    assert abs(result["mean_A"] - sizes.mean()) < 3 * np.hypot(sigma, result["error_A"])
    assert result["width_A"] == pytest.approx(sizes.std(), rel=3 / np.sqrt(len(sizes)))


def test_the_distribution_integrates_to_the_void_and_its_classes_add_up():
    atoms = random_structure(250, 10, 34.0)
    frame = analyze(atoms, what="psd", probes={"point": 0.001})
    result = frame["pores"]["pore_size_distribution"]
    total = np.array(result["dV_dd_cm3_g_A"])
    assert total.sum() * result["bin_A"] == pytest.approx(result["volume_cm3_g"], rel=1e-12)
    parts = result["per_class"]
    assert set(parts) == {"open", "quasi-closed", "closed", "fully-closed", TOO_NARROW}
    assert np.sum([p["dV_dd_cm3_g_A"] for p in parts.values()], axis=0) == pytest.approx(total, rel=1e-9)
    # all void outside the atoms is what the centre of a point reaches or does not reach
    probe = frame["pores"]["probes"]["point"]
    void = probe["accessible_volume_A3"] + probe["inaccessible_volume_A3"]
    exact = void / frame["cell_volume_A3"] / frame["density_g_cm3"]
    assert abs(result["volume_cm3_g"] - exact) < 4 * result["volume_error_cm3_g"] + 1e-3 * exact
    largest = frame["pores"]["largest_included_sphere_A"]
    assert result["diameter_A"][-1] - result["bin_A"] / 2 <= largest + 1e-6
    assert largest <= result["diameter_A"][-1] + result["bin_A"] / 2 + 1e-3
    assert "occupiable" not in frame["pores"]


def test_a_shifted_and_turned_structure_has_the_same_distribution():
    atoms = graphite_slab(3, 8.3)
    moved = atoms.copy()
    moved.positions += [1.234, 2.345, 3.456]
    moved.rotate(50.0, (3, 1, 2), rotate_cell=True)
    first, second = distribution(atoms), distribution(moved)
    assert first["mean_A"] == pytest.approx(second["mean_A"], abs=4 * (first["error_A"] + second["error_A"]))
    assert first["mode_A"] == pytest.approx(second["mode_A"], abs=0.01)
    assert first == distribution(atoms)


def test_matter_without_void_has_an_empty_distribution():
    result = distribution(bulk("C", "fcc", a=1.8, cubic=True))
    assert result["diameter_A"] == [] and result["volume_cm3_g"] == 0.0
    assert result["mean_A"] is None and result["mode_A"] is None and result["width_A"] is None
