"""What X-rays would say about one structure, as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from carbonize.analysis.scattering.pattern import Pattern, powder_pattern
from carbonize.analysis.scattering.saxs import no_small_angles, small_angles
from carbonize.analysis.scattering.structure_factor import total
from carbonize.analysis.scattering.xrd import CU_K_ALPHA_A, fit_bands, without_own_repeat

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["scattering_summary"]

_NORMALISATION = {
    "bulk": "g(r) over the mean density of the cell",
    "slab": "g(r) over an even plate as thick as the atoms",
    "cluster": "g(r) over an even ball of the atoms' radius of gyration",
    "wire": "no g(r): only neighbours are counted",
}


def scattering_summary(atoms: Atoms, sizes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Radial distribution, structure factor, X-ray bands and small angles.

    Parameters
    ----------
    atoms
        Any boundary conditions; small angles need a structure that is periodic in all directions.
    sizes
        The pore-size distribution of the same structure, to stand beside the small angles.

    Returns
    -------
    dict
        ``rdf``: ``body``, ``normalisation``, ``first_peak_A``, ``first_minimum_A``, ``neighbors`` within it;
        ``structure_factor``: ``S_smallest_q``, ``main_peak_q``, ``join_error``; ``xrd``
        (:func:`carbonize.analysis.scattering.xrd.fit_bands`, with ``wavelength_A`` and ``resolution``: the
        standard deviation in 1/A of the smoothing that is allowed for); ``saxs``
        (:func:`carbonize.analysis.scattering.saxs.small_angles`).

    Raises
    ------
    InputError
        For an element without form factor.

    Examples
    --------
    >>> from ase.build import bulk
    >>> found = scattering_summary(bulk("C", "diamond", a=3.567, cubic=True).repeat(6))
    >>> found["rdf"]["neighbors"], found["xrd"]["d002_A"], found["saxs"]["R_A"]
    (4.0, None, None)
    """
    found = powder_pattern(atoms)
    resolution = float(found.pattern.resolution[0])
    bands, _ = fit_bands(found.pattern.q, found.reduced, resolution)
    heights_A = 1.0 / np.linalg.norm(atoms.cell.reciprocal(), axis=1)[atoms.pbc]
    bands = without_own_repeat(bands, heights_A)
    return {
        "rdf": _first_shell(found),
        "structure_factor": _structure(found),
        "xrd": {**bands, "wavelength_A": CU_K_ALPHA_A, "resolution": resolution},
        "saxs": _small(found, float(atoms.get_masses().sum()), sizes),
    }


def _small(found: Pattern, mass_amu: float, sizes: dict[str, Any] | None) -> dict[str, Any]:
    if found.body.kind != "bulk" or found.shells is None:
        return no_small_angles(
            f"a {found.body.kind} has no small-angle curve of its pores: its own outline scatters; "
            "give a structure that is periodic in all three directions"
        )
    return small_angles(found.shells, found.cell_A, mass_amu, sizes)


def _first_shell(found: Pattern) -> dict[str, Any]:
    """First peak of all distances together and the atoms under it."""
    atoms = found.histogram.numbers.sum()
    r, neighbors = found.rdf.r_A, np.zeros(len(found.rdf.r_A))
    row = 0
    for a, number in enumerate(found.histogram.numbers):
        for b in range(a, len(found.histogram.numbers)):
            neighbors += (1 if a == b else 2) * found.rdf.neighbors[row] * number / atoms
            row += 1
    per_A = np.gradient(neighbors, r) / r**2 if len(r) > 2 else np.zeros(len(r))
    result: dict[str, Any] = {
        "body": found.body.kind,
        "normalisation": _NORMALISATION[found.body.kind],
        "r_max_A": float(found.histogram.r_max_A),
        "first_peak_A": None,
        "first_minimum_A": None,
        "neighbors": None,
    }
    smooth = np.convolve(per_A, np.ones(5) / 5, "same")
    near = (r > 0.7) & (r < 2.0)
    if not near.any() or smooth[near].max() <= 0:
        return result
    peak = int(np.flatnonzero(near)[np.argmax(smooth[near])])
    beyond = np.flatnonzero((r > r[peak]) & (r < r[peak] + 0.7))
    if not len(beyond):
        return result
    lowest = beyond[smooth[beyond] <= smooth[beyond].min() + 1e-12]
    middle = int(lowest[len(lowest) // 2])
    return {
        **result,
        "first_peak_A": float(r[peak]),
        "first_minimum_A": float(r[middle]),
        "neighbors": round(float(neighbors[middle]), 6),
    }


def _structure(found: Pattern) -> dict[str, Any]:
    s, q = total(found.partials), found.partials.q
    wide = (q > 1.0) & (q < 12.0)
    smallest = None
    if found.shells is not None and found.body.kind == "bulk":
        enough = int(np.searchsorted(np.cumsum(found.shells.vectors), 50)) + 1
        weights = np.ones(len(found.shells.sums))
        count = len(found.shells.numbers)
        unlike = [a != b for a in range(count) for b in range(a, count)]
        weights[np.array(unlike)] = 2.0
        smallest = float(
            (weights @ found.shells.sums[:, :enough]).sum() / found.shells.vectors[:enough].sum()
        )
    return {
        "S_smallest_q": smallest,
        "main_peak_q": _main_peak(q[wide], s[wide]),
        "join_error": found.join_error,
    }


def _main_peak(q: np.ndarray, s: np.ndarray) -> float | None:
    """Where S(q) rises most above its surroundings: the small-angle rise of a porous body may be higher."""
    from scipy.signal import find_peaks

    places, found = find_peaks(s, prominence=0.0)
    return float(q[places[np.argmax(found["prominences"])]]) if len(places) else None
