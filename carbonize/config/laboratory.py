"""Stages in the language of the furnace: degrees Celsius, K/min, hours.

The unit of time decides whose clock a stage runs on: ps is the simulation's, h, min and s
are the laboratory's. K or degrees Celsius is a unit only, on either clock.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, model_serializer, model_validator

from carbonize.config.equivalence import CELSIUS_K, PS_PER_S, EquivalenceConfig, TimeScale
from carbonize.config.fields import FrozenModel, Number, Positive

__all__ = [
    "LABORATORY_STAGES",
    "Course",
    "LaboratoryHold",
    "LaboratoryQuench",
    "LaboratoryRamp",
    "check_scale",
    "in_kelvin",
    "laboratory_courses",
    "time_scale",
    "which_clock",
]

_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_PS_KEYS = ("duration_ps", "rate_K_per_ps")
_TEMPERATURES = ("temperature", "to", "from")


@dataclasses.dataclass(frozen=True)
class Course:
    """What a laboratory stage does: from one temperature (K) to another in so many seconds."""

    first_K: float
    last_K: float
    seconds: float


def in_kelvin(data: Any) -> Any:
    """A stage's mapping with ``*_C`` turned into ``*_K``."""
    return _converted(data, "C", "K", CELSIUS_K)


def _in_celsius(data: Any) -> Any:
    return _converted(data, "K", "C", -CELSIUS_K)


def _converted(data: Any, source: str, target: str, shift: float) -> Any:
    if not isinstance(data, dict):
        return data
    changed = dict(data)
    for name in _TEMPERATURES:
        value = changed.pop(f"{name}_{source}", None)
        if value is None:
            continue
        if changed.get(f"{name}_{target}") is not None:
            raise ValueError(f"give either {name}_K or {name}_C, not both")
        try:
            if isinstance(value, bool):
                raise TypeError
            # rounded: 1026.85 + 273.15 is to be 1300
            changed[f"{name}_{target}"] = round(float(value) + shift, 9)
        except (TypeError, ValueError, OverflowError):
            raise ValueError(f"{name}_{source}: expected a number, got {value!r}") from None
    return changed


class _LaboratoryStage(FrozenModel):
    @model_validator(mode="before")
    @classmethod
    def _one_clock(cls, data: Any) -> Any:
        if isinstance(data, dict):
            both = [key for key in _PS_KEYS if data.get(key) is not None]
            if both:
                own = next(key for key in LABORATORY_TIMES if data.get(key) is not None)
                raise ValueError(f"{own} is laboratory time and {both[0]} simulated time; give one of them")
        return _in_celsius(data)

    @model_serializer(mode="wrap")
    def _what_is_said(self, handler: Any) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}

    def _given(self, stem: str) -> list[tuple[str, float]]:
        """Unit and value of every key that begins with ``stem``."""
        found = ((unit, getattr(self, f"{stem}_{unit}", None)) for unit in _SECONDS)
        return [(unit, value) for unit, value in found if value is not None]

    def _seconds(self, *stems: str) -> float | None:
        given = [value * _SECONDS[unit] for stem in stems for unit, value in self._given(stem)]
        return given[0] if given else None


class LaboratoryHold(_LaboratoryStage):
    """Constant temperature, timed by the laboratory's clock."""

    kind: Literal["hold"]
    temperature_C: Number = Field(gt=-CELSIUS_K)
    hold_h: Positive | None = None
    hold_min: Positive | None = None
    hold_s: Positive | None = None
    duration_h: Positive | None = None
    duration_min: Positive | None = None
    duration_s: Positive | None = None

    @model_validator(mode="after")
    def _one_length(self) -> LaboratoryHold:
        if len(self._given("hold")) + len(self._given("duration")) != 1:
            raise ValueError("give one length: hold_h, hold_min or hold_s (or duration_h, _min, _s)")
        return self

    @property
    def seconds(self) -> float:
        """How long the hold lasts (s)."""
        return self._seconds("hold", "duration") or 0.0


