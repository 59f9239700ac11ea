"""Schedules: temperature is a pure function of the absolute step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carbonize.config.models import HoldStage, MinimizeStage, QuenchStage, RampStage, StageConfig
from carbonize.errors import InputError
from carbonize.schedules import Schedule, compile_schedule, same_clock, traced_pieces


@pytest.fixture(scope="module", autouse=True)
def wide_numbers():
    with jax.enable_x64(True):
        yield


def hold(kelvin: float, ps: float) -> HoldStage:
    return HoldStage(kind="hold", temperature_K=kelvin, duration_ps=ps)


def ramp(to: float, **more: float) -> RampStage:
    return RampStage.model_validate({"kind": "ramp", "to_K": to, **more})


def quench(to: float, **more: float) -> QuenchStage:
    return QuenchStage.model_validate({"kind": "quench", "to_K": to, **more})


@pytest.fixture
def quickstart() -> Schedule:
    stages = [hold(300, 0.5), ramp(3500, rate_K_per_ps=3200), hold(3500, 4), quench(300, duration_ps=2)]
    return compile_schedule(stages, timestep_fs=0.5)


def test_stages_follow_each_other_with_whole_steps(quickstart: Schedule) -> None:
    assert quickstart.start_step == (0, 1000, 3000, 11000)
    assert quickstart.total_steps == 15000
    assert quickstart.kinds == ("hold", "ramp", "hold", "quench")


@pytest.mark.parametrize(
    ("step", "kelvin"),
    [
        (0, 300),
        (999, 300),
        (1000, 300),
        (2000, 1900),
        (3000, 3500),
        (7000, 3500),
        (11000, 3500),
        (13000, 1900),
        (15000, 300),
    ],
)
def test_temperature_at_the_steps_one_can_work_out_by_hand(
    quickstart: Schedule, step: int, kelvin: float
) -> None:
    assert quickstart.temperature_K(step) == pytest.approx(kelvin, abs=1e-9)


def test_a_ramp_by_rate_lasts_as_long_as_the_way_takes_up_or_down() -> None:
    up = compile_schedule([hold(300, 1), ramp(1300, rate_K_per_ps=100)], 1.0)
    down = compile_schedule([hold(1300, 1), ramp(300, rate_K_per_ps=100)], 1.0)
    assert up.total_steps == down.total_steps == 11000
    assert up.slope_K_per_step[1] == pytest.approx(0.1)
    assert down.slope_K_per_step[1] == pytest.approx(-0.1)


def test_a_stage_may_start_elsewhere_than_the_one_before_ended() -> None:
    jump = compile_schedule([hold(300, 1), ramp(2000, from_K=1000, duration_ps=1)], 1.0)
    assert jump.temperature_K(999) == 300
    assert jump.temperature_K(1000) == 1000
    assert jump.temperature_K(1500) == pytest.approx(1500)
    holds = compile_schedule([hold(300, 1), hold(3000, 1)], 1.0)
    assert [holds.temperature_K(s) for s in (0, 999, 1000, 2000)] == [300, 300, 3000, 3000]


def test_rounding_to_whole_steps_does_not_add_up() -> None:
    stages: list[StageConfig] = [hold(300 + i, 0.1) for i in range(1000)]
    schedule = compile_schedule(stages, timestep_fs=0.7)
    assert schedule.total_steps == round(100_000 / 0.7)
    exact = np.arange(1000) * 100 / 0.7
    assert np.abs(np.array(schedule.start_step) - exact).max() <= 0.5 + 1e-6


def test_the_last_step_has_the_temperature_asked_for_however_the_ramp_was_rounded() -> None:
    schedule = compile_schedule([hold(300, 0.1003), ramp(2999, duration_ps=0.3337)], timestep_fs=0.7)
    assert schedule.temperature_K(schedule.total_steps) == pytest.approx(2999, rel=1e-12)


def test_temperature_does_not_depend_on_what_was_asked_before(quickstart: Schedule) -> None:
    steps = np.random.default_rng(1).permutation(quickstart.total_steps + 1)[:300]
    scattered = [quickstart.temperature_K(int(s)) for s in steps]
    fresh = [quickstart.temperature_K(int(s)) for s in sorted(steps)]
    assert scattered == [fresh[i] for i in np.argsort(np.argsort(steps))]


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float64, 1e-14), (jnp.float32, 3e-7)])
def test_compiled_code_sees_the_same_temperature_as_the_host(
    quickstart: Schedule, dtype: type, tolerance: float
) -> None:
    steps = np.arange(0, quickstart.total_steps + 1, 37)
    shorter = compile_schedule([hold(700, 7.5)], timestep_fs=0.5)
    pieces = traced_pieces([quickstart, shorter], dtype)
    traced = jax.jit(jax.vmap(pieces.temperature_K))(jnp.asarray(steps, jnp.int32))
    assert traced.dtype == dtype
    assert traced.shape == (len(steps), 2)
    for k, schedule in enumerate([quickstart, shorter]):
        host = [schedule.temperature_K(int(s)) for s in steps]
        np.testing.assert_allclose(np.asarray(traced[:, k]), host, rtol=tolerance)


stages_of_any_kind = st.lists(
    st.one_of(
        st.builds(hold, st.floats(10, 5000), st.floats(0.01, 5)),
        st.builds(lambda t, d: ramp(t, duration_ps=d), st.floats(10, 5000), st.floats(0.01, 5)),
        st.builds(
            lambda f, t, d: ramp(t, from_K=f, duration_ps=d), *[st.floats(10, 5000)] * 2, st.floats(0.01, 5)
        ),
    ),
    max_size=6,
)


@settings(max_examples=50, deadline=None)
@given(stages=stages_of_any_kind, timestep=st.floats(0.1, 2.0), where=st.floats(0, 1))
def test_temperature_stays_within_the_stage_it_belongs_to(
    stages: list[StageConfig], timestep: float, where: float
) -> None:
    schedule = compile_schedule([hold(300, 1.0), *stages], timestep)
    step = round(where * schedule.total_steps)
    piece = int(np.searchsorted(schedule.start_step, step, side="right")) - 1
    end = [*schedule.start_step, schedule.total_steps][piece + 1]
    first = schedule.start_K[piece]
    last = first + schedule.slope_K_per_step[piece] * (end - schedule.start_step[piece])
    low, high = sorted((first, last))
    assert low - 1e-6 <= schedule.temperature_K(step) <= high + 1e-6


def test_a_stage_shorter_than_a_step_is_refused() -> None:
    with pytest.raises(InputError, match=r"schedule\.1: .*less than one step of 1 fs"):
        compile_schedule([hold(300, 1), hold(400, 1e-4)], 1.0)


def test_a_schedule_too_long_to_count_is_refused() -> None:
    with pytest.raises(InputError, match="longer than 2147483647 steps"):
        compile_schedule([hold(300, 1e9)], 0.1)


def test_a_ramp_without_a_start_is_refused() -> None:
    with pytest.raises(InputError, match="needs from_K"):
        compile_schedule([ramp(300, duration_ps=1)], 1.0)


def minimize() -> MinimizeStage:
    return MinimizeStage(kind="minimize", force_tolerance_eV_A=0.02)


def test_a_minimisation_takes_one_step_and_stands_at_the_temperature_of_what_follows() -> None:
    schedule = compile_schedule([minimize(), hold(400, 1), minimize(), hold(600, 1), minimize()], 1.0)
    assert schedule.start_step == (0, 1, 1001, 1002, 2002)
    assert schedule.total_steps == 2003
    assert [m.step for m in schedule.minimizations] == [0, 1001, 2002]
    assert schedule.minimization_at(1001) is not None
    assert schedule.minimization_at(1002) is None
    assert [schedule.temperature_K(s) for s in (0, 1, 1000, 1002, 2003)] == [400, 400, 400, 600, 600]


def test_schedules_of_one_batch_must_keep_one_clock() -> None:
    one, longer = compile_schedule([hold(300, 1)], 1.0), compile_schedule([hold(300, 2)], 1.0)
    with pytest.raises(InputError, match=r"schedules\.1: has 2000 steps, but schedules\.0 has 1000"):
        same_clock([one, longer], ["schedules.0", "schedules.1"])
    early, late = (
        compile_schedule(stages, 1.0) for stages in ([minimize(), hold(300, 1)], [hold(300, 1), minimize()])
    )
    with pytest.raises(InputError, match="must minimize together"):
        same_clock([early, late], ["schedules.0", "schedules.1"])
    same_clock([one, compile_schedule([ramp(500, from_K=300, duration_ps=1)], 1.0)], ["a", "b"])
