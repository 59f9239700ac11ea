"""The protocol file as frozen pydantic models.

Every field carries its unit in its name. Unknown keys are refused
(:mod:`carbonize.config.load` names the nearest known one). Importing this module
needs neither jax nor ovito.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_serializer,
    model_validator,
)

from carbonize.config.equivalence import EquivalenceConfig, TimeScale
from carbonize.config.fields import Count, NotNegative, Number, Positive, Seed
from carbonize.config.fields import FrozenModel as _Model
from carbonize.config.fields import no_bool as _no_bool
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
]


MOST_REPLICAS = 100_000


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class FileStructure(_Model):
    """Start from a structure file (any format that ASE reads), or from several: one a replica."""

    kind: Literal["file"]
    path: str | None = Field(default=None, min_length=1, description="relative to the protocol file")
    paths: tuple[Annotated[str, Field(min_length=1)], ...] | None = Field(
        default=None, min_length=1, max_length=MOST_REPLICAS, description="one start a replica, in turn"
    )

    @model_validator(mode="after")
    def _one_source(self) -> FileStructure:
        if (self.path is None) == (self.paths is None):
            raise ValueError(
                "path: is missing" if self.path is None else "give either path or paths, not both"
            )
        return self

    @property
    def starts(self) -> tuple[str, ...]:
        """The files, in the order in which replicas take them."""
        return self.paths if self.paths is not None else (str(self.path),)


class RandomStructure(_Model):
    """Start from a random packing, relaxed so that dynamics can start, or from several."""

    kind: Literal["random"]
    atoms: Annotated[int, BeforeValidator(_no_bool), Field(ge=2, le=100_000_000)]
    density_g_cm3: Annotated[float, BeforeValidator(_no_bool), Field(gt=0, le=10, allow_inf_nan=False)]
    seed: Seed | None = Field(default=None, description="default 1")
    seeds: tuple[Seed, ...] | None = Field(
        default=None, min_length=1, max_length=MOST_REPLICAS, description="one packing a replica, in turn"
    )

    @model_validator(mode="after")
    def _one_source(self) -> RandomStructure:
        if self.seed is not None and self.seeds is not None:
            raise ValueError("give either seed or seeds, not both")
        return self

    @property
    def starts(self) -> tuple[int, ...]:
        """The seeds, in the order in which replicas take them."""
        return self.seeds if self.seeds is not None else (1 if self.seed is None else self.seed,)


StructureConfig = Annotated[FileStructure | RandomStructure, Field(discriminator="kind")]


class DispersionConfig(_Model):
    """Attraction between carbon sheets: AIREBO's Lennard-Jones term (Stuart, Tutein, Harrison 2000)."""

    kind: Literal["lennard-jones"] = "lennard-jones"
    cutoff_A: Annotated[float, BeforeValidator(_no_bool), Field(ge=6, le=15, allow_inf_nan=False)] = 8.0


def _on_or_off(value: Any) -> Any:
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


Dispersion = Annotated[DispersionConfig | None, BeforeValidator(_on_or_off)]


class EdipConfig(_Model):
    """Carbon EDIP (Marks, PRB 63, 035401 (2000)). The default potential."""

    kind: Literal["edip"]
    dispersion: Dispersion = Field(default=None, description="true: with its defaults")


class TersoffConfig(_Model):
    """Tersoff potential: a named parameter set, or a LAMMPS-format file."""

    kind: Literal["tersoff"]
    parameters: Literal["tersoff-1989", "erhart-albe-2005", "lindsay-broido-2010"] | None = None
    file: str | None = Field(default=None, description="relative to the protocol file")
    dispersion: Dispersion = Field(default=None, description="true: with its defaults")

    @model_validator(mode="after")
    def _one_source(self) -> TersoffConfig:
        if self.parameters is not None and self.file is not None:
            raise ValueError("give either parameters or file, not both")
        if self.parameters is None and self.file is None:
            raise ValueError("give parameters (for example tersoff-1989) or file")
        return self


class NepConfig(_Model):
    """Neuroevolution potential, NEP3 or NEP4, from a file of GPUMD."""

    kind: Literal["nep"]
    file: str = Field(min_length=1, description="nep.txt, relative to the protocol file")


