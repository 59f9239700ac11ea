"""The equations of motion that a protocol asks for."""

from __future__ import annotations

from collections.abc import Sequence

from carbonize.config.models import DynamicsConfig
from carbonize.schedules import Schedule
from carbonize.simulation.barostats import CellRescaling
from carbonize.simulation.dynamics import Limits, Motion
from carbonize.simulation.thermostats import make_thermostat

__all__ = ["make_limits", "make_motion"]


def make_limits(
    hottest_K: float,
    max_temperature_K: float | None = None,
    max_energy_eV_per_atom: float = 50.0,
    min_distance_A: float = 0.6,
) -> Limits:
    """Limits of a run whose schedule goes up to ``hottest_K``.

    Forming bonds heats a loose start by a few thousand K; ten times the schedule is no carbon.
    """
    if max_temperature_K is None:
        max_temperature_K = 10.0 * hottest_K + 10_000.0
    return Limits(max_temperature_K, max_energy_eV_per_atom, min_distance_A)


def make_motion(dynamics: DynamicsConfig, schedules: Sequence[Schedule]) -> Motion:
    """Time step, thermostat, barostat and limits of a protocol."""
    limits, barostat = dynamics.limits, dynamics.barostat
    return Motion(
        dynamics.timestep_fs,
        make_thermostat(dynamics.thermostat),
        None
        if barostat is None
        else CellRescaling(
            barostat.pressure_GPa, barostat.time_constant_ps, barostat.compressibility_per_GPa
        ),
        make_limits(
            max(s.hottest_K for s in schedules),
            limits.max_temperature_K,
            limits.max_energy_eV_per_atom,
            limits.min_distance_A,
        ),
    )
