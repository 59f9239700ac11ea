"""Helium density and closed-pore volume as a pycnometer measures them.

A pycnometer finds the volume that helium cannot enter. What helium takes up is the space
that its atoms cover, not the space of their centres: the probe-occupiable volume
(Ongari et al., Langmuir 33 (2017) 14529). A point is occupiable by a probe if some
sphere of the probe's size holds the point and overlaps no atom, and accessibly so if the
centre of such a sphere is reached from outside.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from carbonize.analysis.pores.sampling import VoidSample, standard_error
from carbonize.analysis.pores.survey import HELIUM_DIAMETER_A
from carbonize.units import cm3_per_g

__all__ = ["GRAPHITE_DENSITY_G_CM3", "occupiable_summary"]

GRAPHITE_DENSITY_G_CM3 = 2.26
"""Density of a carbon without pores, by convention that of graphite."""


def occupiable_summary(sample: VoidSample, mass_amu: float, probes_A: Mapping[str, float]) -> dict[str, Any]:
    """Occupiable volumes, helium density and closed-pore volume.

    Parameters
    ----------
    sample
        With access decided for these probes and for helium.
    mass_amu
        Of the atoms in the cell.
    probes_A
        Probe diameters by name; the helium of the density is "He", 2.6 A if there is none.

    Returns
    -------
    dict
        ``occupiable``: per probe ``accessible_cm3_g`` (None along with open directions, where it
        is as large as the vacuum), ``inaccessible_cm3_g``, and ``error_cm3_g``, the larger of their
        standard errors. ``helium_density_g_cm3``: the mass over the volume that helium cannot
        enter from outside. ``closed_pore_volume_cm3_g``: 1 / that density - 1 / 2.26, negative for
        matter denser than graphite. ``geometric_closed_volume_cm3_g``: what helium would occupy but
        cannot reach. Each of the three with its standard error in ``..._error_...``.
    """
    occupiable = {}
    for name, diameter in probes_A.items():
        accessible, inaccessible = _volumes(sample, mass_amu, diameter)
        errors = [standard_error(part) for part in (accessible, inaccessible)]
        occupiable[name] = {
            "diameter_A": float(diameter),
            "accessible_cm3_g": float(accessible.mean()) if sample.periodic else None,
            "inaccessible_cm3_g": float(inaccessible.mean()),
            "error_cm3_g": float(max(errors)) if sample.periodic else float(errors[1]),
        }
    accessible, inaccessible = _volumes(sample, mass_amu, probes_A.get("He", HELIUM_DIAMETER_A))
    specific = float(cm3_per_g(sample.cell_volume_A3, mass_amu) - accessible.mean())
    error = float(standard_error(accessible))
    density = 1.0 / specific
    return {
        "occupiable": occupiable,
        "helium_density_g_cm3": density,
        "helium_density_error_g_cm3": density**2 * error,
        "closed_pore_volume_cm3_g": specific - 1.0 / GRAPHITE_DENSITY_G_CM3,
        "closed_pore_volume_error_cm3_g": error,
        "geometric_closed_volume_cm3_g": float(inaccessible.mean()),
        "geometric_closed_volume_error_cm3_g": float(standard_error(inaccessible)),
    }


def _volumes(sample: VoidSample, mass_amu: float, diameter_A: float) -> tuple[np.ndarray, np.ndarray]:
    """Accessible and inaccessible occupiable volume (cm3/g) from each copy."""
    whole = cm3_per_g(sample.cell_volume_A3, mass_amu)
    entered = sample.access_A >= diameter_A
    held = sample.diameter_A >= diameter_A
    return whole * entered.mean(axis=1), whole * (held & ~entered).mean(axis=1)
