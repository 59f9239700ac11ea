"""Analyses beside a run: the same bytes, whoever makes them and however often they are broken off."""

from __future__ import annotations

import copy
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from exact.runs import AfterChunks, assert_same_end, children, events, small_protocol

import carbonize
from carbonize.analysis.averaging import averaged
from carbonize.analysis.frame import EVERY_TIME, FIRST_AND_LAST, PARTS
from carbonize.errors import Interrupted


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    content = small_protocol(tmp_path_factory.mktemp("start"), replicas=2)
    content["schedule"] = [
        {"kind": "hold", "temperature_K": 300, "duration_ps": 0.05},
        {"kind": "ramp", "to_K": 3000, "duration_ps": 0.1},
    ]
    return content


def having(protocol: dict[str, Any], **analysis: Any) -> dict[str, Any]:
    return {**copy.deepcopy(protocol), "analysis": {**protocol["analysis"], **analysis}}


@pytest.fixture(scope="module")
def unbroken(protocol: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every analysis made in its place, by the process that simulates."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    carbonize.run(protocol, out, report=False)
    return out


def _kill_workers() -> None:
    commands = {pid: Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children(os.getpid())}
    workers = [pid for pid, command in commands.items() if b"pool_process" in command]
    assert workers
    for pid in workers:
        os.kill(pid, signal.SIGKILL)


def test_a_worker_that_is_killed_does_not_hold_the_run(
    protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    before = children(os.getpid())
    carbonize.run(having(protocol, workers=1), out, AfterChunks(3, _kill_workers), report=False)
    assert_same_end(unbroken, out)
    assert events(out, "analysis_worker_died")
    assert children(os.getpid()) == before


def test_analyses_that_a_signal_left_undone_are_made_by_the_continued_run(
    protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    here = having(protocol, workers=1)
    for chunks in (2, 4):
        stop = AfterChunks(chunks, lambda: signal.raise_signal(signal.SIGTERM))
        with pytest.raises(Interrupted):
            carbonize.run(here, out, stop, report=False)
    # no worker has begun by then: the frames are on disk, the records are not
    records = len(carbonize.load_run(out).records)
    assert records < len((unbroken / "analysis.jsonl").read_text().splitlines())
    carbonize.run(here, out, report=False)
    assert_same_end(unbroken, out)


def test_averages_are_those_of_the_frames_on_disk(protocol: dict[str, Any], tmp_path: Path) -> None:
    here = having(protocol, on="averaged", averaging_ps=0.05)
    run = carbonize.run(here, tmp_path / "run", report=False)
    assert run.analysis.attrs["on"] == run.summary["on"] == "averaged"
    frames = list(run.trajectories[1])
    for record in [r for r in run.records if r["replica"] == 1]:
        window = [a for a in frames if record["step"] - 100 <= a.info["step"] <= record["step"]]
        assert record["on"] == "averaged"
        assert record["averaged_frames"] == len(window)
        ends = {0: (*EVERY_TIME, *FIRST_AND_LAST), run.records[-1]["step"]: PARTS}
        what = ends.get(record["step"], EVERY_TIME)
        expected = carbonize.analyze(averaged(window, len(window) - 1), what=what)
        assert record["frame"] == expected
    assert {r["averaged_frames"] for r in run.records} == {1, 4}
    broken = tmp_path / "broken"
    stop = AfterChunks(6, lambda: signal.raise_signal(signal.SIGUSR1))
    with pytest.raises(Interrupted):
        carbonize.run(having(here, workers=1), broken, stop, report=False)
    carbonize.run(having(here, workers=1), broken, report=False)
    assert_same_end(run.path, broken)


@pytest.mark.slow
def test_inherent_structures_are_at_rest_and_the_trajectory_is_not(
    protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    here = having(protocol, on="inherent")
    run = carbonize.run(here, tmp_path / "run", report=False)
    assert run.analysis.attrs["on"] == run.summary["on"] == "inherent"
    for record in run.records:
        assert record["on"] == "inherent"
        assert record["inherent"]["converged"]
        assert record["inherent"]["max_force_eV_A"] <= 0.01
    # the start is a rattled diamond of edge 3.7 A: at rest every bond is sqrt(3)/4 of it
    at_rest = run.records[0]["frame"]["bonding"]
    assert at_rest["sp3"] == 1.0
    assert at_rest["mean_bond_length_A"] == pytest.approx(3.7 * 3**0.5 / 4, abs=1e-3)
    for inherent, dynamical in zip(run.records, carbonize.load_run(unbroken).records, strict=True):
        potential = dynamical_potential(unbroken, dynamical)
        assert inherent["inherent"]["potential_eV_per_atom"] < potential
    for k, frames in run.trajectories.items():
        for mine, other in zip(frames, carbonize.load_run(unbroken).trajectories[k], strict=True):
            np.testing.assert_array_equal(mine.positions, other.positions)
    broken = tmp_path / "broken"
    stop = AfterChunks(5, lambda: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(Interrupted):
        carbonize.run(having(here, workers=1), broken, stop, report=False)
    carbonize.run(having(here, workers=1), broken, report=False)
    assert_same_end(run.path, broken)


def dynamical_potential(out: Path, record: dict[str, Any]) -> float:
    [row] = [
        row
        for row in carbonize.load_run(out).series.to_dataframe().reset_index().to_dict("records")
        if row["step"] == record["step"] and row["replica"] == record["replica"]
    ]
    return row["potential_eV_per_atom"]
