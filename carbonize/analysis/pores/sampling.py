"""Points spread evenly over a cell, and what covers each of them.

The points are a lattice rule: multiples of three irrational numbers, modulo one (the
generalized golden ratio; Niederreiter, Random Number Generation and Quasi-Monte Carlo
Methods (1992), chapter 3). They fill the cell more evenly than random points. A fixed
number of copies of the rule, each moved as a whole by a seeded random vector, gives
independent estimates of every volume; their spread is the stated error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from carbonize.analysis.pores.covering import TOLERANCE_A, cover_points, make_search
from carbonize.analysis.pores.survey import PoreSurvey

__all__ = ["COPIES", "VoidSample", "sample_void", "standard_error"]

COPIES = 16
"""Independent estimates."""

POINTS_PER_A3 = 4.0
FEWEST_POINTS, MOST_POINTS = 2**16, 2**18
"""Points in all copies together."""

_SEED = 20260701

_STEP = 1.22074408460575947536 ** -np.arange(1.0, 4.0)  # the positive root of x^4 = x + 1


@dataclasses.dataclass(frozen=True)
class VoidSample:
    """What covers points of a cell; see :class:`carbonize.analysis.pores.covering.Covering`.

    Attributes
    ----------
    cell_volume_A3
        Of the embedding: open directions have vacuum in it.
    periodic
        Whether the structure is periodic in all directions.
    diameter_A
        Of the largest free sphere over each point; 0 inside atoms.
    access_A
        Diameter of the largest probe that gets to each point from outside.
    pore
        Index of the pore whose basin the largest sphere belongs to; -1 if none.
    tolerance_A
        Diameters are too small by at most this.
    """

    cell_volume_A3: float
    periodic: bool
    diameter_A: Float[np.ndarray, "copy point"]
    access_A: Float[np.ndarray, "copy point"]
    pore: Int[np.ndarray, "copy point"]
    tolerance_A: float


def sample_void(
    positions: Float[np.ndarray, "atom 3"],
    radii_A: Float[np.ndarray, " atom"],
    survey: PoreSurvey,
    probes_A: Sequence[float],
    points: int | None = None,
) -> VoidSample:
    """Sample the void of a structure.

    Parameters
    ----------
    positions
        Cartesian, A, as given to the survey.
    radii_A
        Hard-sphere radius of each atom.
    survey
        Of the same structure, with these radii.
    probes_A
        Diameters of the probes for which access is to be decided.
    points
        About how many; in proportion to the cell's volume if None.

    Examples
    --------
    >>> from ase.build import bulk
    >>> from carbonize.analysis.pores.survey import survey
    >>> atoms = bulk("C", "sc", a=6.0)
    >>> sample = sample_void(atoms.positions, np.array([1.7]), survey(atoms, 1.7, {"He": 2.6}), [2.6], 2048)
    >>> bool(abs(sample.diameter_A.max() - (6 * 3**0.5 - 3.4)) < 0.01)
    True
    """
    cell = survey.embedding.cell
    volume = float(abs(np.linalg.det(cell)))
    if points is None:
        points = int(np.clip(POINTS_PER_A3 * volume, FEWEST_POINTS, MOST_POINTS))
    search = make_search(positions, radii_A, survey)
    rule = np.arange(max(1, points // COPIES))[:, None] * _STEP
    shifts = np.random.default_rng(_SEED).random((COPIES, 3))
    found = [cover_points(search, ((rule + shift) % 1.0) @ cell, np.asarray(probes_A)) for shift in shifts]
    node = np.array([part.node for part in found])
    return VoidSample(
        cell_volume_A3=volume,
        periodic=bool(survey.embedding.periodic.all()),
        diameter_A=np.array([part.diameter_A for part in found]),
        access_A=np.array([part.access_A for part in found]),
        pore=np.where(node >= 0, survey.pore[node], -1),
        tolerance_A=TOLERANCE_A,
    )


def standard_error(estimates: Float[np.ndarray, "copy ..."]) -> Float[np.ndarray, "..."]:
    """Standard error of the mean over the copies."""
    return np.std(estimates, axis=0, ddof=1) / np.sqrt(len(estimates))
