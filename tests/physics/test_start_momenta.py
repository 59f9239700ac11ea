"""Start momenta and random streams."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from carbonize.simulation.state import initial_state, replica_keys
from carbonize.units import BOLTZMANN_EV_K

TEMPERATURE_K = 1200.0


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


def test_the_centre_of_mass_is_at_rest_where_the_dynamics_keeps_it() -> None:
    masses = jnp.asarray([12.011, 48.0] * 20)
    cells = jnp.tile(10.0 * jnp.eye(3), (2, 1, 1))
    keys = replica_keys(7, [0, 1])
    state = initial_state(jnp.zeros((2, 40, 3)), cells, masses, [300.0, 3000.0], keys, True, 6)
    assert np.abs(np.asarray(state.momenta).sum(1)).max() < 1e-12
    assert state.memory.shape == (2, 7)
    # ten times the temperature is the root of ten times the momenta
    ratio = np.std(state.momenta[1]) / np.std(state.momenta[0])
    assert 2.0 < ratio < 5.0
