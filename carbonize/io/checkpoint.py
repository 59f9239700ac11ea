"""Checkpoints: everything a restart needs, written so that a kill cannot spoil it.

A checkpoint is one npz file (arrays only, stored as they are, never pickled objects). Its
header holds the step, a SHA-256 of each replica's state and one over all arrays and the
header itself. The last two are kept; reading falls back to the older one when the newer is
damaged, and says so. Nothing in a file is believed before its sizes are checked against the
file's own size, so that a stranger's checkpoint cannot take memory out of proportion.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from carbonize.errors import CarbonizeError, InputError
from carbonize.io.files import make_subfolder, write_atomic

__all__ = [
    "Checkpoint",
    "newest_checkpoint_path",
    "read_newest_checkpoint",
    "state_sha256",
    "write_checkpoint",
]

_FORMAT = 2
_KEPT = 2
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
_DTYPES = {
    "positions": _FLOATS,
    "momenta": _FLOATS,
    "keys": (np.dtype(np.uint32),),
    "cells": _FLOATS,
    "thermostat": _FLOATS,
    "numbers": (np.dtype(np.int32),),
}
_HEADER = "header"
_ZIP_END, _ZIP64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_ZIP_END_BYTES, _ZIP64_LOCATOR_BYTES = 22, 20
_MAX_DIRECTORY_BYTES = 4096  # seven short names
_MAX_ARRAY_HEADER_BYTES = 1024
_MAX_STEP = 2**31 - 1
_MOST_CORES = 1024


class Checkpoint(NamedTuple):
    """The state of a batch of replicas at one step.

    Attributes
    ----------
    positions, momenta
        Shape (replica, atom, 3), A and amu A per internal unit of time; float64 or float32.
    keys
        Shape (replica, 2), uint32: the state of the random streams.
    cells
        Shape (replica, 3, 3), A, rows are vectors.
    thermostat
        Shape (replica, m), m >= 0: whatever the ensemble carries from step to step.
    numbers
        Shape (atom,), int32: atomic numbers.
    step
        The absolute step.
    header
        ``format``, ``step``, ``sha256`` (one a replica), ``checksum``, and what the writer added.
    """

    positions: np.ndarray
    momenta: np.ndarray
    keys: np.ndarray
    cells: np.ndarray
    thermostat: np.ndarray
    numbers: np.ndarray
    step: int
    header: dict[str, Any]


def state_sha256(positions: np.ndarray, momenta: np.ndarray, keys: np.ndarray) -> str:
    """Digest of one replica's state, independent of its place in a batch."""
    digest = hashlib.sha256()
    for array in (positions, momenta, keys):
        _add(digest, array)
    return digest.hexdigest()


def write_checkpoint(
    folder: Path,
    *,
    positions: np.ndarray,
    momenta: np.ndarray,
    keys: np.ndarray,
    cells: np.ndarray,
    thermostat: np.ndarray,
    numbers: np.ndarray,
    step: int,
    **header: Any,
) -> Path:
    """Write a checkpoint, force it to disk, and drop all but the newest two.

    Parameters
    ----------
    folder
        Made where it is missing.
    positions, momenta, keys, cells, thermostat, numbers, step
        See :class:`Checkpoint`.
    header
        Anything else that JSON can hold: ``replicas`` (their numbers), ``failed``
        (number -> {step, message}), ``cores_per_replica``, ``sizes``, ``config_hash``, ``carbonize_version``.

    Raises
    ------
    CarbonizeError
        If the state is not finite (naming the replica; what is on disk is left alone) or
        cannot be written.
    ValueError
        If arrays do not belong together, or the header is none (a defect of the caller).
    """
    arrays = {
        name: np.ascontiguousarray(array)
        for name, array in zip(_DTYPES, (positions, momenta, keys, cells, thermostat, numbers), strict=True)
    }
    _check_arrays(arrays)
    _refuse_not_finite(arrays, step, header.get("replicas"))
    # through JSON once, so that what is summed is what will be read
    head = json.loads(
        json.dumps(
            {"format": _FORMAT, "step": int(step), "sha256": _digests(arrays), **header},
            allow_nan=False,
            default=_plain,
        )
    )
    _check_header(head, arrays)
    head["checksum"] = _checksum(arrays, head)
    buffer = io.BytesIO()
    members: Any = {_HEADER: np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays}
    np.savez(buffer, **members)
    make_subfolder(folder)
    path = folder / f"step-{step:012d}.npz"
    write_atomic(path, buffer.getbuffer())
    for old in _newest_first(folder)[_KEPT:]:
        old.unlink(missing_ok=True)
    return path


