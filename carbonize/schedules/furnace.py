"""A furnace's straight line as a curve of simulated temperature, in straight pieces.

With T_sim = T/(1 - cT), c = (k/Ea) ln s, and u = 1 - cT linear in time, T_sim is
(1/u - 1)/c. A chord of 1/u from u1 to u2 lies above it by at most
(1/sqrt(u1) - 1/sqrt(u2))^2, so knots at equal distances of 1/sqrt(u) share the error
evenly, and their number is known beforehand.
"""

from __future__ import annotations

import math

from carbonize.config.equivalence import TimeScale
from carbonize.config.laboratory import Course

__all__ = ["CURVE_ERROR_K", "simulated_knots"]

CURVE_ERROR_K = 1.0
"""How far (K) the straight pieces may lie from the curve that they stand for."""


def simulated_knots(course: Course, scale: TimeScale, start: int, end: int) -> list[tuple[int, float]]:
    """Step and simulated temperature (K) of the corners of a laboratory stage, first and last included.

    Between corners the temperature is straight, and within :data:`CURVE_ERROR_K` of the
    curve (more only where a single step passes by more than that).

    Examples
    --------
    >>> ramp = Course(first_K=300.0, last_K=1500.0, seconds=7200.0)
    >>> knots = simulated_knots(ramp, TimeScale(7.0, 7200 / 20e-12), 0, 40_000)
    >>> len(knots), knots[0], knots[-1]
    (29, (0, 342.38...), (40000, 3936.15...))
    """
    first_K, last_K = course.first_K, course.last_K
    c = scale.shift_per_K

    def at(step: int) -> tuple[int, float]:
        return step, scale.simulated_K(first_K + (last_K - first_K) * (step - start) / (end - start))

    if first_K == last_K or c == 0.0:
        return [at(start), at(end)]
    w1, w2 = ((1.0 - c * kelvin) ** -0.5 for kelvin in (first_K, last_K))
    pieces = max(1, math.ceil(abs(w2 - w1) / math.sqrt(c * CURVE_ERROR_K)))
    steps = {start, end}
    for i in range(1, pieces):
        kelvin = (1.0 - (w1 + (w2 - w1) * i / pieces) ** -2) / c
        steps.add(round(start + (end - start) * (kelvin - first_K) / (last_K - first_K)))
    return [at(step) for step in sorted(steps)]
