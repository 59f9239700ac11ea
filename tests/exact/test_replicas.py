"""Replicas: their own starts and schedules, and histories that do not depend on the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.io import read, write
from exact.runs import digests, small_protocol

import carbonize
from carbonize.errors import InputError, SimulationError
from carbonize.io.status import run_status


@pytest.mark.slow
def test_replicas_start_from_their_own_packings(tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path)
    protocol["structure"] = {"kind": "random", "atoms": 33, "density_g_cm3": 1.2, "seeds": [4, 9]}
    run = carbonize.run(protocol, tmp_path / "run", report=False)
    first = [run.trajectories[k][0].positions for k in (0, 1)]
    assert np.abs(first[0] - first[1]).max() > 0.5
    assert [o["seed"] for o in run.manifest["structures"]] == [4, 9]
    alone = carbonize.run(protocol, tmp_path / "alone", report=False, replica=1)
    assert digests(alone.path) == digests(run.path)[1:]


def test_replicas_follow_their_own_schedules_with_common_starts(tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path)
    stages = protocol.pop("schedule")
    cold = [{"kind": "hold", "temperature_K": 300, "duration_ps": 0.2}]
    protocol["schedules"] = [stages, cold]
    run = carbonize.run(protocol, tmp_path / "run", report=False)
    assert run.manifest["replicas"] == 2
    targets = run.series["target_K"].values
    assert targets[0].max() > 2900
    assert (targets[1] == 300).all()
    same = {k: v for k, v in protocol.items() if k != "schedules"} | {"schedule": stages}
    alone = carbonize.run(same, tmp_path / "alone", report=False)
    assert digests(alone.path) == digests(run.path)[:1]


def test_schedules_of_different_length_are_refused(tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path)
    stages = protocol.pop("schedule")
    protocol["schedules"] = [stages, stages[:1]]
    with pytest.raises(InputError, match=r"schedules\.1: has 100 steps, but schedules\.0 has 400"):
        carbonize.run(protocol, tmp_path / "run", report=False)


def _with_starts(protocol: dict[str, Any], folder: Path, spoil: Any) -> dict[str, Any]:
    good = Path(protocol["structure"]["path"])
    atoms = read(good)
    spoil(atoms)
    bad = folder / "bad.extxyz"
    write(bad, atoms)
    return {**protocol, "structure": {"kind": "file", "paths": [str(good), str(bad), str(good)]}}


def _overlap(atoms: Any) -> None:
    atoms.positions[1] = atoms.positions[0] + [0.3, 0, 0]


def _not_a_number(atoms: Any) -> None:
    positions = atoms.positions.copy()
    positions[7] = np.nan
    atoms.positions = positions


@pytest.mark.parametrize("spoil", [_overlap, _not_a_number])
def test_one_poisoned_start_is_marked_and_the_others_go_on(spoil: Any, tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path)
    poisoned = _with_starts(protocol, tmp_path, spoil)
    with pytest.raises(SimulationError, match=r"replica 1: .*bad\.extxyz"):
        carbonize.run(poisoned, tmp_path / "run", report=False)
    status = run_status(tmp_path / "run")
    assert status["state"] == "failed"
    assert [r["state"] for r in status["replicas"]] == ["finished", "failed", "finished"]
    assert [r["step"] for r in status["replicas"]] == [400, 0, 400]
    sound = {**protocol, "dynamics": {**protocol["dynamics"], "replicas": 3}}
    carbonize.run(sound, tmp_path / "sound", report=False)
    assert digests(tmp_path / "run")[0] == digests(tmp_path / "sound")[0]
    assert digests(tmp_path / "run")[2] == digests(tmp_path / "sound")[2]
    # it ended already: the same sentence, and nothing is run again
    with pytest.raises(SimulationError, match=r"ended already: replica 1"):
        carbonize.run(poisoned, tmp_path / "run", report=False)


def test_a_replica_that_breaks_down_on_the_way_is_frozen(tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path)

    def squeeze(atoms: Any) -> None:
        atoms.positions[1] = atoms.positions[0] + [0.62, 0, 0]

    poisoned = _with_starts(protocol, tmp_path, squeeze)
    poisoned["dynamics"] = {**protocol["dynamics"], "limits": {"max_temperature_K": 9000}}
    with pytest.raises(
        SimulationError, match=r"replica 1: the temperature ran away.*limit 9000 K.*at step \d"
    ):
        carbonize.run(poisoned, tmp_path / "run", report=False)
    status = run_status(tmp_path / "run")
    assert [r["state"] for r in status["replicas"]] == ["finished", "failed", "finished"]
    run = carbonize.load_run(tmp_path / "run")
    assert run.series["temperature_K"].sel(replica=[0, 2]).notnull().all()
    assert (tmp_path / "run" / "pores.csv").is_file()


def test_replicas_auto_says_what_it_chose_and_continues_with_it(tmp_path: Path) -> None:
    from carbonize.observing import SilentObserver

    class Listener(SilentObserver):
        heard: list[str] = []

        def said(self, message: str) -> None:
            self.heard.append(message)

    protocol = small_protocol(tmp_path)
    run = carbonize.run(protocol, tmp_path / "run", Listener(), report=False, replicas="auto")
    chosen = run.manifest["replicas"]
    assert any(f"auto: {chosen} replica(s)" in m for m in Listener.heard)
    carbonize.run(protocol, tmp_path / "run", report=False, replicas="auto")


@pytest.mark.parametrize(
    ("argument", "said"), [({"replica": 5}, "replicas 0 to 1"), ({"replicas": 0}, "at least 1")]
)
def test_impossible_replicas_are_refused(argument: dict[str, Any], said: str, tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path, replicas=2)
    with pytest.raises(InputError, match=said):
        carbonize.run(protocol, tmp_path / "run", report=False, **argument)
    assert not (tmp_path / "run").exists()
