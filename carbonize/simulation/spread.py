"""Replicas spread over the devices of one machine: the cores of a processor, or several cards.

One replica stays on one device. Every device gets a program of its own, compiled for its share of
the replicas: one program for all of them (``jax.shard_map``) is compiled differently from that of
a single device, and a replica in a batch would no longer equal the same replica alone to the last
bit. A processor is one device to JAX unless it is told otherwise before its first use
(:func:`use_cores`).
"""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from carbonize.simulation.dynamics import ChunkReport, System
from carbonize.simulation.state import State

__all__ = ["Spread", "use_cores"]


def use_cores(replicas: int) -> None:
    """Let JAX see as many cores as there are replicas to fill; without effect once it has started."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = min(cores, replicas)
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
        What to spread over; at most one a replica is used.
    """

    def __init__(self, devices: Sequence[Any], replicas: int) -> None:
        self.devices = list(devices)[:replicas]
        bounds = np.linspace(0, replicas, len(self.devices) + 1).round().astype(int)
        self._parts = [slice(int(a), int(b)) for a, b in itertools.pairwise(bounds)]
        self._compiled: list[Any] = []

    @property
    def share(self) -> int:
        """How many of the programs use the same memory."""
        return len(self.devices) if self.devices[0].platform == "cpu" else 1

    def compile(self, jitted: Any, state: State, system: System) -> Any:
        """Compile for every device; returns the largest program, for questions about memory."""
        active = jnp.ones(state.positions.shape[0], bool)
        arguments = [self._part(k, state, system, active, 0) for k in range(len(self.devices))]
        self._compiled = self._all(lambda k: jitted.lower(*arguments[k]).compile())
        return self._compiled[-1]

    def run(
        self, state: State, system: System, active: np.ndarray, n_steps: int
    ) -> tuple[State, ChunkReport]:
        """One chunk of all replicas: the state on the first device, the report on the host."""

        def one(k: int) -> tuple[State, ChunkReport]:
            new, report = self._compiled[k](*self._part(k, state, system, jnp.asarray(active), n_steps))
            return new, jax.device_get(report)

        results = self._all(one)
        if len(results) == 1:
            return results[0]
        first = self.devices[0]
        news = [jax.device_put(new, first) for new, _ in results]
        rows = [
            jnp.concatenate([getattr(new, name) for new in news])
            for name in ("positions", "momenta", "keys", "cells", "memory")
        ]
        report = jax.tree.map(lambda *parts: np.concatenate(parts), *[report for _, report in results])
        return State(*rows, news[0].step), report  # type: ignore[call-arg]

    def _all(self, task: Callable[[int], Any]) -> list[Any]:
        count = len(self.devices)
        if count == 1:
            return [task(0)]
        with ThreadPoolExecutor(count) as threads:
            return list(threads.map(task, range(count)))

    def _part(self, k: int, state: State, system: System, active: Any, n_steps: int) -> Any:
        """The arguments for one device."""
        part = self._parts[k]
        rows = ("positions", "momenta", "keys", "cells", "memory")
        state = dataclasses.replace(state, **{name: getattr(state, name)[part] for name in rows})
        pieces = jax.tree.map(lambda a: a[part], system.pieces)
        arguments = (state, system._replace(pieces=pieces), active[part], jnp.asarray(n_steps, jnp.int32))
        return jax.device_put(arguments, self.devices[k])