PotentialConfig = Annotated[EdipConfig | TersoffConfig | NepConfig, Field(discriminator="kind")]


class LangevinConfig(_Model):
    """Langevin thermostat (BAOAB splitting)."""

    kind: Literal["langevin"] = "langevin"
    friction_per_ps: Positive = 10.0


class NoseHooverConfig(_Model):
    """Nose-Hoover chain thermostat (deterministic)."""

    kind: Literal["nose-hoover"]
    time_constant_fs: Positive = Field(default=50.0, description="period of the heat exchange over 2 pi")
    chain_length: Annotated[int, BeforeValidator(_no_bool), Field(ge=2, le=20)] = 3


class CsvrConfig(_Model):
    """Canonical sampling through velocity rescaling (Bussi, Donadio and Parrinello 2007)."""

    kind: Literal["csvr"]
    time_constant_fs: Positive = Field(default=100.0, description="time in which kinetic energy relaxes")


_OTHER_NAMES = {
    "nose-hoover-chain": "nose-hoover",
    "nose_hoover": "nose-hoover",
    "nose_hoover_chain": "nose-hoover",
    "nhc": "nose-hoover",
    "bussi": "csvr",
    "baoab": "langevin",
}


def _canonical_kind(value: Any) -> Any:
    """The names that other programs use for the same thermostat."""
    if isinstance(value, dict) and isinstance(value.get("kind"), str):
        return {**value, "kind": _OTHER_NAMES.get(value["kind"].lower(), value["kind"])}
    return value


ThermostatConfig = Annotated[
    LangevinConfig | NoseHooverConfig | CsvrConfig,
    Field(discriminator="kind"),
]


class CellRescalingConfig(_Model):
    """Stochastic cell rescaling, isotropic (Bernetti and Bussi 2020)."""

    kind: Literal["stochastic-cell-rescaling"] = "stochastic-cell-rescaling"
    pressure_GPa: Number = 0.0
    time_constant_ps: Positive = Field(default=0.5, description="time in which the volume relaxes")
    compressibility_per_GPa: Positive = Field(
        default=0.01, description="rough isothermal compressibility; sets the pace only, not the physics"
    )


class LimitsConfig(_Model):
    """Beyond these a replica has broken down: it is stopped, named and marked."""

    max_temperature_K: Positive | None = Field(
        default=None, description="default: ten times the hottest of the schedule, plus 10000"
    )
    max_energy_eV_per_atom: Positive = Field(default=50.0, description="of the potential energy's magnitude")
    min_distance_A: NotNegative = Field(default=0.6, description="two atoms nearer than this have collapsed")


class DynamicsConfig(_Model):
    """How the atoms move."""

    timestep_fs: Positive = 0.5
    ensemble: Annotated[Literal["nvt", "npt", "nve"], BeforeValidator(_lower)] = "nvt"
    thermostat: Annotated[ThermostatConfig | None, BeforeValidator(_canonical_kind)] = Field(
        default=None, description="default: Langevin; none in nve"
    )
    barostat: CellRescalingConfig | None = Field(
        default=None, description="npt only; default: stochastic cell rescaling at 0 GPa"
    )
    precision: Literal["float64", "float32", "mixed"] = "float64"
    seed: Seed = 1
    replicas: Annotated[int, BeforeValidator(_no_bool), Field(ge=1, le=MOST_REPLICAS)] = 1
    cores_per_replica: Annotated[Count, Field(le=1024)] | None = Field(
        default=None, description="cores that share the atoms of one replica; default: chosen at the start"
    )
    neighbor_skin_A: Positive = Field(default=1.2, description="extra radius of the neighbor list")
    neighbor_capacity: Annotated[Count, Field(le=100_000)] | None = Field(
        default=None, description="initial slots per atom in the neighbor list; grows when too small"
    )
    limits: LimitsConfig = LimitsConfig()

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        ensemble = str(data.get("ensemble", "nvt")).lower()
        data = dict(data)
        if ensemble in ("nvt", "npt") and data.get("thermostat") is None:
            data["thermostat"] = {"kind": "langevin"}
        if isinstance(data.get("thermostat"), dict) and "kind" not in data["thermostat"]:
            data["thermostat"] = {"kind": "langevin", **data["thermostat"]}
        if ensemble == "npt" and data.get("barostat") is None:
            data["barostat"] = {}
        return data

    @model_validator(mode="after")
    def _belong_together(self) -> DynamicsConfig:
        if self.ensemble == "nve" and self.thermostat is not None:
            raise ValueError("ensemble nve has no thermostat; leave it out, or use nvt")
        if self.ensemble != "npt" and self.barostat is not None:
            raise ValueError(f"ensemble {self.ensemble} has no barostat; leave it out, or use npt")
        return self


