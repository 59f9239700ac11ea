"""The life of pores on the page: pictures from tracks, and words that follow the numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_run import make_run
from pore_movies import Scene, movie

from carbonize.io.rundir import load_run
from carbonize.report.lives import courses, entrance_figure, flow_figure
from carbonize.report.page import write_report
from carbonize.tracking.settings import Settings
from carbonize.tracking.track import track_run


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = make_run(tmp_path_factory.mktemp("lives") / "run", replicas=2)
    run = load_run(made)
    frames = movie([Scene((5.0, 4.4 - 0.4 * k)) for k in range(6)])
    track_run({0: frames, 1: frames[:]}, run.paths.tracking, "fake", Settings(run.protocol.analysis))
    return made


def test_bars_are_the_class_volumes_of_the_frames(folder: Path) -> None:
    run = load_run(folder)
    assert run.tracking is not None
    axes = flow_figure(run.tracking["replicas"]).axes[0]
    drawn = sum(bar.get_height() for bar in axes.patches if hasattr(bar, "get_height") and bar.get_x() < 0.5)
    first = [np.array(one["shown"]["volume_A3"][0])[:4].sum() for one in run.tracking["replicas"]]
    mass = run.tracking["replicas"][0]["shown"]["frames"][0]["mass_amu"]
    assert drawn == pytest.approx(np.mean(first) * 0.602214076 / mass, rel=1e-6)
    assert "cm³/g" in axes.get_ylabel()


def test_entrances_are_drawn_as_they_were_measured(folder: Path) -> None:
    run = load_run(folder)
    lines = courses(run.paths.tracking, 0)
    assert len(lines) == 3  # the channel and two cavities
    assert {kind for line in lines for *_, kind in line.events} == {"lost_N2", "lost_CO2"}
    axes = entrance_figure(run, lines, {"open_A": 5.7, "quasi_closed_A": 3.3, "closed_A": 2.6}).axes[1]
    drawn = [np.asarray(line.get_ydata(), dtype=float) for line in axes.get_lines()]
    for line in lines:
        assert any(len(d) == len(line.entrance_A) and np.allclose(d, line.entrance_A) for d in drawn)
    assert axes.get_ylabel() == "entrance diameter (Å)"


def test_the_page_tells_the_life_of_the_pores(folder: Path, without_ovito: None) -> None:
    text = write_report(folder).read_text(encoding="utf-8")
    assert "Pores through time" in text and "could be followed through 6 frames" in text
    assert "Against thermal flicker" in text and "frames as they are" in text
    assert (folder / "figures" / "pore-flow.png").is_file()
    assert (folder / "figures" / "pore-entrances.png").is_file()


def test_two_frames_are_too_few_and_the_page_says_so(tmp_path: Path, without_ovito: None) -> None:
    run: Any = load_run(make_run(tmp_path / "run", frames=2))
    track_run(run.trajectories, run.paths.tracking, "fake", Settings(run.protocol.analysis))
    text = write_report(tmp_path / "run").read_text(encoding="utf-8")
    assert "Too few frames to follow pores" in text
    assert not (tmp_path / "run" / "figures" / "pore-flow.png").exists()


def test_a_run_whose_pores_were_not_followed_says_so(page: Any) -> None:
    assert "were not followed" in page().text
