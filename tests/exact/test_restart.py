"""A run that is broken off and continued ends where the unbroken one ends, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write

import carbonize
from carbonize.errors import InputError
from carbonize.io.checkpoint import read_newest_checkpoint
from carbonize.observing import SilentObserver


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("start") / "diamond.extxyz"
    atoms = bulk("C", "diamond", a=3.7, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=3)
    write(path, atoms)
    return {
        "name": "exact",
        "structure": {"kind": "file", "path": str(path)},
        "potential": {"kind": "tersoff", "parameters": "tersoff-1989"},
        "dynamics": {"timestep_fs": 0.5, "seed": 5, "replicas": 2},
        "schedule": [
            {"kind": "hold", "temperature_K": 300, "duration_ps": 0.05},
            {"kind": "ramp", "to_K": 3000, "duration_ps": 0.1},
            {"kind": "quench", "to_K": 300, "duration_ps": 0.05},
        ],
        # 1e-9 minutes: a checkpoint after every chunk
        "output": {"frame_every_ps": 0.02, "analysis_every_ps": 0.05, "checkpoint_every_min": 1e-9},
    }


class _BreaksOff(SilentObserver):
    """Interrupts the run after a number of chunks."""

    def __init__(self, chunks: int) -> None:
        self.left = chunks

    def advanced(self, rows: list[dict[str, Any]], atom_steps: int, seconds: float) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def unbroken(protocol: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    carbonize.run(protocol, out, report=False)
    return out


def _files(out: Path) -> dict[str, bytes]:
    names = ["series.jsonl", "analysis.jsonl", "pores.csv", "summary.json"]
    return {name: (out / name).read_bytes() for name in names}


def _same_end(one: Path, other: Path) -> None:
    a, b = (read_newest_checkpoint(out / "checkpoint") for out in (one, other))
    assert a is not None
    assert b is not None
    assert a.step == b.step
    for x, y in ((a.positions, b.positions), (a.momenta, b.momenta), (a.keys, b.keys)):
        np.testing.assert_array_equal(x, y)
    assert _files(one) == _files(other)
    runs = carbonize.load_run(one), carbonize.load_run(other)
    for k in range(2):
        frames = [run.trajectories[k] for run in runs]
        assert len(frames[0]) == len(frames[1])
        for p, q in zip(*frames, strict=True):
            assert p.info == q.info
            np.testing.assert_array_equal(p.positions, q.positions)


@pytest.mark.parametrize("breaks", [[1], [4], [2, 3]])
def test_a_broken_run_continues_bit_for_bit(
    breaks: list[int], protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for chunks in breaks:
        with pytest.raises(KeyboardInterrupt):
            carbonize.run(protocol, out, _BreaksOff(chunks), report=False)
        assert carbonize.load_run(out).manifest["status"] == "interrupted"
    finished = carbonize.run(protocol, out, report=False)
    assert finished.manifest["status"] == "finished"
    _same_end(unbroken, out)


def test_rows_written_after_the_last_checkpoint_are_not_doubled(
    protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        carbonize.run(protocol, out, _BreaksOff(5), report=False)
    newest = sorted((out / "checkpoint").glob("*.npz"))[-1]
    newest.unlink()  # as if killed after the trajectory was flushed and before the checkpoint
    with open(out / "series.jsonl", "a") as file:
        file.write('{"step": 999, "repl')  # as if killed in the middle of a row
    carbonize.run(protocol, out, report=False)
    _same_end(unbroken, out)


def test_the_size_of_the_first_neighbour_list_does_not_matter(
    protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    tight = {**protocol, "dynamics": {**protocol["dynamics"], "neighbor_capacity": 2}}
    run = carbonize.run(tight, tmp_path / "run", report=False)
    a, b = (read_newest_checkpoint(out / "checkpoint") for out in (unbroken, run.path))
    assert a is not None
    assert b is not None
    assert a.header["sha256"] == b.header["sha256"]
    assert "neighbor_slots" in run.paths.events.read_text()


def test_a_finished_run_is_left_alone(protocol: dict[str, Any], unbroken: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in unbroken.rglob("*") if p.is_file()}
    again = carbonize.run(protocol, unbroken, report=False)
    assert again.manifest["status"] == "finished"
    assert {p: p.stat().st_mtime_ns for p in unbroken.rglob("*") if p.is_file()} == before


def test_a_folder_of_another_protocol_is_refused_naming_the_keys(
    protocol: dict[str, Any], unbroken: Path
) -> None:
    other = {**protocol, "dynamics": {**protocol["dynamics"], "seed": 6}}
    with pytest.raises(InputError, match=r"dynamics\.seed"):
        carbonize.run(other, unbroken, report=False)