def newest_checkpoint_path(folder: Path) -> Path | None:
    """The file of the newest checkpoint, sound or not; None where there is none."""
    return next(iter(_newest_first(folder)), None)


def read_newest_checkpoint(folder: Path, on_damage: Callable[[str], None] | None = None) -> Checkpoint | None:
    """The newest sound checkpoint, or None where there is none.

    ``on_damage`` is told, in a sentence, of every damaged one that was passed over.

    Raises
    ------
    CarbonizeError
        If there are checkpoints and all of them are damaged.
    InputError
        If the newest one that is whole was written by a program with another format.
    """
    paths = _newest_first(folder)
    for path in paths:
        try:
            return _read(path)
        except InputError:
            raise
        except Exception as err:
            # one flipped bit can make zip and npy readers raise almost anything
            if on_damage is not None:
                reason = " ".join(str(err).split()) or repr(err)
                on_damage(f"{path}: damaged checkpoint passed over ({reason[:200]})")
    if paths:
        raise CarbonizeError(
            f"{folder}: all {len(paths)} checkpoints are damaged; start again in another folder (--out)"
        )
    return None


def _newest_first(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.npz"), reverse=True) if folder.is_dir() else []


def _read(path: Path) -> Checkpoint:
    if not path.is_file():
        raise ValueError("not a regular file")  # to open a pipe would wait for ever
    size = path.stat().st_size
    with open(path, "rb") as file:
        _check_directory(file, size)
        with zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
            if len(members) != len(archive.infolist()):
                raise ValueError("a name is given twice")
            for info in members.values():
                if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
                    raise ValueError(f"{info.filename} is compressed")
            if sum(info.file_size for info in members.values()) > size:
                raise ValueError("more content than the file has bytes")
            raw_head = _array(archive.read(f"{_HEADER}.npy"), (np.dtype(np.uint8),), _HEADER)
            header = json.loads(raw_head.tobytes().decode(), parse_constant=_no_constant)
            _check_format(path, header)
            if set(members) != {f"{name}.npy" for name in (*_DTYPES, _HEADER)}:
                raise ValueError("arrays are missing or unknown")
            arrays = {
                name: _array(archive.read(f"{name}.npy"), dtypes, name) for name, dtypes in _DTYPES.items()
            }
    _check_arrays(arrays)
    _check_header(header, arrays)
    for name, array in arrays.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ValueError(f"{name} are not finite")
    if header["sha256"] != _digests(arrays) or header.get("checksum") != _checksum(arrays, header):
        raise ValueError("the checksum does not match")
    return Checkpoint(**arrays, step=header["step"], header=header)


def _check_directory(file: io.BufferedReader, size: int) -> None:
    """Refuse a zip directory that is longer than ours can be, before it is read into memory."""
    if size < _ZIP_END_BYTES:
        raise ValueError("cut off")
    file.seek(max(0, size - _ZIP_END_BYTES - _ZIP64_LOCATOR_BYTES))
    tail = file.read()
    end = tail[-_ZIP_END_BYTES:]
    if not end.startswith(_ZIP_END):
        raise ValueError("cut off, or not a checkpoint")
    # a second directory record is written for large files only; a small one could hide there
    if tail.startswith(_ZIP64_LOCATOR) and size < zipfile.ZIP64_LIMIT:
        raise ValueError("not a checkpoint of this program")
    if int.from_bytes(end[12:16], "little") > _MAX_DIRECTORY_BYTES:
        raise ValueError("too many arrays")
    file.seek(0)


def _array(raw: bytes, dtypes: tuple[np.dtype[Any], ...], name: str) -> np.ndarray:
    """The array of an npy file in memory; its header must account for every byte."""
    file = io.BytesIO(raw)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"{name}: unknown npy version {version}")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=_MAX_ARRAY_HEADER_BYTES)
    if dtype not in dtypes:
        raise ValueError(f"{name}: unexpected type {dtype}")
    if fortran or min(shape, default=0) < 0:
        raise ValueError(f"{name}: unexpected layout")
    if file.tell() + math.prod(shape) * dtype.itemsize != len(raw):
        raise ValueError(f"{name}: its size is not that of its shape")
    return np.ndarray(shape, dtype, buffer=raw, offset=file.tell()).copy()


