"""The furnace's clock and the simulation's, tied by one activation energy.

Two anneals are equivalent for a process with activation energy Ea if
t_lab exp(-Ea/kT_lab) = t_sim exp(-Ea/kT_sim). With one ratio s = t_lab/t_sim for all
times this maps temperatures point by point: 1/T_sim = 1/T_lab - (k/Ea) ln s. The
assumptions: one process, one Ea at all temperatures, and a rate that depends on nothing
else. (de Tomas et al., Carbon 119 (2017) 1, bridge simulated and synthesis temperatures
in this way.)
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from pydantic import Field, model_validator

from carbonize.config.fields import FrozenModel, Positive
from carbonize.units import BOLTZMANN_EV_K

__all__ = ["CELSIUS_K", "EquivalenceConfig", "TimeScale"]

CELSIUS_K = 273.15
"""0 degrees Celsius in K."""

PS_PER_S = 1e12


@dataclasses.dataclass(frozen=True)
class TimeScale:
    """A laboratory clock beside the simulated one.

    Attributes
    ----------
    activation_energy_eV
        Ea (eV).
    ratio
        s: how many times longer the laboratory takes; at least 1.
    """

    activation_energy_eV: float
    ratio: float

    @property
    def shift_per_K(self) -> float:
        """(k/Ea) ln s (1/K): how far apart the inverse temperatures are."""
        return BOLTZMANN_EV_K / self.activation_energy_eV * math.log(self.ratio)

    def laboratory_K(self, simulated_K: float) -> float:
        """The furnace's temperature (K) for one of the simulation.

        >>> two_hours_in_200_ps = TimeScale(7.0, 7200 / 200e-12)
        >>> round(two_hours_in_200_ps.laboratory_K(3500) - CELSIUS_K)
        1219
        """
        return simulated_K / (1.0 + self.shift_per_K * simulated_K)

    def simulated_K(self, laboratory_K: float) -> float:
        """The simulation's temperature (K) for one of the furnace; infinite where there is none.

        >>> round(TimeScale(7.0, 7200 / 200e-12).simulated_K(1219 + CELSIUS_K), -2)
        3500.0
        """
        left = 1.0 - self.shift_per_K * laboratory_K
        return laboratory_K / left if left > 0.0 else math.inf

    def laboratory_s(self, simulated_ps: float) -> float:
        """The furnace's time (s) for one of the simulation (ps)."""
        return simulated_ps * self.ratio / PS_PER_S

    def simulated_ps(self, laboratory_s: float) -> float:
        """The simulation's time (ps) for one of the furnace (s)."""
        return laboratory_s / self.ratio * PS_PER_S

    def longest_ratio(self, laboratory_K: float, highest_K: float) -> float:
        """The largest s with which a furnace temperature stays at ``highest_K`` or below."""
        inverse = 1.0 / laboratory_K - 1.0 / highest_K
        return math.exp(inverse * self.activation_energy_eV / BOLTZMANN_EV_K)


class EquivalenceConfig(FrozenModel):
    """By which activation energy, and over which time, the laboratory and the simulation correspond."""

    activation_energy_eV: Positive = Field(
        le=100, description="of the process that matters; carbonize calibrate fits it"
    )
    duration_ps: Positive | None = Field(
        default=None, description="simulated time of all laboratory stages together"
    )
    duration_h: Positive | None = Field(
        default=None, description="laboratory time that a schedule in ps as a whole stands for"
    )
    hours_per_ps: Positive | None = Field(
        default=None, description="laboratory hours that one simulated picosecond stands for"
    )
    highest_K: Positive = Field(
        default=6000.0, description="a laboratory stage that would be simulated hotter is refused"
    )

    @model_validator(mode="before")
    @classmethod
    def _says_where_the_energy_comes_from(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("activation_energy_eV") is None:
            raise ValueError(
                "activation_energy_eV: is missing, and none is assumed; carbonize calibrate RUN... fits one "
                "to runs at several temperatures"
            )
        return data

    @model_validator(mode="after")
    def _one_length(self) -> EquivalenceConfig:
        if sum(x is not None for x in (self.duration_ps, self.duration_h, self.hours_per_ps)) != 1:
            raise ValueError(
                "give exactly one of duration_ps (simulated time of the stages in laboratory units), duration_h "
                "(laboratory time of a schedule in ps) and hours_per_ps"
            )
        return self
