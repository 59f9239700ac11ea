"""What a plan says is what a run does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ase.build import molecule

import carbonize
from carbonize.cli.app import main
from carbonize.config import load_protocol, parse_protocol
from carbonize.errors import InputError
from carbonize.planning import disk_bytes, pace_of, plan, wall_time
from carbonize.schedules import compile_protocol

ROOT = Path(__file__).resolve().parents[1]
PRESETS = sorted((ROOT / "workflows/protocols").glob("*.yaml"))
NAMES = {"direct", "two-step", "slow-ramp", "fast-ramp", "flash-joule", "spark-plasma", "over-treatment"}


def run_main(monkeypatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["carbonize", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    return int(left.value.code or 0)


def test_every_preset_is_there() -> None:
    assert {p.stem for p in PRESETS} >= NAMES


@pytest.mark.parametrize("path", [p for p in PRESETS if p.stem in NAMES], ids=lambda p: p.stem)
def test_a_preset_is_affordable_says_where_it_comes_from_and_stays_solid(path: Path) -> None:
    config = load_protocol(path)
    assert config.name == path.stem
    found = plan(config)
    assert found["n_atoms"] == 1000
    assert found["time_ps"] < 30
    (schedule,) = found["schedules"]
    assert 3000 < schedule["hottest_K"] < 4500
    assert config.equivalence is not None
    text = path.read_text(encoding="utf-8")
    for said in ("Where it comes from", "Nano-Micro Lett. 17 (2025) 325", "assumption", "Larger:"):
        assert said in text


def test_the_furnaces_of_the_presets_share_one_clock_and_differ_on_the_way_only() -> None:
    furnaces = [
        load_protocol(ROOT / f"workflows/protocols/{n}.yaml") for n in ("direct", "two-step", "slow-ramp")
    ]
    scales = {config.time_scales for config in furnaces}
    assert len(scales) == 1
    hottest = [compile_protocol(config)[0].hottest_K for config in furnaces]
    assert hottest == pytest.approx([hottest[0]] * 3)
    (scale,) = scales.pop()
    assert scale is not None
    assert scale.laboratory_K(hottest[0]) == pytest.approx(1150 + 273.15)


def test_the_plan_on_the_terminal_shows_both_clocks(monkeypatch, capsys, tmp_path: Path) -> None:
    picture = tmp_path / "T.png"
    protocol = str(ROOT / "workflows/protocols/direct.yaml")
    assert run_main(monkeypatch, "plan", protocol, "--out", str(picture)) == 0
    text = capsys.readouterr().out
    for said in ("3700 K", "1150 °C", "20,333", "42 frames", "disk", "not known: --measure"):
        assert said in text, said
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert run_main(monkeypatch, "plan", protocol, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    curve = found["schedules"][0]["curve"]
    assert len({len(v) for v in curve.values()}) == 1
    assert max(curve["laboratory_C"]) == pytest.approx(1150)
    assert found["disk_bytes"]["total"] == sum(v for k, v in found["disk_bytes"].items() if k != "total")
    assert found["wall_time"] is None


def test_a_plan_that_makes_no_sense_is_refused_in_one_line(monkeypatch, capsys, tmp_path: Path) -> None:
    told = yaml.safe_load((ROOT / "workflows/protocols/direct.yaml").read_text(encoding="utf-8"))
    del told["equivalence"]
    path = tmp_path / "p.yaml"
    path.write_text(yaml.safe_dump(told))
    assert run_main(monkeypatch, "plan", str(path)) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "carbonize calibrate" in shown
    protocol = str(ROOT / "workflows/protocols/direct.yaml")
    assert run_main(monkeypatch, "plan", protocol, "--out", str(tmp_path / "T.doc")) == 2
    assert run_main(monkeypatch, "plan", protocol, "--measure", "--like", str(tmp_path)) == 2


@pytest.mark.parametrize(
    ("counts", "numbers"),
    [((1000, 1, 31, 16, 31), 458_000), ((64, 1, 7, 3, 7), 164_000), ((64, 2, 7, 3, 7), 227_000)],
)
def test_numbers_take_the_space_that_they_took_in_runs(
    counts: tuple[int, int, int, int, int], numbers: int
) -> None:
    found = disk_bytes(*counts)
    assert found["numbers"] == pytest.approx(numbers, rel=0.1)
    assert 4.5e6 < found["report"] < 9e6  # of 64 atoms 4.8 MB, of 1,000 7.8


def test_what_could_not_start_is_refused_before_it_is_planned(tmp_path: Path) -> None:
    protocol = {"name": "p", "schedule": [{"kind": "hold", "temperature_K": 300, "duration_ps": 0.01}]}
    molecule("C60").write(tmp_path / "open.extxyz")
    with pytest.raises(InputError, match=r"open\.extxyz: molecular dynamics needs"):
        plan(parse_protocol({**protocol, "structure": {"kind": "file", "path": "open.extxyz"}}, tmp_path))
    told = {"kind": "random", "atoms": 64, "density_g_cm3": 1.0}
    with pytest.raises(InputError, match=r"none\.txt: no such file"):
        plan(
            parse_protocol(
                {**protocol, "structure": told, "potential": {"kind": "nep", "file": "none.txt"}}, tmp_path
            )
        )


@pytest.mark.slow
def test_frames_disk_and_wall_time_are_those_of_a_real_run(tmp_path: Path) -> None:
    config = parse_protocol(
        {
            "name": "small",
            "structure": {"kind": "random", "atoms": 300, "density_g_cm3": 1.0},
            "potential": {"kind": "tersoff", "parameters": "tersoff-1989"},
            "dynamics": {"precision": "float32", "replicas": 2},
            "equivalence": {"activation_energy_eV": 7.0, "duration_ps": 0.8},
            "schedule": [
                {"kind": "ramp", "from_C": 600, "to_C": 1000, "rate_K_per_min": 10},
                {"kind": "hold", "temperature_C": 1000, "hold_h": 1},
            ],
            "output": {"frame_every_ps": 0.05, "analysis_every_ps": 0.2},
        }
    )
    run = carbonize.run(config, tmp_path / "run", report=False)
    found = plan(config, pace_of(run))
    assert len(run.trajectory) == found["frames"]
    assert len(run.records) == 2 * found["analyses"]
    sizes = {
        "trajectory": sum(p.stat().st_size for p in run.paths.trajectories.iterdir()),
        "checkpoint": sum(p.stat().st_size for p in run.paths.checkpoints.iterdir()),
    }
    for part, size in sizes.items():
        assert found["disk_bytes"][part] == pytest.approx(size, rel=0.15), part
    timings = run.manifest["timings"]
    pace = found["wall_time"]
    assert pace["dynamics_s"] == pytest.approx(timings["simulate_s"], rel=1e-6)
    twice = wall_time(
        config.model_copy(update={"dynamics": config.dynamics.model_copy(update={"replicas": 4})}),
        compile_protocol(config)[0], 300, found["analyses"], pace_of(run),
    )  # fmt: skip
    assert twice["dynamics_s"] == pytest.approx(2 * pace["dynamics_s"])
