"""What a session begins with: the atoms of a run, and the state of its replicas before the first step."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from carbonize.config import RunConfig
from carbonize.errors import InputError
from carbonize.io.checkpoint import Checkpoint
from carbonize.io.files import read_json
from carbonize.io.rundir import RunPaths
from carbonize.potentials.base import Potential
from carbonize.schedules import Schedule, compile_protocol
from carbonize.starting import Starts, file_sha256, start_structures
from carbonize.structures.prepare import species_indices

__all__ = ["Material", "checkpointed_state", "read_material", "replica_schedules", "thermal_state"]


@dataclasses.dataclass(frozen=True)
class Material:
    """The atoms of a run, the same in all replicas.

    Attributes
    ----------
    potential
        The force law, for the elements of the structure.
    numbers
        Atomic number of each atom.
    symbols, masses
        Its symbol and its mass (amu).
    species
        Its place in ``potential.elements``.
    origins
        Where the start structures come from.
    starts
        The start structures; None in a run that goes on.
    """

    potential: Potential
    numbers: np.ndarray
    symbols: list[str]
    masses: np.ndarray
    species: np.ndarray
    origins: Sequence[dict[str, Any]]
    starts: Starts | None

    def problems(self, config: RunConfig, replicas: Sequence[int]) -> dict[int, str]:
        """Why replicas cannot start, by their numbers."""
        found = {} if self.starts is None else self.starts.problems
        return {
            r: f"replica {r}: {found[config.start_of(r)]}" for r in replicas if config.start_of(r) in found
        }


def read_material(
    config: RunConfig,
    paths: RunPaths,
    potential: Potential,
    checkpoint: Checkpoint | None,
    said: Callable[[str], None],
) -> Material:
    """The atoms, from the last checkpoint or else from where the protocol says.

    Raises
    ------
    InputError
        If a structure cannot be used, has changed since the run began with it, holds elements that the
        potential does not know, or has one atom.
    """
    from ase.data import atomic_masses, chemical_symbols

    name = config.potential.kind
    starts, origins = None, None
    if checkpoint is None:
        starts = start_structures(config.structure, potential, name, said)
        origins, found = starts.origins, starts.atoms[0].numbers
    else:
        origins, found = _unchanged_origins(paths), checkpoint.numbers
    numbers = np.asarray(found, np.int32)
    symbols = [chemical_symbols[n] for n in numbers]
    potential = potential.for_elements(symbols)
    species = species_indices(symbols, potential.elements, name, "structure")
    if len(symbols) < 2:  # and XLA ends the process over arrays of one atom
        raise InputError(
            "the start structure has one atom, whose momentum is all the motion there is; "
            "dynamics needs two or more: repeat the cell (ase: atoms.repeat)"
        )
    masses = np.asarray(atomic_masses[numbers], float)
    return Material(potential, numbers, symbols, masses, species, origins, starts)


def replica_schedules(config: RunConfig, replicas: Sequence[int]) -> list[Schedule]:
    """The schedule of every replica."""
    compiled = compile_protocol(config)
    return [compiled[config.schedule_of(r)] for r in replicas]


def thermal_state(config: RunConfig, material: Material, thermostat: Any, replicas: Sequence[int]) -> Any:
    """Start structures with thermal momenta: the state of a run at its first step.

    Raises
    ------
    ValueError
        For a material that came from a checkpoint and has no start structures.
    """
    import jax.numpy as jnp

    from carbonize.simulation.state import initial_state, replica_keys

    if material.starts is None:
        raise ValueError("a run that goes on has no start structures")
    precision = config.dynamics.precision
    dtype = np.dtype(np.float64 if precision == "mixed" else precision)
    starts = [material.starts.atoms[config.start_of(r)] for r in replicas]
    return initial_state(
        jnp.asarray(np.stack([a.positions for a in starts]), dtype),
        jnp.asarray(np.stack([a.cell.array for a in starts]), dtype),
        jnp.asarray(material.masses, dtype),
        [s.temperature_K(0) for s in replica_schedules(config, replicas)],
        replica_keys(config.dynamics.seed, list(replicas)),
        thermostat.keeps_momentum,
        thermostat.memory,
    )


def checkpointed_state(checkpoint: Checkpoint) -> Any:
    """The state that a checkpoint holds."""
    import jax.numpy as jnp

    from carbonize.simulation.state import State

    return State(
        jnp.asarray(checkpoint.positions),
        jnp.asarray(checkpoint.momenta),
        jnp.asarray(checkpoint.keys),
        jnp.asarray(checkpoint.cells),
        jnp.asarray(checkpoint.thermostat),
        jnp.asarray(checkpoint.step, jnp.int32),
    )


def _unchanged_origins(paths: RunPaths) -> list[dict[str, Any]]:
    """Where the start structures came from; refuses files that have changed since.

    Raises
    ------
    InputError
        Naming the file.
    """
    manifest = read_json(paths.manifest)
    found = manifest.get("structures")
    origins = [o for o in found if isinstance(o, dict)] if isinstance(found, list) else []
    for origin in origins:
        path = str(origin.get("path", ""))
        # a file that is gone is not needed any more: the checkpoint has all
        if "sha256" in origin and os.path.isfile(path) and file_sha256(path) != origin["sha256"]:
            raise InputError(
                f"{path}: has changed since the run in {paths.root} began with it; restore it, or choose another --out"
            )
    return origins or [{"kind": "unknown"}]
