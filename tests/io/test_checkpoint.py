"""Checkpoints: atomic, two of them, checked when read, never with a state that is not finite."""

from __future__ import annotations

import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from carbonize.errors import CarbonizeError, InputError
from carbonize.io import checkpoint, files
from carbonize.io.checkpoint import read_newest_checkpoint, state_sha256, write_checkpoint


def state(seed: int = 0, replicas: int = 2, atoms: int = 5, dtype: type = np.float64, chain: int = 3) -> Any:
    """Arrays of a checkpoint; ``chain`` numbers of a thermostat a replica."""
    rng = np.random.default_rng(seed)
    shape = (replicas, atoms, 3)
    return {
        "positions": rng.normal(size=shape).astype(dtype),
        "momenta": rng.normal(size=shape).astype(dtype),
        "keys": rng.integers(0, 2**32, (replicas, 2), dtype=np.uint32),
        "cells": (rng.normal(size=(replicas, 3, 3)) + 9 * np.eye(3)).astype(dtype),
        "thermostat": rng.normal(size=(replicas, chain)).astype(dtype),
        "numbers": np.full(atoms, 6, np.int32),
    }


def same(found: Any, arrays: dict[str, np.ndarray]) -> bool:
    return all(
        getattr(found, name).tobytes() == array.tobytes()
        and getattr(found, name).dtype == array.dtype
        and getattr(found, name).shape == array.shape
        for name, array in arrays.items()
    )


def rewrite(
    path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None], checksum: bool = True
) -> None:
    """Write a checkpoint again with other arrays and another header, its checksums made to fit."""
    with np.load(path) as data:
        arrays = dict(data)
    header = json.loads(bytes(arrays.pop("header")).decode())
    change(arrays, header)
    if checksum:
        header["sha256"] = checkpoint._digests(arrays)
        header["checksum"] = checkpoint._checksum(arrays, header)
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("chain", [0, 3])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_a_checkpoint_gives_back_every_bit(tmp_path: Path, dtype: type, chain: int) -> None:
    arrays = state(dtype=dtype, chain=chain)
    about = {
        "replicas": [4, 7],
        "failed": {7: {"step": 20, "message": "äh"}},
        "sizes": {"slots": np.int64(24)},
    }
    write_checkpoint(tmp_path, **arrays, step=1234, config_hash="abc", **about)
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    assert same(found, arrays)
    assert found.step == found.header["step"] == 1234
    assert found.header["config_hash"] == "abc"
    assert found.header["format"] == 2
    assert found.header["replicas"] == [4, 7]
    assert found.header["failed"] == {"7": {"step": 20, "message": "äh"}}
    assert found.header["sizes"] == {"slots": 24}
    one = (arrays["positions"][1], arrays["momenta"][1], arrays["keys"][1])
    assert found.header["sha256"][1] == state_sha256(*one)


def test_an_empty_or_missing_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert read_newest_checkpoint(tmp_path) is None
    assert read_newest_checkpoint(tmp_path / "none") is None


def test_the_last_two_are_kept_and_the_newest_is_read(tmp_path: Path) -> None:
    for step in (5, 90, 1000, 20000):
        write_checkpoint(tmp_path, **state(step), step=step)
    assert names(tmp_path) == ["step-000000001000.npz", "step-000000020000.npz"]
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 20000
    assert same(found, state(20000))


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
    elif how == "exchanged arrays":

        def exchange(arrays: dict[str, Any], _: dict[str, Any]) -> None:
            arrays["positions"], arrays["momenta"] = arrays["momenta"], arrays["positions"]

        rewrite(path, exchange, checksum=False)
    elif how == "another cell":
        rewrite(path, lambda arrays, _: arrays["cells"].__imul__(2), checksum=False)
    elif how == "another header":
        rewrite(path, lambda _, header: header.update(sizes={"slots": 1}), checksum=False)
    elif how == "missing array":
        rewrite(path, lambda arrays, _: arrays.pop("keys"), checksum=False)
    elif how == "one more array":
        rewrite(path, lambda arrays, _: arrays.update(more=np.zeros(3)))
    elif how == "another place":
        path.unlink()
        path.mkdir()


