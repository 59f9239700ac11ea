"""How structures are analysed, and when a pore has changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from carbonize.config.fields import FrozenModel, NotNegative, Positive, no_bool

__all__ = [
    "AnalysisConfig",
    "ClassLimits",
    "TrackingConfig",
]


class ClassLimits(FrozenModel):
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


class TrackingConfig(FrozenModel):
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


class AnalysisConfig(FrozenModel):
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
    workers: Annotated[int, BeforeValidator(no_bool), Field(ge=0, le=1000)] = Field(
        default=1, description="processes that analyse beside the dynamics; 0: none"
    )

    @model_validator(mode="before")
    @classmethod
    def _name_the_key_on(cls, data: Any) -> Any:
        """In YAML 1.1 an unquoted ``on`` means true, also as a key."""
        if isinstance(data, dict) and True in data and "on" not in data:
            return {"on" if key is True else key: value for key, value in data.items()}
        return data
