"""Which force law, and where its parameters come from."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from carbonize.config.fields import FrozenModel, no_bool

__all__ = [
    "DispersionConfig",
    "EdipConfig",
    "NepConfig",
    "PotentialConfig",
    "TersoffConfig",
]


class DispersionConfig(FrozenModel):
    """Attraction between carbon sheets: AIREBO's Lennard-Jones term (Stuart, Tutein, Harrison 2000)."""

    kind: Literal["lennard-jones"] = "lennard-jones"
    cutoff_A: Annotated[float, BeforeValidator(no_bool), Field(ge=6, le=15, allow_inf_nan=False)] = 8.0


def _on_or_off(value: Any) -> Any:
    return {True: {}, False: None}[value] if isinstance(value, bool) else value


Dispersion = Annotated[DispersionConfig | None, BeforeValidator(_on_or_off)]


class EdipConfig(FrozenModel):
    """Carbon EDIP (Marks, PRB 63, 035401 (2000)). The default potential."""

    kind: Literal["edip"]
    dispersion: Dispersion = Field(default=None, description="true: with its defaults")


class TersoffConfig(FrozenModel):
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


class NepConfig(FrozenModel):
    """Neuroevolution potential, NEP3 or NEP4, from a file of GPUMD."""

    kind: Literal["nep"]
    file: str = Field(min_length=1, description="nep.txt, relative to the protocol file")


PotentialConfig = Annotated[EdipConfig | TersoffConfig | NepConfig, Field(discriminator="kind")]
