"""One activation energy from conversion curves at several temperatures.

Time-temperature superposition: at temperature T a time t is worth
theta = t exp(-Ea/k (1/T - 1/Tref)) at the reference, and conversion is one function of
theta. That function is taken as a stretched exponential, x0 + (x1 - x0)(1 - exp(-(theta/tau)^beta))
(Kohlrausch 1854; beta = 1 is first order, smaller ones a spread of rates), and all its
parameters and Ea are fitted to all curves at once by least squares.

The interval: every curve is left out once (delete-one jackknife; Efron and Stein, Ann.
Statist. 9 (1981) 586), with Student's t for as many degrees of freedom as there are curves
less two. Frames of one replica are not independent, replicas are; and with so few of them a
bootstrap's percentiles are too narrow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy.optimize import least_squares
from scipy.stats import t as student

from carbonize.errors import InputError
from carbonize.kinetics.curves import Curve, between_energies
from carbonize.units import BOLTZMANN_EV_K

__all__ = ["Calibration", "calibrate"]

_SAME_TEMPERATURE = 0.01
_STARTS_EV = (3.0, 7.0, 12.0)
_BOUNDS_EV = (0.2, 40.0)


@dataclasses.dataclass(frozen=True)
class Calibration:
    """What was fitted.

    Attributes
    ----------
    energy_eV, interval_eV
        Ea and its 95 % confidence interval.
    standard_error_eV
        By the jackknife.
    reference_K
        Temperature at which ``tau_ps`` is the time constant.
    first, last, tau_ps, beta
        The master curve.
    r_squared
        Share of all curves' variance that the one curve explains.
    scatter, noise
        Standard deviation of frames about the master curve, and of frames about their own curve's
        course (from second differences).
    temperatures_K, curves
        The distinct temperatures, and how many curves there are of each.
    taus_ps
        Of each curve by itself on the fitted master curve, with the temperature, shape (curve, 2).
    """

    energy_eV: float
    interval_eV: tuple[float, float]
    standard_error_eV: float
    reference_K: float
    first: float
    last: float
    tau_ps: float
    beta: float
    r_squared: float
    scatter: float
    noise: float
    temperatures_K: tuple[float, ...]
    curves: tuple[int, ...]
    taus_ps: Float[np.ndarray, "curve 2"]

    def master(self, theta_ps: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
        """The quantity after a time (ps) at the reference temperature."""
        return _stretched(theta_ps, self.first, self.last, np.log(self.tau_ps), self.beta)


def calibrate(curves: Sequence[Curve], limits: tuple[float, float] | None = None) -> Calibration:
    """Fit Ea to conversion curves.

    Parameters
    ----------
    curves
        At three temperatures or more.
    limits
        What the quantity can be at all: (0, 1) for a share. The master curve begins and ends within.

    Raises
    ------
    InputError
        If there are fewer than three temperatures, nothing converts, curves do not overlap, or hotter
        ones are not faster.
    """
    temperatures, members = _groups(curves)
    noise = _noise(curves)
    _check(curves, temperatures, members, noise)
    reference_K = 1.0 / float(np.mean([1.0 / c.temperature_K for c in curves]))
    best, residuals = _fit(curves, reference_K, None, limits)
    energy = float(np.exp(best[4]))
    if not 1.01 * _BOUNDS_EV[0] < energy < 0.99 * _BOUNDS_EV[1]:
        raise InputError(
            "calibrate: no activation energy fits: "
            + (
                "hotter runs do not convert faster"
                if energy < 1
                else "conversion depends on nothing but temperature"
            )
            + "; check that all runs start alike and are still converting in their holds"
        )
    left_out = [
        float(np.exp(_fit([c for j, c in enumerate(curves) if j != i], reference_K, best, limits)[0][4]))
        for i in range(len(curves))
    ]
    count = len(curves)
    error = float(np.sqrt((count - 1) / count * np.sum((np.array(left_out) - np.mean(left_out)) ** 2)))
    half = float(student.ppf(0.975, count - 2)) * error
    everything = np.concatenate([c.value for c in curves])
    total = float(np.sum((everything - everything.mean()) ** 2))
    return Calibration(
        energy_eV=energy,
        interval_eV=(energy - half, energy + half),
        standard_error_eV=error,
        reference_K=reference_K,
        first=float(best[0]),
        last=float(best[1]),
        tau_ps=float(np.exp(best[2])),
        beta=float(np.exp(best[3])),
        r_squared=1.0 - float(np.sum(residuals**2)) / total,
        scatter=float(np.sqrt(np.sum(residuals**2) / max(1, residuals.size - 5))),
        noise=noise,
        temperatures_K=tuple(temperatures),
        curves=tuple(len(m) for m in members),
        taus_ps=np.array([(c.temperature_K, _own_tau(c, best, energy)) for c in curves]),
    )


def _stretched(theta: np.ndarray, first: float, last: float, log_tau: float, beta: float) -> np.ndarray:
    x = beta * (np.log(np.maximum(theta, 1e-300)) - log_tau)
    return first + (last - first) * -np.expm1(-np.exp(np.minimum(x, 50.0)))


class _Frames:
    """All frames of all curves in a row."""

    def __init__(self, curves: Sequence[Curve], reference_K: float) -> None:
        self.value = np.concatenate([c.value for c in curves])
        self.time_ps = np.concatenate([c.time_ps for c in curves])
        self._worth = np.concatenate([c.worth_ps for c in curves])
        self._inverse = np.array([1.0 / c.temperature_K for c in curves]) - 1.0 / reference_K
        self._of = np.repeat(np.arange(len(curves)), [c.value.size for c in curves])

    def worth_ps(self, log_energy: float) -> Float[np.ndarray, " frame"]:
        """Time (ps) at the reference temperature that everything up to a frame is worth."""
        faster = np.exp(-np.exp(log_energy) / BOLTZMANN_EV_K * self._inverse)
        return between_energies(self._worth, log_energy) * faster[self._of]


def _fit(
    curves: Sequence[Curve],
    reference_K: float,
    near: np.ndarray | None,
    limits: tuple[float, float] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """first, last, ln tau, ln beta, ln Ea and the residuals; of the best of several starts, or from ``near``.

    ``near`` may lie outside the room that these curves alone would give: it is that of more of them.
    """
    frames = _Frames(curves, reference_K)
    values = frames.value
    spread = max(float(np.ptp(values)), 1e-12)

    def misfit(p: np.ndarray) -> np.ndarray:
        theta = frames.worth_ps(float(p[4]))
        return (_stretched(theta, p[0], p[1], p[2], float(np.exp(p[3]))) - values) / spread

    low, high = float(values.min()), float(values.max())
    rises = sum(c.value[-1] - c.value[0] for c in curves) >= 0
    middle = float(np.log(np.median(frames.time_ps) + 1e-6))
    ends = (low, high) if rises else (high, low)
    starts = (
        [np.array([*ends, middle, np.log(0.6), np.log(e)]) for e in _STARTS_EV] if near is None else [near]
    )
    room = 3.0 * spread
    least = np.array([low - room, low - room, middle - 40, np.log(0.05), np.log(_BOUNDS_EV[0])])
    most = np.array([high + room, high + room, middle + 40, np.log(4.0), np.log(_BOUNDS_EV[1])])
    if limits is not None:
        least[:2], most[:2] = np.maximum(least[:2], limits[0]), np.minimum(most[:2], limits[1])
    bounds = (np.minimum(least, starts[0]), np.maximum(most, starts[0]))
    found = [
        least_squares(misfit, s, bounds=bounds, x_scale=[spread, spread, 1, 0.3, 0.3], xtol=1e-7, ftol=1e-9)
        for s in starts
    ]
    best = min(found, key=lambda f: f.cost)
    return best.x, best.fun * spread


def _own_tau(curve: Curve, best: np.ndarray, energy_eV: float) -> float:
    """The time constant (ps) with which a curve by itself lies best on the master curve."""
    first, last, beta = best[0], best[1], float(np.exp(best[3]))
    time = curve.effective_ps(energy_eV)

    def misfit(p: np.ndarray) -> np.ndarray:
        return _stretched(time, first, last, float(p[0]), beta) - curve.value

    trial = np.log(np.median(time)) + np.linspace(-12, 12, 49)
    begin = min(trial, key=lambda x: float(np.sum(misfit(np.array([x])) ** 2)))
    return float(np.exp(least_squares(misfit, [begin]).x[0]))


def _groups(curves: Sequence[Curve]) -> tuple[list[float], list[list[Curve]]]:
    """Distinct temperatures, rising, and the curves of each."""
    groups: list[list[Curve]] = []
    for curve in sorted(curves, key=lambda c: c.temperature_K):
        if groups and curve.temperature_K <= groups[-1][0].temperature_K * (1 + _SAME_TEMPERATURE):
            groups[-1].append(curve)
        else:
            groups.append([curve])
    return [float(np.mean([c.temperature_K for c in g])) for g in groups], groups


def _noise(curves: Sequence[Curve]) -> float:
    """Scatter of frames about the course of their curve, from second differences; steep beginnings do not count."""
    bends = np.concatenate([np.diff(c.value, 2) for c in curves])
    # the median: 1.4826 makes it a standard deviation, sqrt(6) is that of a second difference of unit noise
    return float(1.4826 * np.median(np.abs(bends)) / np.sqrt(6.0))


def _check(
    curves: Sequence[Curve], temperatures: list[float], members: list[list[Curve]], noise: float
) -> None:
    if len(temperatures) < 3:
        listed = ", ".join(f"{t:.0f} K" for t in temperatures) or "none"
        raise InputError(
            f"calibrate: runs that hold at three different temperatures are needed, got {len(temperatures)} ({listed})"
        )
    ends = [
        [float(np.mean([np.mean(c.value[part]) for c in group])) for part in (slice(0, 1), slice(-3, None))]
        for group in members
    ]
    values = np.array(ends)
    change = float(np.ptp(values))
    if change < 3.0 * noise / np.sqrt(3.0):
        raise InputError(
            f"calibrate: the quantity does not change: {change:.3g} over all runs, where frames scatter by {noise:.3g}"
        )
    for i in range(len(ends) - 1):
        (a, b), (c, d) = sorted(ends[i]), sorted(ends[i + 1])
        apart = max(c - b, a - d)
        if apart > noise:
            raise InputError(
                f"calibrate: the curves at {temperatures[i]:.0f} and {temperatures[i + 1]:.0f} K do not overlap "
                f"({a:.3g} to {b:.3g} and {c:.3g} to {d:.3g}); hold the colder one longer, or add a temperature between"
            )
