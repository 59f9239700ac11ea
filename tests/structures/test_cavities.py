"""Templates: where they stand, how deep atoms are in them, and how much of the cell they are."""

from __future__ import annotations

import numpy as np
import pytest

from carbonize.errors import InputError
from carbonize.structures.cavities import ATOM_RADIUS_A, Cavities, place_cavities

CELL = np.eye(3) * 30.0


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_depth_is_counted_through_the_boundary() -> None:
    hole = Cavities("sphere", np.array([[0.0, 0.0, 0.0]]), 10.0)
    points = np.array([[0.0, 0.0, 0.0], [29.0, 0.0, 0.0], [0.0, 15.0, 0.0]])
    assert hole.depth(points, CELL) == pytest.approx([6.7, 5.7, 6.7 - 15.0])
    moved = hole.out_of(points[1:], CELL)
    assert hole.depth(moved, CELL).max() == pytest.approx(0.0, abs=1e-12)
    assert np.array_equal(moved[1], points[2])


def test_shares_are_those_of_spheres_and_slabs() -> None:
    two = Cavities("sphere", np.array([[0.2] * 3, [0.7] * 3]), 10.0)
    assert two.share(CELL) == pytest.approx(2 * np.pi / 6 * 1000 / 27000)
    slit = Cavities("slit", np.array([[0.0, 0.0, 0.5]]), 6.0)
    assert slit.share(CELL) == pytest.approx(0.2)
    assert slit.share(CELL, centres=True) == pytest.approx((6.0 + 2 * ATOM_RADIUS_A) / 30)


def test_a_slit_in_a_tilted_cell_is_as_wide_as_it_says() -> None:
    cell = np.array([[20.0, 0, 0], [0, 20.0, 0], [6.0, 4.0, 30.0]])
    slit = Cavities("slit", np.array([[0.0, 0.0, 0.5]]), 6.0)
    z = np.array([15.0, 18.0, 20.0])
    points = np.stack([0 * z, 0 * z, z], axis=1)
    assert slit.depth(points, cell) == pytest.approx(4.7 - np.abs(z - 15.0))


@pytest.mark.parametrize("shape", ["sphere", "slit"])
def test_placed_cavities_keep_a_wall_between_them(shape: str) -> None:
    found = place_cavities(shape, 5.0, 2, CELL, 2.0, rng())  # type: ignore[arg-type]
    apart = (found.centres[0] - found.centres[1] + 0.5) % 1.0 - 0.5
    apart = apart[2:] if shape == "slit" else apart
    assert 30 * np.linalg.norm(apart) >= 5.0 + 2 * ATOM_RADIUS_A + 2.0
    again = place_cavities(shape, 5.0, 2, CELL, 2.0, rng())  # type: ignore[arg-type]
    assert np.array_equal(found.centres, again.centres)


@pytest.mark.parametrize(
    ("shape", "size", "number", "message"),
    [("sphere", 28.0, 1, "needs a cell"), ("slit", 10.0, 2, "slit"), ("sphere", 9.0, 30, "do not fit")],
)
def test_templates_without_room_are_refused(shape: str, size: float, number: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        place_cavities(shape, size, number, CELL, 2.0, rng())  # type: ignore[arg-type]
