"""A run whose dynamics breaks down says so, and keeps what was good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from exact.runs import small_protocol

import carbonize
from carbonize.errors import InputError, SimulationError
from carbonize.io.checkpoint import read_newest_checkpoint
from carbonize.io.status import run_status
from carbonize.simulation import memory, propagate


def test_one_atom_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path)
    (tmp_path / "diamond.extxyz").write_text('1\nLattice="5 0 0 0 5 0 0 0 5" pbc="T T T"\nC 0 0 0\n')
    with pytest.raises(InputError, match="one atom"):
        carbonize.run(protocol, tmp_path / "run", report=False)


def test_a_far_too_long_time_step_fails_with_a_sentence(tmp_path: Path) -> None:
    # with more, arrays grow before it fails, and everything is compiled twice
    protocol = small_protocol(tmp_path, timestep_fs=10)
    protocol["schedule"] = [{"kind": "hold", "temperature_K": 3000, "duration_ps": 50}]
    with pytest.raises(
        SimulationError, match=r"replica 0.*at step \d+ \(.* ps\).*timestep_fs.*checkpoint"
    ) as failed:
        carbonize.run(protocol, tmp_path / "run", report=False)
    assert failed.value.exit_code == 3
    assert len(str(failed.value).splitlines()) == 1
    run = carbonize.load_run(tmp_path / "run")
    assert run.manifest["status"] == "failed"
    assert "failed" in run.paths.events.read_text()
    assert run.series["temperature_K"].notnull().all()
    status = run_status(tmp_path / "run")
    assert [r["state"] for r in status["replicas"]] == ["failed"]
    # a checkpoint never holds what broke down
    assert read_newest_checkpoint(run.paths.checkpoints) is not None


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        # test_replicas.py sets this one too
        pytest.param(
            {"max_temperature_K": 310},
            r"the temperature ran away \(.* limit 310 K\)",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"max_energy_eV_per_atom": 7.0},
            r"the potential energy ran away \(.* limit 7 eV/atom\)",
            marks=pytest.mark.slow,
        ),
        ({"min_distance_A": 1.3}, r"two atoms are on top of each other \(.* limit 1.3 A\)"),
    ],
)
def test_limits_can_be_set(limits: dict[str, Any], said: str, tmp_path: Path) -> None:
    # EDIP, which compiles in a third of Tersoff's time
    protocol = {**small_protocol(tmp_path, limits=limits), "potential": {"kind": "edip"}}
    with pytest.raises(SimulationError, match=said):
        carbonize.run(protocol, tmp_path / "run", report=False)


def test_a_batch_beyond_the_device_is_refused_before_memory_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "available_bytes", lambda device: 1000)
    protocol = small_protocol(tmp_path)
    with pytest.raises(SimulationError, match=r"needs .* of memory.*free.*--replicas auto") as failed:
        carbonize.run(protocol, tmp_path / "run", report=False)
    assert failed.value.exit_code == 3


def test_exhausted_memory_is_named_and_a_lone_run_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import jax

    def exhausted(*_: object) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes.")

    monkeypatch.setattr(propagate, "check_fits", exhausted)
    protocol = small_protocol(tmp_path)
    with pytest.raises(SimulationError, match=r"memory does not suffice.*RESOURCE_EXHAUSTED"):
        carbonize.run(protocol, tmp_path / "run", report=False)
    monkeypatch.undo()
    # more memory, and the same command goes on
    assert carbonize.run(protocol, tmp_path / "run", report=False).manifest["status"] == "finished"


def test_replicas_auto_backs_off_when_memory_runs_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from carbonize import running
    from carbonize.simulation.memory import OutOfMemory

    heard: list[str] = []

    class Listener(carbonize.observing.SilentObserver):
        def said(self, message: str) -> None:
            heard.append(message)

    def too_many(compiled: object, device: object, what: str, shares: int) -> None:
        if not what.startswith("1 "):
            raise OutOfMemory(what)

    monkeypatch.setattr(running, "_most_replicas", lambda *_: 4)
    monkeypatch.setattr(propagate, "check_fits", too_many)
    run = carbonize.run(small_protocol(tmp_path), tmp_path / "run", Listener(), report=False, replicas="auto")
    assert run.manifest["replicas"] == 1
    assert [m for m in heard if "trying 2" in m]
    assert [m for m in heard if "trying 1" in m]
