"""Checkpoints: atomic, two of them, checked when read, never with a state that is not finite."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from carbonize.errors import CarbonizeError
from carbonize.io import files
from carbonize.io.checkpoint import read_newest_checkpoint, state_sha256, write_checkpoint


def state(seed: int = 0, replicas: int = 2, atoms: int = 5, dtype: type = np.float64):
    rng = np.random.default_rng(seed)
    shape = (replicas, atoms, 3)
    return (
        rng.normal(size=shape).astype(dtype),
        rng.normal(size=shape).astype(dtype),
        rng.integers(0, 2**32, (replicas, 2), dtype=np.uint32),
    )


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_checkpoint_gives_back_every_bit(tmp_path: Path, dtype: type) -> None:
    arrays = state(dtype=dtype)
    write_checkpoint(tmp_path, *arrays, step=1234, config_hash="abc")
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    for was, now in zip(arrays, found[:3], strict=True):
        assert was.dtype == now.dtype
        assert was.tobytes() == now.tobytes()
    assert found.step == 1234
    assert found.header["config_hash"] == "abc"


def test_an_empty_or_missing_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert read_newest_checkpoint(tmp_path) is None
    assert read_newest_checkpoint(tmp_path / "none") is None


def test_the_last_two_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    for step in (5, 90, 1000, 20000):
        write_checkpoint(tmp_path, *state(step), step=step)
    assert names(tmp_path) == ["step-000000001000.npz", "step-000000020000.npz"]
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 20000
    assert np.array_equal(found.positions, state(20000)[0])


def damage(path: Path, how: str) -> None:
    raw = bytearray(path.read_bytes())
    if how == "cut off":
        path.write_bytes(raw[: len(raw) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(len(raw)))
    elif how == "one bit":
        with np.load(path) as data:
            first = data["positions"].tobytes()[:8]
        raw[raw.index(first)] ^= 1
        path.write_bytes(raw)
    elif how == "another format":
        with np.load(path) as data:
            arrays = dict(data)
        head = {**json.loads(bytes(arrays["header"]).decode()), "format": 99}
        arrays["header"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
        np.savez(path, **arrays)
    elif how == "exchanged arrays":
        with np.load(path) as data:
            arrays = dict(data)
        arrays["positions"], arrays["momenta"] = arrays["momenta"], arrays["positions"]
        np.savez(path, **arrays)
    elif how == "other shapes":
        with np.load(path) as data:
            arrays = dict(data)
        arrays["momenta"] = arrays["momenta"][:, :2]
        np.savez(path, **arrays)
    elif how == "missing array":
        with np.load(path) as data:
            arrays = dict(data)
        del arrays["keys"]
        np.savez(path, **arrays)


@pytest.mark.parametrize(
    "how",
    [
        "cut off",
        "empty",
        "noise",
        "one bit",
        "another format",
        "exchanged arrays",
        "other shapes",
        "missing array",
    ],
)
def test_a_damaged_newest_one_falls_back_to_the_one_before_and_says_so(tmp_path: Path, how: str) -> None:
    write_checkpoint(tmp_path, *state(1), step=100)
    newest = write_checkpoint(tmp_path, *state(2), step=200)
    damage(newest, how)
    said: list[str] = []
    found = read_newest_checkpoint(tmp_path, on_damage=said.append)
    assert found is not None
    assert found.step == 100
    assert np.array_equal(found.positions, state(1)[0])
    [message] = said
    assert newest.name in message
    assert "damaged" in message
    assert "\n" not in message


def test_a_flipped_bit_anywhere_is_either_found_or_harmless(tmp_path: Path) -> None:
    arrays = state(replicas=1, atoms=2)
    path = write_checkpoint(tmp_path, *arrays, step=100)
    whole = path.read_bytes()
    for place in np.random.default_rng(5).integers(0, 8 * len(whole), 1000):
        raw = bytearray(whole)
        raw[place // 8] ^= 1 << (place % 8)
        path.write_bytes(raw)
        try:
            found = read_newest_checkpoint(tmp_path)
        except CarbonizeError:
            continue
        assert found is not None
        assert found.step == 100
        assert all(now.tobytes() == was.tobytes() for now, was in zip(found[:3], arrays, strict=True))


def test_when_all_are_damaged_it_is_an_error_and_not_a_fresh_start(tmp_path: Path) -> None:
    for step in (100, 200):
        damage(write_checkpoint(tmp_path, *state(), step=step), "cut off")
    with pytest.raises(CarbonizeError, match="all 2 checkpoints are damaged"):
        read_newest_checkpoint(tmp_path)


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    positions, momenta, keys = state()
    path = write_checkpoint(tmp_path, positions, momenta, keys, step=1)
    with np.load(path) as data:
        header = data["header"]
    evil = np.array([Bomb()], dtype=object)
    np.savez(path, header=header, positions=evil, momenta=momenta, keys=keys)
    with pytest.raises(CarbonizeError, match="damaged"):
        read_newest_checkpoint(tmp_path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(CarbonizeError, match="damaged"):
        read_newest_checkpoint(tmp_path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("array", [0, 1])
def test_a_state_that_is_not_finite_is_refused_and_the_last_good_one_stays(
    tmp_path: Path, value: float, array: int
) -> None:
    write_checkpoint(tmp_path, *state(1), step=100)
    spoiled = state(2)
    spoiled[array][1, 3, 2] = value
    with pytest.raises(CarbonizeError, match="step 200: refused"):
        write_checkpoint(tmp_path, *spoiled, step=200)
    assert names(tmp_path) == ["step-000000000100.npz"]


def test_a_kill_while_writing_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, *state(1), step=100)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path, *state(2), step=200)
    monkeypatch.undo()
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 100


def test_a_full_disk_is_reported_and_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, *state(1), step=100)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CarbonizeError, match="No space left on device"):
        write_checkpoint(tmp_path, *state(2), step=200)
    monkeypatch.undo()
    assert names(tmp_path) == ["step-000000000100.npz"]


def test_the_digest_of_a_replica_does_not_depend_on_its_place_in_the_batch() -> None:
    positions, momenta, keys = state(replicas=3)
    alone = state_sha256(positions[2].copy(), momenta[2].copy(), keys[2].copy())
    assert state_sha256(positions[2], momenta[2], keys[2]) == alone
    assert state_sha256(positions[1], momenta[2], keys[2]) != alone