def _check_arrays(arrays: Mapping[str, np.ndarray]) -> None:
    positions = arrays["positions"]
    if positions.ndim != 3 or positions.shape[2] != 3:
        raise ValueError(f"positions have the shape {positions.shape}")
    replicas, atoms = positions.shape[:2]
    expected = {
        "momenta": positions.shape,
        "keys": (replicas, 2),
        "cells": (replicas, 3, 3),
        "thermostat": (replicas, *arrays["thermostat"].shape[1:2]),
        "numbers": (atoms,),
    }
    for name, shape in expected.items():
        if arrays[name].shape != shape or (name == "thermostat" and len(shape) != 2):
            raise ValueError(f"{name} have the shape {arrays[name].shape}, positions {positions.shape}")
    for name, dtypes in _DTYPES.items():
        if arrays[name].dtype not in dtypes:
            raise ValueError(f"{name} have the type {arrays[name].dtype}")


def _refuse_not_finite(arrays: Mapping[str, np.ndarray], step: int, numbers: Any) -> None:
    for name in ("positions", "momenta", "cells", "thermostat"):
        array = arrays[name]
        bad = np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))
        if len(bad):
            replica = bad[0] if numbers is None else numbers[bad[0]]
            raise CarbonizeError(
                f"replica {replica}, step {step}: refused to write a checkpoint with a non-finite state ({name})"
            )


def _check_format(path: Path, header: Any) -> None:
    if not isinstance(header, dict) or not isinstance(header.get("format"), int):
        raise ValueError("the header is none")
    if header["format"] != _FORMAT:
        by = "an older" if header["format"] < _FORMAT else "a newer"
        raise InputError(
            f"{path}: a checkpoint of {by} carbonize (format {header['format']}, this one reads {_FORMAT}); "
            "continue with that version, or start again in another folder (--out)"
        )


def _check_header(header: dict[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
    """What readers rely on: a step, and lists and mappings of replicas that fit the arrays."""

    def is_step(value: Any) -> bool:
        return type(value) is int and 0 <= value <= _MAX_STEP

    replicas = header.get("replicas", list(range(len(arrays["positions"]))))
    failed = header.get("failed", {})
    cores = header.get("cores_per_replica", 1)
    if not is_step(header["step"]):
        raise ValueError("the step is none")
    if not isinstance(replicas, list) or not all(is_step(r) for r in replicas):
        raise ValueError("the replicas are not a list of numbers")
    if len(replicas) != len(arrays["positions"]) or len(set(replicas)) != len(replicas):
        raise ValueError("the replicas do not belong to the arrays")
    if type(cores) is not int or not 1 <= cores <= _MOST_CORES:
        raise ValueError("the number of cores is none")
    if not isinstance(failed, dict) or not failed.keys() <= {str(r) for r in replicas}:
        raise ValueError("the failed replicas are none of these replicas")
    for entry in failed.values():
        if not isinstance(entry, dict) or not is_step(entry.get("step")):
            raise ValueError("a failed replica has no step")


def _digests(arrays: Mapping[str, np.ndarray]) -> list[str]:
    states = zip(arrays["positions"], arrays["momenta"], arrays["keys"], strict=True)
    return [state_sha256(*state) for state in states]


def _checksum(arrays: Mapping[str, np.ndarray], header: dict[str, Any]) -> str:
    """Digest over all arrays and over the header without its ``checksum``."""
    digest = hashlib.sha256()
    for name in _DTYPES:
        digest.update(name.encode())
        _add(digest, arrays[name])
    rest = {key: value for key, value in header.items() if key != "checksum"}
    digest.update(json.dumps(rest, sort_keys=True, separators=(",", ":"), allow_nan=False).encode())
    return digest.hexdigest()


def _add(digest: Any, array: np.ndarray) -> None:
    array = np.ascontiguousarray(array)
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    digest.update(array.tobytes())


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, for JSON."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"a checkpoint's header cannot hold {type(value).__name__}")


def _no_constant(name: str) -> float:
    raise ValueError(f"the header holds {name}")
