"""A replica that breaks down is named and stopped; the others do not notice, to the last bit."""

from __future__ import annotations

import copy
import dataclasses
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from physics.systems import LIMITS, NVE, THERMOSTATS, diamond, propagator

from carbonize.simulation.barostats import CellRescaling
from carbonize.simulation.dynamics import ChunkReport
from carbonize.simulation.propagate import Failure, Propagator
from carbonize.simulation.state import State
from carbonize.types import Result

STEPS = 40


@pytest.fixture(scope="module", autouse=True)
def _wide_types() -> None:
    jax.config.update("jax_enable_x64", True)


def vacancies() -> Any:
    """Rattled diamond without three atoms: 213, an odd number."""
    atoms = diamond(3, 0.1)
    del atoms[[5, 90, 171]]
    return atoms


@pytest.fixture(scope="module", params=[True, False], ids=["one by one", "together"])
def batch(request: pytest.FixtureRequest) -> tuple[Propagator, State]:
    """Three sound replicas."""
    return propagator(diamond(2), 1500.0, replicas=[4, 7, 9], slots=40, one_by_one=request.param)


def advance(
    batch: tuple[Propagator, State], state: State, steps: int = STEPS
) -> tuple[State, ChunkReport, list[Failure], Propagator]:
    """A chunk by a propagator that has seen nothing yet (but need not compile again)."""
    engine = copy.copy(batch[0])
    engine._active = np.ones(3, bool)
    end, report, failures = engine.advance(state, steps)
    batch[0]._compiled, batch[0]._field = engine._compiled, engine._field
    return end, report, failures, engine


def on_top(state: State) -> State:
    moved = state.positions.at[1, 0].set(state.positions[1, 1] + jnp.asarray([0.3, 0.0, 0.0]))
    return dataclasses.replace(state, positions=moved)


def not_a_number(state: State) -> State:
    return dataclasses.replace(state, momenta=state.momenta.at[1, 5, 2].set(jnp.nan))


def too_hot(state: State) -> State:
    return dataclasses.replace(state, momenta=state.momenta.at[1].multiply(50.0))


POISONS = {
    "atoms on top of each other": (on_top, Result.ATOMS_OVERLAP, r"on top of each other \(0\.300 A apart"),
    "not a number": (not_a_number, Result.NON_FINITE, "not a finite number"),
    "too hot": (too_hot, Result.TOO_HOT, "temperature ran away"),
}


@pytest.mark.parametrize("poison", POISONS)
def test_one_poisoned_replica_is_named_and_the_others_go_on(
    batch: tuple[Propagator, State], poison: str
) -> None:
    change, code, words = POISONS[poison]
    _, start = batch
    sound, _, none, _ = advance(batch, start)
    assert not none
    poisoned = change(start)
    end, report, failures, engine = advance(batch, poisoned)
    (failure,) = failures
    assert (failure.place, failure.step, failure.code) == (1, 0, code)
    assert re.search(rf"replica 7: .*{words}.* at step 0 \(0 ps\)", failure.message)
    assert "timestep_fs" in failure.message
    assert engine.active.tolist() == [True, False, True]
    for field in ("positions", "momenta", "keys", "cells", "memory"):
        a, b, first = (np.asarray(getattr(s, field)) for s in (end, sound, poisoned))
        np.testing.assert_array_equal(a[[0, 2]], b[[0, 2]])
        np.testing.assert_array_equal(a[1], first[1])  # set back to where the chunk began
    assert int(end.step) == STEPS
    # it stays stopped, and says so only once
    _, report, failures = engine.advance(end, 5)
    assert not failures
    assert np.isfinite(report.potential_eV[[0, 2]]).all()


