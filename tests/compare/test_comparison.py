"""Made-up studies with known effects: the numbers, the verdicts, and what is refused."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))  # a helper, not a package

from study_folders import PROBES_A, make_run, make_study

from carbonize.cli.app import app, main
from carbonize.compare.comparison import Comparison, Options, compare
from carbonize.compare.curves import curves_dataset
from carbonize.config.models import AnalysisConfig
from carbonize.errors import InputError
from carbonize.schedules.arrhenius import thermal_dose

NOISE = np.random.default_rng(9).standard_normal((2, 3, 16))
PRECURSORS = ("precursor-1000", "fragments")


def level(effect: float, noise: float = 0.004, start: float = 0.1) -> Any:
    """sp2 at the end: precursors far apart, replicas of one start alike under all protocols."""

    def sp2(protocol: str, precursor: str, replica: int) -> float:
        p, q = PRECURSORS.index(precursor), int(protocol == "two-step")
        shared = 0.02 * NOISE[p, 2, replica]
        return 0.7 + start * p + effect * q + shared + noise * NOISE[p, q, replica]

    return sp2


def row(found: Comparison, quantity: str = "sp2") -> dict[str, Any]:
    return next(d for d in found.document()["differences"] if d["quantity"] == quantity)


def test_the_document_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", level(0.03), precursors=PRECURSORS)
    document = compare([study]).document()
    assert document["schema_version"] == 1
    assert list(document["protocols"]) == ["direct", "two-step"]
    direct = document["protocols"]["direct"]
    assert direct["n_replicas"] == 8
    sp2 = direct["final"]["sp2"]
    values = [[level(0.03)("direct", p, k) for k in range(4)] for p in PRECURSORS]
    assert sp2["mean"] == pytest.approx(np.mean(values))
    # the standard error is that within precursors
    assert sp2["sem"] == pytest.approx(math.sqrt(np.var(values, axis=1, ddof=1).mean() / 8))
    assert sp2["ci95"][0] < sp2["mean"] < sp2["ci95"][1]
    closed = direct["final"]["class_volume_cm3_g"]["closed"]
    assert closed["mean"] == pytest.approx(0.3 * (np.mean(values) - 0.5))
    assert set(direct["final"]["class_volume_cm3_g"]) == {"open", "quasi-closed", "closed", "fully-closed"}
    assert set(direct["final"]["accessible_area_m2_g"]) == set(PROBES_A)
    difference = document["differences"][0]
    assert {"quantity", "a", "b", "difference", "ci95", "p", "paired", "verdict"} <= set(difference)
    json.dumps(document, allow_nan=False)


def test_a_known_effect_is_found_in_pairs_and_said_in_words(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", level(0.03), precursors=PRECURSORS)
    found = row(compare([study]))
    assert (found["a"], found["b"], found["paired"], found["n_a"]) == ("direct", "two-step", True, 8)
    apart = [
        [level(0.03)("two-step", p, k) - level(0.03)("direct", p, k) for k in range(4)] for p in PRECURSORS
    ]
    assert found["difference"] == pytest.approx(np.mean(apart))
    assert found["ci95"][0] < 0.03 < found["ci95"][1]
    assert found["p"] <= 0.05
    assert found["evidence"] == "clear"
    assert found["verdict"].startswith("two-step gives more sp² than direct by ")
    assert found["p_permutation"] == found["p_permutation_least"] == 2 / 2**8
    assert found["pair_correlation"] > 0.9
    assert [r["precursor"] for r in found["by_precursor"]] == sorted(PRECURSORS) or list(PRECURSORS)
    assert row(compare([study]), "sp")["verdict"].startswith("two-step gives less sp than direct by ")


def test_without_an_effect_no_difference_can_be_seen(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", level(0.0), precursors=PRECURSORS)
    found = row(compare([study], Options(smallest={"sp2": 0.002})))
    assert found["ci95"][0] < 0 < found["ci95"][1]
    assert found["p"] > 0.05
    assert found["verdict"].startswith("no difference can be seen in sp²")
    assert found["effect_planned_for"] == 0.002
    assert f"about {found['replicas_needed']} replicas of each" in found["verdict"]
    assert found["replicas_needed"] > 8
    assert "0.20 points" in found["verdict"]


def test_what_is_alike_everywhere_is_said_to_be(tmp_path: Path) -> None:
    found = row(compare([make_study(tmp_path / "s", level(0.03))]), "sp3")
    assert (found["difference"], found["ci95"], found["p"]) == (0.0, None, None)
    assert found["verdict"].startswith("no difference can be seen in sp³: it is the same in every replica")


def test_a_difference_without_spread_has_no_interval(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", lambda protocol, _, k: 0.8 if protocol == "direct" else 0.9)
    found = row(compare([study]))
    assert found["difference"] == pytest.approx(0.1)
    assert (found["ci95"], found["p"], found["evidence"]) == (None, None, "unknown")
    assert "without any spread" in found["verdict"]


def test_one_replica_says_that_nothing_can_be_tested(tmp_path: Path) -> None:
    found = compare([make_study(tmp_path / "s", level(0.03), replicas=1)])
    final = found.document()["protocols"]["direct"]["final"]["sp2"]
    assert final["sem"] is None and final["ci95"] is None and final["mean"] > 0
    assert row(found)["p"] is None
    assert "may be chance" in row(found)["verdict"]


def test_one_replica_a_precursor_is_a_sample_of_precursors(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", level(0.03), precursors=PRECURSORS, replicas=1)
    found = compare([study])
    assert row(found)["over"] == "precursors"
    assert any("further precursors" in text for text in found.caveats)


def test_claims_over_precursors_rest_on_precursors_only(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", level(0.03), precursors=PRECURSORS, replicas=8)
    of_replicas, of_precursors = (
        row(compare([study], Options(over=over))) for over in ("replicas", "precursors")
    )
    assert of_precursors["difference"] == pytest.approx(of_replicas["difference"])
    means = [r["difference"] for r in of_precursors["by_precursor"]]
    test = stats.ttest_1samp(means, 0.0)
    assert of_precursors["p"] == pytest.approx(test.pvalue)
    assert of_precursors["over"] == "precursors"


def test_a_pore_that_nothing_winds_through_is_missing_not_zero(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "direct", free_sphere_A=None)
    make_run(tmp_path / "b", "two-step", free_sphere_A=4.0)
    document = compare([tmp_path / "a", tmp_path / "b"]).document()
    final = document["protocols"]["direct"]["final"]["largest_free_sphere_A"]
    assert final["mean"] is None and final["missing"] == 4
    found = next(d for d in document["differences"] if d["quantity"] == "largest_free_sphere_A")
    assert found["difference"] is None
    assert "cannot be compared" in found["verdict"] and "no value in 4 of direct" in found["verdict"]


def test_closing_temperatures_are_medians_of_pores_that_closed_for_good(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "direct", closing_K=[2000.0, 2100.0, None, 2300.0])
    make_run(tmp_path / "b", "two-step", closing_K=[2100.0, 2230.0, 2000.0, None])
    found = row(compare([tmp_path / "a", tmp_path / "b"]), "closing_temperature_K.N2")
    assert found["n_a"] == 2  # pairs in which both closed
    assert found["difference"] == pytest.approx(115.0)
    assert (found["missing_a"], found["missing_b"]) == (1, 1)


def test_numbers_that_later_analyses_add_are_compared_by_their_path(tmp_path: Path) -> None:
    for name, spacing in (("direct", 3.6), ("two-step", 3.5)):
        extra = {
            "rings": {"6": 80, "hexagon_fraction": 0.7, "definition": "shortest-path"},
            "scattering": {"xrd": {"d002_A": spacing, "d002_error_A": 0.01, "layers": 3.0}},
            "capacity": {"plateau_mAh_g": [100.0, 150.0 + spacing, 200.0]},
        }
        make_run(tmp_path / name, name, extra=extra)
    document = compare([tmp_path / "direct", tmp_path / "two-step"]).document()
    final = document["protocols"]["direct"]["final"]
    assert final["scattering"]["xrd"]["d002_A"]["mean"] == 3.6
    assert final["rings"]["hexagon_fraction"]["unit"] == "1"
    assert final["capacity"]["plateau_mAh_g"]["mean"] == pytest.approx(153.6)
    assert "d002_error_A" not in final["scattering"]["xrd"]
    found = next(d for d in document["differences"] if d["quantity"] == "scattering.xrd.d002_A")
    assert found["difference"] == pytest.approx(-0.1)


def test_runs_of_one_name_pool_as_precursors(tmp_path: Path) -> None:
    for i in (1, 2):
        for name in ("direct", "two-step"):
            make_run(tmp_path / f"{name}-{i}", name, structure_seed=i)
    document = compare(sorted(tmp_path.iterdir())).document()
    assert {name: p["n_replicas"] for name, p in document["protocols"].items()} == {
        "direct": 8,
        "two-step": 8,
    }
    assert len(document["protocols"]["direct"]["precursors"]) == 2
    assert document["differences"][0]["paired"] is True


def test_other_seeds_are_compared_without_pairs(tmp_path: Path) -> None:
    a, b = [0.80, 0.82, 0.81, 0.83], [0.84, 0.85, 0.83, 0.88]
    make_run(tmp_path / "a", "direct", a, seed=1)
    make_run(tmp_path / "b", "two-step", b, seed=2)
    found = row(compare([tmp_path / "a", tmp_path / "b"]))
    assert found["paired"] is False
    assert found["p_t"] == pytest.approx(stats.ttest_ind(b, a, equal_var=False).pvalue)


def test_the_mean_over_the_last_stage_is_offered(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "direct", frames=9)
    make_run(tmp_path / "b", "two-step", frames=9)
    last, stage = (
        compare([tmp_path / "a", tmp_path / "b"], Options(over_stage=over)).finals["direct"]["sp2"].mean
        for over in (False, True)
    )
    assert last is not None and stage is not None
    # the last stage begins at 3 of 4 ps: frames at 3.5 and 4 ps, and sp2 rises in a straight line
    assert stage == pytest.approx(0.5 + (last - 0.5) * (3.5 + 4.0) / 2 / 4.0)


def test_one_protocol_gives_its_means_and_says_so(tmp_path: Path) -> None:
    found = compare([make_run(tmp_path / "a")])
    assert found.differences == []
    assert any("one protocol only" in text for text in found.caveats)


def test_a_reference_limits_the_comparisons(tmp_path: Path) -> None:
    for name in ("direct", "two-step", "flash"):
        make_run(tmp_path / name, name)
    paths = [tmp_path / name for name in ("direct", "two-step", "flash")]
    pairs = {(d.a, d.b) for d in compare(paths, Options(reference="flash")).differences}
    assert pairs == {("flash", "direct"), ("flash", "two-step")}
    assert len({(d.a, d.b) for d in compare(paths).differences}) == 3


def test_curves_are_aligned_by_time_temperature_and_dose(tmp_path: Path) -> None:
    sp2 = (0.80, 0.82, 0.81, 0.83)
    make_run(tmp_path / "a", "direct", sp2, hottest_K=3000, hold_ps=2.0, frames=41)
    make_run(tmp_path / "b", "flash", sp2, hottest_K=4000, hold_ps=0.5, frames=26)
    found = compare([tmp_path / "a", tmp_path / "b"], Options(activation_energy_eV=5.0))
    curves = curves_dataset(found)
    along = curves["sp2_against_time"].sel(protocol="direct")
    assert along.attrs["units"] == "1"
    at_2 = along.sel(time_ps=2.0)
    assert float(at_2.sel(statistic="mean")) == pytest.approx(0.5 + (np.mean(sp2) - 0.5) * 0.5)
    low, high = stats.t.interval(0.95, 3, np.mean(sp2), stats.sem(sp2))
    assert along.sel(time_ps=4.0).values == pytest.approx([np.mean(sp2), low, high])
    assert np.isnan(curves["sp2_against_time"].sel(protocol="flash", time_ps=4.0)).all()
    # at 3000 K the hold is over: 1 + 2 of 4 ps; in the flash 3000 K are passed on the way
    by_T = curves["sp2_against_temperature"].sel(temperature_K=3000.0, statistic="mean")
    assert float(by_T.sel(protocol="direct")) == pytest.approx(0.5 + (np.mean(sp2) - 0.5) * 3 / 4, abs=1e-6)
    assert float(by_T.sel(protocol="flash")) < 0.65
    assert np.isnan(curves["sp2_against_temperature"].sel(temperature_K=4000.0, protocol="direct")).all()
    dose = float(curves["thermal_dose_ps"][-1])
    times = np.linspace(0, 2.5, 26)
    target = np.interp(times, [0, 1, 1.5, 2.5], [300, 4000, 4000, 300])
    assert dose == pytest.approx(thermal_dose(times, target, 5.0, 3000.0)[-1], rel=1e-6)
    assert curves["final_sp2"].sel(protocol="direct").values == pytest.approx(sp2)


def test_without_an_activation_energy_there_is_no_dose(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "direct")
    assert "thermal_dose_ps" not in curves_dataset(compare([tmp_path / "a"])).coords


def spoil(tmp_path: Path, case: str) -> list[Path]:
    """Folders that cannot be compared."""
    a = make_run(tmp_path / "a", "direct")
    if case == "missing":
        return [a, tmp_path / "nowhere"]
    if case == "a file":
        return [a, a / "manifest.json"]
    if case == "unfinished":
        return [a, make_run(tmp_path / "b", "two-step", status="interrupted")]
    if case == "failed replica":
        return [a, make_run(tmp_path / "b", "two-step", status="failed", failed=[2])]
    if case == "shorter":
        return [a, make_run(tmp_path / "b", "direct", hold_ps=1.0, structure_seed=2)]
    if case == "probes":
        analysis = AnalysisConfig(probes_A={**PROBES_A, "N2": 3.7})
        return [a, make_run(tmp_path / "b", "two-step", analysis=analysis)]
    if case == "cutoff":
        return [a, make_run(tmp_path / "b", "two-step", analysis=AnalysisConfig(bond_cutoff_A=2.0))]
    if case == "twice":
        return [a, a]
    if case == "copy":
        return [a, make_run(tmp_path / "b", "direct")]
    if case == "other protocol":
        return [a, make_run(tmp_path / "b", "direct", hottest_K=3500, structure_seed=2)]
    if case == "other size":
        study = make_study(tmp_path / "s", level(0.0), atoms=100)
        (study / "runs" / "two-step--precursor-1000" / "analysis.jsonl").write_text(
            (study / "runs" / "direct--precursor-1000" / "analysis.jsonl")
            .read_text()
            .replace('"n_atoms": 100', '"n_atoms": 101')
        )
        return [study]
    if case == "no study":
        (tmp_path / "s").mkdir()
        (tmp_path / "s" / "study.json").write_text('{"schema_version": 1, "name": 3}')
        return [tmp_path / "s"]
    if case == "not begun":
        study = make_study(tmp_path / "s", level(0.0))
        (study / "runs" / "two-step--precursor-1000" / "manifest.json").unlink()
        return [study]
    assert case == "last frame"
    records = (a / "analysis.jsonl").read_text().splitlines()
    (a / "analysis.jsonl").write_text("\n".join(records[:-1]) + "\n")
    return [a]


BAD = {
    "missing": "no such run folder",
    "a file": "give the folder of a run or a study",
    "unfinished": "is not finished \\(interrupted",
    "failed replica": "replica 2 failed at step 10",
    "shorter": "is 3 ps long, but another run of protocol 'direct' is 4 ps",
    "probes": "analysed differently \\(analysis.probes_A.N2\\)",
    "cutoff": "analysis.bond_cutoff_A",
    "twice": "given twice",
    "copy": "a copy is no further replica",
    "other protocol": "two different protocols are named 'direct'",
    "other size": "100, 101 atoms",
    "no study": "is damaged",
    "not begun": "has not begun",
    "last frame": "its last frame was not analysed",
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_is_one_line_and_exit_code_2(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = spoil(tmp_path, case)
    with pytest.raises(InputError, match=BAD[case]):
        compare(paths)
    monkeypatch.setattr(
        "sys.argv", ["carbonize", "compare", *map(str, paths), "--out", str(tmp_path / "out")]
    )
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("carbonize: error: ") and error.count("\n") == 1
    assert not (tmp_path / "out" / "comparison.json").exists()


@pytest.mark.parametrize("case", ["unfinished", "failed replica", "shorter", "not begun", "last frame"])
def test_what_is_unfinished_is_left_out_on_request_and_said(tmp_path: Path, case: str) -> None:
    found = compare(spoil(tmp_path, case), Options(leave_out_unfinished=True))
    assert len(found.left_out) == 1
    assert found.document()["left_out"] == found.left_out
    if case == "failed replica":
        assert len(found.protocols["two-step"]) == 3
        assert row(found)["n_a"] == 3


def test_other_lengths_temperatures_and_potentials_of_protocols_are_said(tmp_path: Path) -> None:
    make_run(tmp_path / "a", "direct")
    make_run(tmp_path / "b", "slow", hold_ps=4.0)
    caveats = compare([tmp_path / "a", tmp_path / "b"]).caveats
    assert any("direct 4 ps, slow 6 ps" in text for text in caveats)
    study = make_study(tmp_path / "s", level(0.0))
    manifest = json.loads((study / "study.json").read_text())
    manifest["runs"][1]["potential"] = "tersoff-1989"
    (study / "study.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="different potentials"):
        compare([study])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--over", "atoms"], "--over atoms"),
        (["--final", "first"], "--final first"),
        (["--reference", "x"], "no such protocol"),
        (["--smallest-effect", "sp2"], "write NAME=NUMBER"),
        (["--smallest-effect", "sp9=1"], "no such quantity"),
        (["--smallest-effect", "sp2=-1"], "above 0"),
        (["--activation-energy", "-1"], "expected eV"),
    ],
)
def test_options_that_mean_nothing_are_refused(tmp_path: Path, options: list[str], message: str) -> None:
    run = make_run(tmp_path / "a")
    result = CliRunner().invoke(app, ["compare", str(run), "--out", str(tmp_path / "out"), *options])
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)


def test_the_command_writes_its_files_and_says_the_verdict(tmp_path: Path) -> None:
    study = make_study(tmp_path / "s", level(0.03), precursors=PRECURSORS)
    out = tmp_path / "out"
    result = CliRunner().invoke(app, ["compare", str(study), "--out", str(out), "--no-report"])
    assert result.exit_code == 0, result.output
    assert "two-step gives more sp² than direct by" in result.output
    assert json.loads((out / "comparison.json").read_text())["protocols"]["two-step"]["n_replicas"] == 8
    with xr.open_dataset(out / "comparison.nc", engine="h5netcdf") as curves:
        assert curves["final_class_volume_cm3_g.closed"].attrs["units"] == "cm3/g"
    again = CliRunner().invoke(app, ["compare", str(study), "--out", str(out), "--no-report", "--json"])
    assert json.loads(again.stdout) == json.loads((out / "comparison.json").read_text())


def test_rounding_is_not_taken_for_a_difference(tmp_path: Path) -> None:
    for name, noise in (("direct", 1e-14), ("two-step", 3e-13)):
        make_run(
            tmp_path / name,
            name,
            extra={"capacity": {"slope_mAh_g": noise, "plateau_mAh_g": [0.0, noise, 1.0]}},
        )
    found = row(compare([tmp_path / "direct", tmp_path / "two-step"]), "capacity.plateau_mAh_g")
    assert (found["difference"], found["evidence"]) == (0.0, "none")
