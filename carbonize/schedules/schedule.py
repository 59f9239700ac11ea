"""A heating schedule as data: temperature is a pure function of the absolute step.

The stages of a protocol become a handful of straight pieces. Both the host and
compiled code evaluate the same arithmetic on them, so a run that is continued at
step n sees the temperature it would have seen had it never stopped.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from carbonize.config.models import HoldStage, StageConfig
from carbonize.errors import InputError

__all__ = ["Schedule", "compile_schedule"]

_MAX_STEPS = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Piecewise linear temperature.

    Attributes
    ----------
    start_step
        First step of each piece, shape (piece,); the first is 0.
    start_K
        Temperature (K) at the first step of each piece.
    slope_K_per_step
        Change of temperature per step within each piece.
    total_steps
        The step at which the schedule ends.
    kinds
        The stage kind of each piece (hold, ramp, quench).
    """

    start_step: tuple[int, ...]
    start_K: tuple[float, ...]
    slope_K_per_step: tuple[float, ...]
    total_steps: int
    kinds: tuple[str, ...]

    def temperature_K(self, step: int) -> float:
        """Target temperature (K) at an absolute step, on the host.

        >>> from carbonize.config.models import HoldStage, RampStage
        >>> stages = [HoldStage(kind="hold", temperature_K=300, duration_ps=1),
        ...           RampStage(kind="ramp", to_K=1300, duration_ps=1)]
        >>> s = compile_schedule(stages, timestep_fs=1.0)
        >>> s.temperature_K(500), s.temperature_K(1500), s.temperature_K(2000)
        (300.0, 800.0, 1300.0)
        """
        piece = int(np.searchsorted(self.start_step, step, side="right")) - 1
        return self.start_K[piece] + self.slope_K_per_step[piece] * (step - self.start_step[piece])

    @property
    def turning_steps(self) -> tuple[int, ...]:
        """Steps between which the temperature is linear: where pieces begin, the last step before
        the next begins, and the end."""
        return (*self.start_step, *(s - 1 for s in self.start_step[1:]), self.total_steps)

    def traced_temperature_K(self, step: Any, dtype: Any) -> Any:
        """The same inside compiled code; ``step`` is an integer tracer, the result a ``dtype`` scalar (K)."""
        import jax.numpy as jnp

        starts = jnp.asarray(self.start_step, jnp.int32)
        piece = jnp.sum(step >= starts) - 1
        into = (step - starts[piece]).astype(dtype)
        return (
            jnp.asarray(self.start_K, dtype)[piece] + jnp.asarray(self.slope_K_per_step, dtype)[piece] * into
        )


def compile_schedule(stages: Sequence[StageConfig], timestep_fs: float) -> Schedule:
    """Turn the stages of a protocol into a :class:`Schedule`.

    Stage boundaries are rounded to whole steps of the running time, so that errors
    of rounding do not add up over many stages.

    Raises
    ------
    InputError
        If a stage is shorter than one step, or the schedule longer than 2^31 steps.
    """
    starts: list[int] = []
    temperatures: list[float] = []
    slopes: list[float] = []
    time_ps, step = 0.0, 0
    here_K: float | None = None
    for i, stage in enumerate(stages):
        if isinstance(stage, HoldStage):
            first_K = last_K = stage.temperature_K
            duration_ps = stage.duration_ps
        else:
            first_K = stage.from_K if stage.from_K is not None else here_K
            if first_K is None:
                raise InputError(f"schedule.{i}: a {stage.kind} at the start needs from_K")
            last_K = stage.to_K
            duration_ps = stage.duration_ps or abs(last_K - first_K) / (stage.rate_K_per_ps or 1.0)
        time_ps += duration_ps
        if time_ps * 1000.0 / timestep_fs > _MAX_STEPS:
            raise InputError(
                f"schedule.{i}: the schedule is longer than {_MAX_STEPS} steps of {timestep_fs:g} fs; "
                "split it into several runs"
            )
        end = round(time_ps * 1000.0 / timestep_fs)
        if end <= step:
            raise InputError(
                f"schedule.{i}: lasts {duration_ps:g} ps, which is less than one step of {timestep_fs:g} fs; "
                "make it longer or the time step smaller"
            )
        starts.append(step)
        temperatures.append(first_K)
        slopes.append((last_K - first_K) / (end - step))
        step, here_K = end, last_K
    return Schedule(tuple(starts), tuple(temperatures), tuple(slopes), step, tuple(s.kind for s in stages))
