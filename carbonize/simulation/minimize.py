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
from carbonize.simulation.cells import wrapped
from carbonize.simulation.forces import ForceField, Needs
from carbonize.simulation.neighbors import Near, no_lists, outdated

__all__ = ["Minimizer", "Minimum"]

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


class _Course(NamedTuple):
    """What FIRE remembers between calls."""

    positions: Array
    velocities: Array
    dt: Array
    alpha: Array
    downhill: Array


class _Fire(NamedTuple):
    course: _Course
    forces: Array
    near: Near
    listed: Needs
    energy: Array
    needs: Needs
    done: Array


class Minimizer:
    """Minimises structures of one size, one after the other, with one compiled program.

    Parameters
    ----------
    field
        Force field; grows by itself where a structure becomes denser.
    species
        Index of each atom's element in ``field.potential.elements``.
    on_growth
        Called with the sizes of every enlargement.
    """

    def __init__(
        self,
        field: ForceField,
        species: np.ndarray,
        on_growth: Callable[[dict[str, object]], None] | None = None,
    ) -> None:
        self.field = field
        self._species = jnp.asarray(species, jnp.int32)
        self._on_growth = on_growth
        self._compiled: Any = None

    def minimize(
        self,
        positions: np.ndarray,
        cell: np.ndarray,
        force_tolerance_eV_A: float,
        max_steps: int,
        watch: Callable[[int, float, float], None] | None = None,
    ) -> Minimum:
        """Move atoms downhill until no force exceeds the tolerance, or ``max_steps``.

        Parameters
        ----------
        positions, cell
            Shapes (atom, 3) and (3, 3), A; the dtype is that of the calculation.
        force_tolerance_eV_A
            Largest length of a force vector at the end, eV/A.
        max_steps
            Give up (without an error) after this many.
        watch
            Called now and then with (steps, energy in eV, largest force in eV/A).

        Raises
        ------
        SimulationError
            If the energy becomes non-finite, or atoms collapse onto each other.
        """
        here = jnp.asarray(positions)[None]
        dtype = here.dtype
        cells = jnp.asarray(cell, dtype)[None]
        course = _Course(
            here,
            jnp.zeros_like(here),
            jnp.asarray(_FIRST_DT, dtype),
            jnp.asarray(_ALPHA, dtype),
            jnp.asarray(0, jnp.int32),
        )
        tolerance2 = jnp.asarray(force_tolerance_eV_A**2, dtype)
        done = 0
        for _ in range(max_steps + 50):
            steps = jnp.asarray(min(_STEPS_PER_CALL, max_steps - done), jnp.int32)
            end, largest2, short = self._descend(course, cells, tolerance2, steps)
            if bool(jnp.any(short)):
                self._grow(end.needs, np.asarray(cells, float), done)
                continue
            energy, largest = float(end.energy[0]), float(jnp.sqrt(largest2))
            if not np.isfinite(energy) or not bool(jnp.isfinite(end.course.positions).all()):
                raise SimulationError(
                    f"minimisation: the energy is no longer a finite number after {done} steps; "
                    "the start structure has atoms too close together"
                )
            course = end.course
            done += int(end.done)
            if watch is not None:
                watch(done, energy, largest)
            if largest <= force_tolerance_eV_A or done >= max_steps:
                break
        return Minimum(
            np.asarray(course.positions[0]), energy, largest, done, largest <= force_tolerance_eV_A
        )

    def _descend(self, course: _Course, cells: Array, tolerance2: Array, steps: Array) -> Any:
        if self._compiled is None:
            self._compiled = jax.jit(_make_descent(self.field), compiler_options=compiler_options())
        return self._compiled(course, cells, self._species, tolerance2, steps)

    def _grow(self, needs: Needs, cells: np.ndarray, done: int) -> None:
        needs = jax.device_get(needs)
        if int(np.max(needs.slots)) > self.field.most_slots:
            raise SimulationError(
                f"minimisation: the structure collapsed after {done} steps: an atom has "
                f"{int(np.max(needs.slots))} neighbours; the start structure has atoms too close together"
            )
        self.field, sizes = self.field.grown(needs, cells)
        self._compiled = None
        if self._on_growth is not None:
            self._on_growth(sizes)


def _make_descent(field: ForceField) -> Callable[..., Any]:
    def largest2(forces: Array) -> Array:
        return jnp.max(jnp.sum(forces * forces, axis=-1))

    def descend(
        course: _Course, cells: Array, species: Array, tolerance2: Array, steps: Array
    ) -> tuple[_Fire, Array, Array]:
        dtype = course.positions.dtype

        def relist(positions: Array) -> tuple[Array, Near, Needs]:
            positions = jax.vmap(wrapped)(positions, cells)
            return positions, *field.near(field.lists(positions, cells), positions, cells)

        def one_step(fire: _Fire) -> _Fire:
            # the first pass does not move: it builds the list and evaluates the start
            first = fire.done < 0
            old = fire.course
            dt = jnp.where(first, 0.0, old.dt)
            power = jnp.sum(old.velocities * fire.forces)
            downhill = jnp.where(power > 0, old.downhill + 1, 0)
            patient = downhill > _PATIENCE
            new_dt = jnp.where(patient, jnp.minimum(old.dt * _DT_RISE, _LONGEST_DT), old.dt)
            new_dt = jnp.where(power < 0, old.dt * _DT_FALL, new_dt)
            new_alpha = jnp.where(power > 0, jnp.where(patient, old.alpha * _ALPHA_FALL, old.alpha), _ALPHA)
            speed = jnp.sqrt(jnp.sum(old.velocities**2))
            pull = jnp.sqrt(jnp.sum(fire.forces**2))
            mixed = (1 - old.alpha) * old.velocities + old.alpha * speed * fire.forces / jnp.maximum(
                pull, 1e-30
            )
            velocities = jnp.where(power < 0, 0.0, mixed) + dt * fire.forces
            move = dt * velocities
            length = jnp.sqrt(jnp.sum(move * move, axis=-1, keepdims=True))
            positions = old.positions + move * jnp.minimum(1.0, _LONGEST_MOVE_A / jnp.maximum(length, 1e-30))
            moved = first | jnp.any(outdated(field.plan, fire.near, positions, cells, True))
            positions, near, listed = jax.lax.cond(
                moved, relist, lambda r: (r, fire.near, fire.listed), positions
            )
            sample, needs = field.evaluate(near, positions, cells, species)
            moved_on = _Course(positions, velocities, new_dt, new_alpha, downhill)
            kept = old._replace(positions=positions)
            return _Fire(
                jax.tree.map(lambda a, b: jnp.where(first, a, b), kept, moved_on),
                sample.forces,
                near,
                listed,
                sample.potential_eV,
                fire.needs.merged(needs).merged(listed),
                fire.done + 1,
            )

        start = _Fire(
            course,
            jnp.zeros_like(course.positions),
            no_lists(field.plan, course.positions, cells),
            field.no_needs(1, dtype),
            jnp.zeros(1, dtype),
            field.no_needs(1, dtype),
            jnp.asarray(-1, jnp.int32),
        )

        def go_on(fire: _Fire) -> Array:
            unfinished = (fire.done < steps) & ~(largest2(fire.forces) <= tolerance2)
            return (fire.done < 0) | (unfinished & ~jnp.any(field.short_of(fire.needs)))

        end = jax.lax.while_loop(go_on, one_step, start)
        return end, largest2(end.forces), field.short_of(end.needs)

    return descend