# together, replicas share the moments at which lists are built, and with them the rounding
@pytest.mark.parametrize("batch", [True], ids=["one by one"], indirect=True)
def test_a_fault_on_the_way_has_its_own_step_and_spares_the_rest(batch: tuple[Propagator, State]) -> None:
    _, start = batch
    sound, *_ = advance(batch, start)
    # two neighbours shot at each other
    bond = start.positions[1, 1] - start.positions[1, 0]
    push = 45.0 * bond / jnp.sqrt(jnp.sum(bond**2))
    momenta = start.momenta.at[1, 0].set(push).at[1, 1].set(-push)
    end, _, failures, _ = advance(batch, dataclasses.replace(start, momenta=momenta))
    (failure,) = failures
    assert failure.place == 1
    assert 0 < failure.step < STEPS
    assert f"at step {failure.step} ({failure.step * 0.0005:g} ps)" in failure.message
    for field in ("positions", "momenta", "keys", "memory"):
        a, b = (np.asarray(getattr(s, field)) for s in (end, sound))
        np.testing.assert_array_equal(a[[0, 2]], b[[0, 2]])


def test_limits_can_be_set() -> None:
    strict = dataclasses.replace(LIMITS, max_energy_eV_per_atom=7.0, max_temperature_K=1800.0)
    engine, state = propagator(diamond(1), 1500.0, 1.0, NVE, replicas=2, limits=strict, slots=60)
    hot = dataclasses.replace(state, momenta=state.momenta.at[0].multiply(3.0).at[1].multiply(0.1))
    _, _, failures = engine.advance(hot, 0)
    assert [f.code for f in failures] == [Result.TOO_HOT, Result.ENERGY_RAN_AWAY]
    assert "limit 1800 K" in failures[0].message
    assert "limit 7 eV/atom" in failures[1].message


BAROSTAT = CellRescaling(5.0, time_constant_ps=0.1, compressibility_per_GPa=0.01)
MOTIONS = {
    **{name: (thermostat, None) for name, thermostat in THERMOSTATS.items()},
    **{f"{name} npt": (thermostat, BAROSTAT) for name, thermostat in THERMOSTATS.items()},
    "nve": (NVE, None),
}
QUICK = [("langevin", "float64"), ("csvr npt", "mixed")]


@pytest.mark.parametrize(
    ("name", "precision"),
    [
        pytest.param(n, p, marks=[] if (n, p) in QUICK else pytest.mark.slow)
        for n in MOTIONS
        for p in ("float64", "float32", "mixed")
    ],
)
def test_a_replica_alone_has_the_history_it_has_in_a_batch(name: str, precision: str) -> None:
    thermostat, barostat = MOTIONS[name]
    ends = []
    for replicas in ([0, 1, 2], [2]):
        engine, state = propagator(
            vacancies(), 3000.0, 0.5, thermostat, barostat, replicas, precision, skin_A=0.4
        )
        for _ in range(2):
            state, report, failures = engine.advance(state, 60)
            assert not failures
        assert report.rebuilds[-1] > 1
        ends.append((state, report))
    (batch, together), (alone, single) = ends
    for field in ("positions", "momenta", "keys", "cells", "memory"):
        a, b = (np.asarray(getattr(s, field)) for s in (batch, alone))
        np.testing.assert_array_equal(a[2], b[0], err_msg=field)
    for field in ("potential_eV", "kinetic_eV", "bath_eV", "mean_pressure_GPa", "mean_temperature_K"):
        np.testing.assert_array_equal(getattr(together, field)[2], getattr(single, field)[0], err_msg=field)


def test_together_and_one_by_one_are_the_same_physics() -> None:
    ends = []
    for one_by_one in (True, False):
        engine, state = propagator(
            diamond(2), 1500.0, 0.5, THERMOSTATS["csvr"], BAROSTAT, 3, slots=40, one_by_one=one_by_one
        )
        state, report, failures = engine.advance(state, 30)
        assert not failures
        ends.append((state, report))
    (one, mine), (other, yours) = ends
    np.testing.assert_allclose(one.positions, other.positions, atol=1e-9)
    np.testing.assert_allclose(one.cells, other.cells, atol=1e-10)
    np.testing.assert_allclose(mine.potential_eV, yours.potential_eV, rtol=1e-11)
    np.testing.assert_allclose(mine.bath_eV, yours.bath_eV, atol=1e-9)
    np.testing.assert_array_equal(one.keys, other.keys)
