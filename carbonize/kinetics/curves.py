"""Conversion curves out of run folders: a quantity against the time at a hold.

The hold is the hottest one that was looked at often enough. What came before it counts as time there,
by an activation energy, unless it was hotter (a melt that the carbon was cooled from): then the hold's start
is the start.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from carbonize.errors import InputError
from carbonize.io.files import read_json_lines
from carbonize.schedules import Schedule, compile_protocol, thermal_dose

__all__ = ["ENERGIES_EV", "Curve", "between_energies", "conversion_curves"]

ENERGIES_EV = np.geomspace(0.2, 40.0, 60)
"""Activation energies (eV) at which the worth of what a frame went through is tabulated."""

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
        Of the hold, as asked for.
    time_ps
        Since the hold began, shape (frame,).
    value
        The quantity, shape (frame,).
    worth_ps
        What all that a frame has been through is worth as time at ``temperature_K``, for each of
        :data:`ENERGIES_EV`, shape (frame, energy). After something hotter, since the hold began.
    """

    name: str
    temperature_K: float
    time_ps: Float[np.ndarray, " frame"]
    value: Float[np.ndarray, " frame"]
    worth_ps: Float[np.ndarray, "frame energy"]

    def effective_ps(self, energy_eV: float) -> Float[np.ndarray, " frame"]:
        """Time (ps) at the hold's temperature that everything so far is worth."""
        return between_energies(self.worth_ps, float(np.log(energy_eV)))


def between_energies(
    worth_ps: Float[np.ndarray, "frame energy"], log_energy: float
) -> Float[np.ndarray, " frame"]:
    """Interpolate a table over :data:`ENERGIES_EV`."""
    at = float(np.interp(log_energy, np.log(ENERGIES_EV), np.arange(ENERGIES_EV.size)))
    j = min(int(at), ENERGIES_EV.size - 2)
    return worth_ps[:, j] + (at - j) * (worth_ps[:, j + 1] - worth_ps[:, j])


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
        If a run has no hold with enough analysed frames, or no such quantity.
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
            excess = _excess(run, replica, schedule)
            curves.append(_curve(f"{run.path}, replica {replica}", schedule, timestep_ps, points, excess))
    return curves


def _curve(
    name: str,
    schedule: Schedule,
    timestep_ps: float,
    points: list[tuple[int, float]],
    excess: tuple[np.ndarray, np.ndarray],
) -> Curve:
    begin, end, hold_K = _hold(name, schedule, [step for step, _ in points])
    inside = sorted((step, value) for step, value in points if begin <= step <= end)
    steps = np.array([step for step, _ in inside])
    last = int(steps[-1])
    turns = np.unique([s for s in (0, *schedule.turning_steps, *excess[0].tolist(), *steps) if s <= last])
    kelvin = np.array([schedule.temperature_K(int(s)) for s in turns])
    if kelvin[turns < begin].max(initial=0.0) > (1 + _SAME) * hold_K:
        kelvin, turns = kelvin[turns >= begin], turns[turns >= begin]
    kelvin = kelvin + np.interp(turns, *excess)
    place = np.searchsorted(turns, steps)
    worth = [thermal_dose(turns * timestep_ps, kelvin, e, hold_K)[place] for e in ENERGIES_EV]
    value = np.array([v for _, v in inside], dtype=float)
    return Curve(name, hold_K, (steps - begin) * timestep_ps, value, np.array(worth).T)


def _excess(run: Any, replica: int, schedule: Schedule) -> tuple[np.ndarray, np.ndarray]:
    """Steps, and by how much (K) atoms were hotter there than the schedule: bonds that form give off heat."""
    rows = [row for row in read_json_lines(run.paths.series) if row["replica"] == replica]
    rows = [row for row in rows if row["step"] > 0]
    if len(rows) < 2:
        return np.zeros(1), np.zeros(1)
    steps = np.array([row["step"] for row in rows], dtype=int)
    # a row's mean is over the steps since the row before
    middle = np.rint(0.5 * (steps + np.concatenate([[0], steps[:-1]]))).astype(int)
    target = np.array([schedule.temperature_K(int(s)) for s in middle])
    over = np.array([row["mean_temperature_K"] for row in rows]) - target
    # small systems tremble: as many chunks together as make a thousand atoms
    width = min(int(np.clip(1000 // max(1, int(run.manifest.get("n_atoms") or 1000)), 1, 5)), len(rows))
    window = np.ones(width)
    return middle, np.convolve(over, window, "same") / np.convolve(np.ones(len(rows)), window, "same")


def _hold(name: str, schedule: Schedule, looked_at: list[int]) -> tuple[int, int, float]:
    """First and last step and temperature of the hottest hold with enough of the steps in it; the first of equals."""
    holds = _holds(schedule)
    if not holds:
        raise InputError(f"{name}: never holds a temperature; conversion at constant temperature is needed")
    frames = [sum(begin <= step <= end for step in looked_at) for begin, end, _ in holds]
    enough = [hold for hold, count in zip(holds, frames, strict=True) if count >= _FEWEST]
    if not enough:
        most = int(np.argmax(frames))
        raise InputError(
            f"{name}: only {frames[most]} analysed frames lie in the hold at {holds[most][2]:.0f} K; {_FEWEST} are "
            "needed (a shorter output.analysis_every_ps, or a longer hold)"
        )
    return max(enough, key=lambda hold: hold[2])


def _holds(schedule: Schedule) -> list[tuple[int, int, float]]:
    """First and last step and temperature (K) of every hold."""
    ends = (*schedule.start_step[1:], schedule.total_steps)
    holds: list[tuple[int, int, float]] = []
    for begin, end in zip(schedule.start_step, ends, strict=True):
        level_K = schedule.temperature_K(begin)
        if abs(schedule.temperature_K(end - 1) - level_K) > _SAME * level_K:
            continue
        last = end if end == schedule.total_steps else end - 1
        if holds and holds[-1][1] == begin - 1 and abs(holds[-1][2] - level_K) <= _SAME * level_K:
            holds[-1] = (holds[-1][0], last, holds[-1][2])
        else:
            holds.append((begin, last, level_K))
    return holds


def _quantity(frame: Mapping[str, Any], quantity: str) -> float | None:
    here: Any = frame
    for key in quantity.split(".") if "." in quantity else ("bonding", quantity):
        here = here.get(key) if isinstance(here, Mapping) else None
    is_number = isinstance(here, int | float) and not isinstance(here, bool)
    return float(here) if is_number and np.isfinite(here) else None


def _known(records: list[dict[str, Any]]) -> str:
    bonding = records[0]["frame"].get("bonding") if records else None
    names = [k for k, v in (bonding or {}).items() if isinstance(v, float)]
    return (
        f"; there are {', '.join(names)}, or a path such as pores.classes.closed.volume_cm3_g"
        if names
        else ""
    )
