"""The stages of a schedule, in simulated or in laboratory units, and what makes them one schedule."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from carbonize.config.equivalence import EquivalenceConfig
from carbonize.config.fields import Count, FrozenModel, Positive
from carbonize.config.laboratory import (
    LaboratoryHold,
    LaboratoryQuench,
    LaboratoryRamp,
    check_scale,
    in_kelvin,
    laboratory_courses,
    time_scale,
    which_clock,
)

__all__ = [
    "HoldStage",
    "MinimizeStage",
    "QuenchStage",
    "RampStage",
    "StageConfig",
    "Stages",
    "check_nve",
    "check_stages",
]


class MinimizeStage(FrozenModel):
    """Move atoms downhill (FIRE) until no force exceeds the tolerance; takes one step of the clock."""

    kind: Literal["minimize"]
    force_tolerance_eV_A: Positive = 0.01
    max_steps: Annotated[Count, Field(le=1_000_000_000)] = 20_000


class HoldStage(FrozenModel):
    """Constant temperature."""

    kind: Literal["hold"]
    temperature_K: Positive
    duration_ps: Positive

    _kelvin = model_validator(mode="before")(in_kelvin)


class _ChangeStage(FrozenModel):
    to_K: Positive
    from_K: Positive | None = Field(default=None, description="default: where the stage before ended")
    rate_K_per_ps: Positive | None = None
    duration_ps: Positive | None = None

    _kelvin = model_validator(mode="before")(in_kelvin)

    @model_validator(mode="after")
    def _one_pace(self) -> _ChangeStage:
        if (self.rate_K_per_ps is None) == (self.duration_ps is None):
            raise ValueError("give exactly one of rate_K_per_ps and duration_ps")
        return self


class RampStage(_ChangeStage):
    """Linear change of temperature, up or down."""

    kind: Literal["ramp"]


class QuenchStage(_ChangeStage):
    """Linear cooling: as a ramp, but the target must lie below the start."""

    kind: Literal["quench"]


StageConfig = Annotated[
    Annotated[HoldStage, Tag("hold")]
    | Annotated[RampStage, Tag("ramp")]
    | Annotated[QuenchStage, Tag("quench")]
    | Annotated[MinimizeStage, Tag("minimize")]
    | Annotated[LaboratoryHold, Tag("hold in the laboratory")]
    | Annotated[LaboratoryRamp, Tag("ramp in the laboratory")]
    | Annotated[LaboratoryQuench, Tag("quench in the laboratory")],
    Discriminator(which_clock),
]
Stages = Annotated[tuple[StageConfig, ...], Field(min_length=1, max_length=100_000)]


def check_stages(name: str, stages: tuple[StageConfig, ...], equivalence: EquivalenceConfig | None) -> None:
    """Every stage must have a temperature to start from, and go where its kind says."""
    courses = laboratory_courses(name, stages)
    scale = time_scale(equivalence, name, stages) if equivalence is not None else None
    if equivalence is not None and scale is not None:
        check_scale(name, scale, equivalence, courses)
    here: float | None = None
    for i, (stage, course) in enumerate(zip(stages, courses, strict=True)):
        if course is not None:
            if scale is None:
                raise ValueError(
                    f"{name}.{i}: is in laboratory time; say what that is in simulated time, for example "
                    "equivalence: {activation_energy_eV: ..., duration_ps: 20}; carbonize calibrate RUN... fits the "
                    "energy"
                )
            here = scale.simulated_K(course.last_K)
            continue
        if isinstance(stage, MinimizeStage | LaboratoryHold | LaboratoryRamp | LaboratoryQuench):
            continue
        if isinstance(stage, HoldStage):
            here = stage.temperature_K
            continue
        start = stage.from_K if stage.from_K is not None else here
        if start is None:
            raise ValueError(
                f"{name}.{i}: a {stage.kind} at the start has no temperature to start from; "
                "give from_K, or put a hold before it"
            )
        if isinstance(stage, QuenchStage) and stage.to_K >= start:
            raise ValueError(
                f"{name}.{i}: a quench must cool, but {stage.to_K:g} K is not below {start:g} K; "
                "use a ramp to heat"
            )
        if stage.rate_K_per_ps is not None and math.isclose(stage.to_K, start):
            raise ValueError(
                f"{name}.{i}: a ramp by rate from {start:g} K to {stage.to_K:g} K has no length; use a hold"
            )
        here = stage.to_K


def check_nve(name: str, stages: tuple[StageConfig, ...]) -> None:
    """Without a thermostat nothing follows a temperature; a hold gives that of the start momenta."""
    temperatures = {s.temperature_K for s in stages if isinstance(s, HoldStage)}
    if len(temperatures) > 1 or any(not isinstance(s, HoldStage | MinimizeStage) for s in stages):
        raise ValueError(
            f"{name}: ensemble nve follows no temperature; use holds of one temperature_K "
            "(that of the start momenta), or ensemble nvt"
        )
