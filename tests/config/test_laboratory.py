"""Protocols in laboratory units: what may be said, what it means, and how nonsense is refused."""

from __future__ import annotations

import math
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from carbonize.config import config_hash, dump_protocol, parse_protocol
from carbonize.config.equivalence import CELSIUS_K, TimeScale
from carbonize.errors import InputError
from carbonize.units import BOLTZMANN_EV_K

BASE: dict[str, Any] = {
    "name": "furnace",
    "structure": {"kind": "random", "atoms": 10, "density_g_cm3": 1.0},
}
SEVEN = {"activation_energy_eV": 7.0, "duration_ps": 20}
HEAT = {"kind": "ramp", "from_C": 25, "to_C": 1200, "rate_K_per_min": 5}
SOAK = {"kind": "hold", "temperature_C": 1200, "hold_h": 2}

# SCIENCE: 200 ps against 2 h, in degrees Celsius, for simulated temperatures of
TABLE_K = (2000, 2500, 3000, 3500, 4000, 4500)
TABLE_C = {
    4: (580, 659, 721, 770, 811, 845),
    5: (690, 793, 875, 941, 996, 1042),
    7: (858, 1002, 1120, 1219, 1303, 1376),
    10: (1027, 1222, 1387, 1530, 1654, 1763),
}


