"""RDF and S(q): against direct sums, another program, each other, and the laws that bind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, graphene
from ase.io import read

from carbonize.analysis.scattering.form_factors import FORM_FACTORS, form_factor
from carbonize.analysis.scattering.modes import SHELL_WIDTH, density_shells
from carbonize.analysis.scattering.pairs import pair_histogram, species_pairs
from carbonize.analysis.scattering.pattern import powder_pattern
from carbonize.analysis.scattering.rdf import body_of, radial_distribution
from carbonize.analysis.scattering.structure_factor import (
    WINDOWS_IN_RANGE,
    cluster_partials,
    shell_partials,
    total,
    windowed_partials,
    xray_intensity,
)
from carbonize.analysis.scattering.summary import scattering_summary
from carbonize.errors import InputError

STRUCTURES = Path(__file__).resolve().parents[2] / "structures"


@pytest.fixture(scope="module")
def carbon() -> Atoms:
    return read(STRUCTURES / "precursor-1000.extxyz")


def gas(symbols: str, cell: np.ndarray, seed: int = 0, pbc: bool = True) -> Atoms:
    count = len(Atoms(symbols))
    return Atoms(symbols, scaled_positions=np.random.default_rng(seed).random((count, 3)), cell=cell, pbc=pbc)


SKEWED = np.array([[14.0, 0, 0], [3, 12, 0], [1, 2, 13]])


@pytest.mark.parametrize("name", FORM_FACTORS)
def test_form_factors_begin_at_the_number_of_electrons_and_fall(name: str) -> None:
    f = form_factor(name, np.linspace(0, 20, 60))
    assert f[0] == pytest.approx(Atoms(name).numbers[0], abs=0.03)
    assert (np.diff(f) < 0.01).all()


@pytest.mark.parametrize("name", ["C", "N", "O", "P", "S", "Cl"])
def test_form_factors_agree_with_an_independent_table(name: str) -> None:
    from ase.utils.xrdebye import waasmaier  # Waasmaier and Kirfel, Acta Cryst. A51 (1995) 416

    q = np.linspace(0, 15, 40)
    coefficients = waasmaier[name]
    s2 = (q / (4 * np.pi)) ** 2
    other = coefficients[10] + sum(
        a * np.exp(-b * s2) for a, b in zip(coefficients[0:10:2], coefficients[1:10:2], strict=True)
    )
    np.testing.assert_allclose(form_factor(name, q), other, atol=0.05)


def test_an_element_without_form_factor_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="no X-ray form factor for Xe"):
        powder_pattern(Atoms("CXe", positions=[[0, 0, 0], [3, 0, 0]]))


def test_pairs_are_those_of_a_plain_count_in_a_skewed_cell() -> None:
    atoms = gas("C30H20", SKEWED)
    found = pair_histogram(atoms, 17.0)
    cell = np.array(np.meshgrid(*[np.arange(-3, 4)] * 3)).reshape(3, -1).T @ SKEWED
    kinds = np.array(atoms.get_chemical_symbols())
    for row, (a, b) in enumerate(species_pairs(2)):
        one, other = atoms.positions[kinds == "CH"[a]], atoms.positions[kinds == "CH"[b]]
        r = np.linalg.norm(other[None, :, None] + cell[None, None] - one[:, None, None], axis=-1).ravel()
        r = r[(r > 1e-9) & (r <= 17.0)]
        assert found.counts[row].sum() == len(r)
        assert (found.counts[row] * found.mean_A[row]).sum() == pytest.approx(r.sum(), rel=1e-12)


def test_lattice_planes_on_the_border_of_cells_are_counted_once() -> None:
    found = pair_histogram(bulk("C", "sc", a=2.0, cubic=True).repeat(3), 4.01)
    r = found.mean_A[0][found.counts[0] > 0]
    shells = {2.0: 6, 8**0.5: 12, 12**0.5: 8, 4.0: 6}
    np.testing.assert_allclose(r, list(shells), rtol=1e-12)
    assert found.counts[0][found.counts[0] > 0].tolist() == [27 * n for n in shells.values()]


def test_a_cluster_has_the_structure_factor_of_debyes_sum() -> None:
    atoms = gas("C40O20", 12 * np.eye(3), pbc=False)
    q = np.arange(0.1, 20, 0.05)
    found = cluster_partials(pair_histogram(atoms, 25.0), q)
    r = atoms.get_all_distances()
    for value in (0, 100, 390):
        waves = np.sinc(q[value] * r / np.pi)
        assert total(found)[value] == pytest.approx(waves.sum() / 60, abs=1e-5)
        f = np.array([form_factor(s, q[value : value + 1])[0] for s in atoms.get_chemical_symbols()])
        assert xray_intensity(found)[value] == pytest.approx(f @ waves @ f / 60, rel=1e-4, abs=1e-3)


def test_density_modes_are_those_of_a_direct_sum() -> None:
    atoms = gas("C40H20", SKEWED)
    found = density_shells(atoms, 4.0)
    n = np.array(np.meshgrid(*[np.arange(-13, 14)] * 3)).reshape(3, -1).T
    k = n @ (2 * np.pi * np.linalg.inv(SKEWED).T)
    length = np.linalg.norm(k, axis=1)
    k, length = k[(length > 1e-9) & (length <= 4.0)], length[(length > 1e-9) & (length <= 4.0)]
    kinds = np.array(atoms.get_chemical_symbols())
    waves = {s: np.exp(1j * k @ atoms.positions[kinds == s].T).sum(axis=1) for s in "CH"}
    shell = (length / SHELL_WIDTH).astype(int)
    held = np.bincount(shell) > 0
    np.testing.assert_array_equal(found.vectors, np.bincount(shell)[held])
    for row, (a, b) in enumerate(("CC", "CH", "HH")):
        direct = np.bincount(shell, (waves[a] * waves[b].conj()).real / 60)[held]
        np.testing.assert_allclose(found.sums[row], direct, atol=3e-5)


def test_both_roads_to_the_structure_factor_agree(carbon: Atoms) -> None:
    # Poisson's summation: a window on g(r) is a Gaussian on the modes
    reach = 18.0
    window = reach / WINDOWS_IN_RANGE
    q = np.arange(0.3, 4.4, 0.05)
    pairs = windowed_partials(pair_histogram(carbon, reach), carbon.cell.volume, window, q)
    modes = shell_partials(density_shells(carbon, 4.4 + 7 / window), q, 1 / window)
    np.testing.assert_allclose(total(pairs), total(modes), atol=1e-4)


def test_the_main_peak_is_a_peak_and_not_the_rise_towards_small_angles(carbon: Atoms) -> None:
    diamond = scattering_summary(bulk("C", cubic=True) * (4, 4, 4))["structure_factor"]
    assert diamond["main_peak_q"] == pytest.approx(2 * np.pi * 3**0.5 / 3.567, abs=0.03)  # (111)
    porous = scattering_summary(carbon)["structure_factor"]
    assert porous["S_smallest_q"] > 5
    assert porous["main_peak_q"] == pytest.approx(5.4, abs=0.2)  # disordered carbon's second halo


def test_a_gas_scatters_without_structure() -> None:
    atoms = gas("C6000", 40 * np.eye(3), seed=3)
    found = radial_distribution(pair_histogram(atoms, 12.0), body_of(atoms), 12.0, bin_A=0.2)
    assert np.nanmean(found.g[0][10:]) == pytest.approx(1.0, abs=0.005)
    shells = density_shells(atoms, 3.0)
    assert shells.sums[0].sum() / shells.vectors.sum() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("kind", ["slab", "cluster"])
def test_g_of_an_evenly_filled_body_is_one(kind: str) -> None:
    rng = np.random.default_rng(1)
    if kind == "slab":
        points = rng.random((8000, 3)) * [40, 40, 12]
        atoms = Atoms("C8000", points, cell=[40, 40, 60], pbc=(True, True, False))
    else:
        points = rng.normal(size=(8000, 3))
        points *= 20 * rng.random((8000, 1)) ** (1 / 3) / np.linalg.norm(points, axis=1, keepdims=True)
        atoms = Atoms("C8000", points)
    body = body_of(atoms)
    assert body.kind == kind
    found = radial_distribution(pair_histogram(atoms, 15.0), body, 15.0, bin_A=0.5)
    np.testing.assert_allclose(found.g[0][4:], 1.0, atol=0.03)


def test_neighbours_are_the_integral_of_g(carbon: Atoms) -> None:
    found = radial_distribution(pair_histogram(carbon, 8.0), body_of(carbon), 8.0)
    step = found.r_A[1] - found.r_A[0]
    density = len(carbon) / carbon.cell.volume
    shell = 4 / 3 * np.pi * ((found.r_A + step / 2) ** 3 - (found.r_A - step / 2) ** 3)
    np.testing.assert_allclose(np.cumsum(density * shell * found.g[0]), found.neighbors[0], atol=1e-9)
    bonded = int(np.searchsorted(found.r_A, 1.85)) - 1
    from carbonize.analysis.bonding import coordination

    assert found.neighbors[0][bonded] == pytest.approx(coordination(carbon, 1.84).mean(), abs=1e-9)


def test_long_waves_are_the_variance_of_the_density() -> None:
    # the compressibility sum: S(0) is the variance over the mean of the atoms in a large part
    rng = np.random.default_rng(5)
    bunches = rng.random((5000, 3)) * 110
    positions = np.repeat(bunches, 3, axis=0) + rng.normal(size=(15_000, 3))
    atoms = Atoms("C" * 15_000, positions, cell=[110] * 3, pbc=True)
    shells = density_shells(atoms, 0.4)
    bunched = 1 + 2 * np.exp(-(shells.k**2))  # three to a bunch, each spread by 1 A
    assert shells.sums[0].sum() / (shells.vectors @ bunched) == pytest.approx(1.0, abs=0.1)
    neighbors = radial_distribution(pair_histogram(atoms, 10.0), body_of(atoms), 10.0).neighbors[0]
    even = 15_000 / 110**3 * 4 / 3 * np.pi * 10**3
    assert 1 + neighbors[-1] - even == pytest.approx(3.0, abs=0.4)  # 1 + rho integral (g - 1)


def test_g_comes_back_from_the_structure_factor(carbon: Atoms) -> None:
    # 4 pi r rho (g - 1), by the sine transform of q (S - 1), is that of the histogram, blurred by 1 / q_max
    reach, window = 18.0, 4.0
    q = np.arange(0.01, 30, 0.02)
    histogram = pair_histogram(carbon, reach)
    s = total(windowed_partials(histogram, carbon.cell.volume, window, q))
    r = np.arange(1.2, 8.0, 0.05)
    damping = np.exp(-0.5 * (q * 0.12) ** 2)
    back = 2 / np.pi * (0.02 * q * (s - 1) * damping) @ np.sin(np.outer(q, r))
    found = radial_distribution(histogram, body_of(carbon), 12.0)
    density = len(carbon) / carbon.cell.volume
    x = found.r_A
    direct = 4 * np.pi * x * density * (found.g[0] - 1) * np.exp(-0.5 * (x / window) ** 2)
    blur = np.exp(-0.5 * ((r[:, None] - x) / 0.12) ** 2)
    blurred = (blur @ direct) * (x[1] - x[0]) / (0.12 * np.sqrt(2 * np.pi))
    assert np.abs(back - blurred).max() < 0.01 * np.abs(blurred).max()


def test_ovito_counts_the_same_g(carbon: Atoms) -> None:
    pytest.importorskip("ovito", reason="OVITO, an independent S(q), is not installed")
    from ovito.io.ase import ase_to_ovito
    from ovito.modifiers import CoordinationAnalysisModifier
    from ovito.pipeline import Pipeline, StaticSource

    plain = Atoms("C1000", positions=carbon.positions, cell=carbon.cell, pbc=True)
    pipeline = Pipeline(source=StaticSource(data=ase_to_ovito(plain)))
    pipeline.modifiers.append(CoordinationAnalysisModifier(cutoff=10.0, number_of_bins=100))
    table = pipeline.compute().tables["coordination-rdf"].xy()
    found = radial_distribution(pair_histogram(carbon, 10.0), body_of(carbon), 10.0, bin_A=0.1)
    np.testing.assert_allclose(found.g[0], table[:, 1], atol=1e-3 * table[:, 1].max())


def test_patterns_do_not_turn_with_the_structure() -> None:
    q = np.arange(0.5, 6.0, 0.05)
    atoms = graphene(size=(5, 5, 1), vacuum=5.0)
    atoms.pbc = False
    flat = total(cluster_partials(pair_histogram(atoms, 20.0), q))
    atoms.rotate(37, (1, 2, 3))
    np.testing.assert_allclose(total(cluster_partials(pair_histogram(atoms, 20.0), q)), flat, atol=1e-5)


def test_the_curves_of_a_crystal_are_joined_at_its_bragg_peaks() -> None:
    found = powder_pattern(bulk("C", "diamond", a=3.567))
    q = found.pattern.q[np.argmax(found.reduced)]
    assert q == pytest.approx(2 * np.pi * 3**0.5 / 3.567, rel=4e-3)
    assert found.join_error is not None and found.join_error < 1e-2
