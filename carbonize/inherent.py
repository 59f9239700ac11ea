"""Inherent structures: where the atoms of a frame would come to rest.

The minimum of the potential energy that lies downhill of a configuration is its inherent
structure (Stillinger and Weber, Phys. Rev. A 25 (1982) 978): the frame without its thermal motion.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.config.models import MinimizeStage

if TYPE_CHECKING:
    from ase import Atoms

    from carbonize.simulation.forces import ForceField

__all__ = ["InherentStructures"]


class InherentStructures:
    """Finds the inherent structures of frames, all with one compiled program.

    Parameters
    ----------
    field
        The run's force field. It grows here by itself; the run keeps its own.
    species
        Index of each atom's element in ``field.potential.elements``.
    dtype
        Of the calculation.
    watch
        Called now and then with the frame's step; may raise to break off.
    event
        Called with kind, step and details for events.jsonl.
    """

    def __init__(
        self,
        field: ForceField,
        species: np.ndarray,
        dtype: Any,
        watch: Callable[[int], None],
        event: Callable[..., None],
    ) -> None:
        from carbonize.simulation.minimize import Minimizer

        self._minimizer = Minimizer(field, species)
        self._dtype = dtype
        self._watch = watch
        self._event = event

    def __call__(self, replica: int, atoms: Atoms) -> tuple[Atoms, dict[str, Any]]:
        """The inherent structure of a frame in its cell, and how it was found.

        Minimised (FIRE) to the defaults of a ``minimize`` stage.

        Returns
        -------
        (Atoms, dict)
            The dict has ``potential_eV_per_atom``, ``max_force_eV_A``, ``steps`` and ``converged``.

        Raises
        ------
        SimulationError
            If the minimisation breaks down.
        """
        wanted, step = MinimizeStage(kind="minimize"), int(atoms.info["step"])
        minimum = self._minimizer.minimize(
            np.asarray(atoms.positions, self._dtype),
            atoms.cell.array,
            wanted.force_tolerance_eV_A,
            wanted.max_steps,
            lambda *_: self._watch(step),
        )
        found = {
            "potential_eV_per_atom": minimum.potential_eV / len(atoms),
            "max_force_eV_A": minimum.max_force_eV_A,
            "steps": minimum.steps,
            "converged": minimum.converged,
        }
        if not minimum.converged:
            self._event("minimization_not_converged", step, replica=replica, **found)
        rested = atoms.copy()
        rested.positions = np.asarray(minimum.positions, float)
        return rested, found
