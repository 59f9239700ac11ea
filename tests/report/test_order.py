"""Rings and sheets in the report: drawn where they were counted, left out where they were not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from carbon_models import graphite_slab, stone_wales

from carbonize import analyze
from carbonize.io.results import analysis_dataset
from carbonize.report.order import order_figure, order_rows, write_order_figure


def run_of(structures: list[list[Any]], what: str = "bonding,rings,sheets") -> Any:
    """A run whose replicas went through these structures."""
    records = [
        {
            "replica": replica,
            "step": 100 * k,
            "time_ps": 0.1 * k,
            "temperature_K": 300.0,
            "frame": analyze(atoms, what=what),
        }
        for replica, history in enumerate(structures)
        for k, atoms in enumerate(history)
    ]
    return SimpleNamespace(records=records, analysis=analysis_dataset(records, {}))


def test_the_lines_of_the_figure_are_the_shares_of_the_rings():
    figure = order_figure(run_of([[stone_wales(), graphite_slab(2)]]))
    lines = {line.get_label(): np.asarray(line.get_ydata()) for line in figure.axes[0].get_lines()}
    np.testing.assert_allclose(lines["hexagons"], [100 * 32 / 36, 100.0])
    np.testing.assert_allclose(lines["pentagons"], [100 * 2 / 36, 0.0])
    np.testing.assert_allclose(lines["heptagons"], [100 * 2 / 36, 0.0])
    np.testing.assert_allclose(lines["all others"], 0.0, atol=1e-12)


def test_rows_have_units_and_a_dash_for_what_is_not_there():
    rows = {row.name: row for row in order_rows(run_of([[stone_wales(), graphite_slab(2)]]).records)}
    hexagons = rows["hexagons among the rings"]
    assert (hexagons.first, hexagons.last, hexagons.change) == ("88.9 %", "100.0 %", "+11.1 points")
    assert rows["pyramidalization of sp² atoms (mean)"].last == "0.0°"
    # without layers at the first frame there is no spacing to compare
    assert "spacing of these layers (mean)" not in rows
    both = order_rows(run_of([[graphite_slab(2, 3.4), graphite_slab(2, 3.6)]]).records)
    assert [row.change for row in both if row.name.startswith("spacing")] == ["+0.20 Å"]


def test_replicas_are_averaged_and_their_range_is_told():
    run = run_of([[stone_wales()], [graphite_slab(2)]])
    [hexagons] = [row for row in order_rows(run.records) if row.name.startswith("hexagons")]
    assert hexagons.last == "94.4 %"
    assert "88.9" in hexagons.spread and "100.0" in hexagons.spread
    order_figure(run)


def test_nothing_is_drawn_where_rings_were_not_counted(tmp_path):
    bare = run_of([[graphite_slab(1)]], what="bonding")
    assert write_order_figure(bare, tmp_path) == {}
    assert order_rows(bare.records) == []
    with pytest.raises(ValueError, match="no rings"):
        order_figure(bare)
    old = SimpleNamespace(records=[], analysis=bare.analysis.drop_vars("ring_count"))
    assert write_order_figure(old, tmp_path) == {}


def test_the_figure_is_written_as_a_picture(tmp_path):
    found = write_order_figure(run_of([[bulk("C", "diamond", a=3.567, cubic=True)]]), tmp_path)
    assert found["rings"].read_bytes()[:4] == b"\x89PNG"
