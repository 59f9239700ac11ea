"""Pressure, and what the barostat makes of it."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from physics.soft import IDEAL_GAS, fluid
from physics.statistics import blocked, sigmas
from physics.systems import LIMITS, THERMOSTATS, diamond, propagator

from carbonize.simulation.barostats import CellRescaling, cell_rescaling
from carbonize.simulation.propagate import Propagator
from carbonize.simulation.state import State
from carbonize.units import BOLTZMANN_EV_K, GPA_PER_EV_A3

TEMPERATURE_K = 300.0
KT_EV = TEMPERATURE_K * BOLTZMANN_EV_K
LATTICE_A = np.array([3.480, 3.510, 3.540, 3.570, 3.600])
PRESSURES_GPA = {"langevin": 0.0, "csvr": 20.0}


@pytest.fixture(scope="module", autouse=True)
def _wide_types() -> None:
    jax.config.update("jax_enable_x64", True)


@pytest.fixture(scope="module")
def scan() -> tuple[Propagator, State]:
    """Perfect diamond (Tersoff) of several lattice constants, one a replica, at constant volume."""
    crystals = [diamond(2, 0.0, a) for a in LATTICE_A]
    return propagator(crystals, TEMPERATURE_K, 1.0, THERMOSTATS["csvr"], replicas=len(LATTICE_A), slots=32)


def test_the_pressure_of_a_crystal_is_the_derivative_of_its_energy(scan: tuple[Propagator, State]) -> None:
    engine, state = scan
    still = dataclasses.replace(state, momenta=jnp.zeros_like(state.momenta))
    _, report, _ = engine.advance(still, 0)
    energies, volumes = [], []
    for factor in (1 - 1e-4, 1 + 1e-4):
        scaled = dataclasses.replace(still, positions=still.positions * factor, cells=still.cells * factor)
        _, there, _ = engine.advance(scaled, 0)
        energies.append(there.potential_eV)
        volumes.append(there.volume_A3)
    expected = -GPA_PER_EV_A3 * (energies[1] - energies[0]) / (volumes[1] - volumes[0])
    assert expected.max() > 20
    assert expected.min() < -5
    np.testing.assert_allclose(report.pressure_GPa, expected, atol=2e-4, rtol=1e-5)


class Crystal(NamedTuple):
    """Isotherm of the crystal: its volume (A^3) and bulk modulus (eV/A^3) at a pressure."""

    volume_of_GPa: np.poly1d
    pressure_of_A3: np.poly1d

    def bulk_modulus(self, volume_A3: float) -> float:
        return -volume_A3 * float(self.pressure_of_A3.deriv()(volume_A3)) / GPA_PER_EV_A3


@pytest.fixture(scope="module")
def isotherm(scan: tuple[Propagator, State]) -> Crystal:
    engine, state = scan
    state, _, _ = engine.advance(state, 500)
    seen = []
    for _ in range(8):
        state, report, failures = engine.advance(state, 250)
        assert not failures
        seen.append(report.mean_pressure_GPa)
    pressure, volume = np.mean(seen, axis=0), report.volume_A3
    return Crystal(np.poly1d(np.polyfit(pressure, volume, 3)), np.poly1d(np.polyfit(volume, pressure, 3)))


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n == "csvr" else []) for n in PRESSURES_GPA]
)
def test_the_volume_of_a_crystal_is_that_of_its_isotherm_and_fluctuates_as_it_should(
    isotherm: Crystal, name: str
) -> None:
    wanted = PRESSURES_GPA[name]
    replicas = 6
    barostat = CellRescaling(wanted, time_constant_ps=0.1, compressibility_per_GPa=0.0025)
    expected = float(isotherm.volume_of_GPa(wanted))
    crystal = diamond(2, 0.0, (expected / 8) ** (1 / 3))
    engine, state = propagator(
        crystal, TEMPERATURE_K, 1.0, THERMOSTATS[name], barostat, replicas=replicas, slots=32
    )
    state, _, failures = engine.advance(state, 1000)
    volumes, pressures = [], []
    for _ in range(160):
        state, report, more = engine.advance(state, 50)
        failures += more
        volumes.append(report.volume_A3)
        pressures.append(report.mean_pressure_GPa)
    assert not failures
    volume, pressure = np.array(volumes), np.array(pressures)
    # the isotherm itself is known to about 0.1 GPa
    modulus = isotherm.bulk_modulus(expected)
    slack = expected * 0.15 / GPA_PER_EV_A3 / modulus
    mean, error = blocked(volume, 4)
    assert abs(mean - expected) < 5 * error + slack
    assert 5 * error + slack < 0.003 * expected
    variance = KT_EV * expected / modulus
    assert abs(sigmas((volume - mean) ** 2, variance, 4)) < 5
    assert 5 * blocked((volume - mean) ** 2, 4)[1] < 0.5 * variance
    assert abs(sigmas(pressure, wanted, 4)) < 5


GAS_ATOMS, GAS_PRESSURE_GPA = 10, 0.0456


@pytest.mark.parametrize("name", [pytest.param("langevin", marks=pytest.mark.slow), "csvr"])
def test_an_ideal_gas_has_the_volumes_of_the_isobaric_ensemble(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """V follows a Gamma distribution: mean (N + 1) kT / P, variance (N + 1) (kT / P)^2.

    Also where the centre of mass is held, for its place in the cell is still free.
    """
    # so few atoms change their volume by more in a step than any solid does
    monkeypatch.setattr(cell_rescaling, "_LARGEST_STEP", 0.5)
    gas = fluid(GAS_ATOMS, 9.9)
    barostat = CellRescaling(GAS_PRESSURE_GPA, time_constant_ps=0.5, compressibility_per_GPa=10.0)
    engine, state = propagator(
        gas,
        TEMPERATURE_K,
        5.0,
        THERMOSTATS[name],
        barostat,
        replicas=8,
        potential=IDEAL_GAS,
        skin_A=3.0,
        slots=60,
        limits=dataclasses.replace(LIMITS, min_distance_A=0.0),
    )
    state, _, failures = engine.advance(state, 2000)
    volumes = []
    for _ in range(500):
        state, report, more = engine.advance(state, 100)
        failures += more
        volumes.append(report.volume_A3)
    assert not failures
    # no interaction at all: P V = N k T, exactly and at every moment
    heat = GAS_ATOMS * BOLTZMANN_EV_K * report.temperature_K
    np.testing.assert_allclose(report.pressure_GPa * report.volume_A3, GPA_PER_EV_A3 * heat, rtol=1e-12)
    unit = KT_EV * GPA_PER_EV_A3 / GAS_PRESSURE_GPA
    volume = np.array(volumes) / unit
    shape = GAS_ATOMS + 1
    assert abs(sigmas(volume, shape)) < 5
    assert abs(sigmas((volume - shape) ** 2, shape)) < 5
    assert 5 * blocked(volume)[1] < 0.9
