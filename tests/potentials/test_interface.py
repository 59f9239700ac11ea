"""What every potential owes to whoever calls it: needs per atom, sums in another precision, batches."""

from __future__ import annotations

import numpy as np
import pytest
from bond_lists import end_to_end, evaluate, random_bonds

from carbonize.potentials.edip import Edip
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS

CCC = ("C", "C", "C")
TERSOFF = Tersoff(((CCC, NAMED_SETS["tersoff-1989"][CCC]),))
# as loops EDIP has no capacities (test_edip_loops.py); as arrays, for cards, it compiles for a minute
EDIP = Edip(loops=False)
POTENTIALS = {"edip": (EDIP, (6, 8, 24, 12, 64)), "tersoff": (TERSOFF, (5, 10))}


@pytest.fixture(params=[pytest.param("edip", marks=pytest.mark.slow), "tersoff"])
def case(request):
    return POTENTIALS[request.param]


def test_usage_and_reach_are_told_per_atom(case):
    potential, capacity = case
    result = evaluate(potential, random_bonds(213, 2, "float64"), capacity)
    assert result.usage.shape == (len(capacity), 213)
    assert result.reach_A.shape == (213,)
    assert (result.reach_A >= potential.cutoff_A).all()
    assert (result.usage.min(axis=1) < result.usage.max(axis=1))[0]


def test_a_collapsed_replica_shows_in_its_own_atoms_only(case):
    potential, capacity = case
    sound, broken = random_bonds(213, 2, "float64"), random_bonds(213, 3, "float64")
    for vectors in (broken.x, broken.y, broken.z):
        vectors *= 0.6
    alone = evaluate(potential, sound, capacity)
    both = evaluate(potential, end_to_end([broken, sound]), capacity)
    assert (both.usage[:, 213:] == alone.usage).all()
    assert (both.forces[:, 213:] == alone.forces).all()
    assert (both.usage[:, :213].max(axis=1) > capacity).any()


def test_sums_in_double_precision_leave_single_bonds_in_single(case):
    potential, capacity = case
    bonds = random_bonds(213, 2, "float32")
    single, mixed = evaluate(potential, bonds, capacity), evaluate(potential, bonds, capacity, "float64")
    double = evaluate(potential, random_bonds(213, 2, "float64"), capacity)
    for name in ("energies", "forces", "virials"):
        values = getattr(mixed, name)
        assert values.dtype == np.float64
        assert np.abs(values - getattr(single, name)).max() < 1e-5
        assert 1e-9 < np.abs(values - getattr(double, name)).max() < 2e-4
    # every bond's force acts on both ends: what is left over is rounding of the sums alone
    assert np.abs(single.forces.sum(axis=1)).max() > 1e-7
    assert np.abs(mixed.forces.sum(axis=1)).max() < 1e-11


@pytest.mark.parametrize("precision", ["float64", pytest.param("float32", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    ("potential", "capacity", "larger"),
    [
        pytest.param(EDIP, (6, 8, 27, 12, 64), (7, 9, 30, 20, 90), marks=pytest.mark.slow),
        (TERSOFF, (6, 10), (9, 20)),
    ],
    ids=["edip", "tersoff"],
)
def test_forces_do_not_depend_on_capacity_or_company_to_the_last_bit(potential, capacity, larger, precision):
    """213 is odd, so an atom's place in the processor's vectors differs alone and in company."""
    first, second, third = (random_bonds(213, seed, precision) for seed in (1, 2, 3))
    alone = evaluate(potential, second, capacity)
    assert (alone.usage.max(axis=1) <= capacity).all()
    for bonds, sizes, mine in (
        (second, larger, slice(None)),
        (end_to_end([first, second, third]), capacity, slice(213, 426)),
    ):
        other = evaluate(potential, bonds, sizes)
        for name in ("energies", "forces", "virials", "usage", "reach_A"):
            assert np.array_equal(getattr(other, name)[..., mine], getattr(alone, name)), name
