"""All pore results of one structure, as plain numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from carbonize.analysis.pores.classify import class_totals
from carbonize.analysis.pores.survey import HELIUM_DIAMETER_A, PoreSurvey, ProbeVoid, survey
from carbonize.analysis.pores.uncertainty import radius_uncertainty
from carbonize.analysis.radii import check_radius_uncertainty
from carbonize.config.models import ClassLimits
from carbonize.units import cm3_per_g, m2_per_g

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["pore_summary"]


def pore_summary(
    atoms: Atoms,
    atom_radius_A: float | Float[np.ndarray, " atom"],
    probes_A: Mapping[str, float],
    persistence_A: float = 0.5,
    limits: ClassLimits | None = None,
    parts: Collection[str] = (),
    radius_uncertainty_A: float = 0.0,
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
    parts
        May name "occupiable" (:func:`carbonize.analysis.pores.occupiable.occupiable_summary`) and "psd"
        (:func:`carbonize.analysis.pores.psd.pore_size_distribution`).
    radius_uncertainty_A
        If not 0, the void is surveyed again with radii smaller and larger by so much.

    Returns
    -------
    dict
        ``largest_included_sphere_A`` (0 if nothing fits); ``largest_free_sphere_A`` and
        ``largest_free_sphere_along_A`` (None where no void winds: no outside, or, along an
        axis, no way through); ``probes``; ``classes``; ``items``; ``certificate``; the results of
        ``parts``, the second under ``pore_size_distribution``; with a radius uncertainty
        ``radius_uncertainty`` (:func:`carbonize.analysis.pores.uncertainty.radius_uncertainty`).

    Raises
    ------
    InputError
        If no certified tessellation is found, or the uncertainty is not smaller than the radius.
    """
    check_radius_uncertainty(radius_uncertainty_A, float(np.min(atom_radius_A)))

    def survey_with(shift_A: float) -> PoreSurvey:
        return survey(atoms, atom_radius_A + shift_A, probes_A, persistence_A, limits)

    found = survey_with(0.0)
    mass_amu = float(atoms.get_masses().sum())
    radii = np.full(len(atoms), atom_radius_A)
    summary = {
        "largest_included_sphere_A": found.largest_included_sphere_A,
        "largest_free_sphere_A": found.largest_free_sphere_A,
        "largest_free_sphere_along_A": list(found.largest_free_sphere_along_A),
        "probes": {name: _probe_entry(probe, mass_amu) for name, probe in found.probes.items()},
        "classes": class_totals(found.pores, mass_amu),
        "items": [pore.as_item(number) for number, pore in enumerate(found.pores)],
        "certificate": dataclasses.asdict(found.certificate),
        **_sampled(atoms, radii, found, probes_A, parts),
    }
    if radius_uncertainty_A:
        summary["radius_uncertainty"] = radius_uncertainty(found, survey_with, radius_uncertainty_A, mass_amu)
    return summary


def _probe_entry(probe: ProbeVoid, mass_amu: float) -> dict[str, Any]:
    """A probe's void with its volumes and areas per gram."""
    entry = dataclasses.asdict(probe)
    entry["channel_dimensionalities"] = list(probe.channel_dimensionalities)
    for reach in ("accessible", "inaccessible"):
        entry[f"{reach}_volume_cm3_g"] = float(cm3_per_g(entry[f"{reach}_volume_A3"], mass_amu))
        entry[f"{reach}_area_m2_g"] = float(m2_per_g(entry[f"{reach}_area_A2"], mass_amu))
    return entry


def _sampled(
    atoms: Atoms,
    radii_A: Float[np.ndarray, " atom"],
    found: PoreSurvey,
    probes_A: Mapping[str, float],
    parts: Collection[str],
) -> dict[str, Any]:
    """The parts that rest on points sampled in the void, which they share."""
    if not {"occupiable", "psd"} & set(parts):
        return {}
    from carbonize.analysis.pores.occupiable import occupiable_summary
    from carbonize.analysis.pores.psd import pore_size_distribution
    from carbonize.analysis.pores.sampling import sample_void

    probes = [*probes_A.values(), probes_A.get("He", HELIUM_DIAMETER_A)] if "occupiable" in parts else []
    sample = sample_void(atoms.positions, radii_A, found, probes)
    mass = float(atoms.get_masses().sum())
    results: dict[str, Any] = {}
    if "occupiable" in parts:
        results.update(occupiable_summary(sample, mass, probes_A))
    if "psd" in parts:
        results["pore_size_distribution"] = pore_size_distribution(sample, mass, found.pores)
    return results
