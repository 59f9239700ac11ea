"""Tersoff with crowded atoms done apart, as in large systems, against the kernel for small ones."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from bond_lists import random_bonds

from carbonize.potentials import tersoff
from carbonize.potentials.slots import compiler_options
from carbonize.potentials.tersoff import Tersoff
from carbonize.potentials.tersoff_parameters import NAMED_SETS, TersoffEntry

CCC = ("C", "C", "C")
PLAIN = NAMED_SETS["tersoff-1989"][CCC]
# lambda3 of the set of 1988 for silicon: no carbon set has one, files may
STRETCHED = TersoffEntry(3.0, 0.9, 1.7, *[getattr(PLAIN, name) for name in PLAIN.__dataclass_fields__][3:])


def evaluated(entry: TersoffEntry, capacity: tuple[int, int], precision: str = "float64", accumulate=None):
    potential = Tersoff(((CCC, entry),))
    with jax.enable_x64(True):
        bonds = jax.tree.map(jax.numpy.asarray, random_bonds(400, 5, precision))
        species = jax.numpy.zeros(400, jax.numpy.int32)
        run = jax.jit(
            lambda b: potential.evaluate(b, species, capacity, True, accumulate),
            compiler_options=compiler_options(),
        )
        return jax.device_get(run(bonds))


@pytest.fixture
def apart(monkeypatch) -> None:
    monkeypatch.setattr(tersoff, "_APART_FROM", 0)


@pytest.mark.parametrize(
    "entry", [pytest.param(PLAIN, marks=pytest.mark.slow), STRETCHED], ids=["lambda3=0", "lambda3>0"]
)
def test_apart_or_not_is_the_same(monkeypatch, entry) -> None:
    direct = evaluated(entry, (9, 0))
    assert 4 < direct.usage[0].max() <= 9
    monkeypatch.setattr(tersoff, "_APART_FROM", 0)
    other = evaluated(entry, (9, 256))
    assert (other.usage.max(axis=1) <= (9, 256)).all()
    for name in ("energies", "forces", "virials"):
        ours, theirs = getattr(other, name), getattr(direct, name)
        assert np.abs(ours - theirs).max() < 1e-11 * np.abs(theirs).max(), name


def test_capacities_change_no_bit(apart) -> None:
    small, large = evaluated(PLAIN, (7, 210)), evaluated(PLAIN, (10, 256))
    assert (small.usage.max(axis=1) <= (7, 210)).all()
    for name in ("energies", "forces", "virials", "usage"):
        assert np.array_equal(getattr(small, name), getattr(large, name)), name


@pytest.mark.parametrize("capacity", [(6, 1), (5, 256)])
def test_too_little_room_is_told(apart, capacity) -> None:
    tight, ample = evaluated(PLAIN, capacity), evaluated(PLAIN, (9, 256))
    assert (tight.usage.max(axis=1) > capacity).any()
    assert np.array_equal(tight.usage[1], ample.usage[1])


def test_single_precision_and_mixed_sums(apart) -> None:
    double, single = evaluated(PLAIN, (9, 256)), evaluated(PLAIN, (9, 256), "float32")
    mixed = evaluated(PLAIN, (9, 256), "float32", "float64")
    assert mixed.forces.dtype == np.float64
    assert np.abs(single.forces - double.forces).max() < 5e-3
    assert np.abs(mixed.forces.sum(axis=1)).max() < 1e-9 < np.abs(single.forces.sum(axis=1)).max()
