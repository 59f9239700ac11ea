"""The state of a batch of replicas: everything a restart needs, and nothing else."""

from __future__ import annotations

import dataclasses

import jax
from jaxtyping import Array, Float, Int, UInt32

__all__ = ["State", "initial_state", "replica_keys"]

from carbonize.units import BOLTZMANN_EV_K


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class State:
    """Replica axis first.

    Attributes
    ----------
    positions
        A, wrapped into the cell whenever a neighbour list is built.
    momenta
        amu A per internal time unit (see :mod:`carbonize.units`).
    keys
        One random stream a replica.
    step
        Absolute step of the protocol.
    """

    positions: Float[Array, "replica atom 3"]
    momenta: Float[Array, "replica atom 3"]
    keys: UInt32[Array, "replica 2"]
    step: Int[Array, ""]


def replica_keys(seed: int, replicas: list[int]) -> UInt32[Array, "replica 2"]:
    """Independent streams, a function of (seed, replica) alone."""
    root = jax.random.PRNGKey(seed)
    return jax.numpy.stack([jax.random.fold_in(root, r) for r in replicas])


def initial_state(
    positions: Float[Array, "replica atom 3"],
    masses_amu: Float[Array, " atom"],
    temperature_K: float,
    keys: UInt32[Array, "replica 2"],
) -> State:
    """Momenta drawn from Maxwell-Boltzmann at ``temperature_K``; dtype follows the positions.

    The total momentum is not set to zero: under Langevin dynamics all 3N momenta are
    thermal, and the kinetic temperature counts 3N degrees of freedom.
    """
    jnp = jax.numpy
    width = jnp.sqrt(masses_amu * BOLTZMANN_EV_K * temperature_K).astype(positions.dtype)

    def draw(key: Array) -> tuple[Array, Array]:
        key, sub = jax.random.split(key)
        return key, width[:, None] * jax.random.normal(sub, positions.shape[1:], positions.dtype)

    keys, momenta = jax.vmap(draw)(keys)
    return State(positions, momenta, keys, jnp.asarray(0, jnp.int32))
