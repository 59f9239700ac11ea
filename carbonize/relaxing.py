"""Relax one cell again and again with one compiled program."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from carbonize.potentials.base import Potential
from carbonize.simulation.minimize import Minimum

__all__ = ["CarbonRelaxer"]


class CarbonRelaxer:
    """FIRE for a fixed number of carbon atoms in a fixed cell, float64.

    Parameters
    ----------
    potential
        Force law; must know carbon.
    positions, cell
        Shapes (atom, 3) and (3, 3), A: the sizes of lists are taken from them. The cell is lower triangular.

    Raises
    ------
    InputError
        If the potential does not know carbon.
    """

    def __init__(self, potential: Potential, positions: np.ndarray, cell: np.ndarray) -> None:
        import jax
        from ase import Atoms

        from carbonize.simulation.forces import make_force_field
        from carbonize.simulation.minimize import Minimizer
        from carbonize.structures.prepare import species_indices

        jax.config.update("jax_enable_x64", True)
        symbols = Atoms(f"C{len(positions)}").symbols
        potential = potential.for_elements(symbols)
        species = species_indices(list(symbols), potential.elements, type(potential).__name__, "structure")
        self._cell = np.asarray(cell, float)
        field = make_force_field(potential, np.asarray(positions, float)[None], self._cell[None], skin_A=0.8)
        self._minimizer = Minimizer(field, species)

    def __call__(
        self,
        positions: np.ndarray,
        force_tolerance_eV_A: float,
        max_steps: int = 1500,
        watch: Callable[[int, float, float], None] | None = None,
    ) -> Minimum:
        """See :meth:`carbonize.simulation.minimize.Minimizer.minimize`."""
        return self._minimizer.minimize(
            np.asarray(positions, float), self._cell, force_tolerance_eV_A, max_steps, watch
        )