class _LaboratoryChange(_LaboratoryStage):
    to_C: Number = Field(gt=-CELSIUS_K)
    from_C: Number | None = Field(default=None, gt=-CELSIUS_K)
    rate_K_per_h: Positive | None = None
    rate_K_per_min: Positive | None = None
    rate_K_per_s: Positive | None = None
    duration_h: Positive | None = None
    duration_min: Positive | None = None
    duration_s: Positive | None = None

    @model_validator(mode="after")
    def _one_pace(self) -> _LaboratoryChange:
        if len(self._given("rate_K_per")) + len(self._given("duration")) != 1:
            raise ValueError("give one pace: rate_K_per_min (or _h, _s) or duration_h (or _min, _s)")
        return self

    def seconds(self, start_C: float) -> float:
        """How long the change takes (s) from a temperature (degrees Celsius)."""
        lasts = self._seconds("duration")
        if lasts is not None:
            return lasts
        unit, rate = self._given("rate_K_per")[0]
        return abs(self.to_C - start_C) / rate * _SECONDS[unit]


class LaboratoryRamp(_LaboratoryChange):
    """Linear change of the furnace's temperature, up or down; a curve in simulated temperature."""

    kind: Literal["ramp"]


class LaboratoryQuench(_LaboratoryChange):
    """Linear cooling of the furnace: as a ramp, but the target must lie below the start."""

    kind: Literal["quench"]


LABORATORY_STAGES = (LaboratoryHold, LaboratoryRamp, LaboratoryQuench)
LABORATORY_TIMES = tuple(
    dict.fromkeys(
        name
        for stage in LABORATORY_STAGES
        for name in stage.model_fields
        if name.startswith(("hold", "rate", "duration"))
    )
)


def which_clock(stage: Any) -> str | None:
    """The tag of a stage among all kinds of stages: its kind, and whether its time is the laboratory's."""
    if isinstance(stage, dict):
        kind = stage.get("kind")
        timed = kind in ("hold", "ramp", "quench") and any(
            stage.get(key) is not None for key in LABORATORY_TIMES
        )
        return f"{kind} in the laboratory" if timed else kind
    kind = getattr(stage, "kind", None)
    return f"{kind} in the laboratory" if isinstance(stage, LABORATORY_STAGES) else kind


def laboratory_courses(name: str, stages: Sequence[Any]) -> list[Course | None]:
    """The course of every laboratory stage; None for the others.

    Raises
    ------
    ValueError
        If a change has no temperature to start from, does not go where its kind says, or has no length.
    """
    courses: list[Course | None] = []
    here_C: float | None = None
    for i, stage in enumerate(stages):
        if not isinstance(stage, LABORATORY_STAGES):
            courses.append(None)
            # after picoseconds on the other clock the furnace's temperature must be said again
            here_C = here_C if stage.kind == "minimize" else None
            continue
        if isinstance(stage, LaboratoryHold):
            here_C = stage.temperature_C
            courses.append(Course(here_C + CELSIUS_K, here_C + CELSIUS_K, stage.seconds))
            continue
        start_C = stage.from_C if stage.from_C is not None else here_C
        if start_C is None:
            raise ValueError(
                f"{name}.{i}: the furnace has no temperature to start from here; give from_C "
                "(a stage in ps before it has none of the furnace)"
            )
        if isinstance(stage, LaboratoryQuench) and stage.to_C >= start_C:
            raise ValueError(
                f"{name}.{i}: a quench must cool, but {stage.to_C:g} °C is not below {start_C:g} °C; "
                "use a ramp to heat"
            )
        if math.isclose(stage.to_C, start_C) and stage.seconds(start_C) <= 0.0:
            raise ValueError(
                f"{name}.{i}: a ramp by rate from {start_C:g} °C to {stage.to_C:g} °C has no length; use a hold"
            )
        here_C = stage.to_C
        courses.append(Course(start_C + CELSIUS_K, here_C + CELSIUS_K, stage.seconds(start_C)))
    return courses


