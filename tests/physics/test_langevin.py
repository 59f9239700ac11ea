"""Langevin dynamics samples the canonical distribution."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from physics.systems import diamond, propagator

from carbonize.simulation.state import initial_state, replica_keys
from carbonize.simulation.thermostats import Langevin
from carbonize.units import BOLTZMANN_EV_K

TEMPERATURE_K = 1200.0


def test_the_kinetic_energy_has_the_mean_and_variance_of_the_canonical_ensemble() -> None:
    atoms = diamond(2)
    replicas, samples = 6, 350
    # a quarter of a femtosecond: BAOAB's kinetic temperature is low by about (omega dt)^2 / 12
    engine, state = propagator(atoms, TEMPERATURE_K, 0.25, Langevin(40.0), replicas=replicas)
    state, _, _ = engine.advance(state, 1500)
    seen = []
    for _ in range(samples):
        state, report, _ = engine.advance(state, 150)
        seen.append(report.temperature_K)
    temperatures = np.concatenate(seen)
    degrees = 3 * len(atoms)
    count = temperatures.size
    expected_std = TEMPERATURE_K * np.sqrt(2 / degrees)
    # neighbouring samples are a friction time and a half apart: allow for what correlation is left
    correlation = 1.5
    error_of_mean = expected_std / np.sqrt(count / correlation)
    assert abs(temperatures.mean() - TEMPERATURE_K) < 5 * error_of_mean
    ratio = temperatures.var() / expected_std**2
    # variance of a sample variance, with the excess kurtosis 12/degrees of a chi-square
    error_of_ratio = np.sqrt((2 + 12 / degrees) / (count / correlation))
    assert abs(ratio - 1) < 5 * error_of_ratio


def test_start_momenta_are_thermal_and_differ_between_replicas() -> None:
    positions = jnp.zeros((4, 3000, 3))
    masses = jnp.full(3000, 12.011)
    cells = jnp.tile(50.0 * jnp.eye(3), (4, 1, 1))
    state = initial_state(positions, cells, masses, [TEMPERATURE_K] * 4, replica_keys(7, [0, 1, 2, 3]))
    energy = np.asarray(state.momenta) ** 2 / (2 * 12.011)
    temperature = 2 * energy.sum((1, 2)) / (9000 * BOLTZMANN_EV_K)
    assert np.all(np.abs(temperature - TEMPERATURE_K) < 5 * TEMPERATURE_K * np.sqrt(2 / 9000))
    correlation = np.corrcoef(np.asarray(state.momenta).reshape(4, -1))
    assert np.abs(correlation - np.eye(4)).max() < 0.06


def test_a_replica_keeps_its_stream_whatever_the_batch() -> None:
    np.testing.assert_array_equal(replica_keys(3, [0, 1, 2])[2], replica_keys(3, [2])[0])
    assert not np.array_equal(replica_keys(3, [0])[0], replica_keys(4, [0])[0])


def test_strong_friction_holds_the_target_temperature() -> None:
    atoms = diamond(2)
    engine, state = propagator(atoms, 300.0, 0.5, Langevin(100.0))
    state, _, _ = engine.advance(state, 600)
    seen = []
    for _ in range(40):
        state, report, _ = engine.advance(state, 50)
        seen.append(float(report.mean_temperature_K[0]))
    assert abs(np.mean(seen) - 300.0) < 5 * 300.0 * np.sqrt(2 / (3 * len(atoms)) / 20)
