"""A run that is broken off and continued ends where the unbroken one ends, to the last bit."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from exact.runs import AfterChunks, assert_same_end, digests, events, small_protocol

import carbonize
from carbonize.errors import InputError, Interrupted
from carbonize.io.status import run_status


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return small_protocol(tmp_path_factory.mktemp("start"), replicas=2)


@pytest.fixture(scope="module")
def unbroken(protocol: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("unbroken") / "run"
    carbonize.run(protocol, out, report=False)
    return out


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("breaks", [[1], [2, 3]])
def test_a_broken_run_continues_bit_for_bit(
    breaks: list[int], protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for chunks in breaks:
        with pytest.raises(KeyboardInterrupt):
            carbonize.run(protocol, out, AfterChunks(chunks, _interrupt), report=False)
        assert carbonize.load_run(out).manifest["status"] == "interrupted"
    finished = carbonize.run(protocol, out, report=False)
    assert finished.manifest["status"] == "finished"
    assert_same_end(unbroken, out)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGUSR1"])
def test_a_signal_ends_the_run_after_the_chunk_with_a_checkpoint(
    name: str, protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    before = signal.getsignal(getattr(signal, name))
    send = AfterChunks(4, lambda: signal.raise_signal(getattr(signal, name)))
    with pytest.raises(Interrupted, match=rf"{name} at step \d+ of 400.*same command") as stopped:
        carbonize.run(protocol, out, send, report=False)
    assert stopped.value.exit_code == 75
    assert signal.getsignal(getattr(signal, name)) == before
    status = run_status(out)
    assert status["state"] == "interrupted"
    assert 0 < status["step"] < status["total_steps"] == 400
    carbonize.run(protocol, out, report=False)
    assert_same_end(unbroken, out)


def test_rows_written_after_the_last_checkpoint_are_not_doubled(
    protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        carbonize.run(protocol, out, AfterChunks(5, _interrupt), report=False)
    newest = sorted((out / "checkpoint").glob("*.npz"))[-1]
    newest.unlink()  # as if killed after the trajectory was flushed and before the checkpoint
    with open(out / "series.jsonl", "a") as file:
        file.write('{"step": 999, "repl')  # as if killed in the middle of a row
    carbonize.run(protocol, out, report=False)
    assert_same_end(unbroken, out)


@pytest.mark.parametrize("damage", ["truncated", "flipped"])
def test_a_damaged_checkpoint_falls_back_to_the_one_before_and_says_so(
    damage: str, protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        carbonize.run(protocol, out, AfterChunks(6, _interrupt), report=False)
    newest = sorted((out / "checkpoint").glob("*.npz"))[-1]
    raw = bytearray(newest.read_bytes())
    if damage == "truncated":
        del raw[len(raw) // 2 :]
    else:
        raw[len(raw) // 2] ^= 0x10
    newest.write_bytes(raw)
    carbonize.run(protocol, out, report=False)
    assert [e for e in events(out, "damaged_checkpoint") if newest.name in e["message"]]
    assert_same_end(unbroken, out)


def test_the_size_of_the_first_neighbour_list_does_not_matter(
    protocol: dict[str, Any], unbroken: Path, tmp_path: Path
) -> None:
    tight = {**protocol, "dynamics": {**protocol["dynamics"], "neighbor_capacity": 2}}
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        carbonize.run(tight, out, AfterChunks(3, _interrupt), report=False)
    carbonize.run(tight, out, report=False)
    assert digests(out) == digests(unbroken)
    # once in all, also over a continuation: the sizes reached are in the checkpoint
    grown = events(out, "neighbor_capacity_grown")
    assert len(grown) == 1
    assert grown[0]["neighbor_slots"][0] == 2


def test_a_finished_run_is_left_alone(protocol: dict[str, Any], unbroken: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in unbroken.rglob("*") if p.is_file()}
    again = carbonize.run(protocol, unbroken, report=False)
    assert again.manifest["status"] == "finished"
    assert {p: p.stat().st_mtime_ns for p in unbroken.rglob("*") if p.is_file()} == before


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"seed": 6}, r"dynamics\.seed"),
        ({"precision": "float32"}, r"dynamics\.precision"),
        ({"thermostat": {"kind": "csvr"}}, r"dynamics\.thermostat"),
    ],
)
def test_a_folder_of_another_protocol_is_refused_naming_the_keys(
    changed: dict[str, Any], named: str, protocol: dict[str, Any], unbroken: Path
) -> None:
    other = {**protocol, "dynamics": {**protocol["dynamics"], **changed}}
    with pytest.raises(InputError, match=named):
        carbonize.run(other, unbroken, report=False)


def test_a_folder_of_another_major_version_is_refused(
    protocol: dict[str, Any], unbroken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carbonize, "__version__", "77.0.0")
    with pytest.raises(InputError, match=r"carbonize_version.*77"):
        carbonize.run(protocol, unbroken, report=False)


def test_a_start_file_that_changed_since_is_refused(tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        carbonize.run(protocol, out, AfterChunks(2, _interrupt), report=False)
    start = Path(protocol["structure"]["path"])
    kept = start.read_text()
    start.write_text(kept.replace("0.1", "0.2", 1))
    with pytest.raises(InputError, match=r"diamond\.extxyz: has changed since"):
        carbonize.run(protocol, out, report=False)
    start.unlink()  # what is gone is not needed: the checkpoint has everything
    assert carbonize.run(protocol, out, report=False).manifest["status"] == "finished"


MOTIONS: dict[str, dict[str, Any]] = {
    "nose-hoover": {"thermostat": {"kind": "nose-hoover"}},
    "csvr": {"thermostat": {"kind": "csvr"}, "precision": "float32"},
    "npt": {"ensemble": "npt", "precision": "mixed"},
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=() if name == "npt" else pytest.mark.slow) for name in MOTIONS]
)
def test_every_ensemble_and_precision_restarts_and_batches_bit_for_bit(name: str, tmp_path: Path) -> None:
    protocol = small_protocol(tmp_path, replicas=3, **MOTIONS[name])
    protocol["schedule"].insert(1, {"kind": "minimize", "force_tolerance_eV_A": 0.1})
    carbonize.run(protocol, tmp_path / "unbroken", report=False)
    out = tmp_path / "broken"
    for chunks in (3, 3):
        with pytest.raises(KeyboardInterrupt):
            carbonize.run(protocol, out, AfterChunks(chunks, _interrupt), report=False)
    carbonize.run(protocol, out, report=False)
    assert_same_end(tmp_path / "unbroken", out)
    carbonize.run(protocol, tmp_path / "alone", report=False, replica=2)
    assert digests(tmp_path / "alone") == digests(out)[2:]
