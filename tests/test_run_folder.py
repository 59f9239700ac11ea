"""What a run leaves behind: the files, their keys, and that they agree with each other."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read, write

import carbonize
from carbonize.cli.app import main


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("run")
    atoms = bulk("C", "diamond", a=4.4, cubic=True).repeat(2)
    atoms.rattle(0.2, seed=3)
    write(folder / "start.extxyz", atoms)
    (folder / "p.yaml").write_text(
        """
name: tiny
structure: {kind: file, path: start.extxyz}
potential: {kind: tersoff, parameters: tersoff-1989}
dynamics: {timestep_fs: 0.5, precision: float32, seed: 2, replicas: 2}
schedule:
  - {kind: hold, temperature_K: 500, duration_ps: 0.05}
  - {kind: quench, to_K: 300, duration_ps: 0.05}
output: {frame_every_ps: 0.025, analysis_every_ps: 0.05}
"""
    )
    return carbonize.run(folder / "p.yaml", folder / "out")


def test_every_file_of_the_contract_is_there(run: Any) -> None:
    names = (
        "protocol.yaml manifest.json series.jsonl events.jsonl trajectory/replica-000.gsd "
        "trajectory/replica-001.gsd analysis.nc pores.csv summary.json report.html"
    )
    for name in names.split():
        assert (run.path / name).stat().st_size > 0, name
    assert list((run.path / "figures").glob("*.png"))
    assert list((run.path / "checkpoint").glob("*.npz"))
    hidden = [p.name for p in run.path.rglob(".*")]
    assert hidden == [], "no temporary files stay"


def test_the_manifest_says_what_ran(run: Any) -> None:
    manifest = run.manifest
    assert manifest["status"] == "finished"
    assert manifest["step"] == manifest["total_steps"] == 200
    assert manifest["precision"] == "float32"
    assert manifest["structure"]["sha256"]
    assert {"jax", "numpy", "ase"} <= manifest["versions"].keys()
    assert manifest["device"]["platform"] == "cpu"
    assert manifest["timings"]["simulate_s"] > 0


def test_the_series_has_a_row_per_chunk_and_replica_with_the_documented_keys(run: Any) -> None:
    rows = [json.loads(line) for line in run.paths.series.read_text().splitlines()]
    steps = [0, 50, 100, 150, 200]
    assert [(r["step"], r["replica"]) for r in rows] == [(s, k) for s in steps for k in (0, 1)]
    keys = {"step", "time_ps", "target_K", "temperature_K", "potential_eV_per_atom", "kinetic_eV_per_atom"}
    assert all(keys <= row.keys() for row in rows)
    assert rows[-1]["target_K"] == 300.0
    assert rows[4]["target_K"] == 500.0
    assert rows[0]["temperature_K"] != rows[1]["temperature_K"]
    assert run.series["temperature_K"].dims == ("replica", "sample")
    assert run.series["temperature_K"].attrs["units"] == "K"


def test_the_trajectory_analyses_to_what_the_run_wrote(run: Any) -> None:
    frames = run.trajectories[1]
    assert [a.info["step"] for a in frames] == [0, 50, 100, 150, 200]
    result = carbonize.analyze(frames[-1])
    data = run.analysis.sel(replica=1).isel(frame=-1)
    assert float(data["sp2"]) == result["bonding"]["sp2"]
    assert float(data["density_g_cm3"]) == pytest.approx(result["density_g_cm3"], rel=1e-12)
    closed = float(data["class_volume_A3"].sel(pore_class="fully-closed"))
    assert closed == pytest.approx(result["pores"]["classes"]["fully-closed"]["volume_A3"], abs=1e-9)
    counts = np.bincount(frames[-1].arrays["coordination"], minlength=5) / len(frames[-1])
    assert counts[4] == result["bonding"]["sp3"]


def test_netcdf_carries_units(run: Any) -> None:
    import xarray as xr

    with xr.open_dataset(run.paths.analysis) as data:
        for name in data.data_vars:
            assert "units" in data[name].attrs, name
        assert data["sp"].dims == ("replica", "frame")
        assert data.sizes["frame"] == 3


def test_pores_csv_has_one_row_a_pore_a_frame(run: Any) -> None:
    rows = list(csv.DictReader(run.paths.pores.open()))
    records = [json.loads(line) for line in (run.path / "analysis.jsonl").read_text().splitlines()]
    assert len(rows) == sum(len(r["frame"]["pores"]["items"]) for r in records)


def test_the_summary_puts_first_and_last_side_by_side(run: Any) -> None:
    summary = json.loads(run.paths.summary.read_text())
    assert summary["first"]["step"] == 0
    assert summary["last"]["step"] == 200
    assert {"bonding", "rings", "sheets", "pores"} <= summary["last"].keys()
    assert len(summary["replicas"]) == 2


def test_export_writes_extxyz_that_ase_reads(
    run: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    target = tmp_path / "t.extxyz"
    monkeypatch.setattr(
        "sys.argv", ["carbonize", "export", str(run.path), "--to", "extxyz", "-o", str(target)]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code in (0, None)
    frames = read(target, ":")
    assert len(frames) == 5
    np.testing.assert_allclose(frames[2].positions, run.trajectory[2].positions, atol=1e-5)
    assert frames[2].info["temperature_K"] == pytest.approx(run.trajectory[2].info["temperature_K"])


def test_a_random_start_is_packed_and_relaxed(tmp_path: Path) -> None:
    protocol = {
        "name": "packed",
        "structure": {"kind": "random", "atoms": 60, "density_g_cm3": 1.2, "seed": 4},
        "potential": {"kind": "edip"},
        "schedule": [{"kind": "hold", "temperature_K": 300, "duration_ps": 0.01}],
    }
    run = carbonize.run(protocol, tmp_path / "r", report=False)
    assert run.manifest["n_atoms"] == 60
    assert run.summary["last"]["density_g_cm3"] == pytest.approx(1.2, rel=1e-5)
