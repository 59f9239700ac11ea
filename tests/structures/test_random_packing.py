"""Random packings: density, minimum distance, reproducible."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from carbonize.errors import InputError
from carbonize.structures.random_packing import cubic_edge_A, default_min_distance_A, random_packing
from carbonize.units import density_g_cm3


def closest(positions: np.ndarray, edge: float) -> float:
    distances, _ = cKDTree(positions, boxsize=edge).query(positions, k=2)
    return float(distances[:, 1].min())


@pytest.mark.parametrize("density", [0.3, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("atoms", [60, 500])
def test_atoms_keep_their_distance_also_across_the_boundary(atoms: int, density: float) -> None:
    edge = cubic_edge_A(atoms, density)
    positions = random_packing(atoms, density, seed=1)
    assert positions.shape == (atoms, 3)
    assert (positions >= 0).all()
    assert (positions < edge).all()
    assert closest(positions, edge) >= default_min_distance_A(density)


def test_the_cube_has_the_density_asked_for() -> None:
    edge = cubic_edge_A(1000, 1.3)
    assert density_g_cm3(1000 * 12.011, edge**3) == pytest.approx(1.3, rel=1e-12)


def test_the_same_seed_gives_the_same_packing_and_another_seed_another() -> None:
    first = random_packing(200, 1.0, seed=4)
    assert np.array_equal(first, random_packing(200, 1.0, seed=4))
    assert not np.array_equal(first, random_packing(200, 1.0, seed=5))


def test_the_default_distance_is_145_where_there_is_room_and_less_in_dense_carbon() -> None:
    assert default_min_distance_A(1.0) == 1.45
    assert 1.0 < default_min_distance_A(3.5) < 1.45


def test_a_distance_of_ones_own_is_kept() -> None:
    positions = random_packing(100, 1.0, seed=1, min_distance_A=1.7)
    assert closest(positions, cubic_edge_A(100, 1.0)) >= 1.7


def test_atoms_spread_evenly_over_the_cell() -> None:
    atoms = 4000
    edge = cubic_edge_A(atoms, 1.0)
    positions = random_packing(atoms, 1.0, seed=2)
    counts, _ = np.histogramdd(positions, bins=4, range=[(0, edge)] * 3)
    # a random packing is more even than ideal gas, whose standard deviation is sqrt(mean)
    assert abs(counts.mean() - atoms / 64) < 1e-9
    assert counts.std() < np.sqrt(counts.mean())


def test_an_impossible_packing_is_refused_with_what_to_change() -> None:
    with pytest.raises(InputError, match="fill a cube of only"):
        random_packing(2, 3.0, seed=1, min_distance_A=2.0)


def test_a_packing_that_jams_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("carbonize.structures.random_packing._MOST_ROUNDS", 20)
    with pytest.raises(InputError, match=r"jams at \d+ atoms; use a smaller minimum distance"):
        random_packing(200, 3.5, seed=1, min_distance_A=1.8)
