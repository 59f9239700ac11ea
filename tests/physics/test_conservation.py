"""Without friction and noise, energy and momentum are conserved."""

from __future__ import annotations

import numpy as np
import pytest
from physics.systems import TERSOFF, diamond, propagator

from carbonize.potentials.edip import Edip


@pytest.mark.parametrize("potential", [TERSOFF, Edip()], ids=["tersoff", "edip"])
def test_energy_and_momentum_are_conserved_without_friction(potential: object) -> None:
    atoms = diamond(2)
    engine, state = propagator(
        atoms, temperature_K=1500.0, timestep_fs=0.2, friction_per_ps=0.0, potential=potential
    )
    total_momentum = np.asarray(state.momenta).sum(1)
    state, report = engine.advance(state, 0)
    energies = [float(report.potential_eV[0] + report.kinetic_eV[0])]
    for _ in range(10):
        state, report = engine.advance(state, 200)
        energies.append(float(report.potential_eV[0] + report.kinetic_eV[0]))
    per_atom = np.array(energies) / len(atoms)
    # the shadow energy of velocity Verlet oscillates as dt^2; drift and oscillation stay far
    # below kT = 0.13 eV
    assert np.ptp(per_atom) < 2e-4
    np.testing.assert_allclose(np.asarray(state.momenta).sum(1), total_momentum, atol=1e-9)


def test_the_energy_error_falls_with_the_square_of_the_time_step() -> None:
    atoms = diamond(2)
    spread = {}
    for timestep_fs in (0.4, 0.8):
        engine, state = propagator(atoms, 800.0, timestep_fs, friction_per_ps=0.0)
        energies = []
        for _ in range(60):
            state, report = engine.advance(state, round(3.2 / timestep_fs))
            energies.append(float(report.potential_eV[0] + report.kinetic_eV[0]))
        spread[timestep_fs] = np.std(energies)
    assert 2.5 < spread[0.8] / spread[0.4] < 6.0


def test_a_step_of_no_length_changes_nothing() -> None:
    engine, state = propagator(diamond(2))
    before = [np.asarray(a).copy() for a in (state.momenta, state.keys)]
    after, report = engine.advance(state, 0)
    np.testing.assert_array_equal(after.momenta, before[0])
    np.testing.assert_array_equal(after.keys, before[1])
    assert int(after.step) == 0
    assert int(report.steps) == 0
