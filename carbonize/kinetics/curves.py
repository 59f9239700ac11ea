"""Conversion curves out of run folders: a quantity against the time at the hottest hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from carbonize.errors import InputError
from carbonize.schedules import Schedule, compile_protocol, thermal_dose

__all__ = ["ENERGIES_EV", "Curve", "conversion_curves"]

ENERGIES_EV = np.geomspace(0.2, 40.0, 60)
"""Activation energies (eV) at which the worth of the way to the hold is tabulated."""

_SAME = 1e-3  # temperatures as near as this, relatively, are one hold
_FEWEST = 5


@dataclasses.dataclass(frozen=True)
class Curve:
    """One replica's conversion at constant temperature.

    Attributes
    ----------
    name
        Run and replica.
    temperature_K
        Of the hold.
    time_ps
        Since the hold began, shape (frame,).
    value
        The quantity, shape (frame,).
    before_ps
        What the way to the hold is worth as time in it, for each of :data:`ENERGIES_EV`.
    """

    name: str
    temperature_K: float
    time_ps: Float[np.ndarray, " frame"]
    value: Float[np.ndarray, " frame"]
    before_ps: Float[np.ndarray, " energy"]

    def effective_ps(self, energy_eV: float) -> Float[np.ndarray, " frame"]:
        """Time (ps) at the hold's temperature that everything so far is worth."""
        return self.time_ps + np.interp(np.log(energy_eV), np.log(ENERGIES_EV), self.before_ps)


def conversion_curves(runs: Iterable[Any], quantity: str = "sp2") -> list[Curve]:
    """The curves of every replica of every run.

    Parameters
    ----------
    runs
        Run folders from :func:`carbonize.load_run`.
    quantity
        A number of the analysed frames: ``sp2`` or another one of ``bonding``, or a path with
        dots such as ``pores.largest_included_sphere_A``.

    Raises
    ------
    InputError
        If a run has no hold at its hottest, too few analysed frames in it, or no such quantity.
    """
    curves = []
    for run in runs:
        schedules = compile_protocol(run.protocol)
        timestep_ps = run.protocol.dynamics.timestep_fs / 1000.0
        by_replica: dict[int, list[tuple[int, float]]] = {}
        for record in run.records:
            value = _quantity(record["frame"], quantity)
            if value is not None:
                by_replica.setdefault(int(record["replica"]), []).append((int(record["step"]), value))
        if not by_replica:
            raise InputError(f"{run.path}: no analysed frame has a number {quantity!r}{_known(run.records)}")
        for replica, points in sorted(by_replica.items()):
            schedule = schedules[run.protocol.schedule_of(replica)]
            curves.append(_curve(f"{run.path}, replica {replica}", schedule, timestep_ps, points))
    return curves


def _curve(name: str, schedule: Schedule, timestep_ps: float, points: list[tuple[int, float]]) -> Curve:
    hottest_K = schedule.hottest_K
    begin, end = _hold(name, schedule)
    inside = sorted((step, value) for step, value in points if begin <= step <= end)
    if len(inside) < _FEWEST:
        raise InputError(
            f"{name}: only {len(inside)} analysed frames lie in the hold at {hottest_K:.0f} K; {_FEWEST} are needed "
            "(a shorter output.analysis_every_ps, or a longer hold)"
        )
    steps = np.array([step for step, _ in inside])
    turns = np.unique([s for s in (*schedule.turning_steps, begin) if s <= begin])
    kelvin = [schedule.temperature_K(int(s)) for s in turns]
    before = [thermal_dose(turns * timestep_ps, kelvin, e, hottest_K)[-1] for e in ENERGIES_EV]
    value = np.array([v for _, v in inside], dtype=float)
    return Curve(name, hottest_K, (steps - begin) * timestep_ps, value, np.array(before))


def _hold(name: str, schedule: Schedule) -> tuple[int, int]:
    """First and last step of the first hold at the highest temperature."""
    hottest_K = schedule.hottest_K
    ends = (*schedule.start_step[1:], schedule.total_steps)
    hot: list[tuple[int, int]] = []
    for begin, end in zip(schedule.start_step, ends, strict=True):
        level = all(abs(schedule.temperature_K(s) - hottest_K) <= _SAME * hottest_K for s in (begin, end - 1))
        if not level:
            if hot:
                break
            continue
        hot.append((begin, end))
    if not hot:
        raise InputError(
            f"{name}: never holds its highest temperature ({hottest_K:.0f} K); conversion at constant temperature "
            "is needed"
        )
    last = hot[-1][1]
    return hot[0][0], last if last == schedule.total_steps else last - 1


def _quantity(frame: Mapping[str, Any], quantity: str) -> float | None:
    here: Any = frame
    for key in quantity.split(".") if "." in quantity else ("bonding", quantity):
        here = here.get(key) if isinstance(here, Mapping) else None
    is_number = isinstance(here, int | float) and not isinstance(here, bool)
    return float(here) if is_number and np.isfinite(here) else None


def _known(records: list[dict[str, Any]]) -> str:
    bonding = records[0]["frame"].get("bonding") if records else None
    names = [k for k, v in (bonding or {}).items() if isinstance(v, float)]
    return f"; there are {', '.join(names)}, or a path such as pores.classes.closed.volume_cm3_g" if names else ""
