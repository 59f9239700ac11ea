"""Crystallites of known size come back from their powder pattern; what has no band is refused."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene, molecule
from crystallites import Outline, ab_crystallite, hexagon, rectangle, stack
from scipy.special import j1

from carbonize.analysis.frame import analyze
from carbonize.analysis.raman import raman_summary
from carbonize.analysis.scattering.band_fit import Band
from carbonize.analysis.scattering.bands import band_002, band_10, profile, stacking_interference
from carbonize.analysis.scattering.pattern import powder_pattern
from carbonize.analysis.scattering.summary import scattering_summary
from carbonize.analysis.scattering.xrd import (
    _stack_numbers,
    fit_bands,
    lorentz_polarisation,
    two_theta_deg,
)


def bands_of(atoms) -> dict:
    found = powder_pattern(atoms)
    return fit_bands(found.pattern.q, found.reduced, float(found.pattern.resolution[0]))[0]


@pytest.mark.parametrize(
    ("size_A", "layers", "spacing_A", "square"),
    [
        (30.0, 6, 3.354, False),
        (25.0, 8, 3.60, True),
        (40.0, 4, 3.354, True),
        # few and small layers: what their edges scatter, and (000), lie under the band
        (15.0, 3, 3.354, False),
        (20.0, 3, 3.354, True),
        (60.0, 3, 3.60, True),
        # a sharp band where pressed layers have it
        (40.0, 25, 3.06, False),
    ],
)
def test_a_crystallite_of_ab_graphite_returns_its_size(
    size_A: float, layers: int, spacing_A: float, square: bool
) -> None:
    found = bands_of(ab_crystallite(size_A, layers, spacing_A, square=square))
    assert found["d002_A"] == pytest.approx(spacing_A, rel=2e-3)
    assert found["Lc_A"] == pytest.approx(layers * spacing_A, rel=0.1)
    assert found["La_A"] == pytest.approx(size_A, rel=0.1)
    assert found["layers"] == pytest.approx(found["Lc_A"] / found["d002_A"])
    assert abs(found["La_A"] - size_A) < 3 * found["La_error_A"]


@pytest.mark.parametrize(
    ("outline", "area_A2", "layers", "spacing_A"),
    [
        (hexagon(24.0), 498.8, 5, 3.45),
        (hexagon(34.0), 1001.1, 3, 3.40),
        (rectangle(18.0, 36.0), 648.0, 7, 3.60),
    ],
    ids=["hexagon", "three layers", "twice as long as wide"],
)
def test_layers_of_other_outlines_return_the_root_of_their_area(
    outline: Outline, area_A2: float, layers: int, spacing_A: float
) -> None:
    # outlines that the constant of La was not chosen on
    found = bands_of(stack(outline, 40.0, layers, spacing_A, turned=0.2))
    assert found["d002_A"] == pytest.approx(spacing_A, rel=2e-3)
    assert found["Lc_A"] == pytest.approx(layers * spacing_A, rel=0.1)
    assert found["La_A"] == pytest.approx(area_A2**0.5, rel=0.1)


def test_a_crystallite_in_a_periodic_box_has_the_same_spacing() -> None:
    atoms = ab_crystallite(25.0, 6)
    atoms.center(vacuum=18.0)
    atoms.pbc = True
    found = bands_of(atoms)
    assert found["d002_A"] == pytest.approx(3.354, rel=2e-3)
    assert found["Lc_A"] == pytest.approx(6 * 3.354, rel=0.1)


def test_an_endless_crystal_has_a_spacing_but_no_size() -> None:
    from carbonize.periodic import make_lattice

    layer = graphene(a=2.461, size=(6, 6, 1)).positions
    from ase import Atoms

    cell = np.array([[14.766, 0, 0], [-7.383, 12.7877, 0], [0, 0, 13.416]])
    positions = np.concatenate([layer + [0, 1.42 * (k % 2), 3.354 * k] for k in range(4)])
    atoms = Atoms("C" * len(positions), positions, cell=cell, pbc=True)
    assert make_lattice(cell, [True] * 3).heights.min() < 13
    found = bands_of(atoms)
    assert found["d002_A"] == pytest.approx(3.354, rel=2e-3)
    assert found["Lc_A"] is None and "the cell can tell" in found["Lc_reason"]


def test_diamond_and_single_sheets_have_no_002() -> None:
    sheet = graphene(size=(8, 8, 1), vacuum=5.0)
    sheet.pbc = False
    for atoms in (bulk("C", "diamond", a=3.567, cubic=True).repeat(4), sheet):
        found = bands_of(atoms)
        assert found["d002_A"] is None and found["layers"] is None
        assert "(002)" in found["d002_reason"]


def test_a_period_that_the_cell_imposes_is_no_spacing() -> None:
    gas = Atoms("C5", np.random.default_rng(1).random((5, 3)) * 3.2, cell=[3.2] * 3, pbc=True)
    found = scattering_summary(gas)["xrd"]
    assert found["d002_A"] is None and found["Lc_A"] is None
    assert (
        "the repeat of the cell itself (3.20 A)" in found["d002_reason"] and "6.4 A" in found["d002_reason"]
    )
    # two layers are told from one
    graphite = ab_crystallite(25.0, 2)
    graphite.pbc = True
    graphite.set_cell([80, 80, 6.708])
    assert scattering_summary(graphite)["xrd"]["d002_A"] == pytest.approx(3.354, rel=0.01)


@pytest.mark.parametrize("end", [2.0, 2.1])
def test_a_decay_from_small_angles_has_no_002(end: float) -> None:
    # convex everywhere: it falls and is flat from some place on, which background and band could make together
    q = np.arange(0.6, 4.1, 0.005)
    decay = 0.65 + 0.9 * 0.05 * np.log1p(np.exp((end - q) / 0.05))
    numbers, _ = fit_bands(q, decay, 0.1)
    assert numbers["d002_A"] is None and "only decays" in numbers["d002_reason"]
    hump = decay + 0.4 * np.exp(-(((q - 1.75) / 0.15) ** 2))
    assert fit_bands(q, hump, 0.1)[0]["d002_A"] == pytest.approx(2 * np.pi / 1.75, rel=0.03)


def test_a_ball_has_no_lattice_of_layers() -> None:
    ball = molecule("C60")
    ball.center(vacuum=15.0)
    ball.pbc = True
    found = scattering_summary(ball)["xrd"]
    assert found["La_A"] is None and found["a_A"] is None
    assert "(10)" in found["La_reason"]


def test_a_slab_has_bands_but_no_small_angles() -> None:
    atoms = graphene(a=2.461, size=(6, 6, 1), vacuum=10.0)
    found = analyze(atoms, what="scattering")["scattering"]
    assert found["rdf"]["body"] == "slab" and found["rdf"]["neighbors"] == 3
    assert found["saxs"]["R_A"] is None and "periodic in all three" in found["saxs"]["reason"]


def test_the_two_dimensional_band_is_warrens() -> None:
    # a sharp rise below q10, a long tail above it, and a width that goes as one over the size
    q = np.arange(2.2, 4.2, 0.002)
    widths = []
    for size in (30.0, 60.0):
        shape = band_10(q, 2.95, size)
        top = q[np.argmax(shape)]
        assert 2.95 < top < 2.95 + 4 / size
        above = q[shape > shape.max() / 2]
        assert above[-1] - top > 1.5 * (top - above[0])
        widths.append(np.ptp(above))
    assert widths[0] / widths[1] == pytest.approx(2.0, rel=0.15)
    assert profile(np.array([0.05]), 0.1, -1.0, 1.87) == pytest.approx(0.5, abs=1e-3)
    assert profile(np.array([0.05]), 0.1, 0.7, 1.87) == pytest.approx(0.5, abs=1e-3)
    # four layers, summed wave by wave
    x = np.linspace(-0.9, 0.9, 41)
    stack = np.abs(np.exp(1j * np.multiply.outer(x, 3.36 * np.arange(4))).sum(axis=1)) ** 2 / 16
    rod = 2 * np.pi / 3.36
    assert profile(x, 0.8858929 * rod / 4, -1.0, rod) == pytest.approx(stack, abs=1e-6)
    # the lower side goes over into (000), which is as high
    assert profile(np.array([-rod]), 0.8858929 * rod / 4, -1.0, rod, below=1.0) == pytest.approx(1.0)
    assert profile(np.array([-rod]), 0.8858929 * rod / 4, -1.0, rod) == pytest.approx(0.0)
    period = np.linspace(0, 2 * np.pi / 3.4, 400, endpoint=False)
    assert stacking_interference(period, 7, 3.4).mean() == pytest.approx(1.0)


def test_the_band_of_layers_is_the_average_over_all_directions_of_their_rod() -> None:
    # a disc's transform and the interference of three layers, summed over directions
    q, q0, diameter = np.array([1.3, 1.6, 1.87, 2.3]), 1.87, 20.0
    cosine = (np.arange(20000) + 0.5) / 20000
    along = q[:, None] * cosine
    u = np.sqrt(q[:, None] ** 2 - along**2) * diameter / 2
    waves = np.abs(np.exp(1j * np.multiply.outer(along, 2 * np.pi / q0 * np.arange(3))).sum(axis=2)) ** 2 / 9
    whole = ((2 * j1(u) / u) ** 2 * waves).mean(axis=1)
    shape = band_002(q, q0, 0.8858929 * q0 / 3, -1.0, diameter)
    assert shape / shape[2] == pytest.approx(whole / whole[2], abs=5e-3)


def test_angles_and_polarisation() -> None:
    q = np.array([0.0, 2 * np.pi / 3.354, 20.0])
    assert two_theta_deg(q)[1] == pytest.approx(26.55, abs=0.01)
    assert np.isnan(two_theta_deg(q)[2])
    assert lorentz_polarisation(q)[0] == 1.0


def test_raman_laws_hold_where_they_say() -> None:
    assert raman_summary(88.0)["ID_IG"]["tuinstra_koenig"] == pytest.approx(0.5)
    small, large = raman_summary(10.0), raman_summary(40.0)
    assert (small["law"], large["law"]) == ("ferrari_robertson", "tuinstra_koenig")
    laws = raman_summary(20.0)["ID_IG"]
    assert laws["ferrari_robertson"] == pytest.approx(laws["tuinstra_koenig"], rel=0.02)
    redder = raman_summary(40.0, 633.0)["ID_IG"]["tuinstra_koenig"]
    assert redder / large["ID_IG"]["tuinstra_koenig"] == pytest.approx((633 / 514.5) ** 4)
    assert raman_summary(None)["reason"]


def test_what_is_too_uncertain_is_not_told() -> None:
    flat = np.zeros(3)
    band = Band("", {"q0": 1.75, "fwhm": 0.6}, {"q0": 0.02, "fwhm": 0.7}, flat, flat, flat, flat)
    found = _stack_numbers(band, 0.02)
    assert found["d002_A"] == pytest.approx(3.590, abs=1e-3)
    assert found["Lc_A"] is None and found["layers"] is None and "uncertain" in found["Lc_reason"]
    # a hump in noise
    q = np.arange(0.8, 4.0, 0.01)
    noise = np.random.default_rng(3).normal(size=q.size) * 0.12
    told = fit_bands(q, 1 + 0.25 * np.exp(-((q - 1.75) ** 2) / 0.18) + noise, 0.02)[0]
    assert told["d002_A"] is None and "(002)" in told["d002_reason"]
