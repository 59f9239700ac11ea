"""The two clocks of a schedule in words and on axes: the furnace's and the simulation's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from carbonize.config.equivalence import CELSIUS_K, TimeScale
from carbonize.config.laboratory import Course, LaboratoryHold, LaboratoryRamp, laboratory_courses
from carbonize.config.models import HoldStage, MinimizeStage, QuenchStage, RunConfig, StageConfig

__all__ = ["add_laboratory_axes", "common_scale", "laboratory_time", "mapping", "phrases"]

_UNITS = (("h", 3600.0), ("min", 60.0), ("s", 1.0), ("ms", 1e-3), ("µs", 1e-6), ("ns", 1e-9))
_OTHER_ENERGY = 0.1  # how wrong the energy is taken to be where its weight is shown


def laboratory_time(seconds: float) -> str:
    """A time of the furnace in the unit that suits it.

    >>> laboratory_time(7200), laboratory_time(300), laboratory_time(0.02)
    ('2 h', '5 min', '20 ms')
    """
    unit, length = next(((u, x) for u, x in _UNITS if seconds >= x), _UNITS[-1])
    return f"{seconds / length:.3g} {unit}"


def common_scale(protocol: RunConfig) -> TimeScale | None:
    """The scale of all schedules of a protocol; None where there is none or they differ."""
    scales = set(protocol.time_scales)
    return scales.pop() if len(scales) == 1 else None


def phrases(schedule: Sequence[StageConfig], scale: TimeScale | None, both: bool = True) -> list[str]:
    """One phrase a stage, on its own clock; with ``both`` also what that is on the other one."""
    said = []
    here_K = 0.0
    for stage, course in zip(schedule, laboratory_courses("schedule", schedule), strict=True):
        if course is not None:
            assert scale is not None
            here_K = scale.simulated_K(course.last_K)
            said.append(_furnace(stage, course) + (_simulated(course, scale) if both else ""))
            continue
        if isinstance(stage, MinimizeStage):
            said.append(f"minimize to forces below {stage.force_tolerance_eV_A:g} eV/Å")
            continue
        assert not isinstance(stage, LaboratoryHold)
        if isinstance(stage, HoldStage):
            here_K, lasts = stage.temperature_K, stage.duration_ps
            text = f"hold {here_K:g} K for {lasts:g} ps"
        else:
            assert stage.kind == "quench" or stage.kind == "ramp"
            text, lasts = _change(stage, here_K)
            here_K = stage.to_K  # pyright: ignore[reportAttributeAccessIssue]
        if scale is not None and both:
            to = "" if isinstance(stage, HoldStage) else "to "
            degrees, length = _celsius(scale.laboratory_K(here_K)), laboratory_time(scale.laboratory_s(lasts))
            text += f" [furnace: {to}{degrees}, {length}]"
        said.append(text)
    return said


def _change(stage: Any, here_K: float) -> tuple[str, float]:
    start = stage.from_K if stage.from_K is not None else here_K
    lasts = stage.duration_ps or abs(stage.to_K - start) / (stage.rate_K_per_ps or 1.0)
    rate = stage.rate_K_per_ps or abs(stage.to_K - start) / lasts
    verb = "quench" if isinstance(stage, QuenchStage) else "heat" if stage.to_K > start else "cool"
    shown = f"{rate:.3g}" if rate < 1000 else f"{rate:,.0f}"
    return f"{verb} to {stage.to_K:g} K in {lasts:.3g} ps ({shown} K/ps)", lasts


def _furnace(stage: Any, course: Course) -> str:
    if isinstance(stage, LaboratoryHold):
        return f"hold {stage.temperature_C:g} °C for {laboratory_time(course.seconds)}"
    up = course.last_K > course.first_K
    verb = "quench" if not isinstance(stage, LaboratoryRamp) else "heat" if up else "cool"
    per_min = 60.0 * abs(course.last_K - course.first_K) / course.seconds
    pace = f"{per_min:.3g} K/min" if per_min < 1000 else f"{per_min / 60:.3g} K/s"
    return f"{verb} to {stage.to_C:g} °C in {laboratory_time(course.seconds)} ({pace})"


def _simulated(course: Course, scale: TimeScale) -> str:
    lasts = f"{scale.simulated_ps(course.seconds):.3g} ps"
    to = "" if course.first_K == course.last_K else "to "
    return f" [simulated: {to}{scale.simulated_K(course.last_K):.0f} K, {lasts}]"


def mapping(protocol: RunConfig, hottest_K: Sequence[float]) -> str:
    """What ties the two clocks together, and what it assumes; empty without an equivalence.

    ``hottest_K`` is the highest simulated temperature of every schedule.
    """
    if protocol.equivalence is None:
        return ""
    scales = [scale for scale in protocol.time_scales if scale is not None]
    sentences = []
    for i, (scale, kelvin) in enumerate(zip(scales, hottest_K, strict=True)):
        which = f"In schedule {i} " if len(scales) > 1 else ""
        sentences.append(
            f"{which}{'1' if which else 'One'} simulated picosecond stands for "
            f"{laboratory_time(scale.laboratory_s(1.0))} in the furnace, and the hottest simulated "
            f"{kelvin:.0f} K for {_celsius(scale.laboratory_K(kelvin))}."
        )
        if len(set(scales)) == 1:
            break
    scale, kelvin = scales[0], hottest_K[0]
    low, high = (
        TimeScale(scale.activation_energy_eV * (1 + sign * _OTHER_ENERGY), scale.ratio).laboratory_K(kelvin)
        for sign in (-1, 1)
    )
    return (
        f"{' '.join(sentences)} This follows from an activation energy of {scale.activation_energy_eV:g} eV, which "
        "the protocol states and this run does not test (carbonize calibrate does): 1/T(furnace) = 1/T(simulated) "
        "+ (k/Ea) ln(time in the furnace / simulated time). It assumes one activated process with this energy at "
        "all temperatures. Gas that has to leave, diffusion over micrometres and the flow of heat are not in it. "
        f"With an energy {100 * _OTHER_ENERGY:.0f} % lower or higher, {kelvin:.0f} K would stand for "
        f"{_celsius(low)} or {_celsius(high)}."
    )


def add_laboratory_axes(axes: Axes, scale: TimeScale, last_ps: float) -> None:
    """Give a diagram of K against ps the furnace's temperature on the right and its time on top."""
    import numpy as np

    shift = scale.shift_per_K

    def celsius(kelvin: Any) -> Any:
        return kelvin / (1.0 + shift * kelvin) - CELSIUS_K

    def kelvin(degrees: Any) -> Any:
        furnace = np.asarray(degrees, dtype=float) + CELSIUS_K
        return furnace / np.maximum(1.0 - shift * furnace, 1e-9)

    right = axes.secondary_yaxis("right", functions=(celsius, kelvin))
    right.set_ylabel("furnace (°C)")
    top_C = float(celsius(axes.get_ylim()[1]))
    right.set_yticks(np.arange(0.0, top_C, next((s for s in (50, 100, 200) if top_C <= 8 * s), 500)))
    total_s = scale.laboratory_s(max(last_ps, 1e-9))
    unit, length = next(((u, x) for u, x in _UNITS if total_s >= 2 * x), _UNITS[-1])
    per_ps = scale.laboratory_s(1.0) / length

    def laboratory(ps: Any) -> Any:
        return ps * per_ps

    def simulated(time: Any) -> Any:
        return time / per_ps

    top = axes.secondary_xaxis("top", functions=(laboratory, simulated))
    top.set_xlabel(f"time in the furnace ({unit})")


def _celsius(kelvin: float) -> str:
    return f"{kelvin - CELSIUS_K:.0f} °C".replace("-", "−")