def protocol(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {**BASE, "schedule": list(stages), **more}


def refusal(data: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        parse_protocol(data, source="p.yaml")
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("energy_eV", TABLE_C)
def test_two_hours_in_200_ps_give_the_published_table_to_the_degree(energy_eV: int) -> None:
    config = parse_protocol(
        protocol(
            {"kind": "hold", "temperature_K": 3000, "duration_ps": 200},
            equivalence={"activation_energy_eV": energy_eV, "duration_h": 2},
        )
    )
    (scale,) = config.time_scales
    assert scale is not None
    found = [round(scale.laboratory_K(kelvin) - CELSIUS_K) for kelvin in TABLE_K]
    assert found == list(TABLE_C[energy_eV])


@given(
    energy=st.floats(1, 12),
    hours=st.floats(0.01, 100),
    ps=st.floats(1, 1e4),
    kelvin=st.floats(200, 5000),
)
def test_there_and_back_is_the_same_temperature_and_the_same_progress(energy, hours, ps, kelvin) -> None:
    scale = TimeScale(energy, hours * 3600 / (ps * 1e-12))
    furnace = scale.laboratory_K(kelvin)
    assert furnace < kelvin
    assert scale.simulated_K(furnace) == pytest.approx(kelvin, rel=1e-9)
    assert scale.simulated_ps(scale.laboratory_s(ps)) == pytest.approx(ps, rel=1e-12)
    simulated = math.log(ps) - energy / (BOLTZMANN_EV_K * kelvin)
    laboratory = math.log(hours * 3600 * 1e12) - energy / (BOLTZMANN_EV_K * furnace)
    assert simulated == pytest.approx(laboratory, abs=1e-8 * energy / (BOLTZMANN_EV_K * kelvin) + 1e-9)


def test_the_laboratory_stages_fill_the_simulated_time_that_is_given() -> None:
    config = parse_protocol(protocol(HEAT, SOAK, equivalence=SEVEN))
    (scale,) = config.time_scales
    assert scale is not None
    lasts_s = 1175 / 5 * 60 + 7200
    assert scale.ratio == pytest.approx(lasts_s / 20e-12)
    assert scale.simulated_ps(lasts_s) == pytest.approx(20)


@pytest.mark.parametrize(
    ("key", "value"),
    [("hold_min", 120), ("hold_s", 7200), ("duration_h", 2), ("duration_min", 120), ("duration_s", 7200)],
)
def test_a_length_means_the_same_in_every_unit(key: str, value: float) -> None:
    spelled = {"kind": "hold", "temperature_C": 1200, key: value}
    other = {"kind": "hold", "temperature_K": 1473.15, "hold_h": 2}
    scales = [parse_protocol(protocol(s, equivalence=SEVEN)).time_scales for s in (spelled, SOAK, other)]
    assert scales[0] == scales[1] == scales[2]


@pytest.mark.parametrize(
    "pace", [{"rate_K_per_h": 300}, {"rate_K_per_s": 5 / 60}, {"duration_min": 235}, {"duration_h": 235 / 60}]
)
def test_a_pace_means_the_same_in_every_unit(pace: dict[str, float]) -> None:
    slow = {"kind": "ramp", "from_K": 298.15, "to_K": 1473.15, **pace}
    (a,) = parse_protocol(protocol(slow, equivalence=SEVEN)).time_scales
    (b,) = parse_protocol(protocol(HEAT, equivalence=SEVEN)).time_scales
    assert a is not None and b is not None
    assert a.ratio == pytest.approx(b.ratio, rel=1e-12)


def test_degrees_celsius_in_a_stage_of_picoseconds_are_a_unit_and_nothing_else() -> None:
    celsius = [
        {"kind": "hold", "temperature_C": 26.85, "duration_ps": 1},
        {"kind": "ramp", "from_C": 26.85, "to_C": 1026.85, "rate_K_per_ps": 100},
        {"kind": "quench", "to_C": 26.85, "duration_ps": 2},
    ]
    kelvin = [
        {"kind": "hold", "temperature_K": 300, "duration_ps": 1},
        {"kind": "ramp", "from_K": 300, "to_K": 1300, "rate_K_per_ps": 100},
        {"kind": "quench", "to_K": 300, "duration_ps": 2},
    ]
    a, b = parse_protocol(protocol(*celsius)), parse_protocol(protocol(*kelvin))
    assert a == b
    assert config_hash(a) == config_hash(b)
    assert a.time_scales == (None,)


def test_a_protocol_without_an_equivalence_reads_and_hashes_as_if_there_were_none() -> None:
    config = parse_protocol(protocol({"kind": "hold", "temperature_K": 300, "duration_ps": 1}))
    assert "equivalence" not in dump_protocol(config)
    # the hash of this protocol before there were laboratory units: old run folders can be continued
    assert config_hash(config) == PLAIN_HASH


PLAIN_HASH = "b9dba6100ea263c7e2546ae241fd2dcb0fa5840e830c5c6371c125293aad4be0"


def test_a_laboratory_protocol_survives_being_written_and_read() -> None:
    config = parse_protocol(protocol(HEAT, SOAK, equivalence=SEVEN))
    again = parse_protocol(yaml.safe_load(dump_protocol(config)))
    assert again == config
    assert config_hash(again) == config_hash(config)
    assert "null" not in dump_protocol(config).split("schedule:")[1].split("schedules:")[0]


def test_every_schedule_of_a_batch_has_its_own_scale() -> None:
    config = parse_protocol({**BASE, "schedules": [[HEAT, SOAK], [SOAK]], "equivalence": SEVEN})
    a, b = config.time_scales
    assert a is not None and b is not None
    assert a.ratio / b.ratio == pytest.approx((235 + 120) / 120)


COLD = {"kind": "hold", "temperature_K": 300, "duration_ps": 1}


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (protocol(HEAT), "carbonize calibrate"),
        (protocol(HEAT, equivalence={"duration_ps": 20}), "none is assumed; carbonize calibrate"),
        (protocol(HEAT, equivalence={"activation_energy_eV": 7}), "give exactly one of duration_ps"),
        (protocol(HEAT, equivalence={**SEVEN, "hours_per_ps": 1}), "give exactly one of duration_ps"),
        (protocol(HEAT, equivalence={"activation_energy_eV": 7, "duration_h": 1}), "give duration_ps"),
        (protocol(COLD, equivalence=SEVEN), "give duration_h"),
        (
            protocol({**SOAK, "duration_ps": 1}, equivalence=SEVEN),
            "hold_h is laboratory time and duration_ps",
        ),
        (protocol({**SOAK, "hold_min": 1}, equivalence=SEVEN), "give one length"),
        (protocol({**HEAT, "duration_h": 1}, equivalence=SEVEN), "give one pace"),
        (protocol({**SOAK, "temperature_K": 1}, equivalence=SEVEN), "either temperature_K or temperature_C"),
        (protocol({**SOAK, "temperature_C": "red"}, equivalence=SEVEN), "temperature_C"),
        (protocol({**SOAK, "temperature_C": -274}, equivalence=SEVEN), "greater than -273.15"),
        (protocol({**HEAT, "from_C": None}, equivalence=SEVEN), "give from_C"),
        (protocol(SOAK, COLD, {**HEAT, "from_C": None}, equivalence=SEVEN), "schedule.2: .*give from_C"),
        (protocol(SOAK, {"kind": "quench", "to_C": 1300, "hold_h": 1}, equivalence=SEVEN), "hold_h"),
        (protocol(SOAK, {"kind": "quench", "to_C": 1300, "duration_h": 1}, equivalence=SEVEN), "must cool"),
        (protocol(SOAK, {**HEAT, "from_C": 1200}, equivalence=SEVEN), "has no length; use a hold"),
        (protocol({"kind": "ramp", "to_C": 900, "rate_K_per_mn": 5}), "did you mean 'rate_K_per_min'"),
        (protocol(HEAT, equivalence=SEVEN, dynamics={"ensemble": "nve"}), "nve follows no temperature"),
        (protocol({**SOAK, "hold_h": 1e-20}, equivalence=SEVEN), "longer simulated than in the laboratory"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(data: dict[str, Any], said: str) -> None:
    import re

    assert re.search(said, refusal(data)), refusal(data)


@pytest.mark.parametrize("to_C", [1700, 1900, 2900])
def test_a_furnace_too_hot_to_be_simulated_is_refused_with_the_duration_that_would_do(to_C: int) -> None:
    hot = {**HEAT, "to_C": to_C}
    message = refusal(protocol(hot, equivalence=SEVEN))
    assert f"schedule.0: {to_C} °C" in message
    assert "6000 K" in message
    assert ("has no equal" in message) == (to_C == 2900)
    enough = float(message.split("duration_ps of at least ")[1].split(",")[0])
    parse_protocol(protocol(hot, equivalence={**SEVEN, "duration_ps": enough}))
    with pytest.raises(InputError):
        parse_protocol(protocol(hot, equivalence={**SEVEN, "duration_ps": 0.98 * enough}))
