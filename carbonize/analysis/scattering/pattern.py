"""Distances, structure factor and powder pattern of one structure, each made the way its body asks for.

A periodic cell gives its exact density modes up to 4.2 1/A and pair distances beyond. A cluster gives all its
pair distances. Slabs, wires and clusters too large for that are put into vacuum and treated as cells: the
smoothing in q is then so wide that images do not interfere.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from carbonize.analysis.scattering.form_factors import check_elements
from carbonize.analysis.scattering.modes import Shells, density_shells
from carbonize.analysis.scattering.pairs import PairHistogram, pair_histogram
from carbonize.analysis.scattering.rdf import Body, Rdf, body_of, radial_distribution
from carbonize.analysis.scattering.structure_factor import (
    WINDOWS_IN_RANGE,
    Partials,
    cluster_partials,
    joined,
    mean_square_form_factor,
    shell_partials,
    total,
    windowed_partials,
    xray_intensity,
)
from carbonize.periodic import make_lattice

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Pattern", "powder_pattern"]

_K_MAX = 4.25
_PATTERN_Q = (0.6, 4.1, 0.005)
_S_Q = (0.02, 16.0, 0.02)
_MOST_PAIRS = 2e8
_MOST_CLUSTER_ATOMS = 40_000
_LONGEST_A = 30.0
_VACUUM_A = 70.0


@dataclasses.dataclass(frozen=True)
class Pattern:
    """All curves of one structure.

    Attributes
    ----------
    body
        What kind of structure it is.
    cell_A
        Shortest distance between opposite faces of the periodic cell; inf without one.
    histogram, rdf
        Pair distances and g(r).
    shells
        Density modes of a cell; None for a cluster.
    partials
        Partial structure factors over the widest range of q.
    pattern
        The same over the range of the (002) and (10) bands, finely.
    intensity
        X-ray intensity per atom (square electrons) at ``pattern.q``.
    reduced
        Intensity over mean square form factor at ``pattern.q``.
    join_error
        Largest difference of S(q) between both roads to it where they were joined, with one window; None
        where only one was taken.
    """

    body: Body
    cell_A: float
    histogram: PairHistogram
    rdf: Rdf
    shells: Shells | None
    partials: Partials
    pattern: Partials
    intensity: Float[np.ndarray, " q"]
    reduced: Float[np.ndarray, " q"]
    join_error: float | None


def powder_pattern(atoms: Atoms) -> Pattern:
    """Curves of a structure with any boundary conditions.

    Raises
    ------
    InputError
        For an element without form factor.
    """
    check_elements(atoms.get_chemical_symbols())
    body = body_of(atoms)
    periodic = np.asarray(atoms.pbc, bool)
    lattice = make_lattice(atoms.cell.array, periodic)
    cell_A = float(lattice.heights[periodic].min()) if periodic.any() else np.inf
    fine, wide = np.arange(*_PATTERN_Q), np.arange(*_S_Q)
    if body.kind == "cluster" and len(atoms) <= _MOST_CLUSTER_ATOMS:
        histogram = pair_histogram(atoms, float(np.linalg.norm(np.ptp(atoms.positions, axis=0))) + 1.0)
        pattern, partials = cluster_partials(histogram, fine), cluster_partials(histogram, wide)
        return _assemble(body, cell_A, histogram, _half(body, cell_A), None, partials, pattern, None)
    volume = body.volume_A3 if np.isfinite(body.volume_A3) else len(atoms) * 10.0
    reach = (3 * _MOST_PAIRS * volume / (4 * np.pi * len(atoms) ** 2)) ** (1 / 3)
    histogram = pair_histogram(atoms, float(np.clip(reach, 8.0, _LONGEST_A)))
    shells = density_shells(atoms if body.kind == "bulk" else _in_vacuum(atoms), _K_MAX)
    # as sharp as the cell's modes are dense
    resolution = float(np.clip(np.pi / cell_A, 0.01, 0.1)) if body.kind == "bulk" else 0.07
    shown = wide[wide >= max(0.1, 2 * np.pi / min(cell_A, 60.0))]
    if body.kind != "bulk":
        top = shells.k_max - 4 * resolution
        pattern = shell_partials(shells, fine[fine < top], resolution)
        partials = shell_partials(shells, shown[shown < top], resolution)
        return _assemble(body, cell_A, histogram, _half(body, cell_A), shells, partials, pattern, None)
    window = histogram.r_max_A / WINDOWS_IN_RANGE
    end = shells.k_max - 4 / window
    begin = max(end - 0.5, 0.5 * end)
    low, high = (
        shell_partials(shells, shown, resolution),
        windowed_partials(histogram, body.volume_A3, window, shown),
    )
    both = (shown > begin) & (shown < end)
    same = shell_partials(shells, shown[both], 1 / window)
    error = float(np.abs(total(same) - total(high)[both]).max()) if both.any() else None
    pattern = shell_partials(shells, fine, resolution)
    if shells.k_max < fine[-1] + 4 * resolution:
        rest = windowed_partials(histogram, body.volume_A3, window, fine)
        pattern = joined(pattern, rest, begin, end)
    # where the window is wider than the modes' own smoothing, the passage is at the modes' end
    partials = joined(low, high, begin, end)
    return _assemble(body, cell_A, histogram, _half(body, cell_A), shells, partials, pattern, error)


def _half(body: Body, cell_A: float) -> float:
    """How far g(r) is shown (A): not further than half the cell, and 15 A are enough for any eye."""
    return min(15.0, cell_A / 2 if body.kind != "cluster" else 15.0)


def _assemble(
    body: Body,
    cell_A: float,
    histogram: PairHistogram,
    r_max_A: float,
    shells: Shells | None,
    partials: Partials,
    pattern: Partials,
    join_error: float | None,
) -> Pattern:
    intensity = xray_intensity(pattern)
    reduced = intensity / mean_square_form_factor(pattern)
    rdf = radial_distribution(histogram, body, max(r_max_A, 3.0))
    return Pattern(body, cell_A, histogram, rdf, shells, partials, pattern, intensity, reduced, join_error)


def _in_vacuum(atoms: Atoms) -> Atoms:
    """The structure in a cell with vacuum along its open directions."""
    lattice = make_lattice(atoms.cell.array, atoms.pbc)
    periodic = np.asarray(atoms.pbc, bool)
    cell = lattice.vectors.copy()
    along = atoms.positions @ cell[~periodic].T
    cell[~periodic] *= (np.ptp(along, axis=0) + _VACUUM_A)[:, None]
    copy = atoms.copy()
    copy.set_cell(cell)
    copy.pbc = True
    return copy
