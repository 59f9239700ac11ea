"""Thermostats: one method a file, all behind :class:`Thermostat`."""

from __future__ import annotations

from carbonize.config.models import LangevinConfig, NoseHooverConfig, ThermostatConfig
from carbonize.simulation.thermostats.base import Bath, Thermostat
from carbonize.simulation.thermostats.csvr import Csvr
from carbonize.simulation.thermostats.langevin import Langevin
from carbonize.simulation.thermostats.none import NoThermostat
from carbonize.simulation.thermostats.nose_hoover import NoseHooverChain

__all__ = ["Bath", "Csvr", "Langevin", "NoThermostat", "NoseHooverChain", "Thermostat", "make_thermostat"]


def make_thermostat(config: ThermostatConfig | None) -> Thermostat:
    """The thermostat a protocol asks for; None is constant energy."""
    if config is None:
        return NoThermostat()
    if isinstance(config, LangevinConfig):
        return Langevin(config.friction_per_ps)
    if isinstance(config, NoseHooverConfig):
        return NoseHooverChain(config.time_constant_fs, config.chain_length)
    return Csvr(config.time_constant_fs)
