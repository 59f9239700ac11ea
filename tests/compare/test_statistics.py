"""Intervals cover what they say, and chance alone is taken for an effect as often as they say."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from carbonize.compare.permutation import permutation_p
from carbonize.compare.planning import detectable_effect, replicas_needed
from carbonize.compare.statistics import contrast, holm

RESAMPLES = 499
STUDIES = 2000

SLACK = np.sqrt(0.95 * 0.05 / STUDIES)  # one standard error of a share measured on so many studies

DATA = {
    "normal": (lambda rng, shape: rng.standard_normal(shape), 0.0),
    "bounded": (lambda rng, shape: rng.random(shape), 0.5),
    "bounded and skewed": (lambda rng, shape: rng.beta(1, 4, shape), 0.2),
    "skewed": (lambda rng, shape: rng.gamma(4, size=shape) / 4, 1.0),
}


def covered(found: object, truth: float) -> float:
    return float(np.mean((found.low <= truth) & (truth <= found.high)))  # type: ignore[attr-defined]


def in_range(share: float) -> bool:
    return 0.93 - SLACK <= share <= 0.97 + SLACK


@pytest.mark.parametrize("replicas", [4, 8, 16])
@pytest.mark.parametrize("kind", DATA)
def test_an_interval_of_a_mean_covers_it(kind: str, replicas: int) -> None:
    draw, mean = DATA[kind]
    values = draw(np.random.default_rng(1), (STUDIES, replicas))
    assert in_range(covered(contrast([[values]], resamples=RESAMPLES), mean))


def test_the_percentile_bootstrap_would_not_cover() -> None:
    # what the method above is for: with four replicas the usual bootstrap misses one mean in five
    rng = np.random.default_rng(1)
    values = rng.standard_normal((STUDIES, 4))
    means = values[:, rng.integers(0, 4, (RESAMPLES, 4))].mean(axis=2)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    assert np.mean((low <= 0) & (high >= 0)) < 0.85


@pytest.mark.parametrize("effect", [0.0, 1.5])
@pytest.mark.parametrize("kind", DATA)
def test_paired_differences_on_two_precursors_are_covered(kind: str, effect: float) -> None:
    """Starts differ much more than protocols do, and replica by replica; both cancel in pairs."""
    draw, _ = DATA[kind]
    rng = np.random.default_rng(2)
    start = 10 * rng.standard_normal((STUDIES, 2, 1)) + rng.standard_normal((STUDIES, 2, 4))
    apart = (start + effect + draw(rng, (STUDIES, 2, 4))) - (start + draw(rng, (STUDIES, 2, 4)))
    found = contrast([[apart[:, 0], apart[:, 1]]], resamples=RESAMPLES)
    assert in_range(covered(found, effect))
    seen = (found.low > 0) | (found.high < 0)
    assert np.array_equal(seen, found.p <= 0.05)
    if effect == 0.0:  # the rate of false findings is the stated one
        assert 0.03 - SLACK <= seen.mean() <= 0.07 + SLACK


@pytest.mark.parametrize(("first", "second", "ratio"), [(4, 4, 1.0), (8, 8, 3.0), (4, 8, 3.0)])
def test_unpaired_differences_are_covered_also_with_other_spreads(
    first: int, second: int, ratio: float
) -> None:
    rng = np.random.default_rng(3)
    a = rng.standard_normal((STUDIES, first))
    b = 0.5 + ratio * rng.standard_normal((STUDIES, second))
    assert in_range(covered(contrast([[a], [b]], (-1, 1), resamples=RESAMPLES), 0.5))


def test_differences_between_precursors_do_not_widen_a_mean_over_them() -> None:
    rng = np.random.default_rng(4)
    noise = rng.standard_normal((2, 6))
    near = contrast([[noise[0], noise[1]]])
    far = contrast([[noise[0], noise[1] + 100.0]])
    assert far.sem == pytest.approx(near.sem)
    assert far.high - far.low == pytest.approx(near.high - near.low)
    assert far.value == pytest.approx(near.value + 50.0)


def test_few_degrees_of_freedom_give_students_interval() -> None:
    values = np.array([1.0, 1.4, 0.9])
    found = contrast([[values]])
    expected = stats.t.interval(0.95, 2, values.mean(), stats.sem(values))
    assert (found.low, found.high) == pytest.approx(expected)
    a, b = np.array([1.0, 2.0, 1.5]), np.array([3.0, 2.5, 2.2])
    test = stats.ttest_ind(b, a, equal_var=False)
    assert float(contrast([[a], [b]], (-1, 1)).p) == pytest.approx(test.pvalue)


def test_the_same_data_give_the_same_numbers_and_units_do_not_matter() -> None:
    values = np.random.default_rng(5).gamma(2, size=7)
    one, again, scaled = contrast([[values]]), contrast([[values]]), contrast([[1000 * values]])
    assert (one.low, one.high, one.p) == (again.low, again.high, again.p)
    assert 1000 * one.low == pytest.approx(scaled.low)
    mirrored = contrast([[-values]])
    assert mirrored.value == pytest.approx(-one.value)


def test_a_sum_that_is_rounding_is_nothing() -> None:
    apart = np.array([0.1, 0.2, -0.3, 0.1, -0.1])
    assert apart.mean() != 0.0
    found = contrast([[apart]])
    assert found.value == 0.0
    assert found.low < 0.0 < found.high


def test_one_replica_and_no_spread_have_no_interval() -> None:
    alone = contrast([[np.array([0.7])]])
    assert alone.value == 0.7
    assert np.isnan([alone.sem, alone.low, alone.high, alone.p]).all()
    flat = contrast([[np.array([0.1 + 0.2, 0.3, 0.3])]])  # alike but for rounding
    assert flat.sem == 0.0
    assert np.isnan([flat.low, flat.high, flat.p]).all()


def test_sign_flips_are_counted_exactly() -> None:
    a, b = np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 3.5, 3.2, 4.9])
    p, least = permutation_p([a], [b], paired=True)
    expected = stats.permutation_test((b, a), lambda x, y: np.mean(x - y), permutation_type="samples")
    assert p == pytest.approx(expected.pvalue)
    assert (p, least) == (0.125, 0.125)  # with four pairs this test can never say 0.05


def test_exchanges_are_counted_exactly_and_within_blocks() -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([2.5, 4.0, 5.0])
    expected = stats.permutation_test((b, a), lambda x, y: np.mean(x) - np.mean(y))
    assert permutation_p([a], [b], paired=False)[0] == pytest.approx(expected.pvalue)
    # two blocks far apart: exchanged across them, nothing could ever be seen
    p, least = permutation_p([a, a + 100], [b + 5, b + 105], paired=False)
    assert p == pytest.approx(least) == pytest.approx(2 / 400)


def test_many_pairs_are_drawn_at_random() -> None:
    rng = np.random.default_rng(6)
    a = rng.standard_normal(40)
    b = a + 0.4 + rng.standard_normal(40)
    p, least = permutation_p([a], [b], paired=True)
    assert least < 1e-10
    assert p == pytest.approx(stats.ttest_rel(b, a).pvalue, rel=0.3, abs=0.01)


def test_holm_lets_few_families_claim_anything_wrong() -> None:
    rng = np.random.default_rng(7)
    families = rng.random((2000, 10))
    wrong = np.mean([min(holm(p)) <= 0.05 for p in families])
    assert wrong == pytest.approx(0.05, abs=0.02)
    for p in itertools.islice(families, 20):
        assert np.all(np.array(holm(p)) >= p)


@pytest.mark.parametrize("effect", [0.7, 1.0, 1.6])
def test_the_replicas_that_are_asked_for_see_the_effect(effect: float) -> None:
    number = replicas_needed(effect, (1.0,))
    assert number is not None
    rng = np.random.default_rng(8)
    found = contrast([[effect + rng.standard_normal((STUDIES, number))]], resamples=RESAMPLES)
    assert np.mean(found.p <= 0.05) == pytest.approx(0.8, abs=0.07)


def test_planning_follows_the_textbook_and_gives_up_where_it_must() -> None:
    assert replicas_needed(0.5, (1.0, 1.0)) == 64  # Cohen (1988): d = 0.5, power 0.8
    assert replicas_needed(-0.5, (1.0, 1.0)) == 64
    assert replicas_needed(0.5, (1.0, 1.0), blocks=3) % 3 == 0  # type: ignore[operator]
    assert replicas_needed(1e-4, (1.0,)) is None
    assert replicas_needed(0.0, (1.0,)) is None
    assert replicas_needed(1.0, (0.0,)) == 2
    assert detectable_effect(1.0, 1e6) == pytest.approx(2.80, abs=0.01)
    assert np.isnan(detectable_effect(0.0, 5))
