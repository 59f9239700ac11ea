"""From analysis records to analysis.nc, pores.csv, summary.json and the series."""

from __future__ import annotations

import copy
import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from carbonize.config import dump_protocol, parse_protocol
from carbonize.errors import CarbonizeError, InputError
from carbonize.io.files import append_json_line, cut_json_lines, read_json, read_json_lines, write_atomic
from carbonize.io.results import CLASS_NAMES, analysis_dataset, pores_csv, series_dataset, summary
from carbonize.io.rundir import load_run

PROTOCOL = {
    "name": "small",
    "structure": {"kind": "random", "atoms": 10, "density_g_cm3": 1.0},
    "schedule": [{"kind": "hold", "temperature_K": 300, "duration_ps": 1}],
}


def record(replica: int = 0, step: int = 0, sp2: float = 0.2, entrance: float | None = 4.0) -> dict[str, Any]:
    classes = {c: {"count": 0, "volume_A3": 0.0, "volume_cm3_g": 0.0, "fraction": 0.0} for c in CLASS_NAMES}
    name = "fully-closed" if entrance is None else "quasi-closed"
    classes[name] = {"count": 1, "volume_A3": 50.0, "volume_cm3_g": 0.1, "fraction": 1.0}
    probe = {
        "diameter_A": 2.6,
        "accessible_volume_A3": 0.0 if entrance is None else 50.0,
        "inaccessible_volume_A3": 50.0 if entrance is None else 0.0,
        "accessible_area_A2": 9.0,
        "inaccessible_area_A2": 1.0,
        "accessible_area_m2_g": 450.0,
        "channels": 0 if entrance is None else 1,
        "pockets": 1 if entrance is None else 0,
        "channel_dimensionality": 0 if entrance is None else 3,
    }
    item = {
        "id": 0, "class": name, "entrance_A": entrance, "diameter_A": 6.0, "volume_A3": 50.0,
        "center_A": [1.0, 2.0, 3.0], "margin_A": None if entrance is None else 0.7,
        "necks_A": [] if entrance is None else [4.5, entrance], "area_A2": 90.0, "sphericity": 0.73,
        "gyration_eigenvalues_A2": [3.0, 2.0, 1.0], "volume_margin": 1.0,
        "probes": [] if entrance is None else ["He", "CO2"], "winding": "isolated" if entrance is None else "through",
    }  # fmt: skip
    return {
        "replica": replica, "step": step, "time_ps": step / 2000, "temperature_K": 310.0, "target_K": 300.0,
        "frame": {
            "index": 0, "n_atoms": 10, "cell_volume_A3": 200.0, "density_g_cm3": 1.0,
            "bonding": {
                "cutoff_A": 1.85, "coordination_fraction": {"0": 0.1, "1": 0.2, "2": 0.5, "3": sp2, "4": 0.0},
                "sp": 0.5, "sp2": sp2, "sp3": 0.0, "mean_coordination": 1.8, "mean_bond_length_A": None,
            },
            "pores": {
                "largest_included_sphere_A": 6.0, "largest_free_sphere_A": entrance,
                "largest_free_sphere_along_A": [entrance, None, None],
                "probes": {"He": probe}, "classes": classes, "items": [item],
            },
        },
    }  # fmt: skip


def series_row(replica: int, step: int, kelvin: float) -> dict[str, Any]:
    return {
        "step": step, "time_ps": step / 2000, "replica": replica, "target_K": 300.0, "temperature_K": kelvin,
        "mean_temperature_K": kelvin, "potential_eV_per_atom": -7.0, "kinetic_eV_per_atom": 0.04,
    }  # fmt: skip


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return [
        record(r, s, sp2=0.1 * r + s / 10000, entrance=None if s else 4.0) for s in (0, 1000) for r in (0, 1)
    ]


def test_every_variable_of_the_dataset_has_a_unit(records: list[dict[str, Any]]) -> None:
    data = analysis_dataset(records, {"name": "x"})
    assert {"sp", "sp2", "sp3", "density_g_cm3", "largest_included_sphere_A", "largest_free_sphere_A"} <= set(
        data
    )
    for name, variable in data.data_vars.items():
        assert "units" in variable.attrs, name


def test_the_dataset_has_replicas_frames_classes_and_probes_where_they_belong(
    records: list[dict[str, Any]],
) -> None:
    data = analysis_dataset(records, {})
    assert dict(data.sizes) == {"replica": 2, "frame": 2, "pore_class": 4, "probe": 1, "ring_size": 10}
    np.testing.assert_allclose(data.sp2, [[0.0, 0.1], [0.1, 0.2]])
    np.testing.assert_allclose(data.dangling, 0.3)
    assert data.class_volume_A3.sel(replica=1, pore_class="quasi-closed").values.tolist() == [50.0, 0.0]
    assert data.class_volume_A3.sel(replica=1, pore_class="fully-closed").values.tolist() == [0.0, 50.0]
    assert data.accessible_volume_A3.sel(replica=0, probe="He").values.tolist() == [50.0, 0.0]
    assert data.step.values.tolist() == [[0, 1000], [0, 1000]]


