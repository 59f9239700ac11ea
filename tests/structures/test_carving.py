"""Pores cut into a solid."""

from __future__ import annotations

import numpy as np
import pytest

from carbonize.errors import InputError
from carbonize.structures.carving import carve_pores

EDGE_A = 30.0
POSITIONS = np.random.default_rng(1).uniform(0, EDGE_A, (3000, 3))


def test_exactly_as_many_atoms_stay_as_asked() -> None:
    for keep in (1, 1234, 2999, 3000):
        kept = carve_pores(POSITIONS, EDGE_A, keep, 8.0, seed=2)
        assert len(kept) == keep
        assert np.all(np.diff(kept) > 0)


def test_the_removed_atoms_lay_in_spheres_through_the_periodic_boundary() -> None:
    """With one sphere, no removed atom is farther from another than a diameter, images included."""
    kept = carve_pores(POSITIONS, EDGE_A, 2950, 12.0, seed=4)
    removed = np.delete(POSITIONS, kept, axis=0)
    apart = removed[:, None] - removed[None]
    apart -= EDGE_A * np.round(apart / EDGE_A)
    assert np.sqrt((apart**2).sum(-1)).max() <= 12.0
    assert len(removed) == 50


def test_the_same_seed_cuts_the_same_pores() -> None:
    one, two, other = (carve_pores(POSITIONS, EDGE_A, 2000, 8.0, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_nothing_can_be_carved_up_to_more_atoms() -> None:
    with pytest.raises(InputError, match="carved"):
        carve_pores(POSITIONS, EDGE_A, 3001, 8.0, seed=1)
