"""The curves behind the scattering numbers, for netCDF."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from carbonize.analysis.scattering.pairs import species_pairs
from carbonize.analysis.scattering.pattern import powder_pattern
from carbonize.analysis.scattering.saxs import small_angle_intensities
from carbonize.analysis.scattering.structure_factor import total
from carbonize.analysis.scattering.whittle import binned
from carbonize.analysis.scattering.xrd import fit_bands, lorentz_polarisation, two_theta_deg

if TYPE_CHECKING:
    import xarray as xr
    from ase import Atoms

    from carbonize.analysis.curves import CurveOptions

__all__ = ["SAXS_EDGES", "scattering_curves"]

SAXS_EDGES = np.geomspace(0.02, 1.3, 61)
"""Edges (1/A) of the bins in which small-angle intensities are shown."""


def scattering_curves(atoms: Atoms, options: CurveOptions | None = None) -> dict[str, xr.DataArray]:
    """g(r), S(q), powder pattern with its fit, and small-angle intensity.

    Parameters
    ----------
    atoms
        Any boundary conditions.
    options
        Not used: scattering knows no bonds.

    Returns
    -------
    dict
        ``rdf`` and ``structure_factor_partial`` by pair of elements, ``structure_factor``,
        ``xrd_intensity``, ``xrd_intensity_polarised``, ``xrd_reduced``, ``xrd_fit``, ``xrd_background``,
        ``xrd_two_theta``, and for a bulk ``saxs_intensity``; with units.
    """

    found = powder_pattern(atoms)
    names = found.histogram.species
    pairs = [f"{names[a]}-{names[b]}" for a, b in species_pairs(len(names))]
    pattern, partials = found.pattern, found.partials
    _, bands = fit_bands(pattern.q, found.reduced, float(pattern.resolution[0]))
    fit, background = np.full((2, len(pattern.q)), np.nan)
    for band in bands.values():
        first = int(np.searchsorted(pattern.q, band.q[0] - 1e-9))
        place = slice(first, first + len(band.q))
        if not band.reason:
            # what the other band puts under this one was taken off before: show it as background
            under = found.reduced[place] - band.data
            fit[place], background[place] = band.fit + under, band.background + under
    r = _grid("r", found.rdf.r_A, "angstrom", "distance")
    q = _grid("q", partials.q, "1/angstrom", "wave number")
    q_xrd = _grid("q_xrd", pattern.q, "1/angstrom", "wave number of the powder pattern")
    per_atom = "electron units per atom"
    curves = {
        "rdf": _curve((("pair", pairs), r), found.rdf.g, "1", f"g(r), body: {found.body.kind}"),
        "structure_factor_partial": _curve(
            (("pair", pairs), q), partials.values, "1", "<rho_a rho_b*> / N of all atoms"
        ),
        "structure_factor": _curve((q,), total(partials), "1", "S(q), every atom of strength 1"),
        "structure_factor_resolution": _curve(
            (q,), partials.resolution, "1/angstrom", "standard deviation of the smoothing of S(q)"
        ),
        "xrd_intensity": _curve((q_xrd,), found.intensity, per_atom, "coherent powder intensity"),
        "xrd_intensity_polarised": _curve(
            (q_xrd,),
            found.intensity * lorentz_polarisation(pattern.q),
            per_atom,
            "with (1 + cos^2 2 theta) / 2",
        ),
        "xrd_two_theta": _curve((q_xrd,), two_theta_deg(pattern.q), "degree", "scattering angle, Cu K-alpha"),
        "xrd_reduced": _curve((q_xrd,), found.reduced, "1", "intensity over mean square form factor"),
        "xrd_fit": _curve((q_xrd,), fit, "1", "fitted bands and background; nan where there are none"),
        "xrd_background": _curve((q_xrd,), background, "1", "background under the fitted bands"),
    }
    if found.body.kind == "bulk" and found.shells is not None:
        k, mean, _ = binned(small_angle_intensities(found.shells).between(0, SAXS_EDGES[-1]), SAXS_EDGES)
        values = np.full(len(SAXS_EDGES) - 1, np.nan)
        place = np.clip(np.digitize(k, SAXS_EDGES) - 1, 0, len(values) - 1)
        values[place] = mean
        middle = np.sqrt(SAXS_EDGES[1:] * SAXS_EDGES[:-1])
        q_saxs = _grid("q_saxs", middle, "1/angstrom", "wave number at small angles")
        curves["saxs_intensity"] = _curve((q_saxs,), values, per_atom, "small-angle intensity in bins")
    return curves


def _grid(name: str, values: np.ndarray, units: str, meaning: str) -> tuple[str, xr.Variable]:
    import xarray as xr

    return name, xr.Variable(name, np.round(values, 6), {"units": units, "long_name": meaning})


def _curve(axes: tuple, values: np.ndarray, units: str, meaning: str) -> xr.DataArray:
    import xarray as xr

    coords = {name: grid for name, grid in axes}
    dims = [name for name, _ in axes]
    return xr.DataArray(values, dims=dims, coords=coords, attrs={"units": units, "long_name": meaning})
