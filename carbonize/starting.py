"""The start structure a protocol asks for: read from a file, or packed and relaxed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.config.models import FileStructure, StructureConfig
from carbonize.errors import InputError
from carbonize.potentials.base import Potential
from carbonize.structures.prepare import species_indices, standard_cell
from carbonize.structures.random_packing import cubic_edge_A, random_packing

__all__ = ["CLOSEST_START_A", "build_random", "relax", "start_structure"]

CLOSEST_START_A = 0.6
"""Two atoms nearer than this (A) cannot start: no carbon potential means anything there."""

RELAX_TOLERANCE_EV_A = 1.0
RELAX_STEPS = 1500


def start_structure(
    config: StructureConfig,
    potential: Potential,
    potential_name: str,
    watch: Callable[[str], None] | None = None,
) -> tuple[Any, dict[str, Any]]:
    """Atoms in standard form, and a record of where they come from.

    Raises
    ------
    InputError
        If the file is unusable or the structure does not suit the potential.
    """
    if isinstance(config, FileStructure):
        where = config.path
        atoms = _read(config.path)
        origin: dict[str, Any] = {"kind": "file", "path": config.path, "sha256": _file_sha256(config.path)}
    else:
        where = "structure"
        if watch is not None:
            watch(f"packing {config.atoms} atoms at {config.density_g_cm3:g} g/cm3 and relaxing them")
        atoms, minimum = build_random(potential, config.atoms, config.density_g_cm3, config.seed)
        origin = {
            "kind": "random",
            "atoms": config.atoms,
            "density_g_cm3": config.density_g_cm3,
            "seed": config.seed,
            "relaxed_to_max_force_eV_A": minimum.max_force_eV_A,
        }
    species_indices(atoms, potential.elements, potential_name, where)
    atoms = standard_cell(atoms, where)
    _refuse_close_atoms(atoms, where)
    return atoms, origin


def build_random(
    potential: Potential,
    atoms: int,
    density_g_cm3: float,
    seed: int,
    min_distance_A: float | None = None,
    force_tolerance_eV_A: float = RELAX_TOLERANCE_EV_A,
    watch: Callable[[int, float, float], None] | None = None,
) -> tuple[Any, Any]:
    """A random packing in a cube, relaxed so that dynamics can start.

    Returns
    -------
    (ase.Atoms, carbonize.simulation.minimize.Minimum)
    """
    from ase import Atoms

    positions = random_packing(atoms, density_g_cm3, seed, min_distance_A)
    edge = cubic_edge_A(atoms, density_g_cm3)
    packed = Atoms("C" * atoms, positions=positions, cell=[edge] * 3, pbc=True)
    return relax(potential, packed, force_tolerance_eV_A, watch=watch)


def relax(
    potential: Potential,
    atoms: Any,
    force_tolerance_eV_A: float = RELAX_TOLERANCE_EV_A,
    max_steps: int = RELAX_STEPS,
    watch: Callable[[int, float, float], None] | None = None,
) -> tuple[Any, Any]:
    """A copy of ``atoms`` moved downhill (FIRE, float64, fixed cell), and the minimum reached.

    The cell must be in standard form (:func:`carbonize.structures.prepare.standard_cell`).
    """
    import jax

    from carbonize.simulation.forces import make_force_field
    from carbonize.simulation.minimize import minimize

    jax.config.update("jax_enable_x64", True)
    atoms = atoms.copy()
    species = species_indices(atoms, potential.elements, type(potential).__name__, "structure")
    field = make_force_field(potential, atoms.positions[None], atoms.cell.array, species, skin_A=0.8)
    minimum = minimize(field, atoms.positions, force_tolerance_eV_A, max_steps, watch)
    atoms.set_positions(np.asarray(minimum.positions, float))
    atoms.wrap()
    return atoms, minimum


def _read(path: str) -> Any:
    from carbonize.io.frames import read_frames, validate_atoms

    _, atoms = next(iter(read_frames(path, -1)))
    validate_atoms(atoms, path)
    return atoms


def _refuse_close_atoms(atoms: Any, where: str) -> None:
    from ase.neighborlist import primitive_neighbor_list

    i, j, d = primitive_neighbor_list("ijd", atoms.pbc, atoms.cell.array, atoms.positions, CLOSEST_START_A)
    if len(d):
        k = int(np.argmin(d))
        raise InputError(
            f"{where}: atoms {i[k]} and {j[k]} are only {d[k]:.3f} A apart; dynamics cannot start there: "
            "relax the structure or remove one of them"
        )


def _file_sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
