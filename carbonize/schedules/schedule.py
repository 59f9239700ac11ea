"""A heating schedule as data: temperature is a pure function of the absolute step.

The stages of a protocol become a handful of straight pieces. Both the host and
compiled code evaluate the same arithmetic on them, so a run that is continued at
step n sees the temperature it would have seen had it never stopped.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carbonize.config.equivalence import TimeScale
from carbonize.config.laboratory import LABORATORY_STAGES, Course, laboratory_courses
from carbonize.config.models import HoldStage, MinimizeStage, RunConfig, StageConfig
from carbonize.errors import InputError
from carbonize.schedules.furnace import simulated_knots

if TYPE_CHECKING:  # a schedule can be looked at without JAX
    from jaxtyping import Array

__all__ = [
    "Minimization",
    "Pieces",
    "Schedule",
    "compile_protocol",
    "compile_schedule",
    "same_clock",
    "traced_pieces",
]

_MAX_STEPS = 2**31 - 1


@dataclasses.dataclass(frozen=True)
class Minimization:
    """A minimisation that takes the atoms from ``step`` to ``step + 1``."""

    step: int
    force_tolerance_eV_A: float
    max_steps: int


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
        The stage kind of each piece (hold, ramp, quench, minimize).
    minimizations
        Where dynamics makes way for a minimisation.
    """

    start_step: tuple[int, ...]
    start_K: tuple[float, ...]
    slope_K_per_step: tuple[float, ...]
    total_steps: int
    kinds: tuple[str, ...]
    minimizations: tuple[Minimization, ...] = ()

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

    @property
    def hottest_K(self) -> float:
        """The highest temperature of the schedule."""
        return max(self.temperature_K(s) for s in self.turning_steps)

    def minimization_at(self, step: int) -> Minimization | None:
        """The minimisation that begins at this step, if one does."""
        return next((m for m in self.minimizations if m.step == step), None)


class Pieces(NamedTuple):
    """Schedules as arrays for compiled code, one row a replica, padded with pieces that never begin."""

    start_step: Int[Array, "replica piece"]
    start_K: Float[Array, "replica piece"]
    slope_K_per_step: Float[Array, "replica piece"]

    def temperature_K(self, step: Int[Array, ""]) -> Float[Array, " replica"]:
        """Target temperature (K) of every replica at an absolute step (traceable)."""
        import jax.numpy as jnp

        piece = jnp.sum(step >= self.start_step, axis=1, dtype=jnp.int32)[:, None] - 1
        start, first, slope = (jnp.take_along_axis(a, piece, axis=1)[:, 0] for a in self)
        return first + slope * (step - start).astype(first.dtype)


def traced_pieces(schedules: Sequence[Schedule], dtype: Any) -> Pieces:
    """The :class:`Pieces` of one schedule a replica, temperatures in ``dtype``."""
    import jax.numpy as jnp

    width = max(len(s.start_step) for s in schedules)

    def rows(name: str, fill: float) -> np.ndarray:
        return np.array([(*getattr(s, name), *[fill] * (width - len(s.start_step))) for s in schedules])

    return Pieces(
        jnp.asarray(rows("start_step", _MAX_STEPS), jnp.int32),
        jnp.asarray(rows("start_K", 0.0), dtype),
        jnp.asarray(rows("slope_K_per_step", 0.0), dtype),
    )


def compile_protocol(config: RunConfig) -> list[Schedule]:
    """The schedules of a protocol, in its order.

    Raises
    ------
    InputError
        If one cannot be compiled, or if they cannot advance together.
    """
    names = [name for name, _ in config.named_schedules]
    compiled = [
        compile_schedule(stages, config.dynamics.timestep_fs, name, scale)
        for (name, stages), scale in zip(config.named_schedules, config.time_scales, strict=True)
    ]
    same_clock(compiled, names)
    return compiled


