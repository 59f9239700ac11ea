"""Without a thermostat, energy and momentum are conserved."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from physics.systems import NVE, TERSOFF, diamond, propagator

from carbonize.potentials.edip import Edip


@pytest.mark.parametrize("potential", [TERSOFF, Edip()], ids=["tersoff", "edip"])
def test_energy_and_momentum_are_conserved_without_a_thermostat(potential: object) -> None:
    atoms = diamond(2)
    engine, state = propagator(atoms, 1500.0, 0.2, NVE, potential=potential)
    # a total momentum that is not zero shows more
    state = dataclasses.replace(state, momenta=state.momenta + 0.3)
    total_momentum = np.asarray(state.momenta).sum(1)
    state, report, failures = engine.advance(state, 0)
    energies = [float(report.potential_eV[0] + report.kinetic_eV[0])]
    for _ in range(10):
        state, report, failures = engine.advance(state, 200)
        assert not failures
        assert report.bath_eV[0] == 0
        energies.append(float(report.potential_eV[0] + report.kinetic_eV[0]))
    per_atom = np.array(energies) / len(atoms)
    # the shadow energy of velocity Verlet oscillates as dt^2; drift and oscillation stay far
    # below kT = 0.13 eV
    assert np.ptp(per_atom) < 2e-4
    drift_eV_atom_ps = np.polyfit(0.04 * np.arange(11), per_atom, 1)[0]
    assert abs(drift_eV_atom_ps) < 1e-4
    np.testing.assert_allclose(np.asarray(state.momenta).sum(1), total_momentum, atol=1e-9)


def test_the_energy_error_falls_with_the_square_of_the_time_step() -> None:
    atoms = diamond(2)
    spread = {}
    for timestep_fs in (0.4, 0.8):
        engine, state = propagator(atoms, 800.0, timestep_fs, NVE)
        energies = []
        for _ in range(60):
            state, report, _ = engine.advance(state, round(3.2 / timestep_fs))
            energies.append(float(report.potential_eV[0] + report.kinetic_eV[0]))
        spread[timestep_fs] = np.std(energies)
    assert 2.5 < spread[0.8] / spread[0.4] < 6.0


def test_a_step_of_no_length_changes_nothing() -> None:
    engine, state = propagator(diamond(2))
    before = [np.asarray(a).copy() for a in (state.momenta, state.keys, state.cells, state.memory)]
    after, report, failures = engine.advance(state, 0)
    for a, b in zip((after.momenta, after.keys, after.cells, after.memory), before, strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(after.step) == 0
    assert int(report.steps[0]) == 0
    assert not failures
