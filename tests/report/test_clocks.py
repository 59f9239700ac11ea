"""Both clocks of a schedule, in words and in the page."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
import yaml
from report.fake_run import make_run

from carbonize import load_run
from carbonize.config import RunConfig, parse_protocol
from carbonize.report import page, words
from carbonize.report.clocks import common_scale, mapping
from carbonize.report.figures import temperature_figure
from carbonize.report.pictures import Pictures

SOAK = {"kind": "hold", "temperature_C": 1219, "hold_h": 2}


def protocol(*stages: object, **equivalence: float) -> RunConfig:
    more = {"equivalence": {"activation_energy_eV": 7.0, **equivalence}} if equivalence else {}
    structure = {"kind": "random", "atoms": 10, "density_g_cm3": 1.0}
    return parse_protocol({"name": "clocks", "structure": structure, "schedule": list(stages), **more})


def test_a_stage_is_told_on_its_own_clock_with_the_other_one_beside_it() -> None:
    ps = protocol({"kind": "hold", "temperature_K": 3500, "duration_ps": 200}, duration_h=2)
    assert words.stages(ps) == ["hold 3500 K for 200 ps [furnace: 1219 °C, 2 h]"]
    (said,) = words.stages(protocol(SOAK, duration_ps=200))
    assert said.startswith("hold 1219 °C for 2 h [simulated: 3498 K, 200 ps]")
    heat = {"kind": "ramp", "from_C": 19, "to_C": 1219, "rate_K_per_s": 50}
    assert words.stages(protocol(heat, duration_ps=5), both=False) == ["heat to 1219 °C in 24 s (50 K/s)"]


def test_without_an_equivalence_nothing_is_said_of_a_furnace() -> None:
    plain = protocol({"kind": "hold", "temperature_K": 3500, "duration_ps": 200})
    assert words.stages(plain) == ["hold 3500 K for 200 ps"]
    assert mapping(plain, [3500.0]) == ""
    assert common_scale(plain) is None


def test_the_mapping_says_what_it_assumes_and_how_much_hangs_on_the_energy() -> None:
    said = mapping(
        protocol({"kind": "hold", "temperature_K": 3500, "duration_ps": 200}, duration_h=2), [3500.0]
    )
    for part in ("stands for 36 s", "1219 °C", "activation energy of 7 eV", "It assumes", "calibrate"):
        assert part in said
    # 10 % less and more than 7 eV
    assert "1130 °C or 1302 °C" in said


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_run(tmp_path_factory.mktemp("clocks") / "run", frames=2)
    told = yaml.safe_load((made / "protocol.yaml").read_text())
    told["equivalence"] = {"activation_energy_eV": 7.0, "duration_h": 2}
    (made / "protocol.yaml").write_text(yaml.safe_dump(told))
    return made


def test_the_temperature_figure_has_the_furnace_on_its_other_sides(folder: Path) -> None:
    figure = temperature_figure(load_run(folder))
    figure.savefig(io.BytesIO())
    (axes,) = figure.axes
    right, top = axes.child_axes
    assert right.get_ylabel() == "furnace (°C)"
    assert top.get_xlabel() == "time in the furnace (h)"
    assert top.get_xlim() == pytest.approx((0, 2))
    scale = common_scale(load_run(folder).protocol)
    assert scale is not None
    highest = axes.get_ylim()[1]
    assert right.get_ylim()[1] == pytest.approx(scale.laboratory_K(highest) - 273.15)


def test_the_page_shows_both_scales(folder: Path) -> None:
    # pictures and curves take long and are tested elsewhere: the page holds any file in their place
    template = (Path(page.__file__).parent / "templates" / "report.html.j2").read_text(encoding="utf-8")
    figures = {name: folder / "manifest.json" for name in re.findall(r"figures\.(\w+)", template)}
    text = page._render(load_run(folder), figures, Pictures([], ""), None)
    assert "[furnace: 1135 °C, 1.07 h]" in text
    assert "activation energy of 7 eV" in text
