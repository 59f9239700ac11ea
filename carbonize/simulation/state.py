"""The state of a batch of replicas: everything a restart needs, and nothing else."""

from __future__ import annotations

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

from carbonize.units import BOLTZMANN_EV_K

__all__ = ["State", "draw_momenta", "initial_state", "replica_keys", "select_replicas"]


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
    cells
        Rows are cell vectors (A), lower triangular.
    memory
        First the energy (eV) that the thermostat took out so far, then what the thermostat
        must remember (:class:`carbonize.simulation.thermostats.Thermostat`).
    step
        Absolute step of the protocol.
    """

    positions: Float[Array, "replica atom 3"]
    momenta: Float[Array, "replica atom 3"]
    keys: UInt32[Array, "replica 2"]
    cells: Float[Array, "replica 3 3"]
    memory: Float[Array, "replica value"]
    step: Int[Array, ""]


def replica_keys(seed: int, replicas: list[int]) -> UInt32[Array, "replica 2"]:
    """Independent streams, a function of (seed, replica) alone."""
    root = jax.random.PRNGKey(seed)
    return jnp.stack([jax.random.fold_in(root, r) for r in replicas])


def draw_momenta(
    key: UInt32[Array, "2"],
    masses_amu: Float[Array, " atom"],
    temperature_K: float,
    keeps_momentum: bool,
) -> tuple[UInt32[Array, "2"], Float[Array, "atom 3"]]:
    """Maxwell-Boltzmann momenta of one replica, and the stream's next key; dtype of the masses.

    Under Langevin dynamics all 3N momenta are thermal. Where the dynamics conserves the total
    momentum (``keeps_momentum``) it is set to zero, and 3N - 3 degrees of freedom are left.
    """
    key, sub = jax.random.split(key)
    width = jnp.sqrt(masses_amu * (BOLTZMANN_EV_K * temperature_K)).astype(masses_amu.dtype)
    momenta = width[:, None] * jax.random.normal(sub, (masses_amu.size, 3), masses_amu.dtype)
    if keeps_momentum:
        drift = jnp.sum(momenta, axis=0) / jnp.sum(masses_amu)
        momenta = momenta - masses_amu[:, None] * drift
    return key, momenta


def initial_state(
    positions: Float[Array, "replica atom 3"],
    cells: Float[Array, "replica 3 3"],
    masses_amu: Float[Array, " atom"],
    temperatures_K: list[float],
    keys: UInt32[Array, "replica 2"],
    keeps_momentum: bool = False,
    memory: int = 0,
) -> State:
    """A state at step 0 with thermal momenta; dtype follows the positions.

    Parameters
    ----------
    positions, cells
        A.
    masses_amu
        Shape (atom,).
    temperatures_K
        One a replica.
    keys
        Random streams (:func:`replica_keys`).
    keeps_momentum, memory
        Properties of the thermostat.
    """
    dtype = positions.dtype
    drawn = [
        draw_momenta(key, masses_amu.astype(dtype), float(kelvin), keeps_momentum)
        for key, kelvin in zip(keys, temperatures_K, strict=True)
    ]
    return State(
        positions,
        jnp.stack([momenta for _, momenta in drawn]),
        jnp.stack([key for key, _ in drawn]),
        cells.astype(dtype),
        jnp.zeros((positions.shape[0], 1 + memory), dtype),
        jnp.asarray(0, jnp.int32),
    )


def select_replicas(wanted: Bool[Array, " replica"], new: State, old: State) -> State:
    """``new`` where wanted, ``old`` elsewhere; the step is the new one's."""

    def pick(a: Array, b: Array) -> Array:
        return jnp.where(wanted.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return State(
        pick(new.positions, old.positions),
        pick(new.momenta, old.momenta),
        pick(new.keys, old.keys),
        pick(new.cells, old.cells),
        pick(new.memory, old.memory),
        new.step,
    )
