"""Every thermostat samples the canonical ensemble, follows a ramp, and keeps account of its heat.

The system is a dense fluid of soft spheres, every other one four times as heavy: small, never
stuck near a minimum, and compiled in seconds.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import jax
import numpy as np
import pytest
from physics.soft import SoftSpheres, fluid, force_and_curvature
from physics.statistics import blocked, sigmas
from physics.systems import LIMITS, NVE, THERMOSTATS, propagator

from carbonize.config.models import HoldStage, RampStage
from carbonize.schedules import compile_schedule
from carbonize.simulation.thermostats import Thermostat
from carbonize.units import BOLTZMANN_EV_K

TEMPERATURE_K, COLD_K = 3000.0, 1500.0
KT_EV = TEMPERATURE_K * BOLTZMANN_EV_K
TIMESTEP_FS = 1.0
REPLICAS = 6
SETTLE_STEPS, EVERY_STEPS, RAMP_STEPS = 2000, 20, 4000
SAMPLES = {"float64": 800, "float32": 200, "mixed": 200}
SPHERES = SoftSpheres()
ATOMS = fluid()
LIGHT = ATOMS.get_masses() < 13
# soft spheres may come close
ANY_DISTANCE = dataclasses.replace(LIMITS, min_distance_A=0.0)

# what is new in the other precisions is the arithmetic, not the thermostat
CASES = [
    (name, precision) if precision == "float64" else pytest.param(name, precision, marks=pytest.mark.slow)
    for precision in SAMPLES
    for name in THERMOSTATS
]


class Record(NamedTuple):
    """What was seen, rows of one value a replica; energies in eV, temperatures in K."""

    kinetic: np.ndarray
    light: np.ndarray
    potential: np.ndarray
    bath: np.ndarray
    pressure_GPa: np.ndarray
    square: np.ndarray
    curvature: np.ndarray
    momentum: np.ndarray
    ramp: np.ndarray
    target: np.ndarray


def record(thermostat: Thermostat, precision: str, samples: int, with_ramp: bool) -> Record:
    settle_ps = 0.001 * TIMESTEP_FS * (SETTLE_STEPS + samples * EVERY_STEPS)
    schedule = compile_schedule(
        [
            HoldStage(kind="hold", temperature_K=TEMPERATURE_K, duration_ps=settle_ps),
            RampStage(kind="ramp", to_K=COLD_K, duration_ps=0.001 * TIMESTEP_FS * RAMP_STEPS),
        ],
        TIMESTEP_FS,
    )
    engine, state = propagator(
        ATOMS,
        TEMPERATURE_K,
        TIMESTEP_FS,
        thermostat,
        replicas=REPLICAS,
        precision=precision,
        potential=SPHERES,
        skin_A=0.45,
        limits=ANY_DISTANCE,
        schedules=[schedule] * REPLICAS,
    )
    state, _, failures = engine.advance(state, SETTLE_STEPS)
    masses = ATOMS.get_masses()[:, None]
    rows = []
    for _ in range(samples):
        state, report, more = engine.advance(state, EVERY_STEPS)
        failures += more
        momenta = np.asarray(state.momenta, float)
        light = 0.5 * np.sum((momenta**2 / masses)[:, LIGHT], axis=(1, 2))
        rows.append(
            (
                report.kinetic_eV,
                light,
                report.potential_eV,
                report.bath_eV,
                report.pressure_GPa,
                *force_and_curvature(SPHERES, np.asarray(state.positions, float), ATOMS.cell[0, 0]),
                np.abs(momenta.sum(axis=1)).max(axis=1),
            )
        )
    ramp, target = [], []
    for _ in range(RAMP_STEPS // 200 if with_ramp else 0):
        state, report, more = engine.advance(state, 200)
        failures += more
        ramp.append(report.mean_temperature_K)
        target.append(schedule.temperature_K(int(state.step) - 100))
    assert not failures
    columns = [np.array(column, float) for column in zip(*rows, strict=True)]
    return Record(*columns, np.array(ramp, float), np.array(target))


class Records(dict[tuple[str, str], Record]):
    """What was seen of each case, simulated when first asked for."""

    def __missing__(self, case: tuple[str, str]) -> Record:
        name, precision = case
        if name == "nve":
            self[case] = record(NVE, precision, SAMPLES["float32"], False)
        else:
            self[case] = record(THERMOSTATS[name], precision, SAMPLES[precision], precision == "float64")
        return self[case]


@pytest.fixture(scope="module")
def records() -> Records:
    jax.config.update("jax_enable_x64", True)
    return Records()


def degrees(name: str) -> int:
    return 3 * len(ATOMS) - (3 if THERMOSTATS[name].keeps_momentum else 0)


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_the_kinetic_energy_has_the_canonical_mean_and_variance(
    records: dict, name: str, precision: str
) -> None:
    kinetic = records[name, precision].kinetic / KT_EV
    mean = variance = degrees(name) / 2
    assert abs(sigmas(kinetic, mean)) < 5
    assert abs(sigmas((kinetic - mean) ** 2, variance)) < 5
    # and the test can tell three degrees of freedom more or less, and a variance a quarter off
    assert 5 * blocked(kinetic)[1] < 1.5 or precision != "float64"
    assert 5 * blocked((kinetic - mean) ** 2)[1] < 0.25 * variance or precision != "float64"


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_light_and_heavy_atoms_share_the_heat_evenly(records: dict, name: str, precision: str) -> None:
    light = records[name, precision].light / KT_EV
    masses = ATOMS.get_masses()
    # where the centre of mass is held, an atom has 3 (1 - m / M) degrees
    held = 1.0 - masses / masses.sum() if THERMOSTATS[name].keeps_momentum else np.ones(len(masses))
    assert abs(sigmas(light, 1.5 * held[LIGHT].sum())) < 5


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_the_configurations_have_the_temperature_of_the_bath(
    records: dict, name: str, precision: str
) -> None:
    seen = records[name, precision]
    # <F^2> = kT <div grad U> in the canonical ensemble, whatever the momenta
    assert abs(sigmas(seen.square - KT_EV * seen.curvature, 0.0)) < 5
    assert 5 * blocked(seen.square - KT_EV * seen.curvature)[1] < 0.15 * KT_EV * seen.curvature.mean()


@pytest.mark.slow
@pytest.mark.parametrize("name", THERMOSTATS)
def test_precisions_agree_about_energy_and_pressure(records: dict, name: str) -> None:
    for quantity in ("potential", "pressure_GPa"):
        means = {p: blocked(getattr(records[name, p], quantity)) for p in SAMPLES}
        for precision in ("float32", "mixed"):
            difference = means[precision][0] - means["float64"][0]
            assert abs(difference) < 5 * np.hypot(means[precision][1], means["float64"][1])


@pytest.mark.parametrize("name", THERMOSTATS)
def test_a_ramp_is_followed(records: dict, name: str) -> None:
    seen = records[name, "float64"]
    # slower than every thermostat, so none is behind by more than its noise
    lag = seen.ramp[5:].mean(axis=1) - seen.target[5:]
    assert abs(lag.mean()) < 0.03 * (TEMPERATURE_K + COLD_K) / 2
    assert np.abs(lag).max() < 0.15 * seen.target[5:].mean()


@pytest.mark.parametrize(("name", "precision"), CASES)
def test_total_momentum_is_kept_where_it_should_be(records: dict, name: str, precision: str) -> None:
    momentum = records[name, precision].momentum
    thermal = np.sqrt(ATOMS.get_masses().sum() * KT_EV)
    if THERMOSTATS[name].keeps_momentum:
        assert momentum.max() < (3e-3 if precision == "float32" else 1e-4) * thermal
    else:
        assert momentum.mean() > 0.3 * thermal


@pytest.mark.parametrize(("name", "precision"), [("nve", "float64"), *CASES])
def test_what_the_bath_takes_is_missing_in_the_system(records: dict, name: str, precision: str) -> None:
    seen = records[name, precision]
    total = (seen.potential + seen.kinetic + seen.bath) / len(ATOMS)
    time_ps = 0.001 * TIMESTEP_FS * EVERY_STEPS * np.arange(len(total))
    # the same limits with and without a thermostat: only the error of the integration is left
    assert np.ptp(total, axis=0).max() < 5e-4
    assert abs(np.polyfit(time_ps, total.mean(axis=1), 1)[0]) < 2e-5
    exchanged = np.ptp(seen.bath / len(ATOMS), axis=0)
    assert exchanged.max() == 0 if name == "nve" else exchanged.min() > 0.1
