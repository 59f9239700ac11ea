"""How the atoms move: ensemble, thermostat, barostat, precision, limits."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from carbonize.config.fields import Count, FrozenModel, NotNegative, Number, Positive, Seed, no_bool
from carbonize.config.structure import MOST_REPLICAS

__all__ = [
    "CellRescalingConfig",
    "CsvrConfig",
    "DynamicsConfig",
    "LangevinConfig",
    "LimitsConfig",
    "NoseHooverConfig",
    "ThermostatConfig",
]


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


class LangevinConfig(FrozenModel):
    """Langevin thermostat (BAOAB splitting)."""

    kind: Literal["langevin"] = "langevin"
    friction_per_ps: Positive = 10.0


class NoseHooverConfig(FrozenModel):
    """Nose-Hoover chain thermostat (deterministic)."""

    kind: Literal["nose-hoover"]
    time_constant_fs: Positive = Field(default=50.0, description="period of the heat exchange over 2 pi")
    chain_length: Annotated[int, BeforeValidator(no_bool), Field(ge=2, le=20)] = 3


class CsvrConfig(FrozenModel):
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


class CellRescalingConfig(FrozenModel):
    """Stochastic cell rescaling, isotropic (Bernetti and Bussi 2020)."""

    kind: Literal["stochastic-cell-rescaling"] = "stochastic-cell-rescaling"
    pressure_GPa: Number = 0.0
    time_constant_ps: Positive = Field(default=0.5, description="time in which the volume relaxes")
    compressibility_per_GPa: Positive = Field(
        default=0.01, description="rough isothermal compressibility; sets the pace only, not the physics"
    )


class LimitsConfig(FrozenModel):
    """Beyond these a replica has broken down: it is stopped, named and marked."""

    max_temperature_K: Positive | None = Field(
        default=None, description="default: ten times the hottest of the schedule, plus 10000"
    )
    max_energy_eV_per_atom: Positive = Field(default=50.0, description="of the potential energy's magnitude")
    min_distance_A: NotNegative = Field(default=0.6, description="two atoms nearer than this have collapsed")


class DynamicsConfig(FrozenModel):
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
    replicas: Annotated[int, BeforeValidator(no_bool), Field(ge=1, le=MOST_REPLICAS)] = 1
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
