"""What an uncertain hard-sphere radius does to the pore classes.

Where an atom ends is a convention: tabulated radii of carbon differ by a tenth of an A and
more, and every entrance shifts by twice the difference. The void is therefore surveyed again
with radii smaller and larger by a stated amount, and each quantity reported as the range of
the three.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from carbonize.analysis.pores.classify import class_totals
from carbonize.analysis.pores.survey import PoreSurvey

__all__ = ["radius_uncertainty"]


def radius_uncertainty(
    found: PoreSurvey, survey_with: Callable[[float], PoreSurvey], delta_A: float, mass_amu: float
) -> dict[str, Any]:
    """Ranges of the pore quantities while all radii move by up to ``delta_A``.

    Parameters
    ----------
    found
        The survey with the radii as they are.
    survey_with
        The survey of the same structure with all radii larger by so many A.
    delta_A
        How far, up and down.
    mass_amu
        Of the structure.

    Returns
    -------
    dict
        ``delta_A``; ``largest_included_sphere_A`` and ``largest_free_sphere_A`` as [low, high];
        ``classes``: for each class ``count``, ``volume_A3``, ``volume_cm3_g`` and ``fraction`` as
        [low, high]. Low and high are the smallest and largest of the three surveys: a class need
        not grow or shrink all the way with the radius, as pores pass through it. A sphere that is
        None (nothing passes) is lower than any number.
    """
    three = [survey_with(-delta_A), found, survey_with(delta_A)]
    totals = [class_totals(one.pores, mass_amu) for one in three]
    return {
        "delta_A": float(delta_A),
        "largest_included_sphere_A": _range([one.largest_included_sphere_A for one in three]),
        "largest_free_sphere_A": _range([one.largest_free_sphere_A for one in three]),
        "classes": {
            name: {key: _range([total[name][key] for total in totals]) for key in entry}
            for name, entry in totals[1].items()
        },
    }


def _range(values: Sequence[float | None]) -> list[float | None]:
    ordered = sorted(values, key=lambda value: -1.0 if value is None else value)
    return [ordered[0], ordered[-1]]
