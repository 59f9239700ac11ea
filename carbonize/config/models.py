"""The protocol file as frozen pydantic models.

Every field carries its unit in its name. Unknown keys are refused
(:mod:`carbonize.config.load` names the nearest known one). Importing this module
needs neither jax nor ovito. What a protocol consists of has modules of its own, and is all to be had here.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator, model_serializer, model_validator

from carbonize.config.analysis import AnalysisConfig, ClassLimits, TrackingConfig
from carbonize.config.dynamics import (
    CellRescalingConfig,
    CsvrConfig,
    DynamicsConfig,
    LangevinConfig,
    LimitsConfig,
    NoseHooverConfig,
    ThermostatConfig,
)
from carbonize.config.equivalence import EquivalenceConfig, TimeScale
from carbonize.config.fields import FrozenModel, Positive
from carbonize.config.laboratory import time_scale
from carbonize.config.potential import (
    DispersionConfig,
    EdipConfig,
    NepConfig,
    PotentialConfig,
    TersoffConfig,
)
from carbonize.config.stages import (
    HoldStage,
    MinimizeStage,
    QuenchStage,
    RampStage,
    StageConfig,
    Stages,
    check_nve,
    check_stages,
)
from carbonize.config.structure import MOST_REPLICAS, FileStructure, RandomStructure, StructureConfig

__all__ = [
    "MOST_REPLICAS",
    "AnalysisConfig",
    "CellRescalingConfig",
    "ClassLimits",
    "CsvrConfig",
    "DispersionConfig",
    "DynamicsConfig",
    "EdipConfig",
    "FileStructure",
    "HoldStage",
    "LangevinConfig",
    "LimitsConfig",
    "MinimizeStage",
    "NepConfig",
    "NoseHooverConfig",
    "OutputConfig",
    "PotentialConfig",
    "QuenchStage",
    "RampStage",
    "RandomStructure",
    "RunConfig",
    "StageConfig",
    "StructureConfig",
    "TersoffConfig",
    "ThermostatConfig",
    "TrackingConfig",
]


class OutputConfig(FrozenModel):
    """What is written, and how often."""

    frame_every_ps: Positive = 0.25
    analysis_every_ps: Positive = 0.5
    checkpoint_every_min: Positive = Field(default=10.0, description="wall-clock minutes")


class RunConfig(FrozenModel):
    """One annealing run: the whole protocol file."""

    name: str = Field(min_length=1, max_length=200)
    structure: StructureConfig
    potential: PotentialConfig = EdipConfig(kind="edip")
    dynamics: DynamicsConfig = DynamicsConfig()
    schedule: Stages | None = None
    schedules: tuple[Stages, ...] | None = Field(
        default=None, min_length=1, max_length=MOST_REPLICAS, description="one schedule a replica, in turn"
    )
    equivalence: EquivalenceConfig | None = Field(
        default=None, description="how laboratory and simulated time and temperature correspond"
    )
    output: OutputConfig = OutputConfig()
    analysis: AnalysisConfig = AnalysisConfig()

    @model_serializer(mode="wrap")
    def _without_what_is_not_used(self, handler: Any) -> dict[str, Any]:
        """Without an equivalence a protocol reads, and hashes, as if there were no such key."""
        data = handler(self)
        if self.equivalence is None:
            data.pop("equivalence", None)
        return data

    @field_validator("name")
    @classmethod
    def _file_name(cls, value: str) -> str:
        if value in {".", ".."} or any(c in value for c in "/\\\0") or not value.isprintable():
            raise ValueError("a name becomes a folder: no slashes or control characters")
        return value

    @model_validator(mode="before")
    @classmethod
    def _count_replicas(cls, data: Any) -> Any:
        """Without ``dynamics.replicas``, one replica for every start and schedule."""
        if not isinstance(data, dict):
            return data
        dynamics, structure = data.get("dynamics", {}), data.get("structure")
        if not isinstance(dynamics, dict) or "replicas" in dynamics or not isinstance(structure, dict):
            return data
        count = 1
        for several in (structure.get("paths"), structure.get("seeds"), data.get("schedules")):
            count *= max(1, len(several)) if isinstance(several, list | tuple) else 1
        return {**data, "dynamics": {**dynamics, "replicas": count}} if count > 1 else data

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if (self.schedule is None) == (self.schedules is None):
            raise ValueError(
                "schedule: is missing"
                if self.schedule is None
                else "give either schedule or schedules, not both"
            )
        analysis, frame_every_ps = self.analysis, self.output.frame_every_ps
        if analysis.on == "averaged" and analysis.averaging_ps < frame_every_ps:
            raise ValueError(
                f"analysis.averaging_ps: no two frames lie within {analysis.averaging_ps:g} ps; make it longer "
                f"than output.frame_every_ps ({frame_every_ps:g}), or write frames more often"
            )
        for name, stages in self.named_schedules:
            check_stages(name, stages, self.equivalence)
            if self.dynamics.ensemble == "nve":
                check_nve(name, stages)
        combinations = len(self.structure.starts) * len(self.named_schedules)
        if self.dynamics.replicas % combinations:
            raise ValueError(
                f"dynamics.replicas: {self.dynamics.replicas} replicas cannot share {len(self.structure.starts)} "
                f"start(s) and {len(self.named_schedules)} schedule(s) evenly; give a multiple of {combinations}"
            )
        return self

    @property
    def named_schedules(self) -> tuple[tuple[str, tuple[StageConfig, ...]], ...]:
        """The schedules with the keys they stand under."""
        if self.schedules is not None:
            return tuple((f"schedules.{i}", stages) for i, stages in enumerate(self.schedules))
        assert self.schedule is not None
        return (("schedule", self.schedule),)

    @property
    def time_scales(self) -> tuple[TimeScale | None, ...]:
        """What simulated time and temperature mean in the laboratory, for every schedule; None where unsaid."""
        if self.equivalence is None:
            return (None,) * len(self.named_schedules)
        return tuple(time_scale(self.equivalence, name, stages) for name, stages in self.named_schedules)

    def start_of(self, replica: int) -> int:
        """Which of the start structures a replica takes: in turn, the first varying fastest."""
        return replica % len(self.structure.starts)

    def schedule_of(self, replica: int) -> int:
        """Which of the schedules a replica follows: every start meets every schedule."""
        return replica // len(self.structure.starts) % len(self.named_schedules)