def compile_schedule(
    stages: Sequence[StageConfig],
    timestep_fs: float,
    name: str = "schedule",
    scale: TimeScale | None = None,
) -> Schedule:
    """Turn the stages of a protocol into a :class:`Schedule`.

    Stage boundaries are rounded to whole steps of the running time, so that errors
    of rounding do not add up over many stages. A minimisation takes one step. A stage
    in laboratory units becomes as many pieces as its curve needs.

    Raises
    ------
    InputError
        If a stage is shorter than one step, the schedule longer than 2^31 steps, or a stage in
        laboratory units has no ``scale``.
    """
    corners: list[tuple[int, float, float]] = []  # step, temperature there, slope from there on
    kinds: list[str] = []
    minimizations: list[Minimization] = []
    time_ps, step = 0.0, 0
    here_K: float | None = None
    try:
        furnace = laboratory_courses(name, stages)
    except ValueError as err:
        raise InputError(str(err)) from None
    for i, (stage, course) in enumerate(zip(stages, furnace, strict=True)):
        if course is None:
            first_K, last_K, duration_ps = _course(stages, i, here_K, timestep_fs, name, furnace, scale)
        elif scale is None:
            raise InputError(f"{name}.{i}: is in laboratory time, and no equivalence is given")
        else:
            first_K, last_K = scale.simulated_K(course.first_K), scale.simulated_K(course.last_K)
            duration_ps = scale.simulated_ps(course.seconds)
        time_ps += duration_ps
        if time_ps * 1000.0 / timestep_fs > _MAX_STEPS:
            raise InputError(
                f"{name}.{i}: the schedule is longer than {_MAX_STEPS} steps of {timestep_fs:g} fs; "
                "split it into several runs"
            )
        end = round(time_ps * 1000.0 / timestep_fs)
        if end <= step:
            raise InputError(
                f"{name}.{i}: lasts {duration_ps:g} ps, which is less than one step of {timestep_fs:g} fs; "
                "make it longer or the time step smaller"
            )
        if isinstance(stage, MinimizeStage):
            minimizations.append(Minimization(step, stage.force_tolerance_eV_A, stage.max_steps))
        knots = [(step, first_K), (end, last_K)]
        if course is not None and scale is not None:
            knots = simulated_knots(course, scale, step, end)
        for (at, kelvin), (then, next_K) in itertools.pairwise(knots):
            corners.append((at, kelvin, (next_K - kelvin) / (then - at)))
            kinds.append(stage.kind)
        step, here_K = end, last_K
    starts, temperatures, slopes = zip(*corners, strict=True)
    return Schedule(starts, temperatures, slopes, step, tuple(kinds), tuple(minimizations))


def same_clock(schedules: Sequence[Schedule], names: Sequence[str]) -> None:
    """Refuse schedules that cannot advance together in one batch.

    Raises
    ------
    InputError
        If their lengths differ, or their minimisations fall on different steps.
    """
    for name, schedule in zip(names, schedules, strict=True):
        if schedule.total_steps != schedules[0].total_steps:
            raise InputError(
                f"{name}: has {schedule.total_steps} steps, but {names[0]} has {schedules[0].total_steps}; "
                "schedules of one batch must have one length (end the shorter one with a hold)"
            )
        if schedule.minimizations != schedules[0].minimizations:
            raise InputError(
                f"{name}: minimizes at other steps or otherwise than {names[0]}; "
                "schedules of one batch must minimize together"
            )


def _course(
    stages: Sequence[StageConfig],
    i: int,
    here_K: float | None,
    timestep_fs: float,
    name: str,
    furnace: Sequence[Course | None],
    scale: TimeScale | None,
) -> tuple[float, float, float]:
    """First and last temperature (K) and duration (ps) of a stage in simulated time."""
    stage = stages[i]
    if isinstance(stage, HoldStage):
        return stage.temperature_K, stage.temperature_K, stage.duration_ps
    if isinstance(stage, MinimizeStage):
        # its temperature is that of the momenta drawn after it: the next stage's first
        then = next((j for j in range(i + 1, len(stages)) if not isinstance(stages[j], MinimizeStage)), None)
        then_K = None if then is None else _first_K(stages[then], furnace[then], scale)
        standing_K = then_K if then_K is not None else here_K if here_K is not None else 0.0
        return standing_K, here_K if here_K is not None else standing_K, timestep_fs / 1000.0
    assert not isinstance(stage, LABORATORY_STAGES)
    first_K = stage.from_K if stage.from_K is not None else here_K
    if first_K is None:
        raise InputError(f"{name}.{i}: a {stage.kind} at the start needs from_K")
    pace = stage.rate_K_per_ps or 1.0
    return first_K, stage.to_K, stage.duration_ps or abs(stage.to_K - first_K) / pace


def _first_K(stage: StageConfig, course: Course | None, scale: TimeScale | None) -> float | None:
    if course is not None:
        return None if scale is None else scale.simulated_K(course.first_K)
    return getattr(stage, "temperature_K", None) or getattr(stage, "from_K", None)