class MinimizeStage(_Model):
    """Move atoms downhill (FIRE) until no force exceeds the tolerance; takes one step of the clock."""

    kind: Literal["minimize"]
    force_tolerance_eV_A: Positive = 0.01
    max_steps: Annotated[Count, Field(le=1_000_000_000)] = 20_000


class HoldStage(_Model):
    """Constant temperature."""

    kind: Literal["hold"]
    temperature_K: Positive
    duration_ps: Positive

    _kelvin = model_validator(mode="before")(in_kelvin)


class _ChangeStage(_Model):
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


class TrackingConfig(_Model):
    """When a pore that trembles has changed: hysteresis in time and in diameter."""

    hold_frames: int = Field(
        default=3,
        ge=1,
        le=1000,
        description="frames that a change must last to be one, and a pore to have events",
    )
    hysteresis_A: NotNegative = Field(
        default=0.1,
        description="an entrance at least this far beyond a limit counts fully, a nearer one less",
    )
    hysteresis_noise: NotNegative = Field(
        default=4.0,
        description="the same, in standard deviations of the pore's entrance; the larger one holds",
    )
    gap_frames: int = Field(
        default=2, ge=0, le=1000, description="a pore that is away for at most so many frames was never gone"
    )


class AnalysisConfig(_Model):
    """How structures are analysed."""

    bond_cutoff_A: Positive = 1.85
    probes_A: dict[str, NotNegative] = Field(
        default={"He": 2.6, "CO2": 3.3, "N2": 3.64, "EC": 5.7},
        description="kinetic diameters; 0: a point",
        min_length=1,
    )
    radii_A: dict[str, Positive] = Field(default={"C": 1.7}, description="hard-sphere radii")
    persistence_A: NotNegative = Field(
        default=0.5, description="smallest height of a clearance peak above its saddle to be a pore"
    )
    class_limits_A: ClassLimits = ClassLimits()
    tracking: TrackingConfig = TrackingConfig()
    radius_uncertainty_A: NotNegative = Field(
        default=0.0, description="how far radii may be wrong; class volumes get the range"
    )
    on: Literal["frame", "inherent", "averaged"] = Field(
        default="frame", description="the frame itself, its energy minimum, or the mean of the last frames"
    )
    averaging_ps: Positive = Field(default=1.0, description="averaged: over frames of so long a time")
    workers: Annotated[int, BeforeValidator(_no_bool), Field(ge=0, le=1000)] = Field(
        default=1, description="processes that analyse beside the dynamics; 0: none"
    )

    @model_validator(mode="before")
    @classmethod
    def _name_the_key_on(cls, data: Any) -> Any:
        """In YAML 1.1 an unquoted ``on`` means true, also as a key."""
        if isinstance(data, dict) and True in data and "on" not in data:
            return {"on" if key is True else key: value for key, value in data.items()}
        return data


class RunConfig(_Model):
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
            _check_stages(name, stages, self.equivalence)
            if self.dynamics.ensemble == "nve":
                _check_nve(name, stages)
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


def _check_stages(name: str, stages: tuple[StageConfig, ...], equivalence: EquivalenceConfig | None) -> None:
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


def _check_nve(name: str, stages: tuple[StageConfig, ...]) -> None:
    """Without a thermostat nothing follows a temperature; a hold gives that of the start momenta."""
    temperatures = {s.temperature_K for s in stages if isinstance(s, HoldStage)}
    if len(temperatures) > 1 or any(not isinstance(s, HoldStage | MinimizeStage) for s in stages):
        raise ValueError(
            f"{name}: ensemble nve follows no temperature; use holds of one temperature_K "
            "(that of the start momenta), or ensemble nvt"
        )
