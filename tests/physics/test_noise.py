"""The thermostat's random numbers are those of the library, to the last bit."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from carbonize.simulation.thermostats.noise import normals, split


@pytest.mark.parametrize("seed", [0, 7, 2**31])
def test_keys_and_numbers_are_those_of_jax(seed: int) -> None:
    key = jax.random.fold_in(jax.random.PRNGKey(1), seed)
    assert np.array_equal(jax.random.split(key), np.stack(split(key)))
    for shape in ((1, 3), (511, 3)):
        ours = jax.jit(normals, static_argnums=1)(key, shape)
        assert ours.dtype == np.float32
        assert np.array_equal(ours, jax.random.normal(key, shape, np.float32))
