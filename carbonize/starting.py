"""The start structure a protocol asks for: read from a file, or packed and relaxed."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from carbonize.config.models import FileStructure, StructureConfig
from carbonize.errors import InputError
from carbonize.io.frames import read_frames
from carbonize.io.validation import validate_atoms
from carbonize.potentials.base import Potential
from carbonize.structures.prepare import species_indices, standard_cell
from carbonize.structures.random_packing import cubic_edge_A, random_packing

__all__ = ["CLOSEST_START_A", "Starts", "build_random", "file_sha256", "relax", "start_structures"]

CLOSEST_START_A = 0.6
"""Two atoms nearer than this (A) cannot start: no carbon potential means anything there."""

RELAX_TOLERANCE_EV_A = 1.0
RELAX_STEPS = 1500


@dataclasses.dataclass(frozen=True)
class Starts:
    """The start structures of a run.

    Attributes
    ----------
    atoms
        One :class:`ase.Atoms` a start, in standard form, all with the same elements in the same
        order. A start that cannot be used is represented by a sound one.
    origins
        Where each comes from.
    problems
        Why a start cannot be used, by its number. Only in a batch of several: there the others go on.
    """

    atoms: tuple[Any, ...]
    origins: tuple[dict[str, Any], ...]
    problems: dict[int, str]


def start_structures(
    config: StructureConfig,
    potential: Potential,
    potential_name: str,
    watch: Callable[[str], None] | None = None,
) -> Starts:
    """Read or pack the start structures of a protocol.

    Raises
    ------
    InputError
        If a file is unusable, a structure does not suit the potential, structures do not match,
        or none of them can be started from.
    """
    atoms: list[Any] = []
    origins: list[dict[str, Any]] = []
    problems: dict[int, str] = {}
    for i, start in enumerate(config.starts):
        where = str(start) if isinstance(config, FileStructure) else "structure"
        if isinstance(config, FileStructure):
            found = _read(str(start))
            origin: dict[str, Any] = {"kind": "file", "path": str(start), "sha256": file_sha256(str(start))}
        else:
            if watch is not None:
                which = f" (seed {start})" if len(config.starts) > 1 else ""
                watch(
                    f"packing {config.atoms} atoms at {config.density_g_cm3:g} g/cm3 and relaxing them{which}"
                )
            found, minimum = build_random(potential, config.atoms, config.density_g_cm3, int(start))
            origin = {
                "kind": "random",
                "atoms": config.atoms,
                "density_g_cm3": config.density_g_cm3,
                "seed": start,
                "relaxed_to_max_force_eV_A": minimum.max_force_eV_A,
            }
        origins.append(origin)
        symbols = found.get_chemical_symbols()
        species_indices(symbols, potential.for_elements(symbols).elements, potential_name, where)
        try:
            validate_atoms(found, where)
            found = standard_cell(found, where)
            _refuse_close_atoms(found, where)
        except InputError as err:
            problems[i] = str(err)
            if len(problems) == len(config.starts):
                raise
        atoms.append(found)
    sound = next(i for i in range(len(atoms)) if i not in problems)
    for i, found in enumerate(atoms):
        if list(found.numbers) != list(atoms[sound].numbers):
            raise InputError(
                f"{config.starts[i]}: has other atoms than {config.starts[sound]} ({len(found)} and "
                f"{len(atoms[sound])}); the starts of one batch must have the same elements in the same order"
            )
    return Starts(
        tuple(atoms[sound] if i in problems else found for i, found in enumerate(atoms)),
        tuple(origins),
        problems,
    )


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
    from carbonize.simulation.minimize import Minimizer

    jax.config.update("jax_enable_x64", True)
    atoms = atoms.copy()
    potential = potential.for_elements(atoms.symbols)
    species = species_indices(
        atoms.get_chemical_symbols(), potential.elements, type(potential).__name__, "structure"
    )
    cell = atoms.cell.array
    field = make_force_field(potential, atoms.positions[None], cell[None], skin_A=0.8)
    minimizer = Minimizer(field, species)
    minimum = minimizer.minimize(atoms.positions, cell, force_tolerance_eV_A, max_steps, watch)
    atoms.set_positions(np.asarray(minimum.positions, float))
    atoms.wrap()
    return atoms, minimum


def _read(path: str) -> Any:
    _, atoms = next(iter(read_frames(path, -1)))
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


def file_sha256(path: str) -> str:
    """Digest of a file's content."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