@pytest.mark.parametrize(
    "how",
    [
        "cut off",
        "empty",
        "noise",
        "one bit",
        "exchanged arrays",
        "another cell",
        "another header",
        "missing array",
        "one more array",
        "another place",
    ],
)
def test_a_damaged_newest_one_falls_back_to_the_one_before_and_says_so(tmp_path: Path, how: str) -> None:
    write_checkpoint(tmp_path, **state(1), step=100)
    newest = write_checkpoint(tmp_path, **state(2), step=200)
    damage(newest, how)
    said: list[str] = []
    found = read_newest_checkpoint(tmp_path, on_damage=said.append)
    assert found is not None
    assert found.step == 100
    assert same(found, state(1))
    [message] = said
    assert newest.name in message
    assert "damaged" in message
    assert "\n" not in message


def test_a_flipped_bit_anywhere_is_either_found_or_harmless(tmp_path: Path) -> None:
    arrays = state(replicas=1, atoms=2)
    path = write_checkpoint(tmp_path, **arrays, step=100)
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
        assert same(found, arrays)


def test_when_all_are_damaged_it_is_an_error_and_not_a_fresh_start(tmp_path: Path) -> None:
    for step in (100, 200):
        damage(write_checkpoint(tmp_path, **state(), step=step), "cut off")
    with pytest.raises(CarbonizeError, match="all 2 checkpoints are damaged"):
        read_newest_checkpoint(tmp_path)


class Bomb:
    def __reduce__(self):
        return (exec, ("raise SystemExit('executed')",))


def refused(folder: Path, reason: str) -> None:
    """The only checkpoint of a folder is passed over for this reason."""
    said: list[str] = []
    with pytest.raises(CarbonizeError, match="damaged"):
        read_newest_checkpoint(folder, on_damage=said.append)
    assert reason in said[0]
    assert "\n" not in said[0]


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, **state(), step=1)
    with np.load(path) as data:
        arrays = dict(data)
    np.savez(path, **{**arrays, "positions": np.array([Bomb()], dtype=object)})
    refused(tmp_path, "unexpected type object")
    np.savez(path, **{**arrays, "header": np.array([Bomb()], dtype=object)})
    refused(tmp_path, "unexpected type object")
    path.write_bytes(pickle.dumps(Bomb()))
    refused(tmp_path, "not a checkpoint")


def put(name: str, value: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda arrays, _: arrays.update({name: value})


def say(**entries: Any) -> Callable[[dict[str, Any], dict[str, Any]], None]:
    return lambda _, header: header.update(entries)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("momenta", np.zeros((2, 4, 3))), "momenta have the shape"),
        (put("positions", np.zeros((2, 15))), "positions have the shape"),
        (put("numbers", np.full(6, 6, np.int32)), "numbers have the shape"),
        (put("thermostat", np.zeros((2, 1, 1))), "thermostat have the shape"),
        (put("keys", np.zeros((2, 2), np.int64)), "keys: unexpected type int64"),
        (put("cells", np.zeros((2, 3, 3), complex)), "cells: unexpected type complex128"),
        (put("cells", np.zeros((2, 3, 3), ">f8")), "cells: unexpected type >f8"),
        (put("momenta", np.full((2, 5, 3), np.inf)), "momenta are not finite"),
        (put("positions", np.asfortranarray(np.ones((2, 5, 3)))), "positions: unexpected layout"),
        (say(step=-1), "step"),
        (say(step=2**40), "step"),
        (say(step=True), "step"),
        (say(step="1"), "step"),
        (say(replicas=[0]), "replicas"),
        (say(replicas=[0, 0]), "replicas"),
        (say(replicas=[0, [1]]), "replicas"),
        (say(failed={"5": {"step": 1}}), "failed"),
        (say(failed={"1": 3}), "failed"),
    ],
)
def test_contents_that_make_no_sense_are_refused_although_their_checksum_fits(
    tmp_path: Path, change: Callable[[dict[str, Any], dict[str, Any]], None], reason: str
) -> None:
    rewrite(write_checkpoint(tmp_path, **state(), step=1), lambda *_: None)
    assert read_newest_checkpoint(tmp_path) is not None
    [path] = tmp_path.iterdir()
    try:
        rewrite(path, change)
    except ValueError:
        rewrite(path, change, checksum=False)
    refused(tmp_path, reason)