def time_scale(equivalence: EquivalenceConfig, name: str, stages: Sequence[Any]) -> TimeScale:
    """The scale of one schedule.

    Raises
    ------
    ValueError
        If the equivalence gives a time that the stages give themselves.
    """
    courses = [course for course in laboratory_courses(name, stages) if course is not None]
    if equivalence.hours_per_ps is not None:
        per_ps = equivalence.hours_per_ps * 3600.0
    elif equivalence.duration_ps is not None:
        if not courses:
            raise ValueError(
                f"equivalence.duration_ps: {name} says its simulated time itself; give duration_h, the "
                "laboratory time that it stands for, or hours_per_ps"
            )
        per_ps = sum(course.seconds for course in courses) / equivalence.duration_ps
    else:
        if courses:
            raise ValueError(
                f"equivalence.duration_h: {name} says its laboratory time itself; give duration_ps, the "
                "simulated time of its laboratory stages, or hours_per_ps"
            )
        per_ps = (equivalence.duration_h or 0.0) * 3600.0 / _simulated_ps(name, stages)
    return TimeScale(equivalence.activation_energy_eV, per_ps * PS_PER_S)


def _simulated_ps(name: str, stages: Sequence[Any]) -> float:
    """Length (ps) of a schedule without laboratory stages."""
    total, here_K = 0.0, 0.0
    for stage in stages:
        if stage.kind == "hold":
            total, here_K = total + stage.duration_ps, stage.temperature_K
        elif stage.kind != "minimize":
            start_K = stage.from_K if stage.from_K is not None else here_K
            total += stage.duration_ps or abs(stage.to_K - start_K) / stage.rate_K_per_ps
            here_K = stage.to_K
    if total <= 0.0:
        raise ValueError(f"equivalence.duration_h: {name} has no stage that takes time")
    return total


def check_scale(name: str, scale: TimeScale, equivalence: EquivalenceConfig, courses: Sequence[Any]) -> None:
    """Refuse a scale on which time would run backwards or a stage be simulated too hot.

    Raises
    ------
    ValueError
        With the numbers, and what would do.
    """
    said = f"{scale.activation_energy_eV:g} eV, 1 ps for {_time(scale.laboratory_s(1.0))}"
    if not (math.isfinite(scale.ratio) and scale.ratio >= 1.0):
        raise ValueError(f"equivalence: {name} would take longer simulated than in the laboratory ({said})")
    total_s = sum(c.seconds for c in courses if c is not None)
    for i, course in enumerate(courses):
        if course is None:
            continue
        hottest_K = max(course.first_K, course.last_K)
        if hottest_K >= equivalence.highest_K:
            raise ValueError(
                f"{name}.{i}: {hottest_K - CELSIUS_K:g} °C is itself above equivalence.highest_K "
                f"({equivalence.highest_K:g} K)"
            )
        simulated_K = scale.simulated_K(hottest_K)
        if simulated_K <= equivalence.highest_K:
            continue
        ratio = scale.longest_ratio(hottest_K, equivalence.highest_K)
        if equivalence.duration_ps is not None:
            remedy = f"duration_ps of at least {_up(total_s / ratio * PS_PER_S)}"
        else:
            remedy = f"hours_per_ps of at most {ratio / PS_PER_S / 3600.0:.3g}"
        would = f"would be simulated at {simulated_K:,.0f} K" if math.isfinite(simulated_K) else ""
        raise ValueError(
            f"{name}.{i}: {hottest_K - CELSIUS_K:g} °C {would or 'has no equal at any simulated temperature'} "
            f"({said}); equivalence.highest_K is {equivalence.highest_K:g} K, which wants {remedy}, "
            "or a lower temperature"
        )


def _up(value: float) -> str:
    """Three digits, rounded up, so that the number does."""
    digits = 2 - math.floor(math.log10(value))
    return f"{math.ceil(value * 10.0**digits) / 10.0**digits:g}"


def _time(seconds: float) -> str:
    for unit in ("h", "min"):
        if seconds >= _SECONDS[unit]:
            return f"{seconds / _SECONDS[unit]:.3g} {unit}"
    return f"{seconds:.3g} s"
