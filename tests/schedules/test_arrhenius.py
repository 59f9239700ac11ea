"""Thermal dose: what a heat treatment is worth as time at one temperature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from carbonize.errors import InputError
from carbonize.schedules.arrhenius import relative_rate, thermal_dose
from carbonize.units import BOLTZMANN_EV_K


def test_at_the_reference_temperature_the_dose_is_the_time() -> None:
    time = np.array([0.0, 0.3, 1.0, 7.5])
    np.testing.assert_allclose(thermal_dose(time, np.full(4, 2750.0), 6.0, 2750.0), time)


def test_a_hold_elsewhere_counts_by_the_ratio_of_the_rates() -> None:
    ratio = np.exp(-7.0 / BOLTZMANN_EV_K * (1 / 3200 - 1 / 3000))
    assert float(relative_rate(3200.0, 7.0, 3000.0)) == pytest.approx(ratio, rel=1e-12)
    assert thermal_dose([0.0, 2.0], [3200.0, 3200.0], 7.0, 3000.0)[-1] == pytest.approx(2 * ratio, rel=1e-12)


@pytest.mark.parametrize("energy_eV", [1.0, 4.0, 10.0])
def test_a_ramp_in_one_interval_agrees_with_numerical_integration(energy_eV: float) -> None:
    def rate(ps: float) -> float:
        return float(np.exp(-energy_eV / BOLTZMANN_EV_K * (1 / (300 + 3200 * ps) - 1 / 3000)))

    exact = quad(rate, 0.0, 1.0, epsabs=0, epsrel=1e-10)[0]
    assert thermal_dose([0.0, 1.0], [300.0, 3500.0], energy_eV, 3000.0)[-1] == pytest.approx(exact, rel=1e-3)
    fine = np.linspace(0, 1, 201)
    assert thermal_dose(fine, 300 + 3200 * fine, energy_eV, 3000.0)[-1] == pytest.approx(exact, rel=1e-6)


def test_heating_and_cooling_are_worth_the_same() -> None:
    time = np.linspace(0, 1, 11)
    up = thermal_dose(time, 300 + 3000 * time, 7.0, 3000.0)[-1]
    down = thermal_dose(time, 3300 - 3000 * time, 7.0, 3000.0)[-1]
    assert up == pytest.approx(down, rel=1e-12)


def test_replicas_stand_in_front_and_cold_ones_gain_nothing() -> None:
    time = np.array([0.0, 1.0, 2.0])
    dose = thermal_dose(time, np.array([[3000.0] * 3, [300.0] * 3, [0.0] * 3]), 7.0, 3000.0)
    assert dose.shape == (3, 3)
    np.testing.assert_allclose(dose[0], time)
    assert np.all(dose[1] < 1e-80)
    assert np.all(dose[2] == 0)


def test_many_samples_are_taken_in_blocks_without_a_seam() -> None:
    time = np.linspace(0, 10, 25_001)
    dose = thermal_dose(time, np.full(time.size, 2900.0), 7.0, 3000.0)
    np.testing.assert_allclose(np.diff(dose), dose[1], rtol=1e-6)


@pytest.mark.parametrize(
    ("time", "kelvin", "energy", "reference", "said"),
    [
        ([0, 1], [300, 300], 0.0, 3000.0, "activation_energy_eV must be above 0"),
        ([0, 1], [300, 300], 7.0, -1.0, "reference_K must be above 0"),
        ([1, 0], [300, 300], 7.0, 3000.0, "must not fall"),
        ([0, 1, 2], [300, 300], 7.0, 3000.0, "do not fit"),
    ],
)
def test_what_has_no_dose_is_refused(time, kelvin, energy, reference, said) -> None:
    with pytest.raises(InputError, match=said):
        thermal_dose(time, kelvin, energy, reference)
