"""No thermostat: constant energy."""

from __future__ import annotations

import dataclasses

from jax import Array

from carbonize.simulation.thermostats.base import Bath, Thermostat

__all__ = ["NoThermostat"]


@dataclasses.dataclass(frozen=True)
class NoThermostat(Thermostat):
    """Leaves the momenta alone; the step is then velocity Verlet."""

    def apply(self, bath: Bath, masses: Array, degrees: int, kT: Array, dt: Array) -> Bath:
        """See :class:`Thermostat`."""
        return bath
