"""Short runs of a small crystal, and what must be equal when two of them are the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ase.build import bulk
from ase.io import write

import carbonize
from carbonize.io.checkpoint import read_newest_checkpoint
from carbonize.io.status import run_status
from carbonize.observing import SilentObserver


def small_protocol(folder: Path, **dynamics: Any) -> dict[str, Any]:
    """A heat treatment of 400 steps of 64 atoms; a checkpoint after every chunk."""
    path = folder / "diamond.extxyz"
    atoms = bulk("C", "diamond", a=3.7, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=3)
    write(path, atoms)
    return {
        "name": "exact",
        "structure": {"kind": "file", "path": str(path)},
        "potential": {"kind": "tersoff", "parameters": "tersoff-1989"},
        "dynamics": {"timestep_fs": 0.5, "seed": 5, **dynamics},
        "schedule": [
            {"kind": "hold", "temperature_K": 300, "duration_ps": 0.05},
            {"kind": "ramp", "to_K": 3000, "duration_ps": 0.1},
            {"kind": "quench", "to_K": 300, "duration_ps": 0.05},
        ],
        # 1e-9 minutes: a checkpoint after every chunk
        "output": {"frame_every_ps": 0.02, "analysis_every_ps": 0.05, "checkpoint_every_min": 1e-9},
        # runs this short end before a worker has started
        "analysis": {"workers": 0},
    }


class AfterChunks(SilentObserver):
    """Does something after a number of chunks."""

    def __init__(self, chunks: int, action: Any) -> None:
        self.left, self.action = chunks, action

    def advanced(self, rows: list[dict[str, Any]], atom_steps: int, seconds: float) -> None:
        self.left -= 1
        if self.left == 0:
            self.action()


def live_files(out: Path) -> dict[str, bytes]:
    """The files of which not a byte may depend on interruptions."""
    names = ["series.jsonl", "analysis.jsonl", "pores.csv", "summary.json", "analysis.nc"]
    return {name: (out / name).read_bytes() for name in names}


def digests(out: Path) -> list[str]:
    """state_sha256 of every replica."""
    return [r["state_sha256"] for r in run_status(out)["replicas"]]


def children(pid: int) -> set[int]:
    """Processes that a process has started and that are still there."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        if int(fields[1]) == pid and fields[0] != "Z":
            found.add(int(stat.parent.name))
    return found


def events(out: Path, kind: str) -> list[dict[str, Any]]:
    """The events of one kind."""
    rows = [json.loads(line) for line in (out / "events.jsonl").read_text().splitlines()]
    return [row for row in rows if row["event"] == kind]


def assert_same_end(one: Path, other: Path) -> None:
    """Checkpoints, live files and trajectories are equal to the last bit."""
    a, b = (read_newest_checkpoint(out / "checkpoint") for out in (one, other))
    assert a is not None
    assert b is not None
    assert a.step == b.step
    for name in ("positions", "momenta", "keys", "cells", "thermostat"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    assert live_files(one) == live_files(other)
    runs = carbonize.load_run(one), carbonize.load_run(other)
    assert runs[0].trajectories.keys() == runs[1].trajectories.keys()
    for k in runs[0].trajectories:
        frames = [run.trajectories[k] for run in runs]
        assert len(frames[0]) == len(frames[1])
        for p, q in zip(*frames, strict=True):
            assert p.info == q.info
            np.testing.assert_array_equal(p.positions, q.positions)
            np.testing.assert_array_equal(p.cell.array, q.cell.array)
