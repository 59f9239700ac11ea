"""Small angles: voids, fields and surfaces of known size come back; small cells are refused."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule

from carbonize.analysis.capacity import capacity_summary
from carbonize.analysis.frame import analyze
from carbonize.analysis.scattering.modes import density_shells
from carbonize.analysis.scattering.saxs import fitted_curves, small_angle_intensities, small_angles
from carbonize.analysis.scattering.teubner_strey import teubner_strey, teubner_strey_shape, with_widths
from carbonize.analysis.scattering.whittle import Intensities


@pytest.fixture(scope="module")
def matrix() -> Atoms:
    return bulk("C", "diamond", a=3.567, cubic=True).repeat(14)


def with_voids(matrix: Atoms, radius_A: float, count: int, seed: int = 0) -> Atoms:
    length = matrix.cell.lengths()[0]
    rng, centres = np.random.default_rng(seed), []
    while len(centres) < count:
        new = rng.random(3) * length
        apart = [(new - old + length / 2) % length - length / 2 for old in centres]
        if all(np.linalg.norm(a) > 2 * radius_A for a in apart):
            centres.append(new)
    keep = np.ones(len(matrix), bool)
    for centre in centres:
        away = (matrix.positions - centre + length / 2) % length - length / 2
        keep &= np.linalg.norm(away, axis=1) > radius_A
    return matrix[keep]


def small(atoms: Atoms) -> dict:
    shells = density_shells(atoms, 1.5)
    return small_angles(shells, float(atoms.cell.lengths().min()), float(atoms.get_masses().sum()))


@pytest.mark.parametrize(("radius_A", "count"), [(5.0, 1), (8.0, 1), (6.0, 12)])
def test_equal_round_voids_return_their_radius(matrix: Atoms, radius_A: float, count: int) -> None:
    found = small(with_voids(matrix, radius_A, count))
    assert found["R_A"] == pytest.approx(radius_A, rel=0.05)
    assert found["R_A"] == pytest.approx(np.sqrt(5 / 3) * found["Rg_A"])


def test_the_curves_of_the_fits_are_what_was_fitted(matrix: Atoms) -> None:
    atoms = with_voids(matrix, 6.0, 12)
    found, data = small(atoms), small_angle_intensities(density_shells(atoms, 1.5))
    curves = fitted_curves(found, data.k)
    laws = {"Guinier": "guinier", "spheres": "spheres", "Teubner-Strey": "teubner_strey"}
    assert set(curves) == {name for name, key in laws.items() if not found[key]["reason"]}
    assert "spheres" in curves
    for curve in curves.values():
        used = np.isfinite(curve) & (data.k < 3.6 / found["R_A"])
        ratio = np.average(data.values[used] / curve[used], weights=data.vectors[used])
        assert ratio == pytest.approx(1.0, abs=0.1)
    balls = curves["spheres"]
    assert np.isnan(balls[data.k > found["spheres"]["q_max"]]).all()
    assert np.isfinite(balls[data.k <= found["spheres"]["q_max"]]).all()


def test_guinier_finds_its_range(matrix: Atoms) -> None:
    found = small(with_voids(matrix, 4.0, 1))["guinier"]
    assert found["lengths"] >= 3
    assert found["q_max"] * found["Rg_A"] <= 1.05
    assert found["Rg_A"] == pytest.approx(4.0 * np.sqrt(3 / 5), abs=2 * found["Rg_error_A"])


def test_porod_gives_void_and_surface(matrix: Atoms) -> None:
    atoms = with_voids(matrix, 8.0, 6, seed=4)
    found = small(atoms)
    assert found["porod"]["porosity"] == pytest.approx(1 - len(atoms) / len(matrix), rel=0.1)
    grams = atoms.get_masses().sum() * 1.66054e-24
    assert found["surface_m2_g"] == pytest.approx(6 * 4 * np.pi * 64e-20 / grams, rel=0.15)


def known_field(d_A: float, xi_A: float, seed: int | None) -> Intensities:
    """Wave vectors of a field whose spectrum is Teubner and Strey's, in a cell of 130 A.

    A Gaussian random one with a seed; without, waves of exactly the mean intensity and any phases.
    """
    rng = np.random.default_rng(seed)
    n = np.array(np.meshgrid(*[np.arange(-30, 31)] * 3)).reshape(3, -1).T
    n = n[(n @ [1, 100, 10000]) > 0]  # one of k and -k
    square, count = np.unique((n**2).sum(axis=1), return_counts=True)
    k = 2 * np.pi / 130 * np.sqrt(square)
    mean = 40 * teubner_strey_shape(k, d_A, xi_A) + 0.2
    keep = k < 1.3
    scatter = [1.0 if seed is None else rng.exponential(size=c).mean() for c in count[keep]]
    values = mean[keep] * np.array(scatter)
    return Intensities(k[keep], 2.0 * count[keep], values, 130.0**3, 200_000)


@pytest.mark.parametrize(("d_A", "xi_A"), [(20.0, 8.0), (15.0, 12.0), (30.0, 10.0)])
def test_a_teubner_strey_field_returns_its_lengths(d_A: float, xi_A: float) -> None:
    found = with_widths(teubner_strey(known_field(d_A, xi_A, seed=None), 130.0), porosity=0.4)
    assert found["d_A"] == pytest.approx(d_A, rel=0.05)
    assert found["xi_A"] == pytest.approx(xi_A, rel=0.05)
    # the formulas of the literature, from C1 and C2 back to both lengths
    c1, c2 = found["C1_A2"], found["C2_A4"]
    assert 2 * np.pi / np.sqrt(0.5 / np.sqrt(c2) - c1 / (4 * c2)) == pytest.approx(found["d_A"])
    assert 1 / np.sqrt(0.5 / np.sqrt(c2) + c1 / (4 * c2)) == pytest.approx(found["xi_A"])
    assert found["f_a"] == pytest.approx(c1 / (2 * np.sqrt(c2)))
    assert found["pore_width_A"] + found["wall_width_A"] == pytest.approx(found["d_A"])


@pytest.mark.slow
def test_errors_are_those_of_repeated_fields() -> None:
    found = [teubner_strey(known_field(20.0, 8.0, seed), 130.0) for seed in range(8)]
    lengths = np.array([f["xi_A"] for f in found])
    stated = np.mean([f["xi_error_A"] for f in found])
    assert 0.5 < lengths.std(ddof=1) / stated < 1.8
    assert abs(lengths.mean() - 8.0) < 5 * stated / np.sqrt(8)


def test_a_cell_that_is_too_small_is_refused_with_one_that_would_do() -> None:
    atoms = bulk("C", "diamond", a=3.567, cubic=True).repeat(2)
    found = analyze(atoms, what="scattering")["scattering"]["saxs"]
    assert found["R_A"] is None and found["teubner_strey"]["d_A"] is None
    assert "A would do" in found["reason"]


def test_a_solid_without_pores_has_nothing_to_fit(matrix: Atoms) -> None:
    found = small(matrix)
    assert found["R_A"] is None and "atomic distances only" in found["reason"]


def test_the_plateau_is_sodium_in_closed_pores() -> None:
    classes = {
        name: {"volume_cm3_g": volume}
        for name, volume in (("open", 0.5), ("quasi-closed", 0.1), ("closed", 0.15), ("fully-closed", 0.05))
    }
    low, best, high = capacity_summary({"classes": classes}, (0.5, 0.8, 1.0))["plateau_mAh_g"]
    assert low == pytest.approx(1129 * 0.2 * 0.5)
    assert best == pytest.approx(1129 * 0.25 * 0.8)
    assert high == pytest.approx(1129 * 0.3)
    covered = {"He": {"accessible_cm3_g": 1.0, "inaccessible_cm3_g": 0.6}}
    wider = capacity_summary({"classes": classes, "occupiable": covered})
    assert wider["plateau_mAh_g"][2] == pytest.approx(1129 * 0.6)
    assert wider["slope_mAh_g"] is None and "no probe" in wider["slope_reason"]


def test_the_slope_is_sodium_on_open_walls_and_edges() -> None:
    classes = {name: {"volume_cm3_g": 0.1} for name in ("open", "quasi-closed", "closed", "fully-closed")}
    probes = {
        "He": {"diameter_A": 2.6, "accessible_area_m2_g": 900.0},
        "EC": {"diameter_A": 5.7, "accessible_area_m2_g": 100.0},
    }
    found = capacity_summary({"classes": classes, "probes": probes}, edges_mmol_g=2.0)
    # 10 uF/cm2 are 10 F/g on 100 m2/g: 19 C/g over 1.9 V, 5.28 mAh/g; a mmol of charge is 26.8 mAh
    assert found["slope_mAh_g"] == pytest.approx([2.11, 5.28 + 26.8, 11.08 + 53.6], abs=0.02)
    assert found["open_area_m2_g"] == 100.0 and found["slope_reason"] is None
    counted = analyze(molecule("C60"), what="capacity")["capacity"]
    assert counted["slope_mAh_g"] is not None and counted["edges_mmol_g"] >= 0
