"""All pore results of one structure, as plain numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from carbonize.analysis.pores.classify import class_totals
from carbonize.analysis.pores.survey import survey
from carbonize.config.models import ClassLimits

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["pore_summary"]


def pore_summary(
    atoms: Atoms,
    atom_radius_A: float | Float[np.ndarray, " atom"],
    probes_A: Mapping[str, float],
    persistence_A: float = 0.5,
    limits: ClassLimits | None = None,
) -> dict[str, Any]:
    """Pore network, void volumes and classified pores of one structure.

    Diameters are those of free hard spheres: twice the distance to the nearest atom's surface.
    Open directions get vacuum (see
    :mod:`carbonize.analysis.pores.embedding`), which then is the outside and part of the void.

    Parameters
    ----------
    atoms
        At least one atom; cell and boundary conditions of any kind.
    atom_radius_A
        Hard-sphere radius of every atom, or one for each.
    probes_A
        Probe diameters by name.
    persistence_A
        Smallest rise (A) of a peak of the distance field above its saddle to be a pore.
    limits
        Entrance diameters that part the classes.

    Returns
    -------
    dict
        ``largest_included_sphere_A`` (0 if nothing fits); ``largest_free_sphere_A`` and
        ``largest_free_sphere_along_A`` (None where no void winds: no outside, or, along an
        axis, no way through); ``probes``; ``classes``; ``items``; ``certificate``.

    Raises
    ------
    InputError
        If no certified tessellation is found.
    """
    found = survey(atoms, atom_radius_A, probes_A, persistence_A, limits)
    return {
        "largest_included_sphere_A": found.largest_included_sphere_A,
        "largest_free_sphere_A": found.largest_free_sphere_A,
        "largest_free_sphere_along_A": list(found.largest_free_sphere_along_A),
        "probes": {name: dataclasses.asdict(probe) for name, probe in found.probes.items()},
        "classes": class_totals(found.pores, float(atoms.get_masses().sum())),
        "items": [pore.as_item(number) for number, pore in enumerate(found.pores)],
        "certificate": dataclasses.asdict(found.certificate),
    }
