"""All pore results of one structure, as plain numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from carbonize.analysis.pores.classify import class_totals
from carbonize.analysis.pores.survey import PoreSurvey, survey
from carbonize.analysis.pores.uncertainty import radius_uncertainty
from carbonize.analysis.radii import check_radius_uncertainty
from carbonize.config.models import ClassLimits

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["pore_summary"]


def pore_summary(
    atoms: Atoms,
    atom_radius_A: float,
    probes_A: Mapping[str, float],
    persistence_A: float = 0.5,
    limits: ClassLimits | None = None,
    radius_uncertainty_A: float = 0.0,
) -> dict[str, Any]:
    """Pore network, void volumes and classified pores of one structure.

    Diameters are those of free hard spheres: twice the distance to the nearest atom's
    centre minus twice the atom's radius. Open directions get vacuum (see
    :mod:`carbonize.analysis.pores.embedding`), which then is the outside and part of the void.

    Parameters
    ----------
    atoms
        At least one atom; cell and boundary conditions of any kind.
    atom_radius_A
        Hard-sphere radius of every atom.
    probes_A
        Probe diameters by name.
    persistence_A
        Smallest rise (A) of a peak of the distance field above its saddle to be a pore.
    limits
        Entrance diameters that part the classes.
    radius_uncertainty_A
        If not 0, the void is surveyed again with radii smaller and larger by so much.

    Returns
    -------
    dict
        ``largest_included_sphere_A`` (0 if nothing fits); ``largest_free_sphere_A`` and
        ``largest_free_sphere_along_A`` (None where no void winds: no outside, or, along an
        axis, no way through); ``probes``; ``classes``; ``items``; with a radius uncertainty
        ``radius_uncertainty`` (:func:`carbonize.analysis.pores.uncertainty.radius_uncertainty`).

    Raises
    ------
    InputError
        If no certified tessellation is found, or the uncertainty is not smaller than the radius.
    """
    check_radius_uncertainty(radius_uncertainty_A, atom_radius_A)

    def survey_with(shift_A: float) -> PoreSurvey:
        return survey(atoms, atom_radius_A + shift_A, probes_A, persistence_A, limits)

    found = survey_with(0.0)
    mass_amu = float(atoms.get_masses().sum())
    summary = {
        "largest_included_sphere_A": found.largest_included_sphere_A,
        "largest_free_sphere_A": found.largest_free_sphere_A,
        "largest_free_sphere_along_A": list(found.largest_free_sphere_along_A),
        "probes": {name: dataclasses.asdict(probe) for name, probe in found.probes.items()},
        "classes": class_totals(found.pores, mass_amu),
        "items": [pore.as_item(number) for number, pore in enumerate(found.pores)],
    }
    if radius_uncertainty_A:
        summary["radius_uncertainty"] = radius_uncertainty(found, survey_with, radius_uncertainty_A, mass_amu)
    return summary
