"""Activation energies from made-up conversion curves whose energy is known."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from carbonize.cli.app import main
from carbonize.config import dump_protocol, parse_protocol
from carbonize.errors import InputError
from carbonize.io.paths import RunPaths
from carbonize.kinetics import Curve, calibrate, conversion_curves
from carbonize.kinetics.curves import ENERGIES_EV
from carbonize.schedules import compile_protocol, thermal_dose
from carbonize.units import BOLTZMANN_EV_K


def way(kelvin: float) -> np.ndarray:
    return np.array([thermal_dose([0, 1], [300, kelvin], e, kelvin)[-1] for e in ENERGIES_EV])


TEMPERATURES = (2800.0, 3100.0, 3400.0, 3700.0)
WAYS = {kelvin: way(kelvin) for kelvin in (*TEMPERATURES, 5000.0)}


def study(
    rng: np.random.Generator,
    energy_eV: float = 7.0,
    temperatures: tuple[float, ...] = TEMPERATURES,
    replicas: int = 3,
    noise: float = 0.01,
    wander: float = 0.15,
    first: float = 0.5,
    last: float = 0.85,
) -> list[Curve]:
    """Curves whose pace differs from replica to replica by ``wander`` (of its logarithm)."""
    time, curves = np.linspace(0, 10, 20), []
    for kelvin in temperatures:
        worth = time + np.interp(np.log(energy_eV), np.log(ENERGIES_EV), WAYS[kelvin])
        tau = 3.0 * np.exp(energy_eV / BOLTZMANN_EV_K * (1 / kelvin - 1 / 3200))
        for k in range(replicas):
            pace = np.exp(wander * rng.standard_normal())
            value = last + (first - last) * np.exp(-np.sqrt(worth * pace / tau))
            value = value + noise * rng.standard_normal(time.size)
            curves.append(Curve(f"{kelvin:g} K, {k}", kelvin, time, value, time[:, None] + WAYS[kelvin]))
    return curves


@pytest.mark.parametrize("energy_eV", [2.5, 5.0, 8.0])
@pytest.mark.parametrize("ends", [(0.5, 0.85), (0.3, 0.05)])
def test_curves_without_noise_give_their_energy_back(energy_eV: float, ends) -> None:
    curves = study(
        np.random.default_rng(1), energy_eV, replicas=1, noise=1e-9, wander=0, first=ends[0], last=ends[1]
    )
    found = calibrate(curves)
    assert found.energy_eV == pytest.approx(energy_eV, rel=2e-3)
    assert found.beta == pytest.approx(0.5, rel=0.01)
    assert (found.first, found.last) == pytest.approx(ends, abs=0.01)
    np.testing.assert_allclose(
        found.taus_ps[:, 1],
        found.tau_ps * np.exp(energy_eV / BOLTZMANN_EV_K * (1 / found.taus_ps[:, 0] - 1 / found.reference_K)),
        rtol=0.05,
    )


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_the_interval_holds_the_true_energy_as_often_as_it_says(replicas: int) -> None:
    rng = np.random.default_rng(replicas)
    found = [calibrate(study(rng, replicas=replicas)) for _ in range(60)]
    held = np.mean([f.interval_eV[0] <= 7.0 <= f.interval_eV[1] for f in found])
    # the jackknife errs on the safe side where each temperature has one curve only
    assert held >= 0.85  # 0.95 less 3.5 standard errors of 60 trials
    assert np.mean([f.energy_eV for f in found]) == pytest.approx(7.0, abs=0.1)


def test_noisy_curves_give_the_energy_within_the_interval_and_replicas_narrow_it() -> None:
    rng = np.random.default_rng(5)
    few, many = calibrate(study(rng, replicas=2)), calibrate(study(rng, replicas=6))
    for found in (few, many):
        assert found.interval_eV[0] < 7.0 < found.interval_eV[1]
        assert found.noise == pytest.approx(0.01, rel=0.35)
        assert found.r_squared > 0.95
    assert np.ptp(many.interval_eV) < np.ptp(few.interval_eV)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"temperatures": (2800.0, 3400.0)},
            "three different temperatures are needed, got 2 .2800 K, 3400 K.",
        ),
        ({"temperatures": (2800.0, 2801.0, 3400.0)}, "got 2"),
        ({"first": 0.5, "last": 0.5}, "does not change"),
        ({"temperatures": (2800.0, 3100.0, 5000.0), "first": 0.2}, "do not overlap"),
        ({"energy_eV": 0.2}, "do not convert faster"),
    ],
)
def test_curves_that_cannot_tell_are_refused(more, said: str) -> None:
    WAYS.setdefault(2801.0, WAYS[2800.0])
    with pytest.raises(InputError, match=said) as caught:
        calibrate(study(np.random.default_rng(2), **{"wander": 0.0, "noise": 0.002, **more}))
    assert "\n" not in str(caught.value)


def run_of(path: Path, kelvin: float, energy_eV: float = 7.0, melt: bool = False) -> SimpleNamespace:
    """A run's folder with the curve of a process of known energy along its schedule, from its hold on after a melt."""
    way = [{"kind": "ramp", "from_K": 300, "to_K": kelvin, "duration_ps": 1}]
    if melt:
        way = [
            {"kind": "hold", "temperature_K": 6000, "duration_ps": 1},
            {"kind": "ramp", "to_K": kelvin, "duration_ps": 1},
        ]
    protocol = parse_protocol(
        {
            "name": path.name,
            "structure": {"kind": "random", "atoms": 10, "density_g_cm3": 1.0},
            "schedule": [
                *way,
                {"kind": "hold", "temperature_K": kelvin, "duration_ps": 3},
                {"kind": "hold", "temperature_K": kelvin, "duration_ps": 3},
                {"kind": "quench", "to_K": 300, "duration_ps": 1},
            ],
        }
    )
    (schedule,) = compile_protocol(protocol)
    steps = np.arange(0, schedule.total_steps + 1, 500)
    target = [schedule.temperature_K(int(s)) for s in steps]
    dose = thermal_dose(steps * 0.5e-3, target, energy_eV, 3200.0)
    dose = np.maximum(dose - np.interp(4000 if melt else 0, steps, dose), 0.0)
    rng = np.random.default_rng(int(kelvin))
    sp2 = 0.85 - 0.35 * np.exp(-np.sqrt(dose / 3.0)) + 0.002 * rng.standard_normal(steps.size)
    records = [
        {"replica": 0, "step": int(s), "time_ps": s * 0.5e-3, "target_K": t, "frame": {"bonding": {"sp2": x}}}
        for s, t, x in zip(steps, target, sp2.tolist(), strict=True)
    ]
    path.mkdir()
    (path / "protocol.yaml").write_text(dump_protocol(protocol))
    (path / "manifest.json").write_text(json.dumps({"status": "finished", "name": path.name}))
    (path / "analysis.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    (path / "series.jsonl").write_text("")
    manifest = {"n_atoms": 1000}
    return SimpleNamespace(
        path=path, protocol=protocol, records=records, paths=RunPaths(path), manifest=manifest
    )


def test_only_the_hold_counts_and_the_way_to_it_is_worth_its_dose(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a", 3400.0)
    (curve,) = conversion_curves([run])
    assert curve.temperature_K == 3400
    assert curve.time_ps[0] == 0 and curve.time_ps[-1] < 6
    exact = thermal_dose([0, 1], [300, 3400], 7.0, 3400)[-1]
    assert curve.effective_ps(7.0)[0] == pytest.approx(exact, rel=5e-3)
    # atoms that are hotter than the schedule by 2 % have been through more
    rows = [{"replica": 0, "step": s, "mean_temperature_K": 0.0} for s in range(0, 15_000, 500)]
    (schedule,) = compile_protocol(run.protocol)
    for row in rows:
        row["mean_temperature_K"] = 1.02 * schedule.temperature_K(max(0, row["step"] - 250))
    run.paths.series.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (hotter,) = conversion_curves([run])
    more = np.exp(7.0 / BOLTZMANN_EV_K / 3400 * (1 - 1 / 1.02))
    assert hotter.effective_ps(7.0)[-1] / curve.effective_ps(7.0)[-1] == pytest.approx(more, rel=0.05)
    with pytest.raises(InputError, match="no analysed frame has a number 'sp7'; there are sp2"):
        conversion_curves([run], "sp7")


def test_a_melt_is_no_hold_and_what_came_before_its_end_is_forgotten(tmp_path: Path) -> None:
    runs = [run_of(tmp_path / f"{t}", float(t), melt=True) for t in (2900, 3150, 3400, 3650)]
    curves = conversion_curves(runs)
    assert [curve.temperature_K for curve in curves] == [2900, 3150, 3400, 3650]
    for curve in curves:
        assert curve.time_ps[0] == 0 and curve.time_ps[-1] == pytest.approx(6, abs=0.3)
        np.testing.assert_allclose(curve.effective_ps(7.0), curve.time_ps, atol=1e-9)
    low, high = calibrate(curves).interval_eV
    assert low < 7.0 < high and high - low < 2.0


def test_without_a_hold_that_was_looked_at_there_is_no_curve(tmp_path: Path) -> None:
    run = run_of(tmp_path / "a", 3400.0)
    run.records = run.records[:6]
    with pytest.raises(InputError, match="only 2 analysed frames lie in the hold at 3400 K; 5 are needed"):
        conversion_curves([run])


def test_the_command_fits_draws_and_prints(tmp_path: Path, monkeypatch, capsys) -> None:
    runs = [str(run_of(tmp_path / f"{t}", float(t)).path) for t in (2900, 3150, 3400, 3650)]
    monkeypatch.setattr("sys.argv", ["carbonize", "calibrate", *runs, "--out", str(tmp_path / "fit.png")])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 0
    text = capsys.readouterr().out
    assert "activation energy  7.0" in text or "activation energy  6.9" in text
    assert "equivalence: {activation_energy_eV: " in text
    assert (tmp_path / "fit.png").read_bytes()[:4] == b"\x89PNG"
    monkeypatch.setattr("sys.argv", ["carbonize", "calibrate", *runs, "--json"])
    with pytest.raises(SystemExit):
        main()
    found = json.loads(capsys.readouterr().out)
    low, high = found["ci95_eV"]
    assert low < 7.0 < high
    assert high - low < 2.0
    monkeypatch.setattr("sys.argv", ["carbonize", "calibrate", *runs[:2]])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1 and "three different temperatures" in shown