def npy(shape: tuple[int, ...], content: bytes = b"", descr: str = "<f8") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, **state(), step=1)
    whole = members(path)

    def pack(changed: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> None:
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, raw in {**whole, **changed}.items():
                archive.writestr(name, raw)

    pack({"positions.npy": npy((2, 10**14, 3), b"\0" * 240)})
    refused(tmp_path, "positions: its size is not that of its shape")
    pack({"positions.npy": npy((2, -5, 3), b"\0" * 240)})
    refused(tmp_path, "positions: unexpected layout")
    pack({"positions.npy": npy((2, 5, 3), b"\0" * 10**7)}, zipfile.ZIP_DEFLATED)
    refused(tmp_path, "is compressed")
    pack({f"{k}.npy": b"" for k in range(100)})
    refused(tmp_path, "too many arrays")
    # many entries for one stretch of bytes
    pack({})
    raw = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("positions.npy").header_offset
        place = archive.start_dir
    entry = raw.index(b"momenta.npy", place) - 46
    shared = raw[: entry + 42] + start.to_bytes(4, "little") + raw[entry + 46 :]
    path.write_bytes(shared)
    refused(tmp_path, "")


def test_a_pipe_in_place_of_a_checkpoint_does_not_make_the_program_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "step-000000000100.npz")
    refused(tmp_path, "not a regular file")


@pytest.mark.parametrize(("number", "by"), [(1, "an older carbonize"), (3, "a newer carbonize")])
def test_a_checkpoint_of_another_version_is_named_and_not_passed_over(
    tmp_path: Path, number: int, by: str
) -> None:
    write_checkpoint(tmp_path, **state(1), step=100)
    newest = write_checkpoint(tmp_path, **state(2), step=200)
    rewrite(newest, lambda _, header: header.update(format=number))
    with pytest.raises(InputError, match=rf"{newest.name}: .*{by} \(format {number}"):
        read_newest_checkpoint(tmp_path)


def test_a_checkpoint_of_format_1_is_recognised_by_its_header(tmp_path: Path) -> None:
    arrays = state()
    for name in ("cells", "thermostat", "numbers"):
        arrays.pop(name)
    header = np.frombuffer(json.dumps({"format": 1, "step": 5, "sha256": []}).encode(), np.uint8)
    np.savez(tmp_path / "step-000000000005.npz", header=header, **arrays)
    with pytest.raises(InputError, match=r"an older carbonize \(format 1"):
        read_newest_checkpoint(tmp_path)


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, **state(1), step=100)
    write_checkpoint(tmp_path, **state(2), step=100)
    assert names(tmp_path) == ["step-000000000100.npz"]
    assert same(read_newest_checkpoint(tmp_path), state(2))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("array", ["positions", "momenta", "cells", "thermostat"])
def test_a_state_that_is_not_finite_is_refused_and_the_last_good_one_stays(
    tmp_path: Path, value: float, array: str
) -> None:
    write_checkpoint(tmp_path, **state(1), step=100)
    spoiled = state(2)
    spoiled[array][1, 2] = value
    with pytest.raises(CarbonizeError, match="replica 1, step 200: refused"):
        write_checkpoint(tmp_path, **spoiled, step=200)
    with pytest.raises(CarbonizeError, match="replica 9, step 200: refused"):
        write_checkpoint(tmp_path, **spoiled, step=200, replicas=[3, 9])
    assert names(tmp_path) == ["step-000000000100.npz"]


def test_a_kill_while_writing_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, **state(1), step=100)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path, **state(2), step=200)
    monkeypatch.undo()
    assert names(tmp_path) == ["step-000000000100.npz"]
    found = read_newest_checkpoint(tmp_path)
    assert found is not None
    assert found.step == 100


def test_what_a_killed_writer_left_aside_can_be_cleared_away(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, **state(1), step=100)
    (tmp_path / ".step-000000000200.npz.4711.tmp").write_bytes(b"half")
    files.remove_leftovers(tmp_path)
    assert names(tmp_path) == ["step-000000000100.npz"]


def test_a_full_disk_is_reported_and_leaves_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, **state(1), step=100)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(CarbonizeError, match="No space left on device"):
        write_checkpoint(tmp_path, **state(2), step=200)
    monkeypatch.undo()
    assert names(tmp_path) == ["step-000000000100.npz"]


def test_the_digest_of_a_replica_does_not_depend_on_its_place_in_the_batch() -> None:
    arrays = state(replicas=3)
    positions, momenta, keys = (arrays[name] for name in ("positions", "momenta", "keys"))
    alone = state_sha256(positions[2].copy(), momenta[2].copy(), keys[2].copy())
    assert state_sha256(positions[2], momenta[2], keys[2]) == alone
    assert state_sha256(positions[1], momenta[2], keys[2]) != alone
