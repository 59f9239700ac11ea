"""Checkpoints: everything a restart needs, written so that a kill cannot spoil it.

A checkpoint is one npz file (arrays only, never pickled objects) whose header holds
the step and a SHA-256 over the arrays. The last two are kept; reading falls back to
the older one when the newer is damaged, and says so.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from carbonize.errors import CarbonizeError
from carbonize.io.files import write_atomic

__all__ = ["Checkpoint", "read_newest_checkpoint", "state_sha256", "write_checkpoint"]

_FORMAT = 1
_ARRAYS = ("positions", "momenta", "keys")


class Checkpoint(NamedTuple):
    """positions and momenta (replica, atom, 3), keys (replica, 2), the absolute step, and the header."""

    positions: np.ndarray
    momenta: np.ndarray
    keys: np.ndarray
    step: int
    header: dict[str, Any]


def state_sha256(positions: np.ndarray, momenta: np.ndarray, keys: np.ndarray) -> str:
    """Digest of one replica's state, independent of its place in a batch."""
    digest = hashlib.sha256()
    for array in (positions, momenta, keys):
        array = np.ascontiguousarray(array)
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_checkpoint(
    folder: Path, positions: np.ndarray, momenta: np.ndarray, keys: np.ndarray, step: int, **header: Any
) -> Path:
    """Write a checkpoint and drop all but the newest two.

    Raises
    ------
    CarbonizeError
        If the state is not finite (what is on disk is left alone) or cannot be written.
    """
    if not (np.isfinite(positions).all() and np.isfinite(momenta).all()):
        raise CarbonizeError(f"step {step}: refused to write a checkpoint with a non-finite state")
    head = {
        "format": _FORMAT,
        "step": step,
        "sha256": [state_sha256(p, m, k) for p, m, k in zip(positions, momenta, keys, strict=True)],
        **header,
    }
    buffer = io.BytesIO()
    raw_head = np.frombuffer(json.dumps(head).encode(), np.uint8)
    np.savez(buffer, header=raw_head, positions=positions, momenta=momenta, keys=keys)
    folder.mkdir(exist_ok=True)
    path = folder / f"step-{step:012d}.npz"
    write_atomic(path, buffer.getvalue())
    for old in sorted(folder.glob("step-*.npz"))[:-2]:
        old.unlink(missing_ok=True)
    return path


def read_newest_checkpoint(folder: Path, on_damage: Callable[[str], None] | None = None) -> Checkpoint | None:
    """The newest sound checkpoint, or None where there is none.

    ``on_damage`` is told, in a sentence, of every damaged one that was passed over.

    Raises
    ------
    CarbonizeError
        If there are checkpoints and all of them are damaged.
    """
    paths = sorted(folder.glob("step-*.npz"), reverse=True) if folder.is_dir() else []
    for path in paths:
        try:
            return _read(path)
        except Exception as err:
            # one flipped bit can make zip and npy readers raise almost anything
            if on_damage is not None:
                reason = str(err).splitlines()[0] if str(err) else repr(err)
                on_damage(f"{path}: damaged checkpoint passed over ({reason})")
    if paths:
        raise CarbonizeError(
            f"{folder}: all {len(paths)} checkpoints are damaged; start again in another folder (--out)"
        )
    return None


def _read(path: Path) -> Checkpoint:
    size = path.stat().st_size
    with np.load(path, allow_pickle=False) as data:
        header = json.loads(bytes(data["header"]).decode())
        if header.get("format") != _FORMAT:
            raise ValueError(f"unknown checkpoint format {header.get('format')!r}")
        positions, momenta, keys = (data[name] for name in _ARRAYS)
    if positions.nbytes + momenta.nbytes + keys.nbytes > size:
        raise ValueError("arrays larger than the file")
    if positions.ndim != 3 or positions.shape != momenta.shape or keys.shape != (positions.shape[0], 2):
        raise ValueError("array shapes do not belong together")
    digests = [state_sha256(p, m, k) for p, m, k in zip(positions, momenta, keys, strict=True)]
    if digests != header.get("sha256"):
        raise ValueError("the checksum does not match")
    return Checkpoint(positions, momenta, keys, int(header["step"]), header)
