"""Energy minimisation by FIRE, with the same lists and growth rule as the dynamics.

FIRE: Bitzek, Koskinen, Gaehler, Moseler, Gumbsch, Phys. Rev. Lett. 97, 170201 (2006).
Our own few lines, not jax-md's: those evaluate the forces in two places, which doubles
the compile time of a many-body potential, and have no limit on the length of a move,
which a random packing needs (docs/decisions.md).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from carbonize.errors import SimulationError
from carbonize.potentials.slots import compiler_options
from carbonize.simulation.forces import ForceField, Needs
from carbonize.simulation.neighbors import Neighbors, no_lists, wrap

__all__ = ["Minimum", "minimize"]

_STEPS_PER_CALL = 200
_LONGEST_MOVE_A = 0.1
# parameters of the paper; pseudo-times in units of sqrt(A^2/eV) for unit masses
_FIRST_DT, _LONGEST_DT = 0.03, 0.2
_ALPHA, _ALPHA_FALL, _DT_RISE, _DT_FALL, _PATIENCE = 0.1, 0.99, 1.1, 0.5, 5


class Minimum(NamedTuple):
    """Where a minimisation ended: positions (atom, 3) in A, energy in eV, largest force in eV/A."""

    positions: np.ndarray
    potential_eV: float
    max_force_eV_A: float
    steps: int
    converged: bool


class _Fire(NamedTuple):
    positions: Array
    velocities: Array
    forces: Array
    neighbors: Neighbors
    energy: Array
    needs: Needs
    dt: Array
    alpha: Array
    downhill: Array
    done: Array


def minimize(
    field: ForceField,
    positions: np.ndarray,
    force_tolerance_eV_A: float,
    max_steps: int,
    watch: Callable[[int, float, float], None] | None = None,
) -> Minimum:
    """Move atoms downhill until no force exceeds the tolerance, or ``max_steps``.

    Parameters
    ----------
    field
        Force field; grows by itself where the structure becomes denser.
    positions
        Shape (atom, 3), A; the dtype is that of the calculation.
    force_tolerance_eV_A
        Largest length of a force vector at the end, eV/A.
    max_steps
        Give up (without an error) after this many.
    watch
        Called now and then with (steps, energy in eV, largest force in eV/A).

    Raises
    ------
    SimulationError
        If the energy becomes non-finite.
    """
    here = jnp.asarray(positions)[None]
    done = 0
    descend = _compile(field)
    tolerance2 = jnp.asarray(force_tolerance_eV_A**2, here.dtype)
    while True:
        steps = jnp.asarray(min(_STEPS_PER_CALL, max_steps - done), jnp.int32)
        end, largest2, short = jax.device_get(descend(here, tolerance2, steps))
        if short:
            field, _ = field.grown(end.needs, np.asarray(here))
            descend = _compile(field)
            continue
        if not np.isfinite(end.energy) or not np.isfinite(end.positions).all():
            raise SimulationError(
                f"minimisation: the energy is no longer a finite number after {done} steps; "
                "the start structure has atoms too close together"
            )
        here = jnp.asarray(end.positions)
        done += int(end.done)
        energy, largest = float(end.energy[0]), float(np.sqrt(largest2))
        if watch is not None:
            watch(done, energy, largest)
        if largest <= force_tolerance_eV_A or done >= max_steps:
            return Minimum(
                np.asarray(end.positions[0]), energy, largest, done, largest <= force_tolerance_eV_A
            )


def _compile(field: ForceField) -> Any:
    return jax.jit(_make_descent(field), compiler_options=compiler_options())


def _make_descent(field: ForceField) -> Callable[[Array, Array, Array], Any]:
    def largest2(forces: Array) -> Array:
        return jnp.max(jnp.sum(forces * forces, axis=-1))

    def relist(positions: Array) -> tuple[Array, Neighbors]:
        positions = wrap(positions, field.plan.cell)
        return positions, field.lists(positions)

    def one_step(fire: _Fire) -> _Fire:
        # the first pass does not move: it builds the list and evaluates the start
        first = fire.done < 0
        dt = jnp.where(first, 0.0, fire.dt)
        velocities, alpha = fire.velocities, fire.alpha
        power = jnp.sum(velocities * fire.forces)
        downhill = jnp.where(power > 0, fire.downhill + 1, 0)
        patient = downhill > _PATIENCE
        new_dt = jnp.where(patient, jnp.minimum(fire.dt * _DT_RISE, _LONGEST_DT), fire.dt)
        new_dt = jnp.where(power < 0, fire.dt * _DT_FALL, new_dt)
        new_alpha = jnp.where(power > 0, jnp.where(patient, alpha * _ALPHA_FALL, alpha), _ALPHA)
        speed = jnp.sqrt(jnp.sum(velocities**2))
        pull = jnp.sqrt(jnp.sum(fire.forces**2))
        mixed = (1 - alpha) * velocities + alpha * speed * fire.forces / jnp.maximum(pull, 1e-30)
        velocities = jnp.where(power < 0, 0.0, mixed) + dt * fire.forces
        move = dt * velocities
        length = jnp.sqrt(jnp.sum(move * move, axis=-1, keepdims=True))
        positions = fire.positions + move * jnp.minimum(1.0, _LONGEST_MOVE_A / jnp.maximum(length, 1e-30))
        away = positions - fire.neighbors.reference
        limit = (0.5 * field.plan.skin_A) ** 2
        moved = first | (jnp.max(jnp.sum(away * away, axis=-1)) > limit)
        positions, neighbors = jax.lax.cond(moved, relist, lambda r: (r, fire.neighbors), positions)
        sample, needs = field.evaluate(neighbors, positions)
        return _Fire(
            positions,
            velocities,
            sample.forces,
            neighbors,
            sample.potential_eV,
            fire.needs.merged(needs),
            jnp.where(first, fire.dt, new_dt),
            jnp.where(first, alpha, new_alpha),
            downhill,
            fire.done + 1,
        )

    def descend(positions: Array, tolerance2: Array, steps: Array) -> tuple[_Fire, Array, Array]:
        dtype = positions.dtype
        start = _Fire(
            positions,
            jnp.zeros_like(positions),
            jnp.zeros_like(positions),
            no_lists(field.plan, positions),
            jnp.zeros(1, dtype),
            field.no_needs(dtype),
            jnp.asarray(_FIRST_DT, dtype),
            jnp.asarray(_ALPHA, dtype),
            jnp.asarray(0, jnp.int32),
            jnp.asarray(-1, jnp.int32),
        )

        def go_on(fire: _Fire) -> Array:
            unfinished = (fire.done < steps) & ~(largest2(fire.forces) <= tolerance2)
            return (fire.done < 0) | (unfinished & ~field.short_of(fire.needs))

        end = jax.lax.while_loop(go_on, one_step, start)
        return end, largest2(end.forces), field.short_of(end.needs)

    return descend
