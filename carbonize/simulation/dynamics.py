"""One compiled chunk of molecular dynamics: NVT Langevin in BAOAB splitting.

The splitting is that of Leimkuhler and Matthews, J. Chem. Phys. 138, 174102 (2013);
its half kicks, drifts and the Ornstein-Uhlenbeck step are jax-md's
(:func:`jax_md.simulate.momentum_step` and friends), put around one batched force
evaluation so that all replicas share a list, a rebuild decision and a compilation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from carbonize.schedules import Schedule
from carbonize.simulation.forces import ForceField, Needs
from carbonize.simulation.neighbors import Neighbors, no_lists, wrap
from carbonize.simulation.state import State
from carbonize.types import Result
from carbonize.units import BOLTZMANN_EV_K, fs_to_internal

__all__ = ["ChunkReport", "Langevin", "make_chunk"]


@dataclasses.dataclass(frozen=True)
class Langevin:
    """Settings of the integrator.

    Attributes
    ----------
    timestep_fs
        Time step, fs.
    friction_per_ps
        Rate at which a momentum forgets itself, 1/ps.
    """

    timestep_fs: float
    friction_per_ps: float


class ChunkReport(NamedTuple):
    """What a chunk tells the host, per replica.

    Energies are totals (eV) at the chunk's last step; ``mean_temperature_K`` and
    ``max_temperature_K`` are over its steps; ``result`` is a
    :class:`carbonize.types.Result`; ``steps`` how many steps were really made (fewer
    than asked if something was too small) and ``rebuilds`` how many lists.
    """

    potential_eV: Float[Array, " replica"]
    kinetic_eV: Float[Array, " replica"]
    temperature_K: Float[Array, " replica"]
    mean_temperature_K: Float[Array, " replica"]
    max_temperature_K: Float[Array, " replica"]
    result: Int[Array, " replica"]
    needs: Needs
    steps: Int[Array, ""]
    rebuilds: Int[Array, ""]


class _Loop(NamedTuple):
    positions: Array
    momenta: Array
    keys: Array
    forces: Array
    neighbors: Neighbors
    potential_eV: Array
    needs: Needs
    done: Array
    rebuilds: Array
    heat: Array
    hottest: Array


def make_chunk(
    field: ForceField, schedule: Schedule, settings: Langevin, masses_amu: np.ndarray
) -> Callable[[State, Any], tuple[State, ChunkReport]]:
    """Compile-ready function ``chunk(state, n_steps) -> (state, report)``.

    The neighbour list is built anew at the start of every chunk, in every run, so that
    positions, momenta, keys and step are all a restart needs. Inside, it is rebuilt when
    any atom of any replica has moved half the skin: one scalar decides for the batch.
    """
    from jax_md import simulate

    timestep = fs_to_internal(settings.timestep_fs)
    friction = settings.friction_per_ps / fs_to_internal(1000.0)
    cell = field.plan.cell

    def shift(position: Array, by: Array, **_: Any) -> Array:
        return position + by  # wrapped only when a list is built

    def chunk(state: State, n_steps: Array) -> tuple[State, ChunkReport]:
        dtype = state.positions.dtype
        masses = jnp.asarray(masses_amu, dtype)[:, None]
        limit = jnp.asarray((0.5 * field.plan.skin_A) ** 2, dtype)
        degrees = 3 * masses_amu.size

        def advance(position: Array, momentum: Array, force: Array, key: Array, kT: Array, dt: Array) -> Any:
            # jax-md makes its dataclasses in a way that type checkers do not follow
            s = simulate.NVTLangevinState(position, momentum, force, masses, key)  # pyright: ignore
            s = simulate.momentum_step(s, dt / 2)
            s = simulate.position_step(s, shift, dt / 2)
            s = simulate.stochastic_step(s, dt, kT, friction)
            s = simulate.position_step(s, shift, dt / 2)
            return s.position, s.momentum, s.rng

        def relist(positions: Array) -> tuple[Array, Neighbors]:
            positions = wrap(positions, cell)
            return positions, field.lists(positions)

        def one_step(loop: _Loop) -> _Loop:
            # The first pass makes a step of no length, which changes nothing to the last bit:
            # it builds the list and evaluates the forces of the start. One program text for
            # both halves the compile time and makes a continued run repeat the very same
            # arithmetic.
            first = loop.done < 0
            step_length = jnp.where(first, 0.0, timestep).astype(dtype)
            kT = schedule.traced_temperature_K(state.step + loop.done, dtype) * BOLTZMANN_EV_K
            positions, momenta, keys = jax.vmap(advance, in_axes=(0, 0, 0, 0, None, None))(
                loop.positions, loop.momenta, loop.forces, loop.keys, kT, step_length
            )
            keys = jnp.where(first, loop.keys, keys)
            away = positions - loop.neighbors.reference
            moved = first | (jnp.max(jnp.sum(away * away, axis=-1)) > limit)
            positions, neighbors = jax.lax.cond(moved, relist, lambda r: (r, loop.neighbors), positions)
            sample, needs = field.evaluate(neighbors, positions)
            momenta = momenta + 0.5 * step_length * sample.forces
            temperature = _temperature(momenta, masses, degrees)
            counted = jnp.where(first, 0.0, temperature)
            return _Loop(
                positions,
                momenta,
                keys,
                sample.forces,
                neighbors,
                sample.potential_eV,
                loop.needs.merged(needs),
                loop.done + 1,
                loop.rebuilds + moved.astype(jnp.int32),
                loop.heat + counted,
                jnp.maximum(loop.hottest, counted),
            )

        zero = jnp.zeros(state.positions.shape[0], dtype)
        loop = _Loop(
            state.positions,
            state.momenta,
            state.keys,
            jnp.zeros_like(state.positions),
            no_lists(field.plan, state.positions),
            zero,
            field.no_needs(dtype),
            jnp.asarray(-1, jnp.int32),
            jnp.asarray(0, jnp.int32),
            zero,
            zero,
        )
        loop = jax.lax.while_loop(lambda s: (s.done < n_steps) & ~field.short_of(s.needs), one_step, loop)
        new = State(loop.positions, loop.momenta, loop.keys, state.step + loop.done)
        temperature = _temperature(loop.momenta, masses, degrees)
        report = ChunkReport(
            loop.potential_eV,
            temperature * (0.5 * degrees * BOLTZMANN_EV_K),
            temperature,
            loop.heat / jnp.maximum(loop.done, 1).astype(dtype),
            loop.hottest,
            _judge(new, loop.potential_eV),
            loop.needs,
            loop.done,
            loop.rebuilds,
        )
        return new, report

    return chunk


def _temperature(momenta: Array, masses: Array, degrees: int) -> Array:
    twice_kinetic = jnp.sum(momenta * momenta / masses, axis=(1, 2))
    return twice_kinetic / (degrees * BOLTZMANN_EV_K)


def _judge(state: State, potential_eV: Array) -> Array:
    sound = (
        jnp.all(jnp.isfinite(state.positions), axis=(1, 2))
        & jnp.all(jnp.isfinite(state.momenta), axis=(1, 2))
        & jnp.isfinite(potential_eV)
    )
    return jnp.where(sound, int(Result.OK), int(Result.NON_FINITE)).astype(jnp.int32)
