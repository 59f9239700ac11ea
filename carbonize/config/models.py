"""The protocol file as frozen pydantic models.

Every field carries its unit in its name. Unknown keys are refused
(:mod:`carbonize.config.load` names the nearest known one). Importing this module
needs neither jax nor ovito.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

__all__ = [
    "AnalysisConfig",
    "ClassLimits",
    "DynamicsConfig",
    "EdipConfig",
    "FileStructure",
    "HoldStage",
    "LangevinConfig",
    "OutputConfig",
    "PotentialConfig",
    "QuenchStage",
    "RampStage",
    "RandomStructure",
    "RunConfig",
    "StageConfig",
    "StructureConfig",
    "TersoffConfig",
]


def _no_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected a number, got true/false")
    return value


Number = Annotated[float, BeforeValidator(_no_bool), Field(allow_inf_nan=False)]
Positive = Annotated[float, BeforeValidator(_no_bool), Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, BeforeValidator(_no_bool), Field(ge=0, allow_inf_nan=False)]
Count = Annotated[int, BeforeValidator(_no_bool), Field(ge=1)]
Seed = Annotated[int, BeforeValidator(_no_bool), Field(ge=0, lt=2**32)]


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FileStructure(_Model):
    """Start from a structure file (any format that ASE reads)."""

    kind: Literal["file"]
    path: str = Field(min_length=1, description="relative to the protocol file")


class RandomStructure(_Model):
    """Start from a random packing, relaxed so that dynamics can start."""

    kind: Literal["random"]
    atoms: Annotated[int, BeforeValidator(_no_bool), Field(ge=2, le=100_000_000)]
    density_g_cm3: Annotated[float, BeforeValidator(_no_bool), Field(gt=0, le=10, allow_inf_nan=False)]
    seed: Seed = 1


StructureConfig = Annotated[FileStructure | RandomStructure, Field(discriminator="kind")]


class EdipConfig(_Model):
    """Carbon EDIP (Marks, PRB 63, 035401 (2000)). The default potential."""

    kind: Literal["edip"]


class TersoffConfig(_Model):
    """Tersoff potential: a named parameter set, or a LAMMPS-format file."""

    kind: Literal["tersoff"]
    parameters: Literal["tersoff-1989", "erhart-albe-2005", "lindsay-broido-2010"] | None = None
    file: str | None = Field(default=None, description="relative to the protocol file")

    @model_validator(mode="after")
    def _one_source(self) -> TersoffConfig:
        if self.parameters is not None and self.file is not None:
            raise ValueError("give either parameters or file, not both")
        if self.parameters is None and self.file is None:
            raise ValueError("give parameters (for example tersoff-1989) or file")
        return self


PotentialConfig = Annotated[EdipConfig | TersoffConfig, Field(discriminator="kind")]


class LangevinConfig(_Model):
    """Langevin thermostat (BAOAB splitting)."""

    kind: Literal["langevin"] = "langevin"
    friction_per_ps: Positive = 10.0


class DynamicsConfig(_Model):
    """How the atoms move."""

    timestep_fs: Positive = 0.5
    thermostat: LangevinConfig = LangevinConfig()
    precision: Literal["float64", "float32"] = "float64"
    seed: Seed = 1
    replicas: Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=100_000)] = 1
    neighbor_skin_A: Positive = Field(default=1.2, description="extra radius of the neighbor list")
    neighbor_capacity: Count | None = Field(
        default=None, description="initial slots per atom in the neighbor list; grows when too small"
    )


class HoldStage(_Model):
    """Constant temperature."""

    kind: Literal["hold"]
    temperature_K: Positive
    duration_ps: Positive


class _ChangeStage(_Model):
    to_K: Positive
    from_K: Positive | None = Field(default=None, description="default: where the stage before ended")
    rate_K_per_ps: Positive | None = None
    duration_ps: Positive | None = None

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


StageConfig = Annotated[HoldStage | RampStage | QuenchStage, Field(discriminator="kind")]


class OutputConfig(_Model):
    """What is written, and how often."""

    frame_every_ps: Positive = 0.25
    analysis_every_ps: Positive = 0.5
    checkpoint_every_min: Positive = Field(default=10.0, description="wall-clock minutes")


class ClassLimits(_Model):
    """Entrance diameters (A) that part the pore classes.

    open >= ``open_A`` > quasi-closed >= ``quasi_closed_A`` > closed >= ``closed_A`` > fully closed.
    """

    open_A: Positive = 5.7
    quasi_closed_A: Positive = 3.3
    closed_A: Positive = 2.6

    @model_validator(mode="after")
    def _ordered(self) -> ClassLimits:
        if not self.open_A > self.quasi_closed_A > self.closed_A:
            raise ValueError("class limits must fall: open_A > quasi_closed_A > closed_A")
        return self


class AnalysisConfig(_Model):
    """How structures are analysed."""

    bond_cutoff_A: Positive = 1.85
    probes_A: dict[str, Positive] = Field(
        default={"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7},
        description="kinetic diameters",
        min_length=1,
    )
    radii_A: dict[str, Positive] = Field(default={"C": 1.7}, description="hard-sphere radii")
    persistence_A: NotNegative = Field(
        default=0.5, description="smallest height of a clearance peak above its saddle to be a pore"
    )
    class_limits_A: ClassLimits = ClassLimits()


class RunConfig(_Model):
    """One annealing run: the whole protocol file."""

    name: str = Field(min_length=1, max_length=200)
    structure: StructureConfig
    potential: PotentialConfig = EdipConfig(kind="edip")
    dynamics: DynamicsConfig = DynamicsConfig()
    schedule: Annotated[tuple[StageConfig, ...], Field(min_length=1)]
    output: OutputConfig = OutputConfig()
    analysis: AnalysisConfig = AnalysisConfig()

    @field_validator("name")
    @classmethod
    def _file_name(cls, value: str) -> str:
        if value in {".", ".."} or any(c in value for c in "/\\\0") or not value.isprintable():
            raise ValueError("a name becomes a folder: no slashes or control characters")
        return value

    @model_validator(mode="after")
    def _schedule_has_a_start(self) -> RunConfig:
        first = self.schedule[0]
        if not isinstance(first, HoldStage) and first.from_K is None:
            raise ValueError(
                f"schedule.0: a {first.kind} at the start has no temperature to start from; "
                "give from_K, or put a hold before it"
            )
        here = first.temperature_K if isinstance(first, HoldStage) else first.from_K
        for i, stage in enumerate(self.schedule):
            if isinstance(stage, HoldStage):
                here = stage.temperature_K
                continue
            start = stage.from_K if stage.from_K is not None else here
            assert start is not None
            if isinstance(stage, QuenchStage) and stage.to_K >= start:
                raise ValueError(
                    f"schedule.{i}: a quench must cool, but {stage.to_K:g} K is not below {start:g} K; "
                    "use a ramp to heat"
                )
            if stage.rate_K_per_ps is not None and math.isclose(stage.to_K, start):
                raise ValueError(
                    f"schedule.{i}: a ramp by rate from {start:g} K to {stage.to_K:g} K has no length; use a hold"
                )
            here = stage.to_K
        return self
