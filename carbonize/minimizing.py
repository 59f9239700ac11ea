"""A minimisation as a stage of a run: every replica in turn, then new momenta."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from carbonize.errors import SimulationError
from carbonize.schedules import Minimization
from carbonize.types import Result

__all__ = ["minimize_replicas"]


def minimize_replicas(
    propagator: Any,
    state: Any,
    wanted: Minimization,
    replicas: Sequence[int],
    masses_amu: np.ndarray,
    species: np.ndarray,
    following_K: Sequence[float],
    keeps_momentum: bool,
    watch: Callable[[str], None],
    event: Callable[..., None],
) -> tuple[Any, list[Any]]:
    """Minimise the replicas that still move; they then have momenta for ``following_K`` (K, one a replica).

    Parameters
    ----------
    propagator, state
        The engine, whose force field grows where a structure becomes denser, and the batch.
    wanted
        Tolerance and largest number of steps.
    replicas
        Numbers of the batch's replicas.
    masses_amu, species
        Per atom.
    keeps_momentum
        Whether the total momentum is to be zero.
    watch
        Told how it goes; may raise to break off, which leaves ``state`` as it was.
    event
        Called with kind, step and details for events.jsonl.

    Returns
    -------
    (State, list of Failure)
        The batch one step later, and the replicas that broke down, which are frozen.
    """
    import jax.numpy as jnp

    from carbonize.simulation.minimize import Minimizer
    from carbonize.simulation.propagate import Failure
    from carbonize.simulation.state import draw_momenta

    step = int(state.step)
    minimizer = Minimizer(
        propagator.field, species, on_growth=lambda sizes: event("neighbor_capacity_grown", step, **sizes)
    )
    positions, momenta, keys = (np.array(a) for a in (state.positions, state.momenta, state.keys))
    masses = jnp.asarray(masses_amu, positions.dtype)
    failures: list[Failure] = []
    for place in np.flatnonzero(propagator.active):
        k, replica = int(place), replicas[int(place)]

        def tell(done: int, energy: float, force: float, replica: int = replica) -> None:
            watch(
                f"minimizing replica {replica}: {done} steps, {energy / len(masses_amu):.4f} eV/atom, "
                f"largest force {force:.3g} eV/A"
            )

        try:
            minimum = minimizer.minimize(
                positions[k], np.asarray(state.cells[k]), wanted.force_tolerance_eV_A, wanted.max_steps, tell
            )
        except SimulationError as err:
            propagator.freeze(k)
            failures.append(
                Failure(k, step, int(Result.NON_FINITE), f"replica {replica}: step {step}: {err}")
            )
            continue
        positions[k] = minimum.positions
        key, drawn = draw_momenta(jnp.asarray(keys[k]), masses, following_K[k], keeps_momentum)
        momenta[k], keys[k] = np.asarray(drawn), np.asarray(key)
        event(
            "minimized" if minimum.converged else "minimization_not_converged",
            step + 1,
            replica=replica,
            steps=minimum.steps,
            max_force_eV_A=minimum.max_force_eV_A,
            potential_eV=minimum.potential_eV,
        )
    propagator.field = minimizer.field
    new = dataclasses.replace(
        state,
        positions=jnp.asarray(positions),
        momenta=jnp.asarray(momenta),
        keys=jnp.asarray(keys),
        step=jnp.asarray(step + 1, jnp.int32),
    )
    return new, failures
