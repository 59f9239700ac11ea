"""Laboratory stages on the simulation's clock."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from carbonize.config import parse_protocol
from carbonize.config.equivalence import TimeScale
from carbonize.config.laboratory import Course
from carbonize.schedules import compile_protocol, thermal_dose, traced_pieces
from carbonize.schedules.furnace import CURVE_ERROR_K, simulated_knots

STAGES = [
    {"kind": "hold", "temperature_K": 300, "duration_ps": 0.5},
    {"kind": "ramp", "from_C": 25, "to_C": 1200, "rate_K_per_min": 5},
    {"kind": "hold", "temperature_C": 1200, "hold_h": 2},
    {"kind": "quench", "to_K": 300, "duration_ps": 2},
]
CONFIG = parse_protocol(
    {
        "name": "furnace",
        "structure": {"kind": "random", "atoms": 10, "density_g_cm3": 1.0},
        "equivalence": {"activation_energy_eV": 7.0, "duration_ps": 20},
        "schedule": STAGES,
    }
)
(SCALE,) = CONFIG.time_scales
assert SCALE is not None


def test_stages_of_both_clocks_follow_each_other() -> None:
    (schedule,) = compile_protocol(CONFIG)
    assert schedule.total_steps == 2000 * 22.5
    assert schedule.temperature_K(0) == 300
    assert schedule.temperature_K(1000) == pytest.approx(SCALE.simulated_K(298.15), rel=1e-12)
    soaked = SCALE.simulated_K(1473.15)
    for step in (40_000, 30_000, 41_000):
        assert schedule.temperature_K(step) == pytest.approx(soaked, rel=1e-12)
    assert schedule.temperature_K(43_000) == pytest.approx((soaked + 300) / 2, rel=1e-12)
    assert schedule.temperature_K(45_000) == pytest.approx(300)
    assert schedule.hottest_K == pytest.approx(soaked)


@pytest.mark.parametrize("energy_eV", [5.5, 7.0, 10.0])
@pytest.mark.parametrize("rise", [(298.15, 1473.15), (1473.15, 298.15)])
def test_straight_pieces_stay_within_their_error_of_the_curve(energy_eV: float, rise) -> None:
    first, last = rise
    scale, steps = TimeScale(energy_eV, 7200 / 20e-12), 40_000
    knots = simulated_knots(Course(first, last, 7200.0), scale, 100, 100 + steps)
    at, kelvin = np.array(knots).T
    assert at[0] == 100 and at[-1] == 100 + steps and np.all(np.diff(at) > 0)
    every = np.arange(steps + 1)
    curve = np.array([scale.simulated_K(first + (last - first) * i / steps) for i in every])
    error = np.interp(100 + every, at, kelvin) - curve
    # a chord of a convex curve lies above it; knots on whole steps move the bound a little
    assert error.min() > -1e-6 and error.max() < 1.05 * CURVE_ERROR_K
    assert error.max() > 0.5 * CURVE_ERROR_K  # no more pieces than are needed


def test_a_curve_on_very_few_steps_has_a_corner_on_each_at_most() -> None:
    knots = simulated_knots(Course(300.0, 1473.15, 1.0), TimeScale(7.0, 1e14), 5, 9)
    assert [step for step, _ in knots] == [5, 6, 7, 8, 9]


def test_the_simulated_schedule_has_the_dose_of_the_furnace() -> None:
    (schedule,) = compile_protocol(CONFIG)
    steps = np.arange(1000, 41_001)
    simulated = thermal_dose(steps * 0.5e-3, [schedule.temperature_K(int(s)) for s in steps], 7.0, 1473.15)
    furnace = thermal_dose([0, 1175 * 12, 1175 * 12 + 7200], [298.15, 1473.15, 1473.15], 7.0, 1473.15)
    # ps against s; the straight pieces are hotter by up to 1 K
    assert simulated[-1] * 1e-12 == pytest.approx(furnace[-1], rel=2e-3)


def test_compiled_code_sees_the_same_curve_as_the_host() -> None:
    (schedule,) = compile_protocol(CONFIG)
    steps = np.arange(0, schedule.total_steps + 1, 101)
    with jax.enable_x64(True):
        pieces = traced_pieces([schedule], jnp.float64)
        traced = jax.jit(jax.vmap(pieces.temperature_K))(jnp.asarray(steps, jnp.int32))
    host = [schedule.temperature_K(int(s)) for s in steps]
    np.testing.assert_allclose(np.asarray(traced)[:, 0], host, rtol=1e-13)


def test_a_minimization_before_the_furnace_draws_momenta_of_its_first_temperature() -> None:
    config = CONFIG.model_copy(
        update={
            "schedule": parse_protocol(
                {**CONFIG.model_dump(mode="json"), "schedule": [{"kind": "minimize"}, *STAGES[1:]]}
            ).schedule
        }
    )
    (schedule,) = compile_protocol(config)
    assert schedule.temperature_K(0) == pytest.approx(SCALE.simulated_K(298.15))
