"""Curves: units on every axis, one line a quantity, no trouble with replicas or missing values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fake_run import make_run

from carbonize.io.rundir import load_run
from carbonize.report.figures import FIGURES, bonding_figure, class_volume_figure, sphere_figure
from carbonize.report.style import BONDING_COLORS, CLASS_COLORS

CASES = {
    "three replicas": {"replicas": 3},
    "one frame": {"frames": 1},
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("error")
def test_every_axis_of_every_figure_has_a_label_with_a_unit(tmp_path: Path, name: str, case: str) -> None:
    figure = FIGURES[name](load_run(make_run(tmp_path, **CASES[case])))
    labels = [axes.get_ylabel() for axes in figure.axes]
    labels.append(figure.axes[-1].get_xlabel() or figure.axes[0].get_xlabel())
    assert all("(" in label and ")" in label for label in labels), labels
    figure.savefig(tmp_path / "x.png", dpi=50)


def test_figures_leave_matplotlib_as_it_was(tmp_path: Path) -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    bonding_figure(load_run(make_run(tmp_path)))
    assert dict(matplotlib.rcParams) == before


def test_bonding_curves_are_the_fractions_in_per_cent(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path))
    lines = {line.get_color(): line for line in bonding_figure(run).axes[0].get_lines()}
    for kind, color in BONDING_COLORS.items():
        drawn = np.asarray(lines[color].get_ydata(), dtype=float)
        np.testing.assert_allclose(drawn, 100 * run.analysis[kind].values[0])


def test_with_replicas_the_line_is_their_mean(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, replicas=3))
    line = sphere_figure(run).axes[0].get_lines()[0]
    mean = run.analysis["largest_included_sphere_A"].mean("replica").values
    np.testing.assert_allclose(np.asarray(line.get_ydata(), dtype=float), mean)


def test_class_volumes_have_one_area_a_class(tmp_path: Path) -> None:
    axes = class_volume_figure(load_run(make_run(tmp_path))).axes[0]
    assert len(axes.collections) == len(CLASS_COLORS)
