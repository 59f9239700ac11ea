"""Replicas spread over the devices of one machine: the cores of a processor, or several cards.

Every device gets a program of its own, compiled for its share of the replicas: one program for all
of them (``jax.shard_map``) is compiled differently from that of a single device, and a replica in a
batch would no longer equal the same replica alone to the last bit. For the same reason replicas that
are advanced one by one share a program made for one of them; a core that is done takes the next. And the number of
cores that advance one replica together (:mod:`carbonize.simulation.decomposition`) is a property
of the run: where it is above 1, so many devices stand for the one, in every batch and every session.
A processor is one device to JAX unless it is told otherwise before its first use (:func:`use_cores`).
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from carbonize.errors import InputError
from carbonize.potentials.base import Potential
from carbonize.potentials.slots import compiler_options
from carbonize.simulation.decomposition import CORES, enough_atoms
from carbonize.simulation.dynamics import ChunkReport, System
from carbonize.simulation.state import State

__all__ = ["Spread", "cores_per_replica", "usable_cores", "use_cores"]

_ROWS = ("positions", "momenta", "keys", "cells", "memory")
"""What a state has of every replica."""


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cores_per_replica(potential: Potential, atoms: int, replicas: int, wanted: int | None = None) -> int:
    """How many cores advance each replica of a run together.

    Parameters
    ----------
    potential, atoms
        The force law, and the number of atoms of a replica.
    replicas
        Of the whole run, however many of them are advanced in this process.
    wanted
        What the protocol or an earlier session says; None: what is best for a new run here.

    Raises
    ------
    InputError
        If the potential or the number of atoms does not allow what is wanted, or JAX has too few devices.
    """
    if jax.default_backend() != "cpu":
        return 1
    devices = len(jax.local_devices())
    if wanted is None:
        if replicas > 1 or not potential.divisible:
            return 1
        return max(1, min(usable_cores(), devices, atoms // potential.fewest_atoms_a_core))
    if wanted > 1 and not potential.divisible:
        raise InputError(
            f"dynamics.cores_per_replica: {wanted} cores cannot share the atoms of a replica with this potential; "
            "leave it out"
        )
    if not enough_atoms(atoms, wanted):
        raise InputError(
            f"dynamics.cores_per_replica: {atoms} atoms are too few for {wanted} cores; give fewer"
        )
    if devices < wanted:
        raise InputError(
            f"each replica of this run is advanced by {wanted} cores, but JAX was started with {devices}; "
            "run it in a process of its own, without JAX_NUM_CPU_DEVICES"
        )
    return wanted


def use_cores(replicas: int, each: int = 1) -> None:
    """Let JAX see as many cores as ``replicas`` can fill, ``each`` advanced by so many together.

    Without effect once JAX has started. Never fewer than ``each``, even if they have to take turns
    on fewer real ones: results must not depend on that.
    """
    wanted = max(each, min(usable_cores(), replicas * each))
    if wanted < 2 or jax.config.values.get("jax_num_cpu_devices", -1) > 0:
        return
    try:
        jax.config.update("jax_num_cpu_devices", wanted)
    except RuntimeError:
        return  # JAX is running already: the replicas share what it has


class Spread:
    """A compiled chunk on every device, each for its part of the replicas.

    Parameters
    ----------
    devices
        What to spread over; at most ``cores`` a replica are used.
    cores
        How many devices advance a replica together.
    one_by_one
        Whether every replica is a batch of its own, or as many as a device gets are one.

    Raises
    ------
    ValueError
        If there are fewer devices.
    """

    def __init__(
        self, devices: Sequence[Any], replicas: int, cores: int = 1, one_by_one: bool = False
    ) -> None:
        groups = min(replicas, len(devices) // cores)
        if groups < 1:
            raise ValueError(f"{cores} devices are needed, there are {len(devices)}")
        self._cores = cores
        self._groups = [list(devices)[k * cores : (k + 1) * cores] for k in range(groups)]
        self._one_by_one = one_by_one
        count = replicas if one_by_one else groups
        bounds = np.linspace(0, replicas, count + 1).round().astype(int)
        self._parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(bounds)]
        self._compiled: list[Any] = []
        self._systems: dict[tuple[int, int], tuple[System, System]] = {}
        self._last: tuple[State | None, list[State]] = (None, [])

    @property
    def first(self) -> Any:
        """The device that results end on."""
        return self._groups[0][0]

    @property
    def share(self) -> int:
        """How many programs use the same memory, a device's share of a common one counted as one."""
        return len(self._groups) * self._cores if self.first.platform == "cpu" else 1

    def compile(self, chunk: Any, state: State, system: System) -> Any:
        """Compile for every device; returns the largest program, for questions about memory.

        ``chunk`` is that of :func:`carbonize.simulation.dynamics.make_chunk` for as many cores.
        """
        active = np.ones(state.positions.shape[0], bool)
        arguments = [self._part(k, k, state, system, active, 0) for k in range(len(self._groups))]
        jitted = [self._jitted(k, chunk) for k in range(1 if self._cores == 1 else len(self._groups))]
        self._compiled = self._all(lambda k: jitted[k % len(jitted)].lower(*arguments[k]).compile())
        return self._compiled[-1]

    def run(
        self, state: State, system: System, active: np.ndarray, n_steps: int
    ) -> tuple[State, ChunkReport]:
        """One chunk of all replicas: the state on the first device, the report on the host."""
        results: list[Any] = [None] * len(self._parts)
        # what comes back as it was returned is still there in parts; else slices of arrays on the host cost nothing
        parts = self._last[1] if state is self._last[0] else None
        if parts is None and len(self._parts) > 1:
            state = jax.tree.map(np.asarray, state)
        waiting = itertools.count()

        def work(group: int) -> None:
            while (part := next(waiting) if self._one_by_one else group) < len(self._parts):
                whole = state if parts is None else parts[part]
                arguments = self._part(part, group, whole, system, active, n_steps)
                new, report = self._compiled[group](*arguments)
                results[part] = (new, jax.device_get(report))
                if not self._one_by_one:
                    return

        self._all(work)
        if len(results) == self._cores == 1:
            return results[0]
        if len(results) == 1:
            return jax.device_put(results[0][0], self.first), results[0][1]
        rows = {
            name: jax.device_put(
                np.concatenate([np.asarray(getattr(new, name)) for new, _ in results]), self.first
            )
            for name in _ROWS
        }
        report = jax.tree.map(lambda *parts: np.concatenate(parts), *[report for _, report in results])
        state = State(**rows, step=jax.device_put(results[0][0].step, self.first))
        self._last = (state, [new for new, _ in results])
        return state, report

    def _all(self, task: Callable[[int], Any]) -> list[Any]:
        count = len(self._groups)
        if count == 1:
            return [task(0)]
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(task, range(count)))

    def _part(
        self, part: int, group: int, state: State, system: System, active: np.ndarray, n_steps: int
    ) -> Any:
        """The arguments for some of the replicas on one group of devices."""
        rows, place = self._parts[part], self._place(group)
        if state.positions.shape[0] != rows.stop - rows.start:
            state = dataclasses.replace(state, **{name: getattr(state, name)[rows] for name in _ROWS})
        known = self._systems.get((part, group))
        if known is None or known[0] is not system:
            pieces = jax.tree.map(lambda a: np.asarray(a)[rows], system.pieces)
            placed = jax.device_put(system._replace(pieces=pieces), place)
            known = self._systems[part, group] = (system, placed)
        state, now, until = jax.device_put((state, active[rows], np.asarray(n_steps, np.int32)), place)
        return state, known[1], now, until

    def _place(self, k: int) -> Any:
        """A device, or everywhere on a group of them."""
        return self._groups[k][0] if self._cores == 1 else NamedSharding(self._mesh(k), PartitionSpec())

    def _mesh(self, k: int) -> Mesh:
        return Mesh(np.array(self._groups[k]), (CORES,))

    def _jitted(self, k: int, chunk: Any) -> Any:
        several = self._cores > 1
        if several:
            # what goes in and comes out is the same on every core, by construction
            same = PartitionSpec()
            chunk = jax.shard_map(chunk, mesh=self._mesh(k), in_specs=same, out_specs=same, check_vma=False)
        return jax.jit(chunk, compiler_options=compiler_options(one_thread=several))