def test_ranges_of_class_volumes_are_there_where_radii_are_uncertain(records: list[dict[str, Any]]) -> None:
    assert "class_volume_low_cm3_g" not in analysis_dataset(records, {})
    classes = {c: {"volume_cm3_g": [0.1 * n, 0.1 * n + 0.05]} for n, c in enumerate(CLASS_NAMES)}
    records[1]["frame"]["pores"]["radius_uncertainty"] = {"delta_A": 0.1, "classes": classes}
    data = analysis_dataset(records, {})
    np.testing.assert_allclose(data.class_volume_low_cm3_g.values[1, 0], [0, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(data.class_volume_high_cm3_g.values[1, 0], [0.05, 0.15, 0.25, 0.35])
    assert np.isnan(data.class_volume_low_cm3_g.values[0]).all()
    assert data.class_volume_low_cm3_g.attrs["units"] == "cm3/g"
    assert "within 0.1 angstrom" in data.class_volume_high_cm3_g.attrs["long_name"]


def test_nothing_that_passes_becomes_nan_and_not_zero(records: list[dict[str, Any]]) -> None:
    data = analysis_dataset(records, {})
    assert data.largest_free_sphere_A.values[0, 0] == 4.0
    assert np.isnan(data.largest_free_sphere_A.values[0, 1])


def test_the_dataset_survives_netcdf(records: list[dict[str, Any]], tmp_path: Path) -> None:
    data = analysis_dataset(records, {"name": "x"})
    data.to_netcdf(tmp_path / "analysis.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "analysis.nc", engine="h5netcdf") as again:
        xr.testing.assert_identical(again.load(), data)


def test_a_frame_without_pores_leaves_a_gap_and_not_a_zero(records: list[dict[str, Any]]) -> None:
    del records[-1]["frame"]["pores"]
    data = analysis_dataset(records, {})
    assert np.isnan(data.class_volume_A3.values[1, 1]).all()
    assert np.isfinite(data.sp2.values).all()
    assert len(list(csv.DictReader(io.StringIO(pores_csv(records))))) == 3


def test_a_replica_that_stopped_early_leaves_a_gap(records: list[dict[str, Any]]) -> None:
    data = analysis_dataset(records[:-1], {})
    assert np.isnan(data.sp2.values[1, 1])
    assert np.isfinite(data.sp2.values[0]).all()


def test_pores_csv_has_one_row_a_pore_a_frame(records: list[dict[str, Any]]) -> None:
    second = copy.deepcopy(records[0]["frame"]["pores"]["items"][0])
    records[0]["frame"]["pores"]["items"].append({**second, "id": 1})
    rows = list(csv.DictReader(io.StringIO(pores_csv(records))))
    assert [(r["replica"], r["frame"], r["id"]) for r in rows] == [
        ("0", "0", "0"), ("0", "0", "1"), ("1", "0", "0"), ("0", "1", "0"), ("1", "1", "0"),
    ]  # fmt: skip
    assert rows[0]["class"] == "quasi-closed"
    assert float(rows[0]["center_z_A"]) == 3.0


def test_a_pore_that_nothing_reaches_has_an_empty_entrance(records: list[dict[str, Any]]) -> None:
    last = list(csv.DictReader(io.StringIO(pores_csv(records))))[-1]
    assert last["class"] == "fully-closed"
    assert last["entrance_A"] == ""
    assert last["margin_A"] == ""


def test_the_summary_sets_first_and_last_frame_side_by_side(records: list[dict[str, Any]]) -> None:
    data = summary(records, "x", "finished")
    json.dumps(data, allow_nan=False)
    assert (data["first"]["step"], data["last"]["step"]) == (0, 1000)
    assert data["last"]["bonding"]["sp2"] == pytest.approx(0.1)
    assert "items" not in data["last"]["pores"]
    assert [r["replica"] for r in data["replicas"]] == [0, 1]
    assert data["on"] == data["last"]["on"] == "frame"
    assert summary([{**r, "on": "inherent"} for r in records], "x", "finished")["on"] == "inherent"
    assert data["replicas"][1]["last"]["bonding"]["sp2"] == pytest.approx(0.2)


def test_the_summary_of_a_run_without_an_analysis_is_empty_but_there() -> None:
    data = summary([], "x", "failed")
    assert data["first"] is None
    assert data["replicas"] == []


def test_the_series_becomes_a_dataset_with_units() -> None:
    data = series_dataset([series_row(r, s, 300 + r + s) for s in (0, 500) for r in (0, 1)])
    assert dict(data.sizes) == {"replica": 2, "sample": 2}
    assert data.temperature_K.values.tolist() == [[300, 800], [301, 801]]
    assert data.potential_eV_per_atom.attrs["units"] == "eV"


@pytest.fixture
def run_folder(tmp_path: Path, records: list[dict[str, Any]]) -> Path:
    """What a run leaves behind, without its trajectory."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "protocol.yaml").write_text(dump_protocol(parse_protocol(PROTOCOL)))
    (folder / "manifest.json").write_text(json.dumps({"schema_version": 1, "status": "running"}))
    for step in (0, 500, 1000):
        append_json_line(folder / "series.jsonl", series_row(0, step, 300 + step))
    for row in records:
        append_json_line(folder / "analysis.jsonl", row)
    return folder


def test_a_run_can_be_looked_at_before_it_has_finished(run_folder: Path) -> None:
    run = load_run(run_folder)
    assert run.manifest["status"] == "running"
    assert run.protocol.name == "small"
    assert run.series.temperature_K.values.tolist() == [[300, 800, 1300]]
    assert run.analysis.sizes["frame"] == 2
    assert len(run.records) == 4
    with pytest.raises(InputError, match="no trajectory yet"):
        _ = run.trajectory
    assert repr(run) == f"Run({str(run_folder)!r}, running)"


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such run folder"):
        load_run(tmp_path / "none")
    with pytest.raises(InputError, match="not a run folder"):
        load_run(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file, expected a run folder"):
        load_run(tmp_path / "file")


def test_an_unfinished_last_line_is_left_out_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"step": 0}\n{"step": 500}\n{"ste')
    assert [r["step"] for r in read_json_lines(path)] == [0, 500]
    path.write_text('{"step": 0}\n{"st\n{"step": 1000}\n')
    with pytest.raises(InputError, match="line 2 is damaged"):
        list(read_json_lines(path))
    path.write_text("[1]\n")
    with pytest.raises(InputError, match="line 1 is damaged: expected a record"):
        list(read_json_lines(path))
    assert list(read_json_lines(tmp_path / "none.jsonl")) == []


def test_records_after_the_checkpoint_are_cut_with_the_unfinished_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"step": 0}\n{"step": 500}\n{"step": 1000}\n{"st')
    cut_json_lines(path, 500)
    assert path.read_text() == '{"step": 0}\n{"step": 500}\n'
    cut_json_lines(tmp_path / "none.jsonl", 500)


def test_nan_is_never_written_to_a_record(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        append_json_line(tmp_path / "a.jsonl", {"step": float("nan")})


def test_an_atomic_write_leaves_the_old_file_when_it_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from carbonize.io import files

    path = tmp_path / "a.json"
    write_atomic(path, "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CarbonizeError, match=r"a\.json: cannot be written: No space left"):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


@pytest.mark.parametrize("text", ["", "{", "[1]", "\xff"])
def test_json_that_is_damaged_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "manifest.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"manifest\.json: "):
        read_json(path)


def test_channels_and_pockets_of_each_probe_are_in_the_dataset(records: list[dict[str, Any]]) -> None:
    data = analysis_dataset(records, {}).sel(replica=0, probe="He")
    assert data.channels.values.tolist() == [1, 0]
    assert data.pockets.values.tolist() == [0, 1]
    assert data.channel_dimensionality.values.tolist() == [3, 0]
    assert data.accessible_area_m2_g.values.tolist() == [450.0, 450.0]


def test_necks_and_probes_of_a_pore_stand_in_one_column_each(records: list[dict[str, Any]]) -> None:
    old = copy.deepcopy(records[0])
    for key in (
        "necks_A",
        "area_A2",
        "sphericity",
        "gyration_eigenvalues_A2",
        "volume_margin",
        "probes",
        "winding",
    ):
        del old["frame"]["pores"]["items"][0][key]  # as an earlier version wrote it
    rows = list(csv.DictReader(io.StringIO(pores_csv([records[0], records[-1], old]))))
    assert [row["necks_A"] for row in rows] == ["4.5 4.0", "", ""]
    assert [row["probes"] for row in rows] == ["He CO2", "", ""]
    assert [row["winding"] for row in rows] == ["through", "isolated", ""]
    assert [row["gyration_1_A2"] for row in rows] == ["3.0", "3.0", ""]
    assert [row["gyration_3_A2"] for row in rows] == ["1.0", "1.0", ""]
    assert [row["sphericity"] for row in rows] == ["0.73", "0.73", ""]
    assert list(rows[0])[13] == "margin_A"  # what was there keeps its place
