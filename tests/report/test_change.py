"""The sentences follow the numbers, whichever way they went."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from fake_run import PROBES_A, make_run

from carbonize.io.rundir import load_run
from carbonize.report.change import first_and_last, headline_rows, reading
from carbonize.report.style import BONDING_COLORS, CLASS_COLORS


@pytest.fixture
def records(tmp_path: Path) -> list[dict[str, Any]]:
    return load_run(make_run(tmp_path)).records


def _said(records: list[dict[str, Any]]) -> dict[str, str]:
    pairs = first_and_last(records)
    replicas = len({r["replica"] for r in records})
    return {s.topic: s.text for s in reading(pairs, 150, replicas, PROBES_A)}


def test_healing_is_called_more_graphite_like(records: list[dict[str, Any]]) -> None:
    text = _said(records)["Bonding"]
    assert "more graphite-like: atoms turned threefold" in text
    assert "sp² rose" in text and "sp fell" in text


def test_the_same_run_backwards_is_called_less_graphite_like(records: list[dict[str, Any]]) -> None:
    steps = [r["step"] for r in records]
    backwards = [{**r, "step": s} for r, s in zip(reversed(records), steps, strict=True)]
    said = _said(backwards)
    assert "less graphite-like" in said["Bonding"]
    assert "narrowed" in said["Cavities"]
    assert "shrank" in said["Pore volume"]


def test_no_change_is_not_called_one(records: list[dict[str, Any]]) -> None:
    still = [records[0], {**copy.deepcopy(records[0]), "step": 100}]
    said = _said(still)
    assert "did not become more graphite-like" in said["Bonding"]
    assert "rose" not in said["Bonding"] and "fell" not in said["Bonding"]
    assert "kept its width" in said["Cavities"]


def test_probes_pass_up_to_the_largest_free_sphere(records: list[dict[str, Any]]) -> None:
    records[-1]["frame"]["pores"]["largest_free_sphere_A"] = 3.5
    text = _said(records)["Access"]
    assert "He (2.6 Å) and CO2 (3.3 Å) can pass it" in text
    assert "N2 (3.64 Å) and EC (5.7 Å) cannot" in text
    assert "For N2 this is too close to call" in text


def test_frames_at_unlike_temperatures_are_flagged(records: list[dict[str, Any]]) -> None:
    assert "Mind the temperatures" not in _said(records)
    records[-1]["temperature_K"] = 2000.0
    assert "Mind the temperatures" in _said(records)


def test_a_frame_without_pore_analysis_gives_words_not_numbers(records: list[dict[str, Any]]) -> None:
    del records[-1]["frame"]["pores"]
    said = _said(records)
    assert not any("nan" in text for text in said.values())
    rows = headline_rows(first_and_last(records), {**BONDING_COLORS, **CLASS_COLORS})
    assert not any("nan" in r.last + r.change for r in rows)


def test_replicas_are_averaged_and_their_range_given(tmp_path: Path) -> None:
    records = load_run(make_run(tmp_path, replicas=3)).records
    pair = first_and_last(records)["sp2"]
    ends = [r["frame"]["bonding"]["sp2"] for r in records[-3:]]
    assert pair.last == pytest.approx(sum(ends) / 3)
    assert (pair.low, pair.high) == (min(ends), max(ends))


def test_the_range_of_class_volumes_stands_beside_them(records: list[dict[str, Any]]) -> None:
    colors = {**BONDING_COLORS, **CLASS_COLORS}
    assert not [row for row in headline_rows(first_and_last(records), colors) if "radii" in row.spread]
    classes = {name: {"volume_cm3_g": [0.01, 0.234]} for name in CLASS_COLORS}
    records[-1]["frame"]["pores"]["radius_uncertainty"] = {"delta_A": 0.1, "classes": classes}
    rows = [row for row in headline_rows(first_and_last(records), colors) if "radii" in row.spread]
    assert [row.spread for row in rows] == ["0.010 to 0.234 with radii ± 0.1 Å"] * 4
