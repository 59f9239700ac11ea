"""Holding a state through flicker: what counts as a change, and when it is dated."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonize.tracking.hysteresis import held_levels, tremble

LIMIT = np.array([3.3])


def held(values: list[float], width: float = 0.3, frames: int = 3, before: int = -1) -> list[int]:
    return held_levels(np.array(values, dtype=float), LIMIT, width, frames, before).tolist()


@pytest.mark.parametrize("away", [1, 2, 3, 4])
def test_an_excursion_counts_from_hold_frames_on(away: int) -> None:
    values = [4.0] * 8 + [2.0] * away + [4.0] * 8
    assert held(values) == ([1] * len(values) if away < 3 else [1] * 8 + [0] * away + [1] * 8)


@pytest.mark.parametrize("rest", [1, 2])
def test_at_the_end_half_as_many_frames_are_enough(rest: int) -> None:
    assert held([4.0] * 8 + [2.0] * rest)[-1] == (1 if rest < 2 else 0)


def test_a_change_is_dated_to_the_crossing() -> None:
    values = np.linspace(4.3, 2.35, 40)
    level = held_levels(values, LIMIT, 0.3, 3)
    np.testing.assert_array_equal(level, (values >= 3.3).astype(int))


def test_a_change_in_a_gap_is_not_lost() -> None:
    level = held([4.0, 4.0, 4.0, np.nan, np.nan, 2.0, 2.0, 2.0])
    assert level[:3] == [1, 1, 1] and level[5:] == [0, 0, 0]


def test_shallow_excursions_must_last_longer_than_deep_ones() -> None:
    shallow = [4.0] * 8 + [3.2] * 5 + [4.0] * 8
    assert 0 not in held(shallow)
    assert 0 in held(shallow, width=0.1)


@pytest.mark.parametrize("size", [0.03, 0.1, 0.2, 0.5])
def test_flicker_about_a_limit_is_no_change(size: float) -> None:
    values = 3.3 + size * (-1.0) ** np.arange(60)
    assert len(set(held_levels(values, LIMIT, max(0.1, 4 * tremble(values)), 3).tolist())) == 1


def test_a_past_is_kept_or_left() -> None:
    assert held([2.0, 4.0, 4.0], before=1) == [1, 1, 1]
    assert held([2.0, 2.0, 2.0], before=1) == [0, 0, 0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(0.0, 8.0), min_size=1, max_size=25),
    st.lists(st.floats(1.0, 7.0), min_size=1, max_size=4, unique=True),
)
def test_with_no_patience_the_state_is_the_measured_one(values: list[float], limits: list[float]) -> None:
    entrance, limit = np.array(values), np.sort(limits)
    raw = (entrance[:, None] >= limit).sum(axis=1)
    np.testing.assert_array_equal(held_levels(entrance, limit, 0.0, 1), raw)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.0, 8.0), min_size=1, max_size=25))
def test_limits_held_together_agree_with_each_held_alone(values: list[float]) -> None:
    entrance, limits = np.array(values), np.array([2.6, 3.3, 5.7])
    together = held_levels(entrance, limits, 0.3, 3)
    prices = [_price(entrance, limit, (together > k).astype(int)) for k, limit in enumerate(limits)]
    for k, limit in enumerate(limits):
        alone = held_levels(entrance, limits[k : k + 1], 0.3, 3)
        assert prices[k] == pytest.approx(_price(entrance, limit, alone), abs=1e-6)


def _price(entrance: np.ndarray, limit: float, state: np.ndarray) -> float:
    depth = np.minimum(np.abs(entrance - limit) / 0.3, 1.0) ** 2
    wrong = (entrance >= limit).astype(int) != state
    return float(depth[wrong].sum() + 1.25 * np.abs(np.diff(state)).sum())


def test_trembling_is_measured_beside_steps_and_slopes() -> None:
    random = np.random.default_rng(1)
    course = np.concatenate([np.linspace(6.0, 4.0, 200), np.full(200, 2.5)])
    assert tremble(course) == pytest.approx(0.0, abs=1e-12)
    # the largest tenth is left out, which is more than a tenth of the mean
    assert tremble(course + 0.2 * random.standard_normal(400)) == pytest.approx(0.155, abs=0.02)
